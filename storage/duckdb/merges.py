"""Rows into the DuckDB file: staged in a temporary table, reduced to one row a key, then merged set against set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from storage.warehouse_rows import FEEDBACK, GAMES, INTERACTIONS, MOMENT, REVIEWS, STORE_GAMES, Loaded

TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.list_(pa.string()): "VARCHAR[]",
    MOMENT: "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Merge:
    """`best` reads `staged` and leaves `best`, one row a key; `change` and `add` bring it into `table`."""

    table: str
    schema: pa.Schema
    best: str
    change: str
    add: str


OWNERSHIP = Merge(
    "interactions",
    INTERACTIONS,
    """
    CREATE OR REPLACE TEMP TABLE best AS
    SELECT player, app_id, max(minutes) AS minutes FROM staged GROUP BY player, app_id
    """,
    """
    UPDATE interactions AS old SET minutes = best.minutes FROM best
    WHERE old.player = best.player AND old.app_id = best.app_id AND best.minutes > old.minutes
    """,
    "INSERT INTO interactions SELECT * FROM best ANTI JOIN interactions USING (player, app_id)",
)

RATINGS = Merge(
    "reviews",
    REVIEWS,
    """
    CREATE OR REPLACE TEMP TABLE best AS SELECT DISTINCT ON (player, app_id) * FROM staged
    ORDER BY player, app_id, posted DESC NULLS LAST, recommend DESC
    """,
    """
    UPDATE reviews AS old SET recommend = best.recommend, posted = best.posted FROM best
    WHERE old.player = best.player AND old.app_id = best.app_id AND (
        best.posted > old.posted OR (old.posted IS NULL AND best.posted IS NOT NULL)
        OR (best.posted IS NOT DISTINCT FROM old.posted AND best.recommend AND NOT old.recommend)
    )
    """,
    "INSERT INTO reviews SELECT * FROM best ANTI JOIN reviews USING (player, app_id)",
)

# An opinion that was taken back stays as a row with null, so that an older row cannot bring it back.
OPINIONS = Merge(
    "feedback",
    FEEDBACK,
    """
    CREATE OR REPLACE TEMP TABLE best AS SELECT DISTINCT ON (player, app_id) * FROM staged
    ORDER BY player, app_id, since DESC, opinion NULLS FIRST
    """,
    """
    UPDATE feedback AS old SET opinion = best.opinion, since = best.since FROM best
    WHERE old.player = best.player AND old.app_id = best.app_id AND (
        best.since > old.since
        OR (best.since = old.since AND coalesce(best.opinion, '') < coalesce(old.opinion, ''))
    )
    """,
    "INSERT INTO feedback SELECT * FROM best ANTI JOIN feedback USING (player, app_id)",
)

FIELDS = tuple(name for name in GAMES.names if name != "app_id")
EMPTY = {"title": "''", "developer": "''", "publisher": "''", "tags": "[]", "genres": "[]"}
KNOWN = {name: f"nullif({name}, {EMPTY[name]})" if name in EMPTY else name for name in FIELDS}
FILLS = {name: f"old.{name} IS NULL AND best.{name} IS NOT NULL" for name in FIELDS}
FILLS["price"] += " AND old.seen IS NULL"  # else the store has said that it is not for sale

CATALOGUE = Merge(
    "games",
    GAMES,
    "CREATE OR REPLACE TEMP TABLE best AS SELECT app_id, {} FROM staged GROUP BY app_id".format(  # noqa: S608  our schema
        ", ".join(f"arg_min({known}, rowid) AS {name}" for name, known in KNOWN.items())
    ),
    "UPDATE games AS old SET {} FROM best WHERE old.app_id = best.app_id AND ({})".format(  # noqa: S608  our schema
        ", ".join(f"{name} = CASE WHEN {fills} THEN best.{name} ELSE old.{name} END" for name, fills in FILLS.items()),
        " OR ".join(f"({fills})" for fills in FILLS.values()),
    ),
    "INSERT INTO games BY NAME SELECT * FROM best ANTI JOIN games USING (app_id)",
)

SAID = [name for name in FIELDS if name != "price"]

STORE = Merge(
    "games",
    STORE_GAMES,
    """
    CREATE OR REPLACE TEMP TABLE best AS
    SELECT app_id, {}, arg_max_null(price, (seen, rowid)) AS price, arg_max(delisted, (seen, rowid)) AS delisted,
           max(seen) AS seen
    FROM staged GROUP BY app_id
    """.format(", ".join(f"arg_max({KNOWN[name]}, (seen, rowid)) AS {name}" for name in SAID)),  # noqa: S608  our schema
    """
    UPDATE games AS old SET {}, price = best.price, delisted = best.delisted, seen = best.seen FROM best
    WHERE old.app_id = best.app_id AND (old.seen IS NULL OR best.seen > old.seen)
    """.format(", ".join(f"{name} = coalesce(best.{name}, old.{name})" for name in SAID)),  # noqa: S608  our schema
    "INSERT INTO games BY NAME SELECT * FROM best ANTI JOIN games USING (app_id)",
)


def merge(db: duckdb.DuckDBPyConnection, how: Merge, batches: Iterable[pa.RecordBatch]) -> Loaded:
    read = _stage(db, how, batches)
    keys, changed, added = (touched(db, statement) for statement in (how.best, how.change, how.add))
    return Loaded(read, added, changed, read - keys)


def touched(db: duckdb.DuckDBPyConnection, statement: str, parameters: object = None) -> int:
    """How many rows an INSERT, UPDATE, DELETE or CREATE AS touched."""
    rows: list[tuple[int]] = db.execute(statement, parameters).fetchall()
    return rows[0][0]


def _stage(db: duckdb.DuckDBPyConnection, how: Merge, batches: Iterable[pa.RecordBatch]) -> int:
    """Copies the batches into the temporary table `staged`, in their order; answers how many rows they had.

    Its columns are spelt out: DuckDB 2.0.0 finds no row in a table made by CREATE AS from no rows, where one INSERT of
    the same transaction then brings 122,880 rows (a row group) or more.
    """
    columns = ", ".join(how.schema.names)
    typed = ", ".join(f"{column.name} {TYPES[column.type]}" for column in how.schema)
    db.execute(f"CREATE OR REPLACE TEMP TABLE staged ({typed})")
    read = 0
    for batch in batches:
        db.register("batch", batch.select(how.schema.names))
        db.execute(f"INSERT INTO staged SELECT {columns} FROM batch")  # noqa: S608  names of our schema
        read += batch.num_rows
    return read
