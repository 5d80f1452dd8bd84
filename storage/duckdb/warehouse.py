"""The warehouse as one DuckDB file: each load is staged in a temporary table, then merged set against set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from recommender.catalog import Game
from recommender.interactions import Weighting
from storage.delta import ABOUT_PLAYERS, Applied, Delta, LedgerEntry, Rejected
from storage.duckdb import deltas
from storage.duckdb.format import FORMAT, bring_up, format_of
from storage.duckdb.learning import counted_gram, hash_rows, keep, read_columns, recent_opinions
from storage.duckdb.merges import CATALOGUE, OPINIONS, OWNERSHIP, RATINGS, STORE, Merge, merge
from storage.errors import WarehouseBusy, WarehouseError, WarehouseMissing
from storage.warehouse_rows import (
    FEEDBACK,
    INTERACTIONS,
    SAMPLE_SOURCE,
    Counts,
    GramRows,
    InteractionColumns,
    Loaded,
    RecentOpinions,
)

MEMORY_LIMIT = "2GB"  # beyond it DuckDB spills into a folder beside the file

READ_GAMES = """
SELECT app_id, title, coalesce(tags, []), coalesce(genres, []), developer, publisher, price, released,
       coalesce(year(released), year), positive, negative, coalesce(early_access, false), coalesce(adult, false),
       coalesce(delisted, false)
FROM games WHERE title IS NOT NULL ORDER BY app_id
"""

COUNTS = """
SELECT count(*), count(DISTINCT player), count(DISTINCT app_id), (SELECT count(*) FROM games),
       (SELECT count(*) FROM reviews), (SELECT count(opinion) FROM feedback)
