"""Rows for a warehouse in one line each, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from recommender.catalog import Game
from storage.delta import Applied, Delta
from storage.warehouse import FEEDBACK, INTERACTIONS, REVIEWS, STORE_GAMES, Loaded, Warehouse, games_batch

NOW = datetime(2026, 1, 1, tzinfo=UTC)

Open = Callable[[str], Warehouse]
"""Opens the warehouse of that name, an empty one the first time; the same name in one test is the same warehouse."""


class Owned(NamedTuple):
    player: str
    app_id: int
    minutes: int = 0


class Review(NamedTuple):
    player: str
    app_id: int
    recommend: bool
    posted: date | None = None


class Opined(NamedTuple):
    player: str
    app_id: int
    opinion: str | None
    since: datetime = NOW


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def batch(rows: Sequence[Owned | Review | Opined], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: [getattr(row, name) for row in rows] for name in schema.names}, schema)


def table(rows: Sequence[Owned | Review | Opined], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([batch(rows, schema)], schema)


def own(warehouse: Warehouse, *rows: Owned, source: str = "test") -> Loaded:
    return warehouse.load_interactions([batch(rows, INTERACTIONS)], source, NOW)


def catalogue(warehouse: Warehouse, *games: Game) -> Loaded:
    return warehouse.load_games([games_batch(games)], "test", NOW)


def review(warehouse: Warehouse, *rows: Review) -> Loaded:
    return warehouse.load_reviews([batch(rows, REVIEWS)], "test", NOW)


def opine(warehouse: Warehouse, *rows: Opined) -> Loaded:
    return warehouse.load_feedback([batch(rows, FEEDBACK)], "test", NOW)


def said_by_store(*games: Game, seen: datetime = NOW) -> pa.Table:
    """Games as the store tells them: what a `Game` leaves empty is not said, but for the price."""
    columns = games_batch(games).to_pydict()
    columns["delisted"] = [game.delisted for game in games]
    columns["seen"] = [seen] * len(games)
    return pa.Table.from_pydict(columns, schema=STORE_GAMES)


def hear_store(warehouse: Warehouse, *games: Game, seen: datetime = NOW) -> Loaded:
    return warehouse.load_store_games(said_by_store(*games, seen=seen).to_batches(), "store", NOW)


def take_in(warehouse: Warehouse, delta: Delta, after: int, upto: int, lake: str = "lake") -> Applied:
    return warehouse.apply(delta, lake=lake, after=after, upto=upto, now=NOW)


def owned(warehouse: Warehouse, min_games: int = 1, min_players: int = 1, *, opinions: bool = False) -> list[Owned]:
    found = warehouse.training_interactions(min_games, min_players, opinions=opinions)
    columns = (found.players.tolist(), found.app_ids.tolist(), found.minutes.tolist())
    return sorted(Owned(found.player_ids[code], app, minutes) for code, app, minutes in zip(*columns, strict=True))


FULL = Game(
    app_id=10,
    title="Ten",
    tags=("Roguelike", "Action"),
    genres=("Indie",),
    developer="Dev",
    publisher="Pub",
    price=4.99,
    released=date(2017, 2, 24),
    year=2017,
    positive=5,
    negative=1,
    early_access=True,
    adult=True,
)

DELTA = Delta(
    events=5,
    interactions=table([Owned("a", 10, 7), Owned("b", 20, 3)], INTERACTIONS),
    games=said_by_store(FULL, replace(FULL, app_id=20, title="Twenty")),
    reviews=table([Review("a", 10, True)], REVIEWS),
    feedback=table([Opined("b", 10, "like")], FEEDBACK),
)
"""Two players, two games, a review and a like."""
