"""Rows of an imported set as events of the lake, and back: a chunk is one event, its rows compressed Arrow IPC."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import pyarrow as pa

from storage.lake.events import Event, Kind
from storage.warehouse_rows import GAMES, INTERACTIONS, REVIEWS

SCHEMAS = {"interactions": INTERACTIONS, "games": GAMES, "reviews": REVIEWS}
COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")


class NoChunk(ValueError):
    """The body of an event is not what this module wrote; `str` says in what way, and repeats nothing of it."""


def chunk_event(table: str, rows: pa.RecordBatch, source: str, at: datetime) -> Event:
    """The same rows of a table on one day (UTC) are one event, whatever file they came from."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMAS[table], options=COMPRESSED) as writer:
        writer.write_batch(rows.select(SCHEMAS[table].names))
    body: bytes = sink.getvalue().to_pybytes()
    payload = {"table": table, "rows": rows.num_rows, "source": source}
    return Event(f"rows:{table}:{sha256(body).hexdigest()}", Kind.ROWS, at, 1, payload, body=body)


def chunk_rows(event: Event) -> tuple[str, pa.Table]:
    """The table they belong to, and the rows.

    Raises:
        NoChunk: there are none to be had.
    """
    table = str(event.payload.get("table"))
    if table not in SCHEMAS:
        raise NoChunk("its table is none that can be imported")
    try:
        rows = pa.ipc.open_stream(event.body or b"").read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise NoChunk("its rows cannot be read") from error
    if rows.schema != SCHEMAS[table]:
        raise NoChunk("its rows have other columns")
    if rows.num_rows != event.payload.get("rows"):
        raise NoChunk("it has another number of rows than it says")
    return table, rows
