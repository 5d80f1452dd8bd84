"""The rows of a warehouse: the schemas in which they come, and the columns and counts that go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommender.catalog import Game
from recommender.interactions import Floats, ItemIndex, numbered

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

MOMENT = pa.timestamp("us", tz="UTC")

STORE_GAMES = pa.schema([*GAMES, pa.field("delisted", pa.bool_(), nullable=False), pa.field("seen", MOMENT, False)])
"""What the store said of a game at the moment `seen`. Here a null `price` is news, too: the game is not for sale."""

REVIEWS = pa.schema(
    [
        pa.field("player", pa.string(), nullable=False),
        pa.field("app_id", pa.int32(), nullable=False),
        pa.field("recommend", pa.bool_(), nullable=False),
        pa.field("posted", pa.date32()),
    ]
)

FEEDBACK = pa.schema(
    [
        pa.field("player", pa.string(), nullable=False),
        pa.field("app_id", pa.int32(), nullable=False),
        pa.field("opinion", pa.string()),
        pa.field("since", MOMENT, nullable=False),
    ]
)
"""`opinion` is like, own or hide, or null from the moment on at which it was taken back."""

GRAM = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("column", pa.int32(), nullable=False),
        pa.field("players", pa.int64(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)
"""A cell of XᵀX: two positions of the item index, `column` <= `row`, how many own both, the sum of weight products."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one load did: of `read` rows, `repeated` had a key that this load had brought before.

    `added` keys were new, `changed` keys were there and now hold something else; all other keys stayed as they were.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    repeated: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(
            self.read + other.read,
            self.added + other.added,
            self.changed + other.changed,
            self.repeated + other.repeated,
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """`players` and `items` are the distinct ones among the interactions; `games` is the size of the catalogue.

    `feedback` counts opinions that are held, without those that were taken back.
    """

    interactions: int
    players: int
    items: int
    games: int
    reviews: int
    feedback: int = 0


@dataclass(frozen=True, slots=True)
class InteractionColumns:
    """Interactions as columns of equal length, the rows in any order.

    `players` holds codes 0 to P-1, which are positions in `player_ids`; codes follow the order of the ids as strings.
    """

    players: npt.NDArray[np.int32]  # [rows]
    app_ids: npt.NDArray[np.int32]  # [rows]
    minutes: npt.NDArray[np.int32]  # [rows]
    player_ids: Sequence[str]  # [P]

    def __len__(self) -> int:
        return len(self.app_ids)


@dataclass(frozen=True, slots=True, eq=False)
class RecentOpinions:
    """`feedback` has the schema FEEDBACK, by player and game; `libraries` what else these players have, if anything."""

    feedback: pa.Table
    libraries: InteractionColumns


def table_of(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    """Rows, with their values in the order of the schema, as a table of it."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.names)
    return pa.table([pa.array(column, part.type) for column, part in zip(columns, schema, strict=True)], schema=schema)


def columns_of_rows(players: Sequence[str], app_ids: Sequence[int], minutes: Sequence[int]) -> InteractionColumns:
    ids = sorted(set(players))
    code = {player: at for at, player in enumerate(ids)}
    codes = np.fromiter((code[player] for player in players), np.int32, len(players))
    return InteractionColumns(codes, np.array(app_ids, np.int32), np.array(minutes, np.int32), ids)


def with_players(columns: InteractionColumns, min_players: int) -> InteractionColumns:
    """Only games with so many players, and only players who are left with any."""
    if min_players <= 1 or not len(columns):
        return columns
    _, games = numbered(columns.app_ids)
    kept = (np.bincount(games) >= min_players)[games]  # [rows]
    players = columns.players[kept]
    left = np.zeros(len(columns.player_ids), bool)
    left[players] = True
    codes = np.cumsum(left, dtype=np.int32) - np.int32(1)  # [P]
    ids = list(compress(columns.player_ids, left))
    return InteractionColumns(codes[players], columns.app_ids[kept], columns.minutes[kept], ids)


@dataclass(frozen=True, slots=True, eq=False)
class GramRows:
    """XᵀX of all players, counted where the rows are: only games by games travel.

    `items` are the n games, `players` the m players who own any of them. `cells` yields the lower triangle as
    batches of GRAM: each cell once, in any order, those that no player fills left out. It can be read once.
    """

    items: ItemIndex
    players: int
    cells: Iterator[pa.RecordBatch]

    def triangle(self) -> Floats:
        """The lower triangle in one matrix [n x n] float32 in C order, zeros above it: what a fit solves in place."""
        G = np.zeros((len(self.items), len(self.items)), np.float32)
        for cells in self.cells:
            G[cells["row"].to_numpy(), cells["column"].to_numpy()] = cells["weight"].to_numpy()
        return G


def games_batch(games: Sequence[Game]) -> pa.RecordBatch:
    """Games as rows of GAMES; what a `Game` cannot tell from unknown (no tags, not adult) stays unknown."""
    rows = {name: [getattr(game, name) for game in games] for name in GAMES.names}
    for name in ("tags", "genres"):
        rows[name] = [list(values) or None for values in rows[name]]
    for name in ("early_access", "adult"):
        rows[name] = [value or None for value in rows[name]]
    return pa.RecordBatch.from_pydict(rows, schema=GAMES)
