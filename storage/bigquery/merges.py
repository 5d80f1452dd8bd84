"""Rows into BigQuery's tables: what was staged, reduced to one row a key, then merged set against set.

The SQL says the same as `storage.duckdb.merges`. BigQuery knows no null array, so an empty one is what is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from storage.warehouse_rows import FEEDBACK, GAMES, INTERACTIONS, REVIEWS, STORE_GAMES

ORDINAL = "ordinal"
"""The column of a staging table that numbers its rows as they came."""


@dataclass(frozen=True)
class Merge:
    """`best` selects one row a key from `{staged}`; where `changes` holds of `old` and `best`, `updates` are set.

    `name` is that of the merge: two into one table are told apart by it.
    """

    table: str
    schema: pa.Schema
    key: tuple[str, ...]
    best: str
    changes: str
    updates: Mapping[str, str]
    name: str

    def statements(self, staged: str) -> Iterator[str]:
        """They leave one row in the table `counted`: how many keys were found, and how many added and changed."""
        same = " AND ".join(f"old.{name} = best.{name}" for name in self.key)
        names = self.schema.names
        sets = ", ".join(f"{name} = {value}" for name, value in self.updates.items())
        yield f"CREATE TEMP TABLE best_{self.name} AS {self.best.format(staged=staged)}"
        yield f"""
CREATE TEMP TABLE {self.counted} AS
SELECT COUNT(*) AS found, COUNTIF(old.app_id IS NULL) AS added,
       COUNTIF(old.app_id IS NOT NULL AND ({self.changes})) AS changed
FROM best_{self.name} AS best LEFT JOIN {self.table} AS old ON {same}"""  # noqa: S608  our schema
        yield f"""
MERGE INTO {self.table} AS old USING best_{self.name} AS best ON {same}
WHEN MATCHED AND ({self.changes}) THEN UPDATE SET {sets}
WHEN NOT MATCHED THEN INSERT ({", ".join(names)}) VALUES ({", ".join(f"best.{name}" for name in names)})"""  # noqa: S608  our schema

    @property
    def counted(self) -> str:
        return f"counted_{self.name}"


PAIR = ("player", "app_id")

OWNERSHIP = Merge(
    "interactions",
    INTERACTIONS,
    PAIR,
    "SELECT player, app_id, MAX(minutes) AS minutes FROM {staged} GROUP BY player, app_id",
    "best.minutes > old.minutes",
    {"minutes": "best.minutes"},
    "interactions",
)

RATINGS = Merge(
    "reviews",
    REVIEWS,
    PAIR,
    """
SELECT player, app_id, recommend, posted FROM {staged} WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY player, app_id ORDER BY posted DESC NULLS LAST, recommend DESC) = 1""",
    """
    best.posted > old.posted OR (old.posted IS NULL AND best.posted IS NOT NULL)
    OR (best.posted IS NOT DISTINCT FROM old.posted AND best.recommend AND NOT old.recommend)""",
    {"recommend": "best.recommend", "posted": "best.posted"},
    "reviews",
)

# An opinion that was taken back stays as a row with null, so that an older row cannot bring it back.
OPINIONS = Merge(
    "feedback",
    FEEDBACK,
    PAIR,
    """
SELECT player, app_id, opinion, since FROM {staged} WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY player, app_id ORDER BY since DESC, opinion NULLS FIRST) = 1""",
    """
    best.since > old.since
    OR (best.since = old.since AND COALESCE(best.opinion, '') < COALESCE(old.opinion, ''))""",
    {"opinion": "best.opinion", "since": "best.since"},
    "feedback",
)

FIELDS = tuple(name for name in GAMES.names if name != "app_id")
LISTS = frozenset({"tags", "genres"})
TEXTS = frozenset({"title", "developer", "publisher"})


def _known(name: str, of: str = "") -> str:
    """Whether a field says anything, as a condition."""
    if name in LISTS:
        return f"ARRAY_LENGTH({of}{name}) > 0"
    return f"{of}{name} != ''" if name in TEXTS else f"{of}{name} IS NOT NULL"


def _first(name: str, order: str) -> str:
    """Of the rows that know a field, the value of the one that is first in `order`."""
    first = f"MIN_BY({name}, IF({_known(name)}, {order}, NULL))"
    if name in LISTS:
        return f"COALESCE({first}, ARRAY<STRING>[]) AS {name}"
    return f"NULLIF({first}, '') AS {name}" if name in TEXTS else f"{first} AS {name}"


def _unknown(name: str) -> str:
    return f"ARRAY_LENGTH(old.{name}) = 0" if name in LISTS else f"old.{name} IS NULL"


FILLS = {name: f"{_unknown(name)} AND {_known(name, 'best.')}" for name in FIELDS}
FILLS["price"] += " AND old.seen IS NULL"  # else the store has said that it is not for sale

CATALOGUE = Merge(
    "games",
    GAMES,
    ("app_id",),
    "SELECT app_id, {} FROM {{staged}} GROUP BY app_id".format(", ".join(_first(name, ORDINAL) for name in FIELDS)),  # noqa: S608  our schema
    " OR ".join(f"({fills})" for fills in FILLS.values()),
    {name: f"IF({fills}, best.{name}, old.{name})" for name, fills in FILLS.items()},
    "catalogue",
)

SAID = [name for name in FIELDS if name != "price"]

STORE = Merge(
    "games",
    STORE_GAMES,
    ("app_id",),
    """
SELECT app_id, {}, MAX(IF(back = 1, price, NULL)) AS price, MIN_BY(delisted, back) AS delisted, MAX(seen) AS seen
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY app_id ORDER BY seen DESC, ordinal DESC) AS back FROM {{staged}}
)
GROUP BY app_id""".format(", ".join(_first(name, "back") for name in SAID)),  # noqa: S608  our schema
    "old.seen IS NULL OR best.seen > old.seen",
    {name: f"IF({_known(name, 'best.')}, best.{name}, old.{name})" for name in SAID}
    | {name: f"best.{name}" for name in ("price", "delisted", "seen")},
    "games",
)
