"""What a model learns from, out of the DuckDB file: the rows that count, numbered, and their Gram counted in SQL."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from recommender.errors import NotEnoughData
from recommender.interactions import PLAYED_MINUTES, ItemIndex, Weighting
from storage.warehouse_rows import (
    FEEDBACK,
    GRAM,
    GramRows,
    InteractionColumns,
    RecentOpinions,
    columns_of_rows,
    with_players,
)

CELLS_A_BATCH = ROWS_A_BATCH = 1 << 17

ROWS = "CREATE OR REPLACE TEMP VIEW learned AS SELECT player, app_id, minutes FROM interactions"
ROWS_WITH_OPINIONS = """
CREATE OR REPLACE TEMP VIEW learned AS
SELECT player, app_id, minutes FROM interactions
ANTI JOIN (SELECT player, app_id FROM feedback WHERE opinion = 'hide') USING (player, app_id)
UNION ALL
SELECT player, app_id, 0 FROM feedback ANTI JOIN interactions USING (player, app_id)
WHERE opinion IN ('like', 'own')
"""
KEEP_PLAYERS = """
CREATE TEMP TABLE kept_players AS SELECT player FROM learned GROUP BY player HAVING count(*) >= ?
"""
KEEP_GAMES = """
CREATE TEMP TABLE kept_games AS
SELECT app_id, count(*) AS players, CAST(row_number() OVER (ORDER BY count(*) DESC, app_id) - 1 AS INTEGER) AS position
FROM learned SEMI JOIN kept_players USING (player) GROUP BY app_id HAVING count(*) >= ?
"""
CODE_PLAYERS = """
CREATE TEMP TABLE codes AS
SELECT player, CAST(row_number() OVER (ORDER BY player) - 1 AS INTEGER) AS code
FROM (
    SELECT DISTINCT player FROM learned SEMI JOIN kept_players USING (player) SEMI JOIN kept_games USING (app_id)
)
"""
# Fast as players stand as a dictionary in the file: each name is looked at once. Not sorted, which would take
# three times as long as all of this.
NUMBER_PLAYERS = """
CREATE TEMP TABLE numbered AS
SELECT player, games, CAST(row_number() OVER (ORDER BY player) - 1 AS INTEGER) AS code
FROM (SELECT player, count(*) AS games FROM learned GROUP BY player HAVING count(*) >= ?)
"""
COUNT_NUMBERED = "SELECT CAST(coalesce(sum(games), 0) AS BIGINT) FROM numbered"
READ_NUMBERED = "SELECT code, app_id, minutes FROM learned JOIN numbered USING (player)"

WEIGH = """
CREATE TEMP TABLE weighted AS
SELECT code, position,
       $owned + $played * CAST(minutes > $played_minutes AS DOUBLE) + $log_hours * ln(1 + minutes / 60) AS weight
FROM learned JOIN codes USING (player) JOIN kept_games USING (app_id)
ORDER BY position, code
"""
# One row a player. Going through arrays costs half of a join that goes from row to row: see docs/benchmarks.md.
GATHER_LIBRARIES = """
CREATE TEMP TABLE libraries AS
SELECT code, list(position ORDER BY position) AS positions, list(weight ORDER BY position) AS weights
FROM weighted GROUP BY code
"""
# The rows of games `first` to `last` of the triangle: each owner's other games that are no less popular.
COUNT_CELLS = """
SELECT position AS row, other AS "column", count(*) AS players, sum(weight * other_weight) AS weight
FROM (
    SELECT position, weight, unnest(positions) AS other, unnest(weights) AS other_weight
    FROM weighted JOIN libraries USING (code) WHERE position BETWEEN $first AND $last
)
WHERE other <= position GROUP BY position, other
"""
CELLS_A_BLOCK = 4_000_000
"""So many cells are counted at once at most: all of the real data's at once filled 16 GB of disk."""

KEEP_RECENT = """
CREATE TEMP TABLE recent AS
SELECT player, app_id, opinion, since FROM feedback WHERE since > ? AND opinion IS NOT NULL
"""
READ_RECENT = "SELECT * FROM recent ORDER BY player, app_id"
READ_THEIR_LIBRARIES = """
SELECT player, app_id, minutes FROM learned SEMI JOIN recent USING (player) ANTI JOIN recent USING (player, app_id)
"""

