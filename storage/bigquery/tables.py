"""The tables of the BigQuery dataset: their columns, and how they are laid out."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from google.cloud import bigquery

from storage.warehouse_rows import FEEDBACK, INTERACTIONS, MOMENT, REVIEWS, STORE_GAMES

FORMAT = 1
FORMAT_LABEL = "indiean_format"
MARKER = "indiean_warehouse"
"""The table that says whose dataset this is. It is made last, and its label is written when all is there."""
STAGING = "staging_"

SOURCES = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("read_rows", pa.int64(), nullable=False),
        pa.field("loaded_at", MOMENT, nullable=False),
    ]
)
WATERMARKS = pa.schema([pa.field("lake", pa.string(), nullable=False), pa.field("upto", pa.int64(), nullable=False)])
LEDGER = pa.schema(
    [
        pa.field("lake", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("after", "upto", "events")),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("interactions", "games", "reviews", "feedback")),
        pa.field("rejected", pa.string(), nullable=False),
        pa.field("loaded_at", MOMENT, nullable=False),
    ]
)
REJECTS = pa.schema(
    [
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
KEPT_REJECTS = pa.schema(
    [pa.field("lake", pa.string(), nullable=False), *REJECTS, pa.field("loaded_at", MOMENT, False)]
)
# A game that only the other sources know has not been seen by the store.
GAMES = pa.schema([field.with_nullable(True) if field.name != "app_id" else field for field in STORE_GAMES])
FORMATS = pa.schema([pa.field("format", pa.int64(), nullable=False)])


@dataclass(frozen=True)
class Layout:
    """Columns to cluster by, and the column by whose months the table is parted."""

    schema: pa.Schema
    clustered: tuple[str, ...] = ()
    months_of: str | None = None


TABLES = {
    "interactions": Layout(INTERACTIONS, ("player", "app_id")),
    "reviews": Layout(REVIEWS, ("player", "app_id"), "posted"),
    "feedback": Layout(FEEDBACK, ("player", "app_id"), "since"),
    "games": Layout(GAMES, ("app_id",)),
    "sources": Layout(SOURCES, ("source",)),
    "watermarks": Layout(WATERMARKS, ("lake",)),
    "ledger": Layout(LEDGER, ("lake", "upto"), "loaded_at"),
    "rejects": Layout(KEPT_REJECTS, ("lake", "sequence"), "loaded_at"),
    MARKER: Layout(FORMATS),
}
"""Interactions have no date and are read whole or by player, so they are clustered and not parted."""


def fields(schema: pa.Schema) -> list[bigquery.SchemaField]:
    return [_field(field) for field in schema]


def described(reference: bigquery.TableReference, layout: Layout) -> bigquery.Table:
    table = bigquery.Table(reference, schema=fields(layout.schema))
    if layout.clustered:
        table.clustering_fields = list(layout.clustered)
    if layout.months_of is not None:
        table.time_partitioning = bigquery.TimePartitioning(type_="MONTH", field=layout.months_of)
    return table


def _field(field: pa.Field) -> bigquery.SchemaField:
    if pa.types.is_list(field.type):
        return bigquery.SchemaField(field.name, _type(field.type.value_type), mode="REPEATED")
    return bigquery.SchemaField(field.name, _type(field.type), mode="NULLABLE" if field.nullable else "REQUIRED")


def _type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    return TYPES[kind]


TYPES = {
    pa.string(): "STRING",
    pa.int32(): "INTEGER",
    pa.int64(): "INTEGER",
    pa.float64(): "FLOAT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
}
