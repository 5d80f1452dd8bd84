"""What a catalogue tells of its games: tags by their place, genres, makers."""

from __future__ import annotations

from math import log2

import pytest

from recommender.catalog import Catalog, Game
from recommender.features import GENRE, Told
from recommender.interactions import ItemIndex
from recommender.shelf import Shelf
from tests import worlds

ONE = Game(1, "One", ("Rogue-like", "Indie"), ("Indie", "Casual"), "Studio A", "Big")
OTHER = Game(2, "Other", ("Indie",), (), "studio a")


def told(of: Told, row: int) -> dict[str, float]:
    return {
        of.known[name]: value
        for at, name, value in zip(of.rows.tolist(), of.names.tolist(), of.values.tolist(), strict=True)
        if at == row
    }


def test_each_game_tells_its_tags_by_their_place_its_genres_and_its_makers() -> None:
    found = Told.of([ONE, None, OTHER])

    assert told(found, 0) == pytest.approx(
        {
            "tag roguelike": 1.0,
            "tag indie": 1 / log2(3),
            "genre indie": GENRE,
            "genre casual": GENRE,
            "developer studio a": 1.0,
            "publisher big": 1.0,
        }
    )
    assert told(found, 1) == {}
    assert told(found, 2) == {"tag indie": 1.0, "developer studio a": 1.0}
    assert len(set(found.known)) == len(found.known)


def test_games_on_a_shelf_tell_what_they_tell_alone() -> None:
    catalog = worlds.catalog()
    items: ItemIndex = worlds.model().items
    shelf = Shelf(Catalog(catalog), items)
    alone = Told.of([catalog.get(app_id) for app_id in items.app_ids.tolist()])
    placed = Told.of(shelf.games)

    assert all(told(placed, row) == told(alone, row) for row in range(len(items)))


def test_of_nothing_nothing_is_told() -> None:
    assert len(Told.of([]).rows) == len(Told.of([None, None]).rows) == 0
