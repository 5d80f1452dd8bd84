"""Load jobs: a file of Parquet into a table, with the refusals of a schema that does not fit."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from tests.loopback_bigquery.columns import Column, column_of_arrow
from tests.loopback_bigquery.refusals import Refused
from tests.loopback_bigquery.tables import Shelf, Table


def load(shelf: Shelf, config: Mapping[str, object], body: bytes) -> int:
    """Answers how many rows were written; replaces what was there, adds to it, or insists that nothing was."""
    if config.get("sourceFormat") != "PARQUET":
        raise Refused("notImplemented", "this loopback server loads Parquet only")
    try:
        rows = pq.read_table(io.BytesIO(body))
    except pa.ArrowException as error:
        raise Refused("invalid", f"Error while reading data, error message: {error}") from error
    table = _destination(shelf, config)
    options = config.get("parquetOptions") or {}
    assert isinstance(options, dict)
    _refuse_misfit(table, rows, lists=bool(options.get("enableListInference")))
    disposition = config.get("writeDisposition", "WRITE_APPEND")
    with shelf.database.cursor() as db:
        db.begin()
        [(there,)] = db.execute(f"SELECT count(*) FROM {table.quoted}").fetchall()  # noqa: S608
        if disposition == "WRITE_EMPTY" and there:
            raise Refused("duplicate", f"Already Exists: Table {shelf.project}:{table.dataset}.{table.name}")
        if disposition == "WRITE_TRUNCATE":
            db.execute(f"DELETE FROM {table.quoted}")  # noqa: S608
        db.register("loaded", rows)
        names = {column.name: column for column in table.columns if column.name in rows.column_names}
        values = ", ".join(f'coalesce("{name}", [])' if names[name].repeated else f'"{name}"' for name in names)
        places = ", ".join(f'"{name}"' for name in names)
        db.execute(f"INSERT INTO {table.quoted} ({places}) SELECT {values} FROM loaded")  # noqa: S608
        db.commit()
    return int(rows.num_rows)


def _destination(shelf: Shelf, config: Mapping[str, object]) -> Table:
    place = config["destinationTable"]
    assert isinstance(place, dict)
    try:
        return shelf.table(str(place["datasetId"]), str(place["tableId"]))
    except Refused as missing:
        if missing.reason != "notFound" or config.get("createDisposition") == "CREATE_NEVER" or "schema" not in config:
            raise
        return shelf.add_table(str(place["datasetId"]), {"tableReference": place, "schema": config["schema"]})


def _refuse_misfit(table: Table, rows: pa.Table, *, lists: bool) -> None:
    there = {column.name: column for column in table.columns}
    for field in rows.schema:
        found = column_of_arrow(field)
        if field.name not in there:
            raise _misfit(table, f"Cannot add fields (field: {field.name})")
        wanted = there[field.name]
        if (found.type, found.repeated) != (wanted.type, wanted.repeated):
            raise _misfit(table, f"Field {field.name} has changed type from {wanted.type} to {found.type}")
        if found.repeated and not lists:
            raise _misfit(table, f"Field {field.name} has changed type from {wanted.type} to RECORD")
        if wanted.mode == "REQUIRED" and rows[field.name].null_count:
            raise Refused("invalid", f"Required field {field.name} cannot be null")
    _refuse_missing(table, rows, there)


def _refuse_missing(table: Table, rows: pa.Table, there: Mapping[str, Column]) -> None:
    for name, column in there.items():
        if column.mode == "REQUIRED" and name not in rows.column_names:
            raise _misfit(table, f"Required field {name} is missing")


def _misfit(table: Table, why: str) -> Refused:
    return Refused("invalid", f"Provided Schema does not match Table {table.dataset}.{table.name}. {why}")
