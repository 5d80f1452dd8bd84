"""The port to the warehouse: cleaned interactions, games, reviews and opinions, loaded in bulk, read whole."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from recommender.catalog import Game
from recommender.interactions import Weighting
from storage.delta import Applied, Delta, LedgerEntry, Rejected
from storage.warehouse_rows import (
    FEEDBACK,
    GAMES,
    GRAM,
    INTERACTIONS,
    REVIEWS,
    SAMPLE_SOURCE,
    STORE_GAMES,
    Counts,
    GramRows,
    InteractionColumns,
    Loaded,
    RecentOpinions,
    games_batch,
)

__all__ = [
    "FEEDBACK",
    "GAMES",
    "GRAM",
    "INTERACTIONS",
    "REVIEWS",
    "SAMPLE_SOURCE",
    "STORE_GAMES",
    "Applied",
    "Counts",
    "Delta",
    "GramRows",
    "InteractionColumns",
    "LedgerEntry",
    "Loaded",
    "RecentOpinions",
    "Rejected",
    "Warehouse",
    "games_batch",
]


class Warehouse(Protocol):
    """Keeps one row a (player, app_id) interaction, review and opinion, and one row a game.

    Loads are bulk, atomic and idempotent:

    - One call is one transaction. An exception out of `batches` leaves the warehouse as it was and passes unchanged.
    - Loading the same rows again changes nothing, and neither does the order in which sources are loaded, except
      that a field of a game belongs to the first source that knew it.
    - Rows with one key are merged, within a load and across loads: an interaction keeps the larger playtime; a review
      the later `posted` (a date over none; on one day, the recommending one); an opinion the later `since` (at one
      moment, the one taken back, else the first by the alphabet), and one taken back is remembered as such, so that
      an older one does not come back; games as the two methods say that load them.

    `source` names what the rows came from, `now` is when: both are kept for the record and change no answer but
    `is_synthetic`. Every method blocks, may be called from any thread, and reads one consistent state.

    `opinions` says whether what people think of games counts as what they own: a game that is liked or owned by
    their word is an interaction of 0 minutes where there is none, a hidden one is none even where there is one.

    Raises (every method):
        WarehouseBusy: another process or transaction holds the warehouse; worth another try.
        WarehouseError: the warehouse is damaged, foreign, read-only, full or gone.
    """

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema INTERACTIONS."""
        ...

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema GAMES: they fill null and empty fields, and no game loses a value.

        A price is not filled in where the store has been heard: its null means that the game is not for sale.
        """
        ...

    def load_store_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema STORE_GAMES: the store is right, and what it said later replaces what it said before.

        A null or empty field other than `price` says nothing and stays as it was known. A row that was `seen` no
        later than the last that counted changes nothing; in one load, each field is that of the last row to say it.
        """
        ...

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema REVIEWS."""
        ...

    def load_feedback(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema FEEDBACK. One that is taken back is changed, or added if it was unknown."""
        ...

    def apply(self, delta: Delta, *, lake: str, after: int, upto: int, now: datetime) -> Applied:
        """Takes in what a lake has to tell of its events after `after`, up to `upto`: all of it once, or nothing.

        One transaction compares the lake's watermark with `after` and sets it to `upto`, merges all kinds of rows as
        the loads do, keeps what was rejected and writes the ledger. So an export that was killed or runs twice is
        simply repeated: a delta that does not begin at the watermark changes nothing, and the answer says so.

        Raises:
            ValueError: `after` is negative or `upto` is not beyond it.
        """
        ...

    def watermark(self, lake: str) -> int:
        """The last event of the lake that was taken in, 0 before the first."""
        ...

    def ledger(self, lake: str) -> list[LedgerEntry]:
        """Every delta that was taken in, in their order; each begins where the one before ended."""
        ...

    def rejects(self, lake: str, limit: int = 100) -> list[Rejected]:
        """The events that were refused, the latest first."""
        ...

    def forget(self, player: str) -> dict[str, int]:
        """Removes all rows of a player at once, from interactions, reviews and feedback; says how many of each kind.

        Kinds without any are left out. What arrives later counts again: the lake has to have forgotten first.
        """
        ...

    def about(self, player: str) -> dict[str, list[dict[str, object]]]:
        """All rows of a player by kind, each as values by the names of the columns; kinds without any are left out."""
        ...

    def rows_of(self, beginning: str) -> tuple[pa.Table, pa.Table]:
        """All interactions and all opinions of the players whose names begin so, as INTERACTIONS and FEEDBACK."""
        ...

    def training_interactions(
        self, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> InteractionColumns:
        """All interactions of players with at least `min_games` games, then of games with `min_players` of those.

        Each rule is applied once, in this order, so that a kept player may end with fewer than `min_games` games;
        a player left without any is not among `player_ids`.
        """
        ...

    def recent_opinions(self, since: datetime, *, opinions: bool = False) -> RecentOpinions:
        """What people think of games and have thought only after `since`, with the interactions of these people.

        What was taken back meanwhile is no opinion. Interactions with the very games of these opinions are left out:
        so the libraries are those from which the opinions can be foretold.
        """
        ...

    def gram(
        self, weighting: Weighting, min_games: int = 1, min_players: int = 1, *, opinions: bool = False
    ) -> AbstractContextManager[GramRows]:
        """XᵀX of the very rows that `training_interactions` would answer, while the context lasts.

        Games stand by their number of players, the smaller id first where it is equal.

        Raises:
            NotEnoughData: there are no rows.
        """
        ...

    def games(self) -> list[Game]:
        """The catalogue by app id; a game whose title no source knows is left out."""
        ...

    def counts(self) -> Counts: ...

    def fingerprint(self, *, opinions: bool = False) -> str:
        """A hash of the interactions, whatever the order of loading; equal within one warehouse means unchanged.

        Not comparable between implementations, nor for ever: an upgrade of the warehouse may change it.
        """
        ...

    def is_synthetic(self) -> bool:
        """Whether anything here came from the invented sample world (a source named SAMPLE_SOURCE)."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
