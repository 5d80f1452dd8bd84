"""A lake's deltas into the DuckDB file: the watermark first, then the rows, what was rejected, and the ledger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from storage.delta import ABOUT_PLAYERS, KINDS, Applied, Delta, LedgerEntry, Rejected
from storage.duckdb.merges import CATALOGUE, OPINIONS, OWNERSHIP, RATINGS, STORE, merge, touched

ADVANCE = "UPDATE watermarks SET upto = $upto WHERE lake = $lake AND upto = $after"
BEGIN = """
INSERT INTO watermarks SELECT $lake, $upto
WHERE $after = 0 AND NOT EXISTS (SELECT 1 FROM watermarks WHERE lake = $lake)
"""
READ_WATERMARK = "SELECT coalesce(max(upto), 0) FROM watermarks WHERE lake = ?"

MERGES = {"interactions": OWNERSHIP, "games": STORE, "reviews": RATINGS, "feedback": OPINIONS}

REJECTS = pa.schema([("sequence", pa.int64()), ("kind", pa.string()), ("reason", pa.string())])
WRITE_REJECTS = "INSERT INTO rejects SELECT ?, sequence, kind, reason FROM rejected"
READ_REJECTS = "SELECT sequence, kind, reason FROM rejects WHERE lake = ? ORDER BY sequence DESC, kind, reason LIMIT ?"

WRITE_LEDGER = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
READ_LEDGER = """
SELECT after, upto, events, rejected, loaded_at, interactions, games, reviews, feedback
FROM ledger WHERE lake = ? ORDER BY upto
"""


def take_in(db: duckdb.DuckDBPyConnection, delta: Delta, lake: str, after: int, upto: int, now: datetime) -> Applied:
    """In the transaction that is open."""
    move = {"lake": lake, "after": after, "upto": upto}
    if not (touched(db, ADVANCE, move) or touched(db, BEGIN, move)):
        return Applied(taken=False, watermark=watermark(db, lake))
    forgotten = {kind: forget(db, kind, players) for kind, players in delta.forgotten.items()}
    tables = {"interactions": delta.interactions, "games": delta.games}
    tables |= {"reviews": delta.reviews, "feedback": delta.feedback}
    imported = merge(db, CATALOGUE, delta.catalogue.to_batches())
    rows = {kind: merge(db, MERGES[kind], tables[kind].to_batches()) for kind in KINDS}
    rows["games"] += imported
    db.register("rejected", pa.Table.from_pylist([asdict(reject) for reject in delta.rejects], schema=REJECTS))
    db.execute(WRITE_REJECTS, [lake])
    rejected = json.dumps(Counter(reject.kind for reject in delta.rejects), sort_keys=True)
    read = [rows[kind].read for kind in KINDS]
    db.execute(WRITE_LEDGER, [lake, after, upto, delta.events, *read, rejected, naive(now)])
    return Applied(taken=True, watermark=upto, rows=rows, forgotten=forgotten)


def forget(db: duckdb.DuckDBPyConnection, kind: str, players: Sequence[str]) -> int:
    """How many rows of that kind the players had."""
    assert kind in ABOUT_PLAYERS, f"rows of {kind} are about no player"
    return touched(db, f"DELETE FROM {kind} WHERE player IN (SELECT unnest(?))", [list(players)])  # noqa: S608


def watermark(db: duckdb.DuckDBPyConnection, lake: str) -> int:
    [(upto,)] = db.execute(READ_WATERMARK, [lake]).fetchall()
    return int(upto)


def ledger(db: duckdb.DuckDBPyConnection, lake: str) -> list[LedgerEntry]:
    return [
        LedgerEntry(
            lake, after, upto, events, dict(zip(KINDS, rows, strict=True)), json.loads(rejected), at.replace(tzinfo=UTC)
        )
        for after, upto, events, rejected, at, *rows in db.execute(READ_LEDGER, [lake]).fetchall()
    ]


def rejects(db: duckdb.DuckDBPyConnection, lake: str, limit: int) -> list[Rejected]:
    return [Rejected(*row) for row in db.execute(READ_REJECTS, [lake, limit]).fetchall()]


def naive(moment: datetime) -> datetime:
    """UTC without saying so, as the columns of moments that we read back hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None)