FROM interactions
"""
ABOUT = {kind: f"SELECT * FROM {kind} WHERE player = ? ORDER BY app_id" for kind in ABOUT_PLAYERS}  # noqa: S608
ROWS_OF = (
    ("SELECT player, app_id, minutes FROM interactions WHERE starts_with(player, ?)", INTERACTIONS),
    ("SELECT player, app_id, opinion, since FROM feedback WHERE starts_with(player, ?)", FEEDBACK),
)
# Two transactions that change one row cannot both commit: so of two writers one is refused, whatever they write.
TAKE_TURN = "UPDATE indiean_warehouse SET changes = changes + 1"
HELD = ("Could not set lock", "with a different configuration")
"""What DuckDB says where another process has the file open, or this one has it open in the other way."""
NO_ROOM = ("Could not write file", "No space left on device", "max_temp_directory_size")
"""What DuckDB says where the file or what it spills beside it cannot grow."""


class DuckDBWarehouse:
    """See `Warehouse` for the contract. One process writes at a time; `read_only` ones may share the file.

    Opening for writing creates the file and its folder. What was forgotten is in no answer any more; its bytes may
    stand in freed blocks of the file until DuckDB uses them again.

    Raises:
        WarehouseBusy: another process holds the file.
        WarehouseError: the file is no warehouse of this program, is damaged, or is missing and `read_only`.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._writing = Lock()
        if read_only and not path.exists():
            raise WarehouseMissing(f"there is no warehouse at {path} yet: run `indiean data import` first")
        if not read_only:
            _make_folder(path)
        found = self._connect()
        if read_only and found < FORMAT:
            self._database.close()
            DuckDBWarehouse(path).close()  # opening it for writing brings it up
            self._connect()

    def _connect(self) -> int:
        """Answers the format that the file was found in, and brings an older one up where it may be written."""
        with self._translated():
            self._database = duckdb.connect(
                self._path, read_only=self._read_only, config={"memory_limit": MEMORY_LIMIT}
            )
        try:
            with self._transaction() as db:
                found = self._format(db)
                if not self._read_only:
                    bring_up(db, found)
        except BaseException:
            self._database.close()
            raise
        return found

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
        with self._changing() as db:
            return deltas.take_in(db, delta, lake, after, upto, now)

    def watermark(self, lake: str) -> int:
        with self._transaction() as db:
            return deltas.watermark(db, lake)

    def ledger(self, lake: str) -> list[LedgerEntry]:
        with self._transaction() as db:
            return deltas.ledger(db, lake)

    def rejects(self, lake: str, limit: int = 100) -> list[Rejected]:
        with self._transaction() as db:
            return deltas.rejects(db, lake, limit)

    def forget(self, player: str) -> dict[str, int]:
        with self._changing() as db:
            gone = {kind: deltas.forget(db, kind, [player]) for kind in ABOUT_PLAYERS}
        return {kind: rows for kind, rows in gone.items() if rows}

    def about(self, player: str) -> dict[str, list[dict[str, object]]]:
        with self._transaction() as db:
            found = {kind: db.sql(query, params=[player]).to_arrow_table().to_pylist() for kind, query in ABOUT.items()}
        return {kind: rows for kind, rows in found.items() if rows}

    def rows_of(self, beginning: str) -> tuple[pa.Table, pa.Table]:
        with self._transaction() as db:
            interactions, feedback = (
                db.sql(query, params=[beginning]).to_arrow_table().cast(schema) for query, schema in ROWS_OF
            )
        return interactions, feedback

    def training_interactions(
        self, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> InteractionColumns:
        with self._transaction() as db:
            return read_columns(db, min_games, min_players, opinions=opinions)

    def recent_opinions(self, since: datetime, *, opinions: bool = False) -> RecentOpinions:
        with self._transaction() as db:
            return recent_opinions(db, since, opinions=opinions)

    @contextmanager
    def gram(
        self, weighting: Weighting, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> Iterator[GramRows]:
        with self._transaction() as db:
            keep(db, min_games, min_players, opinions=opinions)
            with counted_gram(db, weighting) as counted:
                yield counted

    def games(self) -> list[Game]:
        with self._transaction() as db:
            rows = db.execute(READ_GAMES).fetchall()
        return [Game(app_id, title, tuple(tags), tuple(genres), *rest) for app_id, title, tags, genres, *rest in rows]

    def counts(self) -> Counts:
        with self._transaction() as db:
            return Counts(*_one(db.execute(COUNTS)))

    def fingerprint(self, *, opinions: bool = False) -> str:
        with self._transaction() as db:
            hashes = hash_rows(db, opinions=opinions)
        return hashlib.sha256(repr(hashes).encode()).hexdigest()[:32]

    def is_synthetic(self) -> bool:
        with self._transaction() as db:
            return bool(_one(db.execute("SELECT count(*) FROM sources WHERE source = ?", [SAMPLE_SOURCE]))[0])

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, how: Merge, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        with self._changing() as db:
            loaded = merge(db, how, batches)
            db.execute("DELETE FROM sources WHERE source = ? AND kind = ?", [source, how.table])
            at = deltas.naive(now)
            db.execute("INSERT INTO sources VALUES (?, ?, ?, ?)", [source, how.table, loaded.read, at])
        return loaded

    @contextmanager
    def _changing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._read_only:
            raise WarehouseError(f"{self._path} was opened for reading only: nothing can be changed")
        with self._writing, self._transaction() as db:
            db.execute(TAKE_TURN)
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own, so that threads share nothing and temporary tables end with it."""
        with self._translated(), self._database.cursor() as db:
            db.begin()
            try:
                yield db
            except BaseException:
                with suppress(duckdb.Error):  # a fatal error has ended the transaction already; the first error counts
                    db.rollback()
                raise
            db.commit()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """DuckDB's errors about the outside become ours; a wrong statement or a wrong type is a bug and passes."""
        try:
            yield
        except duckdb.TransactionException as error:
            raise WarehouseBusy(f"another load is changing {self._path}: try again when it is done") from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.ProgrammingError | duckdb.DataError | duckdb.IntegrityError):
                raise
            if any(words in str(error) for words in HELD):
                raise WarehouseBusy(
                    f"another program has {self._path} open: close it, or stop the running bot, and try again"
                ) from error
            if any(words in str(error) for words in NO_ROOM):
                raise WarehouseError(
                    f"{self._path} cannot be written: free disk space and try again ({error})"
                ) from error
            raise WarehouseError(f"the warehouse {self._path} cannot be used: {error}") from error

    def _format(self, db: duckdb.DuckDBPyConnection) -> int:
        found = format_of(db)
        if found is None or (self._read_only and not found):
            raise WarehouseError(
                f"{self._path} is a DuckDB file, but no warehouse of this program: choose another path"
            )
        if found > FORMAT:
            raise WarehouseError(
                f"{self._path} has format {found} and this version reads up to {FORMAT}: update the program"
            )
        return found


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(f"the folder of the warehouse cannot be made: {error}") from error


def _one(answer: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    """The only row of a query that always has one."""
    row: tuple[int, ...] | None = answer.fetchone()
    assert row is not None
    return row
