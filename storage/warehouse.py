"""The port to the warehouse: cleaned interactions, games and reviews, loaded in bulk and read whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommender.catalog import Game

SAMPLE_SOURCE = "sample"
"""The source name of the invented world that ships with the product: see `Warehouse.is_synthetic`."""

INTERACTIONS = pa.schema(
    [
        pa.field("player", pa.string(), nullable=False),
        pa.field("app_id", pa.int32(), nullable=False),
        pa.field("minutes", pa.int32(), nullable=False),
    ]
)
"""One row a game owned; 0 minutes is owned and never started."""

GAMES = pa.schema(
    [
        pa.field("app_id", pa.int32(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("genres", pa.list_(pa.string())),
        pa.field("developer", pa.string()),
        pa.field("publisher", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("released", pa.date32()),
        pa.field("year", pa.int32()),
        pa.field("positive", pa.int32()),
        pa.field("negative", pa.int32()),
        pa.field("early_access", pa.bool_()),
        pa.field("adult", pa.bool_()),
    ]
)
"""The fields of `Game`, where null is "this source does not know". Tags stand in the order of their votes."""

REVIEWS = pa.schema(
    [
        pa.field("player", pa.string(), nullable=False),
        pa.field("app_id", pa.int32(), nullable=False),
        pa.field("recommend", pa.bool_(), nullable=False),
        pa.field("posted", pa.date32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one load did: of `read` rows, `repeated` had a key that this load had brought before.

    `added` keys were new, `changed` keys were there and now hold something else; all other keys stayed as they were.
    """

    read: int
    added: int
    changed: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Counts:
    """`players` and `items` are the distinct ones among the interactions; `games` is the size of the catalogue."""

    interactions: int
    players: int
    items: int
    games: int
    reviews: int


@dataclass(frozen=True, slots=True)
class InteractionColumns:
    """Interactions as columns of equal length, sorted by player code, then by app id.

    `players` holds codes 0 to P-1, which are positions in `player_ids`; codes follow the order of the ids as strings.
    """

    players: npt.NDArray[np.int32]  # [rows]
    app_ids: npt.NDArray[np.int32]  # [rows]
    minutes: npt.NDArray[np.int32]  # [rows]
    player_ids: Sequence[str]  # [P]

    def __len__(self) -> int:
        return len(self.app_ids)


class Warehouse(Protocol):
    """Keeps one row a (player, app_id) interaction, one row a game, one row a (player, app_id) review.

    Loads are bulk, atomic and idempotent:

    - One call is one transaction. An exception out of `batches` leaves the warehouse as it was and passes unchanged.
    - Loading the same rows again changes nothing, and neither does the order in which sources are loaded, except
      that a field of a game belongs to the first source that knew it.
    - Rows with one key are merged, within a load and across loads: an interaction keeps the larger playtime; a review
      the later `posted` (a date over none; on one day, the recommending one); a game fills its null and empty fields
      and never loses a value.

    `source` names what the rows came from, `now` is when: both are kept for the record and change no answer but
    `is_synthetic`. Every method blocks, may be called from any thread, and reads one consistent state.

    Raises (every method):
        WarehouseBusy: another process or transaction holds the warehouse; worth another try.
        WarehouseError: the warehouse is damaged, foreign, read-only or gone.
    """

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema INTERACTIONS."""
        ...

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema GAMES."""
        ...

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """Batches have the schema REVIEWS."""
        ...

    def training_interactions(self, min_games: int = 1, min_players: int = 1) -> InteractionColumns:
        """All interactions of players with at least `min_games` games, then of games with `min_players` of those.

        Each rule is applied once, in this order, so that a kept player may end with fewer than `min_games` games;
        a player left without any is not among `player_ids`.
        """
        ...

    def games(self) -> list[Game]:
        """The catalogue by app id; a game whose title no source knows is left out."""
        ...

    def counts(self) -> Counts: ...

    def fingerprint(self) -> str:
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


def games_batch(games: Sequence[Game]) -> pa.RecordBatch:
    """Games as rows of GAMES; what a `Game` cannot tell from unknown (no tags, not adult) stays unknown."""
    rows = {name: [getattr(game, name) for game in games] for name in GAMES.names}
    for name in ("tags", "genres"):
        rows[name] = [list(values) or None for values in rows[name]]
    for name in ("early_access", "adult"):
        rows[name] = [value or None for value in rows[name]]
    return pa.RecordBatch.from_pydict(rows, schema=GAMES)