READ_ITEMS = "SELECT app_id, CAST(players AS INTEGER) AS players FROM kept_games ORDER BY position"
HASHES = """
SELECT count(*), bit_xor(hash(player, app_id, minutes)), sum(hash(player, app_id, minutes)) FROM learned
"""


def hash_rows(db: duckdb.DuckDBPyConnection, *, opinions: bool) -> tuple[int, ...]:
    db.execute(ROWS_WITH_OPINIONS if opinions else ROWS)
    [hashes] = db.execute(HASHES).fetchall()
    return tuple(hashes)


def keep(db: duckdb.DuckDBPyConnection, min_games: int, min_players: int, *, opinions: bool) -> None:
    """Leaves the rows as `learned`, the players and games that count in `kept_players`, `kept_games` and `codes`."""
    db.execute(ROWS_WITH_OPINIONS if opinions else ROWS)
    db.execute(KEEP_PLAYERS, [min_games])
    db.execute(KEEP_GAMES, [min_players])
    db.execute(CODE_PLAYERS)


def read_columns(
    db: duckdb.DuckDBPyConnection, min_games: int, min_players: int, *, opinions: bool
) -> InteractionColumns:
    """The rows that count, straight into arrays of their own: DuckDB's copy of them never stands whole."""
    db.execute(ROWS_WITH_OPINIONS if opinions else ROWS)
    db.execute(NUMBER_PLAYERS, [min_games])
    [(rows,)] = db.execute(COUNT_NUMBERED).fetchall()
    code, app_id, minutes = (np.empty(rows, np.int32) for _ in range(3))
    start = 0
    with db.sql(READ_NUMBERED).to_arrow_reader(ROWS_A_BATCH) as found:
        for batch in found:
            end = start + batch.num_rows
            for column, values in zip((code, app_id, minutes), batch.columns, strict=True):
                column[start:end] = values.to_numpy()
            start = end
    ids = db.sql("SELECT player FROM numbered ORDER BY code").to_arrow_table()["player"].to_pylist()
    return with_players(InteractionColumns(code, app_id, minutes, ids), min_players)


def recent_opinions(db: duckdb.DuckDBPyConnection, since: datetime, *, opinions: bool) -> RecentOpinions:
    db.execute(ROWS_WITH_OPINIONS if opinions else ROWS)
    db.execute(KEEP_RECENT, [since])
    feedback = db.sql(READ_RECENT).to_arrow_table().cast(FEEDBACK)
    libraries = db.sql(READ_THEIR_LIBRARIES).to_arrow_table()
    return RecentOpinions(feedback, columns_of_rows(*(column.to_pylist() for column in libraries.columns)))


@contextmanager
def counted_gram(db: duckdb.DuckDBPyConnection, weighting: Weighting) -> Iterator[GramRows]:
    """Of the rows that were kept, within the transaction that is open.

    Raises:
        NotEnoughData: there are none.
    """
    found = db.sql(READ_ITEMS).to_arrow_table()
    items = ItemIndex(found["app_id"].to_numpy(), found["players"].to_numpy())
    if not len(items):
        raise NotEnoughData("there are no interactions to learn from: run `indiean data import` first")
    db.execute(WEIGH, asdict(weighting) | {"played_minutes": PLAYED_MINUTES})
    [(players,)] = db.execute("SELECT count(*) FROM codes").fetchall()
    with closing(_cells(db, len(items))) as cells:  # who stops half-way leaves no result open
        yield GramRows(items, players, cells)


def _cells(db: duckdb.DuckDBPyConnection, n: int) -> Generator[pa.RecordBatch, None, None]:
    db.execute(GATHER_LIBRARIES)
    games = max(1, CELLS_A_BLOCK // n)
    for first in range(0, n, games):
        block = {"first": first, "last": first + games - 1}
        with db.sql(COUNT_CELLS, params=block).to_arrow_reader(CELLS_A_BATCH) as counted:
            yield from (batch.cast(GRAM) for batch in counted)
