"""The warehouse as a dataset of BigQuery: each load is staged by a load job, then merged in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from google.api_core.exceptions import BadRequest
from google.api_core.retry import Retry
from google.cloud.bigquery.table import Row

from recommender.catalog import Game
from recommender.errors import NotEnoughData
from recommender.interactions import ItemIndex, Weighting
from storage.bigquery.costs import Agree
from storage.bigquery.errors import translated
from storage.bigquery.jobs import PATIENCE, Jobs, Staged, Value
from storage.bigquery.learning import (
    cells_of,
    columns_of,
    gram_query,
    hashes_query,
    players_query,
    recent_of,
    recent_query,
)
from storage.bigquery.merges import CATALOGUE, OPINIONS, OWNERSHIP, RATINGS, STORE, Merge
from storage.bigquery.opening import open_dataset
from storage.bigquery.place import Place
from storage.bigquery.tables import MARKER, REJECTS
from storage.delta import ABOUT_PLAYERS, KINDS, Applied, Delta, LedgerEntry, Rejected
from storage.errors import WarehouseError
from storage.warehouse_rows import (
    FEEDBACK,
    INTERACTIONS,
    SAMPLE_SOURCE,
    Counts,
    GramRows,
    InteractionColumns,
    Loaded,
    RecentOpinions,
    table_of,
)

BEGIN = "BEGIN TRANSACTION"
COMMIT = "COMMIT TRANSACTION"
# Two transactions that change one table cannot both commit: so of two writers one is refused, whatever they write.
TAKE_TURN = f"UPDATE {MARKER} SET format = format WHERE TRUE"  # noqa: S608  our table

WRITE_SOURCE = (
    "DELETE FROM sources WHERE source = @source AND kind = @kind",
    "INSERT INTO sources (source, kind, read_rows, loaded_at) VALUES (@source, @kind, @read_rows, @now)",
)

MOVED = "the watermark stands elsewhere"
READ_WATERMARK = "SELECT COALESCE(MAX(upto), 0) AS upto FROM watermarks WHERE lake = @lake"
# ERROR ends the script and with it the transaction; ASSERT is not among the statements that a transaction takes.
CHECK_WATERMARK = f"SELECT IF(({READ_WATERMARK}) = @after, TRUE, ERROR('{MOVED}')) AS stands"
WRITE_WATERMARK = (
    "DELETE FROM watermarks WHERE lake = @lake",
    "INSERT INTO watermarks (lake, upto) VALUES (@lake, @upto)",
)
WRITE_LEDGER = """
INSERT INTO ledger (lake, after, upto, events, interactions, games, reviews, feedback, rejected, loaded_at)
VALUES (@lake, @after, @upto, @events, @interactions, @games, @reviews, @feedback, @rejected, @now)"""
READ_LEDGER = """
SELECT after, upto, events, rejected, loaded_at, interactions, games, reviews, feedback
FROM ledger WHERE lake = @lake ORDER BY upto"""
WRITE_REJECTS = """
INSERT INTO rejects (lake, sequence, kind, reason, loaded_at)
SELECT @lake, sequence, kind, reason, @now FROM {staged}"""
READ_REJECTS = """
SELECT sequence, kind, reason FROM rejects WHERE lake = @lake ORDER BY sequence DESC, kind, reason LIMIT @most"""

MERGES = {how.name: how for how in (OWNERSHIP, CATALOGUE, STORE, RATINGS, OPINIONS)}
"""In this order: what the store says counts for more than what was imported."""

GONE = "gone "
FORGOTTEN = pa.schema([pa.field("kind", pa.string(), nullable=False), pa.field("player", pa.string(), nullable=False)])
_OF_THEM = "player IN (SELECT player FROM {{staged}} WHERE kind = '{kind}')"
_COUNT_THEM = " UNION ALL ".join(
    f"SELECT '{GONE}{kind}' AS kind, COUNT(*) AS found FROM {kind} WHERE {_OF_THEM.format(kind=kind)}"  # noqa: S608
    for kind in ABOUT_PLAYERS
)
LEAVE = (
    f"CREATE TEMP TABLE leaving AS {_COUNT_THEM}",
    *(f"DELETE FROM {kind} WHERE {_OF_THEM.format(kind=kind)}" for kind in ABOUT_PLAYERS),  # noqa: S608  our tables
)
LEFT = "SELECT kind, found, 0 AS added, 0 AS changed FROM leaving"

ABOUT = {kind: f"SELECT * FROM {kind} WHERE player = @player ORDER BY app_id" for kind in ABOUT_PLAYERS}  # noqa: S608
ROWS_OF = (
    ("SELECT player, app_id, minutes FROM interactions WHERE player >= @beginning AND player < @after", INTERACTIONS),
    ("SELECT player, app_id, opinion, since FROM feedback WHERE player >= @beginning AND player < @after", FEEDBACK),
)
COUNT_PLAYER = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, COUNT(*) AS found FROM {kind} WHERE player = @player"  # noqa: S608  our tables
    for kind in ABOUT_PLAYERS
)
FORGET = (
    BEGIN,
    TAKE_TURN,
    f"CREATE TEMP TABLE gone AS {COUNT_PLAYER}",
    *(f"DELETE FROM {kind} WHERE player = @player" for kind in ABOUT_PLAYERS),  # noqa: S608  our tables
    COMMIT,
    "SELECT kind, found FROM gone",
)

READ_GAMES = """
SELECT app_id, title, tags, genres, developer, publisher, price, released,
       COALESCE(EXTRACT(YEAR FROM released), year) AS year, positive, negative,
       COALESCE(early_access, FALSE) AS early_access, COALESCE(adult, FALSE) AS adult,
       COALESCE(delisted, FALSE) AS delisted
