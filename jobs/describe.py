"""What the warehouse holds, in figures: how many, how dense, how skewed, how indie, how well described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from recommender.catalog import Game
from recommender.errors import NotEnoughData
from storage.warehouse import Warehouse

Whole = npt.NDArray[np.int64]

HOURS = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, np.inf)
"""Edges of the playtime classes in hours; 0 alone is a class before the first of them."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Players x games; `density` is the share of cells that hold an interaction."""

    rows: int
    players: int
    games: int

    @property
    def density(self) -> float:
        return self.rows / (self.players * self.games) if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Percentiles by the nearest value below, so that each is a number that occurs."""

    min: int
    p5: int
    p25: int
    p50: int
    p75: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A genre or tag: its share of the games that anyone owns, and of the rows."""

    name: str
    games: float
    rows: float


@dataclass(frozen=True, slots=True)
class Shapes:
    """The distributions that the charts draw."""

    items_per_player: Whole  # [players]
    players_per_item: Whole  # [games], descending
    playtime: Whole  # [1 + classes of HOURS]: never started, then rows a class
    topics: tuple[Topic, ...]  # the commonest among rows first


@dataclass(frozen=True, slots=True)
class Description:
    """Quantiles, shares and shapes are those of all interactions; `kept` are players with at least `min_games`.

    `coverage` maps a field of a game to the share of owned games for which it is known.
    """

    everything: Matrix
    kept: Matrix
    min_games: int
    items_per_player: Quantiles
    players_per_item: Quantiles
    never_started: float
    indie_games: int
    indie_game_share: float
    indie_row_share: float
    catalogue: int
    coverage: Mapping[str, float]
    synthetic: bool
    shapes: Shapes

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, without the shapes."""
        plain: dict[str, object] = {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name != "shapes"}
        return plain


def describe(warehouse: Warehouse, min_games: int = 21) -> Description:
    """Reads all interactions once; blocks.

    Raises:
        NotEnoughData: nothing was imported yet.
        WarehouseError: the warehouse cannot be read.
    """
    columns = warehouse.training_interactions()
    if not len(columns):
        raise NotEnoughData("the warehouse has no interactions yet: run `indiean data import` first")
    games = {game.app_id: game for game in warehouse.games()}
    app_ids, item_codes = np.unique(columns.app_ids, return_inverse=True)  # [items], [rows]
    per_player = np.bincount(columns.players)  # [players]
    per_item = np.bincount(item_codes)  # [items]
    keeps = (per_player >= min_games)[columns.players]  # [rows]
    owned = [games.get(int(app_id)) for app_id in app_ids]
    indie = np.array([game is not None and game.indie for game in owned])  # [items]
    return Description(
        everything=Matrix(len(columns), len(per_player), len(app_ids)),
        kept=Matrix(int(keeps.sum()), int((per_player >= min_games).sum()), len(np.unique(item_codes[keeps]))),
        min_games=min_games,
        items_per_player=_quantiles(per_player),
        players_per_item=_quantiles(per_item),
        never_started=float((columns.minutes == 0).mean()),
        indie_games=int(indie.sum()),
        indie_game_share=float(indie.mean()),
        indie_row_share=float(per_item[indie].sum() / len(columns)),
        catalogue=len(games),
        coverage=_coverage(owned),
        synthetic=warehouse.is_synthetic(),
        shapes=Shapes(per_player, np.sort(per_item)[::-1], _playtime(columns.minutes), _topics(owned, per_item)),
    )


def _quantiles(counts: Whole) -> Quantiles:
    return Quantiles(*(int(value) for value in np.percentile(counts, (0, 5, 25, 50, 75, 95, 100), method="lower")))


def _playtime(minutes: npt.NDArray[np.int32]) -> Whole:
    started = minutes[minutes > 0] / 60
    return np.concatenate([[len(minutes) - len(started)], np.histogram(started, HOURS)[0]]).astype(np.int64)


def _coverage(owned: list[Game | None]) -> dict[str, float]:
    known = {
        "title": [game is not None for game in owned],
        "genres": [game is not None and bool(game.genres) for game in owned],
        "tags": [game is not None and bool(game.tags) for game in owned],
        "developer": [game is not None and game.developer is not None for game in owned],
        "publisher": [game is not None and game.publisher is not None for game in owned],
        "price": [game is not None and game.price is not None for game in owned],
        "year": [game is not None and game.year is not None for game in owned],
        "reviews": [game is not None and game.positive is not None for game in owned],
    }
    return {name: sum(there) / len(owned) for name, there in known.items()}


def _topics(owned: list[Game | None], per_item: Whole) -> tuple[Topic, ...]:
    games: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    for game, players in zip(owned, per_item.tolist(), strict=True):
        for name in {*game.genres, *game.tags} if game is not None else ():
            games[name] += 1
            rows[name] += players
    every = int(per_item.sum())
    ordered = sorted(rows, key=lambda name: (-rows[name], name))
    return tuple(Topic(name, games[name] / len(owned), rows[name] / every) for name in ordered)


def _plain(value: object) -> object:
    if isinstance(value, Matrix):
        return asdict(value) | {"density": value.density}
    if isinstance(value, Quantiles):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else value
