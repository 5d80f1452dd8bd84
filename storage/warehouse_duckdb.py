"""The warehouse as one DuckDB file: each load is staged in a temporary table, then merged set against set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from recommender.catalog import Game
from storage.errors import WarehouseBusy, WarehouseError
from storage.warehouse import GAMES, INTERACTIONS, REVIEWS, SAMPLE_SOURCE, Counts, InteractionColumns, Loaded

MEMORY_LIMIT = "2GB"  # beyond it DuckDB spills into a folder beside the file
FORMAT = 1

# No primary keys: an index over millions of rows costs more than every merge that it could serve.
SCHEMA = """
CREATE TABLE IF NOT EXISTS indiean_warehouse (format INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
    source VARCHAR NOT NULL, kind VARCHAR NOT NULL, read_rows BIGINT NOT NULL, loaded_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS interactions (player VARCHAR NOT NULL, app_id INTEGER NOT NULL, minutes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reviews (
    player VARCHAR NOT NULL, app_id INTEGER NOT NULL, recommend BOOLEAN NOT NULL, posted DATE
);
CREATE TABLE IF NOT EXISTS games (
    app_id INTEGER NOT NULL, title VARCHAR, tags VARCHAR[], genres VARCHAR[], developer VARCHAR, publisher VARCHAR,
    price DOUBLE, released DATE, year INTEGER, positive INTEGER, negative INTEGER, early_access BOOLEAN, adult BOOLEAN
);
"""

# Each statement that dedupes reads `staged` and leaves `best`, one row a key.
BEST_INTERACTIONS = """
CREATE TEMP TABLE best AS SELECT player, app_id, max(minutes) AS minutes FROM staged GROUP BY player, app_id
"""
CHANGE_INTERACTIONS = """
UPDATE interactions AS old SET minutes = best.minutes FROM best
WHERE old.player = best.player AND old.app_id = best.app_id AND best.minutes > old.minutes
"""
ADD_INTERACTIONS = "INSERT INTO interactions SELECT * FROM best ANTI JOIN interactions USING (player, app_id)"

BEST_REVIEWS = """
CREATE TEMP TABLE best AS SELECT DISTINCT ON (player, app_id) * FROM staged
ORDER BY player, app_id, posted DESC NULLS LAST, recommend DESC
"""
CHANGE_REVIEWS = """
UPDATE reviews AS old SET recommend = best.recommend, posted = best.posted FROM best
WHERE old.player = best.player AND old.app_id = best.app_id AND (
    best.posted > old.posted OR (old.posted IS NULL AND best.posted IS NOT NULL)
    OR (best.posted IS NOT DISTINCT FROM old.posted AND best.recommend AND NOT old.recommend)
)
"""
ADD_REVIEWS = "INSERT INTO reviews SELECT * FROM best ANTI JOIN reviews USING (player, app_id)"

FIELDS = tuple(name for name in GAMES.names if name != "app_id")
EMPTY = {"title": "''", "developer": "''", "publisher": "''", "tags": "[]", "genres": "[]"}
BEST_GAMES = "CREATE TEMP TABLE best AS SELECT app_id, {} FROM staged GROUP BY app_id".format(  # noqa: S608  our schema
    ", ".join(
        f"arg_min(nullif({name}, {EMPTY[name]}), rowid) AS {name}"
        if name in EMPTY
        else f"arg_min({name}, rowid) AS {name}"
        for name in FIELDS
    )
)
CHANGE_GAMES = "UPDATE games AS old SET {} FROM best WHERE old.app_id = best.app_id AND ({})".format(  # noqa: S608
    ", ".join(f"{name} = coalesce(old.{name}, best.{name})" for name in FIELDS),
    " OR ".join(f"(old.{name} IS NULL AND best.{name} IS NOT NULL)" for name in FIELDS),
)
ADD_GAMES = "INSERT INTO games SELECT * FROM best ANTI JOIN games USING (app_id)"

READ_GAMES = """
SELECT app_id, title, coalesce(tags, []), coalesce(genres, []), developer, publisher, price, released,
       coalesce(year(released), year), positive, negative, coalesce(early_access, false), coalesce(adult, false)
FROM games WHERE title IS NOT NULL ORDER BY app_id
"""

COUNTS = """
SELECT count(*), count(DISTINCT player), count(DISTINCT app_id), (SELECT count(*) FROM games),
       (SELECT count(*) FROM reviews)
FROM interactions
"""
HASHES = """
SELECT count(*), bit_xor(hash(player, app_id, minutes)), sum(hash(player, app_id, minutes)) FROM interactions
"""

KEEP_PLAYERS = """
CREATE TEMP TABLE kept_players AS SELECT player FROM interactions GROUP BY player HAVING count(*) >= ?
"""
KEEP_GAMES = """
CREATE TEMP TABLE kept_games AS
SELECT app_id FROM interactions SEMI JOIN kept_players USING (player) GROUP BY app_id HAVING count(*) >= ?
"""
CODE_PLAYERS = """
CREATE TEMP TABLE codes AS
SELECT player, CAST(row_number() OVER (ORDER BY player) - 1 AS INTEGER) AS code
FROM (
    SELECT DISTINCT player FROM interactions
    SEMI JOIN kept_players USING (player) SEMI JOIN kept_games USING (app_id)
)
"""
READ_CODED = """
SELECT code, app_id, minutes FROM interactions JOIN codes USING (player) SEMI JOIN kept_games USING (app_id)
ORDER BY code, app_id
"""


class DuckDBWarehouse:
    """See `Warehouse` for the contract. One process writes at a time; `read_only` ones may share the file.

    Opening for writing creates the file and its folder.

    Raises:
        WarehouseBusy: another process holds the file.
        WarehouseError: the file is no warehouse of this program, is damaged, or is missing and `read_only`.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._writing = Lock()
        if read_only and not path.exists():
            raise WarehouseError(f"there is no warehouse at {path} yet: run `indiean data import` first")
        if not read_only:
            _make_folder(path)
        with self._translated():
            self._database = duckdb.connect(path, read_only=read_only, config={"memory_limit": MEMORY_LIMIT})
        try:
            with self._transaction() as db:
                self._recognise(db)
        except BaseException:
            self._database.close()
            raise

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        merge = (BEST_INTERACTIONS, CHANGE_INTERACTIONS, ADD_INTERACTIONS)
        return self._load("interactions", INTERACTIONS, batches, merge, source, now)

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load("games", GAMES, batches, (BEST_GAMES, CHANGE_GAMES, ADD_GAMES), source, now)

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load("reviews", REVIEWS, batches, (BEST_REVIEWS, CHANGE_REVIEWS, ADD_REVIEWS), source, now)

    def training_interactions(self, min_games: int = 1, min_players: int = 1) -> InteractionColumns:
        with self._transaction() as db:
            db.execute(KEEP_PLAYERS, [min_games])
            db.execute(KEEP_GAMES, [min_players])
            db.execute(CODE_PLAYERS)
            columns = db.execute(READ_CODED).fetchnumpy()
            ids = [player for (player,) in db.execute("SELECT player FROM codes ORDER BY code").fetchall()]
        return InteractionColumns(columns["code"], columns["app_id"], columns["minutes"], ids)

    def games(self) -> list[Game]:
        with self._transaction() as db:
            rows = db.execute(READ_GAMES).fetchall()
        return [Game(app_id, title, tuple(tags), tuple(genres), *rest) for app_id, title, tags, genres, *rest in rows]

    def counts(self) -> Counts:
        with self._transaction() as db:
            return Counts(*_one(db.execute(COUNTS)))

    def fingerprint(self) -> str:
        with self._transaction() as db:
            hashes = _one(db.execute(HASHES))
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

    def _load(
        self,
        kind: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        merge: tuple[str, str, str],
        source: str,
        now: datetime,
    ) -> Loaded:
        if self._read_only:
            raise WarehouseError(f"{self._path} was opened for reading only: nothing can be loaded")
        best, change, add = merge
        with self._writing, self._transaction() as db:
            read = _stage(db, kind, schema, batches)
            (keys,) = _one(db.execute(best))
            (changed,) = _one(db.execute(change))
            (added,) = _one(db.execute(add))
            db.execute("DELETE FROM sources WHERE source = ? AND kind = ?", [source, kind])
            db.execute(
                "INSERT INTO sources VALUES (?, ?, ?, ?)",
                [source, kind, read, now.astimezone(UTC).replace(tzinfo=None)],
            )
        return Loaded(read, added, changed, read - keys)

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
            if "Could not set lock" in str(error):
                raise WarehouseBusy(
                    f"another program has {self._path} open: close it, or stop the running bot, and try again"
                ) from error
            raise WarehouseError(f"the warehouse {self._path} cannot be used: {error}") from error

    def _recognise(self, db: duckdb.DuckDBPyConnection) -> None:
        tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not tables and not self._read_only:
            db.execute(SCHEMA)
            db.execute("INSERT INTO indiean_warehouse VALUES (?)", [FORMAT])
        elif "indiean_warehouse" not in tables:
            raise WarehouseError(
                f"{self._path} is a DuckDB file, but no warehouse of this program: choose another path"
            )
        elif (found := _one(db.execute("SELECT max(format) FROM indiean_warehouse"))[0]) != FORMAT:
            raise WarehouseError(
                f"{self._path} has format {found}, this version reads {FORMAT}: import into a new file"
            )


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(f"the folder of the warehouse cannot be made: {error}") from error


def _stage(db: duckdb.DuckDBPyConnection, kind: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Copies the batches into the temporary table `staged`, in their order; answers how many rows they had."""
    columns = ", ".join(schema.names)
    db.execute(f"CREATE TEMP TABLE staged AS SELECT {columns} FROM {kind} LIMIT 0")  # noqa: S608  names of our schema
    read = 0
    for batch in batches:
        db.register("batch", batch)
        db.execute(f"INSERT INTO staged SELECT {columns} FROM batch")  # noqa: S608  names of our schema
        read += batch.num_rows
    return read


def _one(answer: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    """The only row of a query that always has one; INSERT, UPDATE and CREATE AS answer how many rows they touched."""
    row: tuple[int, ...] | None = answer.fetchone()
    assert row is not None
    return row