FROM games WHERE title IS NOT NULL ORDER BY app_id"""
COUNTS = """
SELECT COUNT(*) AS interactions, COUNT(DISTINCT player) AS players, COUNT(DISTINCT app_id) AS items,
       (SELECT COUNT(*) FROM games) AS games, (SELECT COUNT(*) FROM reviews) AS reviews,
       (SELECT COUNT(opinion) FROM feedback) AS feedback
FROM interactions"""
OF_GAMES = dict.fromkeys(("position", "app_id", "players", "learners"), "INTEGER")
FROM_SOURCE = "SELECT COUNT(*) AS found FROM sources WHERE source = @source"


class BigQueryWarehouse:
    """See `Warehouse` for the contract. Writers of one process wait for each other, those of several are refused.

    Opening for writing makes the dataset and its tables where they are missing. `agree` is asked before a query that
    would read much; a query that would read more than `max_bytes_billed` is refused by BigQuery, unpaid.

    Raises:
        WarehouseRefused: no credentials, no rights, no quota; the queries are more than was agreed to.
        WarehouseBusy: BigQuery is away.
        WarehouseError: the dataset is another program's, in another location, or missing and `read_only`.
    """

    def __init__(
        self,
        place: Place,
        *,
        read_only: bool = False,
        max_bytes_billed: int | None = None,
        agree: Agree = lambda _: True,
        patience: Retry = PATIENCE,
    ) -> None:
        self._place = place
        self._read_only = read_only
        self._writing = Lock()
        self._jobs = Jobs(place, max_bytes_billed, agree, patience)
        try:
            with translated(str(place)):
                open_dataset(self._jobs, place, read_only=read_only)
        except BaseException:
            self._jobs.close()
            raise

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load(OWNERSHIP, batches, source, now)

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load(CATALOGUE, batches, source, now)

    def load_store_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load(STORE, batches, source, now)

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load(RATINGS, batches, source, now)

    def load_feedback(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load(OPINIONS, batches, source, now)

    def apply(self, delta: Delta, *, lake: str, after: int, upto: int, now: datetime) -> Applied:
        if not 0 <= after < upto:
            raise ValueError(f"a delta leads from after 0 or more to an upto beyond it, not from {after} to {upto}")
        with self._changing():
            standing = self.watermark(lake)
            if standing != after:  # told before anything is sent; the script looks again
                return Applied(taken=False, watermark=standing)
            try:
                return self._take_in(delta, {"lake": lake, "after": after, "upto": upto, "now": now})
            except BadRequest as error:
                if MOVED not in str(error):
                    raise
                return Applied(taken=False, watermark=self.watermark(lake))

    def watermark(self, lake: str) -> int:
        [row] = self._read(READ_WATERMARK, {"lake": lake})
        return int(row.upto)

    def ledger(self, lake: str) -> list[LedgerEntry]:
        return [
            LedgerEntry(
                lake,
                row.after,
                row.upto,
                row.events,
                {kind: row[kind] for kind in KINDS},
                json.loads(row.rejected),
                row.loaded_at,
            )
            for row in self._read(READ_LEDGER, {"lake": lake})
        ]

    def rejects(self, lake: str, limit: int = 100) -> list[Rejected]:
        found = self._read(READ_REJECTS, {"lake": lake, "most": limit})
        return [Rejected(row.sequence, row.kind, row.reason) for row in found]

    def forget(self, player: str) -> dict[str, int]:
        with self._changing():
            gone = {row.kind: row.found for row in self._jobs.run(FORGET, {"player": player})}
        return {kind: gone[kind] for kind in ABOUT_PLAYERS if gone[kind]}

    def about(self, player: str) -> dict[str, list[dict[str, object]]]:
        asked = {kind: self._read(query, {"player": player}) for kind, query in ABOUT.items()}
        return {kind: [dict(row.items()) for row in rows] for kind, rows in asked.items() if rows}

    def rows_of(self, beginning: str) -> tuple[pa.Table, pa.Table]:
        after = beginning[:-1] + chr(ord(beginning[-1]) + 1)  # a range: tables are clustered by player
        bounds: dict[str, Value] = {"beginning": beginning, "after": after}
        interactions, feedback = (self._table(query, schema, bounds) for query, schema in ROWS_OF)
        return interactions, feedback

    def training_interactions(
        self, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> InteractionColumns:
        least: dict[str, Value] = {"min_games": min_games, "min_players": min_players}
        with translated(str(self._place)):
            rows = self._jobs.read_much(players_query(opinions=opinions), least)
            return columns_of((row.player, row.app_ids, row.minutes) for row in rows)

    def recent_opinions(self, since: datetime, *, opinions: bool = False) -> RecentOpinions:
        with translated(str(self._place)):
            rows = self._jobs.read_much(recent_query(opinions=opinions), {"since": since})
            return recent_of((row.player, row.app_id, row.minutes, row.opinion, row.since) for row in rows)

    @contextmanager
    def gram(
        self, weighting: Weighting, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> Iterator[GramRows]:
        """One query counts; what it found is read twice, the games first."""
        asked: dict[str, Value] = {"min_games": min_games, "min_players": min_players}
        asked |= {name: float(value) for name, value in asdict(weighting).items()}
        with translated(str(self._place)):
            found = self._jobs.keep(gram_query(opinions=opinions), asked)
            games = sorted(tuple(row[name] for name in OF_GAMES) for row in self._jobs.kept(found, OF_GAMES))
        if not games:
            raise NotEnoughData("there are no interactions to learn from: run `indiean data import` first")
        _, app_ids, players, learners = zip(*games, strict=True)
        items = ItemIndex(np.array(app_ids, np.int32), np.array(players, np.int32))
        rows = self._jobs.kept(found, {"position": "INTEGER", "cells": "STRING"})
        yield GramRows(items, learners[0], self._translating(cells_of((row.position, row.cells) for row in rows)))

    def games(self) -> list[Game]:
        return [
            Game(app_id, title, tuple(tags), tuple(genres), *rest)
            for app_id, title, tags, genres, *rest in map(_values, self._read(READ_GAMES))
        ]

    def counts(self) -> Counts:
        [row] = self._read(COUNTS)
        return Counts(**dict(row.items()))

    def fingerprint(self, *, opinions: bool = False) -> str:
        with translated(str(self._place)):
            [row] = self._jobs.read_much(hashes_query(opinions=opinions), {})
        return hashlib.sha256(repr(_values(row)).encode()).hexdigest()[:32]

    def is_synthetic(self) -> bool:
        [row] = self._read(FROM_SOURCE, {"source": SAMPLE_SOURCE})
        return bool(row.found)

    def close(self) -> None:
        self._jobs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, how: Merge, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        with self._changing(), self._jobs.staged(how.schema, batches) as staged:
            merge = list(how.statements(staged.table)) if staged.rows else []
            script = [BEGIN, TAKE_TURN, *merge, *WRITE_SOURCE, COMMIT, _counted([how] if merge else [])]
            values: dict[str, Value] = {"source": source, "kind": how.table, "read_rows": staged.rows, "now": now}
            found = self._jobs.run(script, values)
        return _loaded(staged, found, how.name)

    def _take_in(self, delta: Delta, move: Mapping[str, Value]) -> Applied:
        tables = {"interactions": delta.interactions, "catalogue": delta.catalogue, "games": delta.games}
        tables |= {"reviews": delta.reviews, "feedback": delta.feedback}
        with ExitStack() as staging:

            def stage(schema: pa.Schema, table: pa.Table) -> Staged:
                return staging.enter_context(self._jobs.staged(schema, table.to_batches()))

            staged = {name: stage(how.schema, tables[name]) for name, how in MERGES.items()}
            leaving, refused = stage(FORGOTTEN, _forgotten(delta)), stage(REJECTS, _rejects(delta))
            merged = [how for name, how in MERGES.items() if staged[name].rows]
            script = [BEGIN, TAKE_TURN, CHECK_WATERMARK, *WRITE_WATERMARK]
            script += [text.format(staged=leaving.table) for text in LEAVE] if leaving.rows else []
            script += [text for how in merged for text in how.statements(staged[how.name].table)]
            script += [WRITE_REJECTS.format(staged=refused.table)] if refused.rows else []
            script += [WRITE_LEDGER, COMMIT, _counted(merged, [LEFT] if leaving.rows else [])]
            found = self._jobs.run(script, {**move, **_ledger(delta, staged)})
        rows = {name: _loaded(staged[name], found, name) for name in MERGES}
        rows["games"] += rows.pop("catalogue")
        left = {row.kind.removeprefix(GONE): row.found for row in found if row.kind.startswith(GONE)}
        gone = {kind: left[kind] for kind in delta.forgotten}
        return Applied(taken=True, watermark=int(str(move["upto"])), rows=rows, forgotten=gone)

    def _read(self, query: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        with translated(str(self._place)):
            return list(self._jobs.read(query, parameters))

    def _table(self, query: str, schema: pa.Schema, parameters: Mapping[str, Value]) -> pa.Table:
        with translated(str(self._place)):
            rows = [tuple(row[name] for name in schema.names) for row in self._jobs.read_much(query, parameters)]
        return table_of(rows, schema)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if self._read_only:
            raise WarehouseError(f"the warehouse {self._place} was opened for reading only: nothing can be changed")
        with self._writing, translated(str(self._place)):
            yield

    def _translating(self, cells: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with translated(str(self._place)):
            yield from cells


def _values(row: Row) -> tuple[Any, ...]:
    return tuple(row.values())  # type: ignore[no-untyped-call]


def _forgotten(delta: Delta) -> pa.Table:
    rows = [{"kind": kind, "player": player} for kind, players in delta.forgotten.items() for player in players]
    return pa.Table.from_pylist(rows, schema=FORGOTTEN)


def _rejects(delta: Delta) -> pa.Table:
    return pa.Table.from_pylist([asdict(reject) for reject in delta.rejects], schema=REJECTS)


def _ledger(delta: Delta, staged: Mapping[str, Staged]) -> dict[str, Value]:
    rows = {name: one.rows for name, one in staged.items()}
    rows["games"] += rows.pop("catalogue")
    rejected = json.dumps(Counter(reject.kind for reject in delta.rejects), sort_keys=True)
    return {"events": delta.events, "rejected": rejected, **rows}


def _counted(merges: Iterable[Merge], others: Iterable[str] = ()) -> str:
    """What became of each merge, as the rows that the script leaves."""
    selects = [*others]
    selects += [f"SELECT '{how.name}' AS kind, found, added, changed FROM {how.counted}" for how in merges]  # noqa: S608
    return " UNION ALL ".join(selects) or "SELECT '' AS kind, 0 AS found"


def _loaded(staged: Staged, found: Iterable[Row], kind: str) -> Loaded:
    if not staged.rows:
        return Loaded(0, 0, 0, 0)
    [row] = [row for row in found if row.kind == kind]
    return Loaded(staged.rows, row.added, row.changed, staged.rows - row.found)
