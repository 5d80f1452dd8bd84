"""What a lake has to tell a warehouse: one delta, what became of it, and the ledger to check counts against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from storage.warehouse_rows import FEEDBACK, GAMES, INTERACTIONS, REVIEWS, STORE_GAMES, Loaded

KINDS = ("interactions", "games", "reviews", "feedback")
ABOUT_PLAYERS = ("interactions", "reviews", "feedback")


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot be used; what it said stays in the lake alone, so `reason` repeats none of it."""

    sequence: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """What `events` events in a row came to; each table has the schema of its kind.

    `games` is what the store said (STORE_GAMES), `catalogue` what imported sets know of games (GAMES): that comes in
    first, and both count as rows of games.

    `forgotten` are players, by the kind of rows (interactions, reviews, feedback) that are to go before the delta's own
    come in. It lies in memory whole: a long lake is told in several deltas.
    """

    events: int
    interactions: pa.Table = field(default_factory=INTERACTIONS.empty_table)
    games: pa.Table = field(default_factory=STORE_GAMES.empty_table)
    catalogue: pa.Table = field(default_factory=GAMES.empty_table)
    reviews: pa.Table = field(default_factory=REVIEWS.empty_table)
    feedback: pa.Table = field(default_factory=FEEDBACK.empty_table)
    forgotten: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rejects: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether a delta was taken in, and where the lake's watermark stands now; `rows` by kind, empty where it was not.

    `forgotten` counts the rows that went, by kind.

    Not taken in means that nothing changed: the watermark stood elsewhere than the delta begins. Where it stands at
    the delta's end or beyond, the delta was taken in before.
    """

    taken: bool
    watermark: int
    rows: Mapping[str, Loaded] = field(default_factory=dict)
    forgotten: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One delta that was taken in: the events after `after`, up to and including `upto`.

    `rows` counts the rows that it had of each of KINDS, `rejected` the events of each kind that were refused.
    """

    lake: str
    after: int
    upto: int
    events: int
    rows: Mapping[str, int]
    rejected: Mapping[str, int]
    loaded_at: datetime
