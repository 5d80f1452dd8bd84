"""The small world as it stands in a store on loopback, in a warehouse and in a registry."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from recommender.registry import Registry
from recommender.version import Card
from storage.warehouse import Warehouse, games_batch
from tests import worlds
from tests.fakes import NOON
from tests.loopback_store import LoopbackStore

BEFORE = 1_700_000_000
"""The moment at which everything was put into the store: long before NOON."""


def stock(store: LoopbackStore) -> None:
    """All games of the world but the one that is sold no longer."""
    for game in worlds.GAMES:
        if game is worlds.DELISTED:
            continue
        votes = (game.positive or 0) + (game.negative or 0)
        store.put(
            game.app_id,
            game.title,
            changed=BEFORE,
            tags=game.tags,
            cents=None if game.price is None else round(100 * game.price),
            is_free=game.price == 0.0,
            content_descriptorids=[3] if game.adult else [],
            reviews=(votes, round(100 * (game.positive or 0) / votes)) if votes else None,
        )


def import_world(warehouse: Warehouse) -> None:
    warehouse.load_games([games_batch(worlds.GAMES)], "a data set", NOON)


def publish_world(folder: Path, warehouse: Warehouse, created: datetime = NOON) -> tuple[Registry, Card]:
    registry = Registry(folder / "models")
    card = registry.publish(
        worlds.model(),
        warehouse.games(),
        created=created,
        metrics={},
        fingerprint="the world",
        synthetic=False,
        players=142,
    )
    return registry, card
