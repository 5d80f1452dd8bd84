"""Each wish leaves out exactly what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cached_property

import numpy as np
import pytest

from recommender.catalog import Catalog, Game
from recommender.games import Games
from recommender.interactions import ItemIndex
from recommender.shelf import Shelf, Wish

INDIE = Game(1, "Indie", ("Roguelike",), ("Indie",), price=10.0, year=2015)
FREE = Game(2, "Free", ("Puzzle", "Indie"), price=0.0, year=2018)
BIG = Game(3, "Big", ("Roguelike",), ("Action",), price=60.0, year=2020)
ADULT = Game(4, "Adult", ("Indie", "Puzzle"), price=5.0, year=2016, adult=True)
GONE = Game(5, "Gone", ("Roguelike", "Indie"), price=None, year=2010)
DATED = Game(6, "Dated", ("Indie",), price=20.0, released=date(2019, 5, 1))
TAKEN_DOWN = Game(8, "Taken Down", ("Roguelike", "Indie"), price=10.0, delisted=True)
UNDATED = Game(7, "Undated", ("Indie",), price=20.0)
GAMES = (INDIE, FREE, BIG, ADULT, GONE, DATED, UNDATED, TAKEN_DOWN)
STRANGER = 99
"""A game that the model knows and the catalogue does not."""


def shelf_of(games: tuple[Game, ...], players: list[int], *strangers: int) -> Shelf:
    ids = [*(game.app_id for game in games), *strangers]
    return Shelf(Catalog(games), ItemIndex(np.array(ids, np.int32), np.array(players, np.int32)))


@pytest.fixture
def shelf() -> Shelf:
    return shelf_of(GAMES, [80, 70, 60, 50, 40, 30, 20, 15, 10], STRANGER)


def allowed(shelf: Shelf, wish: Wish) -> set[str]:
    return {game.title for game, is_in in zip(shelf.games, shelf.allowed(wish), strict=True) if is_in and game}


EVERYTHING = Wish(indie_only=False, adult=True)


@pytest.mark.parametrize(
    ("wish", "left"),
    [
        (EVERYTHING, {"Indie", "Free", "Big", "Adult", "Dated", "Undated"}),
        (replace(EVERYTHING, indie_only=True), {"Indie", "Free", "Adult", "Dated", "Undated"}),
        (replace(EVERYTHING, adult=False), {"Indie", "Free", "Big", "Dated", "Undated"}),
        (replace(EVERYTHING, tag="Roguelike"), {"Indie", "Big"}),
        (replace(EVERYTHING, tag="Action"), {"Big"}),
        (replace(EVERYTHING, tag="Nobody's"), set()),
        (replace(EVERYTHING, max_price=10.0), {"Indie", "Free", "Adult"}),
        (replace(EVERYTHING, max_price=0.0), {"Free"}),
        (replace(EVERYTHING, since_year=2018), {"Free", "Big", "Dated"}),
        (replace(EVERYTHING, since_year=2019), {"Big", "Dated"}),
        (replace(EVERYTHING, hidden=frozenset({1, 3, 12345})), {"Free", "Adult", "Dated", "Undated"}),
        (Wish(tag="Puzzle", max_price=9.0, since_year=2016, hidden=frozenset({4})), {"Free"}),
        (Wish(), {"Indie", "Free", "Dated", "Undated"}),
    ],
    ids=lambda said: "-".join(sorted(said)) if isinstance(said, set) else "",
)
def test_a_wish_leaves_exactly_these(shelf: Shelf, wish: Wish, left: set[str]) -> None:
    assert allowed(shelf, wish) == left


def test_a_game_that_the_catalogue_does_not_know_is_never_allowed(shelf: Shelf) -> None:
    assert shelf.games[-1] is None
    assert not shelf.allowed(EVERYTHING)[-1]


def test_a_game_no_longer_sold_is_never_allowed(shelf: Shelf) -> None:
    assert not shelf.allowed(EVERYTHING)[GAMES.index(GONE)]


def test_what_one_request_does_to_its_mask_stays_with_it(shelf: Shelf) -> None:
    before = shelf.allowed(Wish()).copy()

    shelf.allowed(Wish())[:] = False
    shelf.tagged("Roguelike")[:] = False

    assert np.array_equal(shelf.allowed(Wish()), before)
    assert shelf.tagged("Roguelike").any()


@pytest.mark.parametrize(
    ("players", "hits"),
    [
        ([50, 30, 15, 5], 1),  # the first alone holds half
        ([40, 30, 20, 10], 2),
        ([25, 25, 25, 25], 2),
        ([30, 25, 25, 20], 2),
        ([26, 25, 25, 25], 2),
        ([1, 0, 0, 0], 1),
        ([0, 0, 0, 0], 0),
    ],
)
def test_hits_are_the_fewest_indie_games_that_hold_half_of_indie_ownership(players: list[int], hits: int) -> None:
    games = tuple(Game(app_id, str(app_id), ("Indie",)) for app_id in range(4))

    head = shelf_of(games, players).head

    assert head.tolist() == [True] * hits + [False] * (4 - hits)


def test_ownership_of_other_games_does_not_move_the_border() -> None:
    """900, 40, 35, 30, 20, 10 and 5 players; the indie ones are those of 40, 30, 20 and 10: half of 100 is 40 + 30."""
    indie = [False, True, False, True, True, True, False]
    games = tuple(Game(at, str(at), ("Indie",) if is_indie else ("Action",)) for at, is_indie in enumerate(indie))

    head = shelf_of(games, [900, 40, 35, 30, 20, 10, 5]).head

    assert (head & np.array(indie)).tolist() == [False, True, False, True, False, False, False]


def test_a_blockbuster_is_no_hidden_gem_though_it_is_not_indie() -> None:
    games = (Game(1, "Blockbuster"), Game(2, "Hit", ("Indie",)), Game(3, "Gem", ("Indie",)), Game(4, "Obscure"))

    head = shelf_of(games, [900, 40, 10, 5]).head

    assert head.tolist() == [True, True, False, False]


def test_without_an_indie_game_there_are_no_hits() -> None:
    assert not shelf_of((Game(1, "a"), Game(2, "b")), [9, 5]).head.any()


def test_recounted_it_is_the_shelf_of_those_counts_whatever_was_worked_out_before(shelf: Shelf) -> None:
    players = np.array([1, 90, 3, 4, 200, 6, 7, 8, 9], np.int32)
    worked_out = [name for name, found in vars(Shelf).items() if isinstance(found, cached_property)]
    for name in worked_out:
        getattr(shelf, name)

    recounted, anew = shelf.recounted(players), shelf_of(GAMES, players.tolist(), STRANGER)

    assert {"head", "games"} < set(worked_out)
    assert list(recounted.games) == list(anew.games)
    for name in {*worked_out} - {"games"}:
        np.testing.assert_equal(getattr(recounted, name), getattr(anew, name), err_msg=name)
    assert recounted.games is shelf.games
    assert np.array_equal(recounted.items.players, players)
    assert not np.array_equal(recounted.head, shelf.head)


def test_recounted_it_finds_the_same_games_in_the_same_places(shelf: Shelf) -> None:
    hidden = replace(EVERYTHING, hidden=frozenset({INDIE.app_id}))
    before = allowed(shelf, hidden)

    recounted = shelf.recounted(np.arange(9, dtype=np.int32))

    assert allowed(recounted, hidden) == before
    assert recounted.items.stamp == shelf.items.stamp


def test_series_that_are_kept_with_the_catalogue_are_those_that_are_worked_out() -> None:
    titles = ["Trine 2", "Celeste", "Trine", "Trine 4", "Frost"]
    games = [Game(app_id, title, developer="Frozenbyte") for app_id, title in enumerate(titles, start=1)]
    items = ItemIndex(np.array([5, 1, 77, 3, 2], np.int32), np.array([9, 8, 7, 6, 5], np.int32))
    worked_out = Shelf(Catalog(games), items)

    kept = Games.read(worked_out.with_series().tensors())
    series = Shelf(Catalog(kept), items).series

    assert kept.series is not None
    assert kept.series[kept.row[4]] == -1  # nobody owns it
    assert series[1] == series[3]
    assert len(set(series.tolist())) == len(set(worked_out.series.tolist())) == 4
