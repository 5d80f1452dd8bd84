"""Games that hardly anybody owns: who gets one, labelled and with exact reasons, and who does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog import Catalog, Game
from recommender.content import Content, learn_content
from recommender.engine import explain, recommend
from recommender.interactions import ItemIndex, Owned
from recommender.library import Library
from recommender.linear import Linear
from recommender.newcomers import LEAST, ONE_IN, belongs_to_another
from recommender.recommend import Pick
from recommender.served import Served
from recommender.shelf import Shelf, Wish
from tests import worlds

LOVER = worlds.library("Ember Depths", "Dicebound", "Mirrorblade")
FARMER = worlds.library("Sunny Acres", "Turnip Days", "Harvest Ferry")
NEW = worlds.UNPLAYED
ANYTHING = Wish()
TWINS = tuple(replace(NEW, app_id=920 + at, title=f"Twin {at}") for at in range(4))


def served(*more: Game, enough: float = worlds.ENOUGH) -> Served:
    return worlds.served_with_content(more, enough=enough)


def new_of(picks: Sequence[Pick]) -> list[Game]:
    return [pick.game for pick in picks if pick.new]


def asked(library: Library, wish: Wish = ANYTHING, k: int = 5, world: Served | None = None) -> tuple[Pick, ...]:
    return recommend(world or served(), library, wish, k).picks


def test_who_loves_the_theme_gets_the_new_game_of_it_last_and_labelled() -> None:
    picks = asked(LOVER)

    assert new_of(picks) == [NEW]
    assert (len(picks), picks[-1].game, picks[-1].players) == (5, NEW, 0)


def test_a_game_that_is_liked_and_not_owned_speaks_for_a_new_one_as_such() -> None:
    liked = worlds.game("Mirrorblade").app_id
    new = asked(worlds.library("Ember Depths", "Dicebound").with_more(liked=[liked], owned=[]))[-1]

    assert new.new
    assert {because.game.app_id: because.liked for because in new.because} == {
        because.game.app_id: because.game.app_id == liked for because in new.because
    }
    assert any(because.liked for because in new.because)


def test_the_rest_of_the_answer_is_what_it_was() -> None:
    before = recommend(worlds.served(), LOVER, Wish(), 5).picks

    assert asked(LOVER)[:4] == before[:4]


def test_who_loves_another_theme_does_not() -> None:
    assert new_of(asked(FARMER)) == []
    assert asked(FARMER) == recommend(worlds.served(), FARMER, Wish(), 5).picks


def test_nobody_gets_it_where_no_score_is_good_enough() -> None:
    assert new_of(asked(LOVER, world=served(enough=np.inf))) == []


def test_a_player_of_whom_nothing_is_known_does_not() -> None:
    assert new_of(asked(Library({123456: 60}))) == []


def test_who_owns_it_does_not() -> None:
    assert new_of(asked(LOVER.with_more((), (NEW.app_id,)))) == []


@pytest.mark.parametrize(
    "wish",
    [
        Wish(hidden=frozenset({NEW.app_id})),
        Wish(max_price=9.98),
        Wish(tag="Puzzle"),
        Wish(since_year=2019),
        Wish(head=1.0),
    ],
    ids=["hidden", "too dear", "of another tag", "too old", "hits alone"],
)
def test_what_is_against_the_wish_is_not_picked(wish: Wish) -> None:
    assert new_of(asked(LOVER, wish)) == []


def test_a_wish_that_nothing_known_fulfils_is_answered_by_what_is_new() -> None:
    picks = asked(LOVER, Wish(since_year=2018, tag="Roguelike"))

    assert [pick.game for pick in picks] == [NEW]


@given(st.integers(0, 23), st.sampled_from([None, 0.0, 0.3, 0.5, 1.0]))
def test_at_most_one_pick_in_five_is_new(k: int, head: float | None) -> None:
    picks = asked(LOVER, Wish(head=head), k, served(*TWINS))

    assert len(new_of(picks)) <= (math.ceil(k / ONE_IN) if k >= LEAST else 0)
    assert len(picks) <= k
    assert len({pick.game.app_id for pick in picks}) == len(picks)


def test_page_after_page_one_in_each_five_is_new() -> None:
    world, shown, new = served(*TWINS), set[int](), list[int]()
    for page in range(4):
        picks = asked(LOVER, Wish(hidden=frozenset(shown), before=3 * page), 3, world)
        new += [3 * page + place for place, pick in enumerate(picks) if pick.new]
        shown |= {pick.game.app_id for pick in picks}

    assert new == [2, 5, 11]


def test_a_mix_keeps_its_hits() -> None:
    wish, shelf = Wish(head=0.5), worlds.served().shelf
    hits = {game.app_id for game, hit in zip(shelf.games, shelf.head, strict=True) if hit and game}
    before, after = (
        {pick.game.app_id for pick in recommend(world, LOVER, wish, 10).picks} for world in (worlds.served(), served())
    )

    assert NEW.app_id in after
    assert after & hits == before & hits


def test_its_reasons_are_the_exact_shares_of_owned_games() -> None:
    world = served()
    (pick,) = (pick for pick in asked(LOVER, world=world) if pick.new)
    owned = world.scorer.items.owned(LOVER)
    shares = share_by_definition(world, owned)

    assert pick.score == pytest.approx(shares.sum(), rel=1e-4)
    assert {because.game.app_id: because.share for because in pick.because} == pytest.approx(
        dict(zip(world.scorer.items.app_ids[owned.positions].tolist(), shares / shares[shares > 0].sum(), strict=True)),
        rel=1e-3,
    )


def share_by_definition(world: Served, owned: Owned) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """From P and T in float64, without the scorer: W = B D^-½ T (TᵀT + 8I)⁻¹."""
    model, content = worlds.model(), world.content
    assert content is not None
    P = model.inverse.astype(np.float64)
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    T = content.rows(world.shelf.games).toarray().astype(np.float64)
    W = B / np.sqrt(model.items.players + 10) @ T @ np.linalg.inv(T.T @ T + 8 * np.eye(T.shape[1]))
    t = content.rows([NEW]).toarray()[0].astype(np.float64)
    weights = model.settings.weighting.weights(owned.minutes)
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = weights * (W[owned.positions] @ t)
    return found


def test_why_speaks_of_it_in_the_same_words() -> None:
    world = served()
    (pick,) = (pick for pick in asked(LOVER, world=world) if pick.new)

    assert explain(world, LOVER, NEW) == pick


def test_why_speaks_of_an_old_game_that_nobody_owns_without_calling_it_new() -> None:
    old = replace(NEW, app_id=921, title="Long Forgotten", year=1999)
    pick = explain(served(old), LOVER, old)

    assert pick is not None
    assert pick.because
    assert not pick.new


@pytest.mark.parametrize(
    "game",
    [
        replace(NEW, year=2015),
        replace(NEW, year=None),
        replace(NEW, price=None),
        replace(NEW, delisted=True),
        replace(NEW, adult=True),
        replace(NEW, genres=()),
        replace(NEW, title="Brand New Thing Soundtrack"),
        replace(NEW, title="Dicebound: Golden Dice", developer="Dicebound Studio"),
        replace(NEW, tags=(), genres=("Indie",)),
    ],
    ids=["old", "undated", "unsold", "delisted", "adult", "no indie", "a soundtrack", "a part", "of no theme"],
)
def test_what_is_no_news_is_not_picked(game: Game) -> None:
    world = replace(served(), catalog=Catalog([*(one for one in worlds.GAMES if one != NEW), game]))

    assert new_of(asked(LOVER, world=world)) == []


def test_a_game_of_yesterday_is_picked_by_a_catalogue_alone() -> None:
    """Nothing is fitted anew: what was learned is by the names of tags and studios."""
    yesterday = replace(NEW, app_id=930, title="Out Yesterday", released=date(2019, 5, 1), year=2019)
    later = replace(served(), catalog=Catalog([*worlds.GAMES, yesterday]))
    picks = asked(LOVER, Wish(hidden=frozenset({NEW.app_id})), world=later)

    assert new_of(picks) == [yesterday]


def test_with_an_old_catalogue_its_latest_games_are_new() -> None:
    """The catalogue tells the time, so the first dates that lie in the future move nothing while they are few."""
    dates = [replace(NEW, app_id=1000 + at, title=f"Old {at}", tags=("Action",), year=2010) for at in range(300)]
    mistaken = replace(NEW, app_id=999_999, title="From The Future", tags=("Action",), year=2099)
    world = served(*dates, mistaken)

    assert world.newcomers is not None
    new = {game.title for game, is_new in zip(world.themes.games, world.newcomers.new, strict=True) if is_new and game}
    assert "Brand New Thing" in new
    assert not any(title.startswith("Old") for title in new)


def test_a_game_that_few_own_is_new_as_well() -> None:
    fitted = worlds.model()
    players = fitted.items.players.copy()
    at = fitted.items.position(worlds.game("Cavern: Deeper").app_id)
    assert at is not None
    players[at] = 4
    rare = Linear(ItemIndex(fitted.items.app_ids, players), fitted.inverse, fitted.settings)
    games = [replace(one, year=2019) if one.title == "Cavern: Deeper" else one for one in worlds.GAMES if one != NEW]
    world = replace(served(), scorer=rare, catalog=Catalog(games))
    picks = asked(LOVER, world=world)

    assert [(pick.game.title, pick.players) for pick in picks if pick.new] in ([], [("Cavern: Deeper", 4)])
    assert len({pick.game.app_id for pick in picks}) == len(picks)


@pytest.mark.parametrize(
    ("title", "developer", "expected"),
    [
        ("Dicebound - Winter Skins", "Dicebound Studio", True),
        ("Dicebound: The Soundtrack", None, True),
        ("Anything OST", None, True),
        ("Dicebound - Of Another Studio", "Somebody", False),
        ("Dicebound 2", "Dicebound Studio", False),
        ("Frost: Returned", "Dicebound Studio", False),
    ],
)
def test_parts_of_other_games_are_told_by_their_titles(title: str, developer: str | None, expected: bool) -> None:
    catalog = Catalog([*worlds.catalog(), Game(950, title, developer=developer)])

    assert belongs_to_another(catalog.games.row[950], catalog) is expected


def test_what_is_learned_comes_back_from_its_tensors() -> None:
    content = served().content
    assert content is not None
    again = Content.of_tensors(content.tensors())

    assert again is not None
    assert again.features == content.features
    assert again.enough == pytest.approx(content.enough)
    assert np.array_equal(again.weights, content.weights)
    assert Content.of_tensors({}) is None


def test_a_catalogue_that_says_nothing_places_nothing() -> None:
    shelf = Shelf(Catalog([]), worlds.model().items)
    content = learn_content(worlds.model(), shelf.games)

    assert content.weights.shape == (len(shelf.items), 0)
    assert content.rows([NEW]).shape == (1, 0)
