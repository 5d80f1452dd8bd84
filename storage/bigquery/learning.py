"""What a model learns from, out of BigQuery: one query each, whose rows travel packed, a player's or a game's in one.

A cell of JSON costs some 15 bytes around its digits, and Python's parser its time; numbers packed into one string a row
cost one, and numpy reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommender.interactions import PLAYED_MINUTES
from storage.warehouse_rows import FEEDBACK, GRAM, InteractionColumns, RecentOpinions, columns_of_rows, table_of

ROWS = "SELECT player, app_id, minutes FROM interactions"
ROWS_WITH_OPINIONS = """
    SELECT i.player, i.app_id, i.minutes FROM interactions AS i
    LEFT JOIN feedback AS f ON f.player = i.player AND f.app_id = i.app_id AND f.opinion = 'hide'
    WHERE f.player IS NULL
    UNION ALL
    SELECT f.player, f.app_id, 0 FROM feedback AS f
    LEFT JOIN interactions AS i ON i.player = f.player AND i.app_id = f.app_id
    WHERE i.player IS NULL AND f.opinion IN ('like', 'own')"""

KEPT = """
WITH learned AS ({rows}),
kept_players AS (SELECT player FROM learned GROUP BY player HAVING COUNT(*) >= @min_games),
kept_games AS (
    SELECT app_id, COUNT(*) AS players, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, app_id) - 1 AS position
    FROM learned JOIN kept_players USING (player) GROUP BY app_id HAVING COUNT(*) >= @min_players
)"""
READ_PLAYERS = """
SELECT player, STRING_AGG(CAST(app_id AS STRING), ' ' ORDER BY app_id) AS app_ids,
       STRING_AGG(CAST(minutes AS STRING), ' ' ORDER BY app_id) AS minutes
FROM learned JOIN kept_players USING (player) JOIN kept_games USING (app_id) GROUP BY player"""
COUNT_CELLS = f"""
, weighted AS (
    SELECT player, position,
           @owned + @played * IF(minutes > {PLAYED_MINUTES}, 1, 0) + @log_hours * LN(1 + minutes / 60) AS weight
    FROM learned JOIN kept_players USING (player) JOIN kept_games USING (app_id)
),
cells AS (
    SELECT one.position AS one, other.position AS other, COUNT(*) AS players, SUM(one.weight * other.weight) AS weight
    FROM weighted AS one JOIN weighted AS other ON one.player = other.player AND other.position <= one.position
    GROUP BY 1, 2
)
SELECT kept_games.position AS position, kept_games.app_id AS app_id, kept_games.players AS players,
       (SELECT COUNT(DISTINCT player) FROM weighted) AS learners,
       STRING_AGG(CONCAT(CAST(cells.other AS STRING), ' ', CAST(cells.players AS STRING), ' ',
                         CAST(cells.weight AS STRING)), ' ') AS cells
FROM cells JOIN kept_games ON cells.one = kept_games.position
GROUP BY kept_games.position, kept_games.app_id, kept_games.players"""  # noqa: S608  our schema
# One query, so that opinions and libraries are of one state; rows of libraries have no opinion.
RECENT = """
WITH learned AS ({rows}),
recent AS (
    SELECT player, app_id, opinion, since FROM feedback WHERE since > @since AND opinion IS NOT NULL
),
people AS (SELECT DISTINCT player FROM recent)
SELECT player, app_id, 0 AS minutes, opinion, since FROM recent
UNION ALL
SELECT learned.player, learned.app_id, learned.minutes, CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP)
FROM learned JOIN people ON people.player = learned.player
LEFT JOIN recent ON recent.player = learned.player AND recent.app_id = learned.app_id
WHERE recent.player IS NULL
ORDER BY 1, 2"""
# A sum of whole hashes would overflow; a row's text begins with its numbers, so that no two rows share one.
HASHES = """
WITH learned AS ({rows}),
hashed AS (
    SELECT FARM_FINGERPRINT(CONCAT(CAST(app_id AS STRING), ' ', CAST(minutes AS STRING), ' ', player)) AS mark
    FROM learned
)
SELECT COUNT(*) AS found, BIT_XOR(mark) AS crossed, SUM(MOD(mark, 2147483647)) AS summed FROM hashed"""


def players_query(*, opinions: bool) -> str:
    return _kept(opinions=opinions) + READ_PLAYERS


def gram_query(*, opinions: bool) -> str:
    return _kept(opinions=opinions) + COUNT_CELLS


def hashes_query(*, opinions: bool) -> str:
    return HASHES.format(rows=ROWS_WITH_OPINIONS if opinions else ROWS)


def recent_query(*, opinions: bool) -> str:
    return RECENT.format(rows=ROWS_WITH_OPINIONS if opinions else ROWS)


def recent_of(found: Iterable[tuple[str, int, int, str | None, datetime | None]]) -> RecentOpinions:
    """Rows of the recent query."""
    said, owned = [], []
    for player, app_id, minutes, opinion, since in found:
        if opinion is None:
            owned.append((player, app_id, minutes))
        else:
            said.append((player, app_id, opinion, since))
    return RecentOpinions(table_of(said, FEEDBACK), columns_of_rows(*(list(zip(*owned, strict=True)) or ((), (), ()))))


def columns_of(found: Iterable[tuple[str, str, str]]) -> InteractionColumns:
    """Of players with the ids of their games, in order, and the minutes beside them; players come in any order."""
    ids: list[str] = []
    apps: list[npt.NDArray[np.int32]] = []
    minutes: list[npt.NDArray[np.int32]] = []
    for player, their_apps, their_minutes in found:
        ids.append(player)
        apps.append(np.fromstring(their_apps, np.int32, sep=" "))
        minutes.append(np.fromstring(their_minutes, np.int32, sep=" "))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    sizes = np.array([len(apps[at]) for at in order], np.int64)
    return InteractionColumns(
        players=np.repeat(np.arange(len(order), dtype=np.int32), sizes),
        app_ids=_joined([apps[at] for at in order]),
        minutes=_joined([minutes[at] for at in order]),
        player_ids=[ids[at] for at in order],
    )


def cells_of(found: Iterable[tuple[int, str]]) -> Iterator[pa.RecordBatch]:
    """Each game's position and its packed cells as one batch of GRAM."""
    for position, packed in found:
        numbers = np.fromstring(packed, np.float64, sep=" ").reshape(-1, 3)
        columns = (
            pa.array(np.full(len(numbers), position, np.int32)),
            pa.array(numbers[:, 0].astype(np.int32)),
            pa.array(numbers[:, 1].astype(np.int64)),
            pa.array(numbers[:, 2].copy()),
        )
        yield pa.RecordBatch.from_arrays(list(columns), schema=GRAM)


def _kept(*, opinions: bool) -> str:
    return KEPT.format(rows=ROWS_WITH_OPINIONS if opinions else ROWS)


def _joined(arrays: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int32)
