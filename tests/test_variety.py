"""No studio and no series crowds out the others, where there are others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog import Catalog, Game
from recommender.interactions import Floats, ItemIndex, Weighting
from recommender.library import Library
from recommender.linear import Linear, LinearSettings
from recommender.recommend import mixed_top, of_theme, picks_for, similar_to, varied_top
from recommender.shelf import Mask, Shelf, Wish
from recommender.variety import SPREAD, crowded

Drawn = tuple[Floats, Mask, Mask, list[int]]


@st.composite
def crowds(draw: st.DrawFn) -> Drawn:
    """Scores [n], a mask, a head, and of which of a few studios each game is."""
    n = draw(st.integers(1, 60))
    scores = np.array(draw(st.permutations(range(n))), np.float32)
    mask, head = (np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool) for _ in range(2))
    return scores, mask, head, draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))


@given(crowds(), st.sampled_from([None, 0.0, 0.3, 1.0]), st.integers(0, 20))
def test_a_varied_list_is_as_long_as_a_plain_one_with_as_many_hits_and_the_best_first(
    world: Drawn, share: float | None, k: int
) -> None:
    scores, mask, head, studios = world
    plain = mixed_top(scores, mask, head, share, k)

    varied = varied_top(scores, mask, head, share, k, lambda at: (studios[at],))

    assert len(varied) == len(set(varied.tolist())) == len(plain)
    assert mask[varied].all()
    assert (np.diff(scores[varied]) < 0).all()
    if share is not None:
        assert head[varied].sum() == head[plain].sum()


@given(crowds(), st.sampled_from([None, 0.3]), st.integers(1, 10))
def test_there_are_more_of_a_studio_only_where_nothing_else_was_left(world: Drawn, share: float | None, k: int) -> None:
    scores, mask, head, studios = world

    varied = varied_top(scores, mask, head, share, k, lambda at: (studios[at],))

    counts = Counter(studios[at] for at in varied)
    others = [at for at in np.flatnonzero(mask) if at not in varied and counts[studios[at]] < SPREAD]
    if max(counts.values(), default=0) > SPREAD:
        assert not others or share is not None


@given(crowds(), st.integers(1, 10))
def test_a_list_that_is_not_crowded_stays_as_it_is(world: Drawn, k: int) -> None:
    scores, mask, head, _ = world
    plain = mixed_top(scores, mask, head, None, k)

    assert varied_top(scores, mask, head, None, k, lambda at: (at,)).tolist() == plain.tolist()


def shelf_of(games: list[Game]) -> Shelf:
    priced = [replace(game, price=1.0, genres=("Indie",), positive=9, negative=1) for game in games]
    ids = np.array([game.app_id for game in games], np.int32)
    return Shelf(Catalog(priced), ItemIndex(ids, np.arange(len(games), 0, -1, dtype=np.int32)))


PROLIFIC = [Game(at, f"Saga {at}", ("Cozy",), developer="Prolific Games") for at in range(1, 8)]
OTHERS = [Game(at, title, ("Cozy",), developer=title) for at, title in enumerate(("Braid", "Limbo", "Fez"), 20)]
ASKED = Game(99, "Asked About", developer="Nobody")
SHELF = shelf_of([*PROLIFIC, *OTHERS, ASKED])


def model() -> Linear:
    """Owning the last game speaks for every other, the more the more popular it is."""
    n = len(SHELF.items)
    P = np.eye(n, dtype=np.float32)
    P[-1, :-1] = P[:-1, -1] = -np.linspace(0.9, 0.1, n - 1)
    return Linear(SHELF.items, P, LinearSettings(weighting=Weighting()))


def titles_for(k: int, wish: Wish | None = None) -> list[str]:
    owned = SHELF.items.owned(Library({ASKED.app_id: 10}))
    return [pick.game.title for pick in picks_for(owned, model(), SHELF, wish or Wish(), k)]


def test_two_of_a_series_and_then_others() -> None:
    assert titles_for(5) == ["Saga 1", "Saga 2", "Braid", "Limbo", "Fez"]


def test_the_rest_of_a_series_comes_in_where_there_is_nothing_else_and_in_its_place() -> None:
    assert titles_for(7) == ["Saga 1", "Saga 2", "Saga 3", "Saga 4", "Braid", "Limbo", "Fez"]


def test_the_next_page_goes_on_with_the_series() -> None:
    first = titles_for(3)
    shown = frozenset(game.app_id for game in [*PROLIFIC, *OTHERS] if game.title in first)

    assert titles_for(3, Wish(hidden=shown)) == ["Saga 3", "Saga 4", "Limbo"]


def test_what_is_like_a_game_may_be_three_of_a_series() -> None:
    position = SHELF.items.position(ASKED.app_id)
    assert position is not None

    picks = similar_to(position, model(), SHELF, Wish(), 5)

    assert [pick.game.title for pick in picks] == ["Saga 1", "Saga 2", "Saga 3", "Braid", "Limbo"]


def test_the_best_of_a_theme_are_of_different_studios() -> None:
    assert [pick.game.title for pick in of_theme("Cozy", SHELF, Wish(), 4)] == ["Saga 1", "Saga 2", "Braid", "Limbo"]


def test_a_soundtrack_is_never_picked() -> None:
    shelf = shelf_of([Game(1, "Bastion Soundtrack", ("Cozy",)), Game(2, "Bastion", ("Cozy",))])

    assert [pick.game.title for pick in of_theme("Cozy", shelf, Wish(), 5)] == ["Bastion"]


@pytest.mark.parametrize(("most", "expected"), [(1, True), (2, False)])
def test_a_list_is_crowded_by_more_than_the_most_of_any_kind(most: int, *, expected: bool) -> None:
    assert crowded(np.array([0, 1, 2], np.int32), lambda at: (at // 2, "x" if at else "y"), most) is expected
