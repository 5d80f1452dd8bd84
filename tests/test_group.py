"""One list for several: what suits them together, co-op first, and for whom each pick is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommender.catalog import Catalog, Game
from recommender.engine import Answer, Engine, recommend, together
from recommender.group import picks_for_group
from recommender.interactions import ItemIndex, Weighting
from recommender.library import Library
from recommender.linear import Linear, LinearSettings
from recommender.reasons import REASONS
from recommender.recommend import picks_for
from recommender.served import Served
from recommender.shelf import Shelf, Wish
from tests import worlds
from tests.test_recommend import LIBRARIES, WISHES

SERVED = worlds.served()


def lover(theme: str, *, lacking: str, minutes: int = 600) -> Library:
    return worlds.library(*(title for title in worlds.THEMES[theme] if title != lacking), minutes=minutes)


ROGUE = lover("Roguelike", lacking="Dicebound")
FARMER = lover("Farming Sim", lacking="Goat Valley", minutes=60)
PUZZLER = lover("Puzzle", lacking="Tessera")
UNKNOWN = Library({123456: 60})


def with_tags(tags: Mapping[str, str]) -> Served:
    """The world with one more tag on some games, by title."""
    games = (
        replace(game, tags=(*game.tags, tags[game.title])) if game.title in tags else game for game in worlds.GAMES
    )
    return Served("tagged", worlds.model(), Catalog(games))


def titles(answer: Answer) -> list[str]:
    return [pick.game.title for pick in answer.picks]


def test_lovers_of_two_themes_get_what_suits_each_and_are_named_with_it() -> None:
    answer = together(SERVED, [ROGUE, FARMER], Wish(), 2)

    assert {pick.game.title: pick.members for pick in answer.picks} == {"Dicebound": (0,), "Goat Valley": (1,)}
    assert (answer.version, answer.known) == ("world-1", 14)


def test_one_with_both_tastes_and_one_with_either_meet_in_the_shared_one() -> None:
    both = worlds.library(*worlds.THEMES["Roguelike"][:4], *worlds.THEMES["Puzzle"][:3])

    picks = together(SERVED, [both, worlds.library(*worlds.THEMES["Puzzle"][2:5])], Wish(), 1).picks

    assert picks[0].game.tags[0] == "Puzzle"


@pytest.mark.parametrize("library", [ROGUE, FARMER, worlds.library("Tessera", "Static")])
@pytest.mark.parametrize("wish", [Wish(), Wish(head=0.5), Wish(tag="Horror"), Wish(max_price=5.0)], ids=str)
def test_one_alone_gets_what_the_model_picks(library: Library, wish: Wish) -> None:
    alone = picks_for(SERVED.scorer.items.owned(library), SERVED.scorer, SERVED.shelf, wish, 8)
    group = together(SERVED, [library], wish, 8)

    assert titles(group) == [pick.game.title for pick in alone]
    assert [pick.because for pick in group.picks] == [pick.because for pick in alone]


def test_games_for_several_come_first_and_the_rest_after_them() -> None:
    served = with_tags({"Seven Doors": "Online Co-Op", "Moss Garden": "Local multiplayer", "Static": "Co-op"})
    group = [ROGUE, lover("Farming Sim", lacking="Moss Garden")]

    found = titles(together(served, group, Wish(), 4))

    assert found[0] == "Moss Garden"  # theirs among those for several, and yet all of these before any other
    assert set(found[1:3]) == {"Seven Doors", "Static"}
    assert found[3] == "Dicebound"


@pytest.mark.parametrize(
    "tag", ["Co-op", "Online Co-Op", "Local Co-op", "Co-Op Campaign", "Multiplayer", "Multi-player", "Split-Screen"]
)
def test_co_op_is_known_in_every_spelling(tag: str) -> None:
    served = with_tags({"Seven Doors": tag})

    assert titles(together(served, [ROGUE, FARMER], Wish(), 1)) == ["Seven Doors"]


@pytest.mark.parametrize("tag", ["Singleplayer", "PvE", "Party-Based RPG"])
def test_what_only_sounds_like_it_is_not_co_op(tag: str) -> None:
    assert titles(together(with_tags({"Seven Doors": tag}), [ROGUE], Wish(), 1)) == ["Dicebound"]


def test_the_mix_holds_even_where_the_games_for_several_are_all_hits() -> None:
    hits = {g.title for g, hit in zip(SERVED.shelf.games, SERVED.shelf.head, strict=True) if hit and g and g.indie}
    served = with_tags(dict.fromkeys(hits, "Co-op"))

    gems = titles(together(served, [PUZZLER], Wish(head=0.0), 5))
    half = titles(together(served, [PUZZLER], Wish(head=0.5), 6))

    assert len(gems) == 5
    assert not set(gems) & hits
    assert (set(half[:3]) <= hits, set(half[3:]) & hits) == (True, set())


def taste_world(likings: Sequence[Sequence[float]]) -> Served:
    """Member m owns the game m alone, and by it likes the game m' beyond the members as much as `likings[m]` says."""
    B = np.array(likings, np.float32)  # [members x games]
    members, games = B.shape
    n = members + games
    P = np.eye(n, dtype=np.float32)
    P[:members, members:] = -B
    P[members:, :members] = -B.T
    items = ItemIndex(np.arange(1, n + 1, dtype=np.int32), np.arange(n, 0, -1, dtype=np.int32))
    catalog = Catalog(Game(at + 1, str(at - members), ("Indie",), price=1.0) for at in range(n))
    return Served("tastes", Linear(items, P, LinearSettings(weighting=Weighting())), catalog)


def owners(count: int) -> list[Library]:
    return [Library({at + 1: 60 * (at + 1)}) for at in range(count)]


def test_a_game_that_one_hates_falls_behind_one_that_all_like_somewhat() -> None:
    """By the mean alone the favourite of the first member, which the second likes least of all, would win."""
    likings = [[0.9, 0.4, 0.3, *[0.2] * 9], [0.0, 0.5, 0.4, *[0.1] * 4, *[0.6] * 5]]

    found = titles(together(taste_world(likings), owners(2), Wish(), 12))

    assert found[0] == "1"
    assert found.index("0") > found.index("2")
    assert standardised(likings).mean(axis=0).argmax() == 0


def test_the_measure_is_the_one_documented() -> None:
    likings = [[0.9, 0.5, 0.1, 0.4], [0.1, 0.6, 0.9, 0.0], [0.8, 0.5, 0.1, 0.3]]

    picks = together(taste_world(likings), owners(3), Wish(), 4).picks

    satisfied = standardised(likings)
    expected = satisfied.mean(axis=0) / 2 + satisfied.min(axis=0) / 2
    assert [pick.game.title for pick in picks] == [str(at) for at in np.argsort(-expected)]
    assert [pick.score for pick in picks] == pytest.approx(sorted(expected, reverse=True), rel=1e-5)


def standardised(likings: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    scores = np.array(likings)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True))


def test_a_large_library_has_no_more_say_than_a_small_one() -> None:
    likings = [[0.9, 0.5, 0.1, 0.3], [0.02, 0.05, 0.09, 0.01]]

    small = together(taste_world(likings), owners(2), Wish(), 4)
    large = together(taste_world([[10 * liking for liking in likings[0]], likings[1]]), owners(2), Wish(), 4)

    assert [(p.game.title, p.members) for p in small.picks] == [(p.game.title, p.members) for p in large.picks]
    assert [p.score for p in small.picks] == pytest.approx([p.score for p in large.picks], rel=1e-5)


def test_a_pick_is_for_whoever_would_find_it_early_in_a_list_of_their_own() -> None:
    falling = [1 - at / 100 for at in range(30)]
    served = taste_world([falling, falling[::-1], [*falling[1:], 1.0]])

    picks = {pick.game.title: pick.members for pick in together(served, owners(3), Wish(), 30).picks}

    assert picks["0"] == (0, 2)
    assert picks["29"] == (1, 2)
    assert picks["15"] == (1,)  # 16th, 15th and 17th: nobody's first tenth, so whoever ranks it highest


def test_a_pick_that_suits_all_is_for_all_of_them() -> None:
    served = taste_world([[0.9, *([0.1] * 19)]] * 3)

    assert together(served, owners(3), Wish(), 1).picks[0].members == (0, 1, 2)


def test_reasons_come_from_all_libraries_the_strongest_first_with_the_minutes_of_their_owners() -> None:
    served = taste_world([[0.2], [0.6], [-0.5], [0.1], [0.1]])

    (pick,) = together(served, owners(5), Wish(), 1).picks

    assert [(b.minutes, round(b.share, 6)) for b in pick.because] == [(120, 0.6), (60, 0.2), (240, 0.1)]


def test_a_game_of_several_members_is_one_reason_with_the_minutes_of_the_keenest() -> None:
    served = taste_world([[0.4], [0.2]])
    group = [Library({1: 30, 2: 10}), Library({1: 90})]

    (pick,) = together(served, group, Wish(), 1).picks

    assert [(b.game.app_id, b.minutes, round(b.share, 6)) for b in pick.because] == [(1, 90, 0.8), (2, 10, 0.2)]


def test_members_of_whom_nothing_is_known_have_no_say_and_keep_the_places_of_the_others() -> None:
    alone = together(SERVED, [FARMER], Wish(), 5)

    group = together(SERVED, [UNKNOWN, Library({}), FARMER], Wish(), 5)

    assert titles(group) == titles(alone)
    assert {pick.members for pick in group.picks} == {(2,)}
    assert group.known == alone.known == 7


@pytest.mark.parametrize("group", [[], [Library({})], [UNKNOWN, Library({})]], ids=["nobody", "nothing", "unknown"])
def test_a_group_of_whom_nothing_is_known_gets_what_is_popular_for_nobody_in_particular(group: list[Library]) -> None:
    answer = together(SERVED, group, Wish(), 6)

    assert answer.known == 0
    assert titles(answer) == titles(recommend(SERVED, Library({}), Wish(), 6))
    assert {(pick.members, pick.because) for pick in answer.picks} == {((), ())}


def test_popular_games_for_several_come_first_too() -> None:
    assert titles(together(with_tags({"Seven Doors": "Co-op"}), [UNKNOWN], Wish(), 1)) == ["Seven Doors"]


@given(st.lists(LIBRARIES, max_size=4), WISHES, st.integers(0, 40))
def test_no_pick_is_owned_by_any_hidden_or_against_the_wish(minutes: list[dict[int, int]], wish: Wish, k: int) -> None:
    picks = together(SERVED, [Library(of_one) for of_one in minutes], wish, k).picks

    ids = [pick.game.app_id for pick in picks]
    assert len(ids) == len(set(ids)) <= k
    assert not set(ids) & wish.hidden
    assert not any(app_id in owned for app_id in ids for owned in minutes)
    for pick in picks:
        assert pick.game.price is not None
        assert wish.max_price is None or pick.game.price <= wish.max_price
        assert wish.since_year is None or (pick.game.year or 0) >= wish.since_year
        assert wish.tag is None or wish.tag in {*pick.game.tags, *pick.game.genres}
        assert pick.game.indie or not wish.indie_only
        assert wish.adult or not pick.game.adult


@given(st.lists(LIBRARIES, min_size=1, max_size=4), WISHES)
def test_every_pick_is_for_somebody_who_is_known_and_has_few_exact_reasons(
    minutes: list[dict[int, int]], wish: Wish
) -> None:
    libraries = [Library(of_one) for of_one in minutes]
    known = [place for place, library in enumerate(libraries) if len(SERVED.scorer.items.owned(library))]

    for pick in together(SERVED, libraries, wish, 6).picks:
        assert bool(pick.members) == bool(known)
        assert set(pick.members) <= set(known)
        assert np.isfinite(pick.score)
        assert len(pick.because) <= REASONS
        assert 0 <= sum(b.share for b in pick.because) <= 1 + 1e-5
        for because in pick.because:
            assert because.minutes in [owned.get(because.game.app_id) for owned in minutes]


@given(st.lists(LIBRARIES, min_size=2, max_size=4))
def test_the_order_in_which_members_are_named_changes_no_score(minutes: list[dict[int, int]]) -> None:
    libraries = [Library(of_one) for of_one in minutes]

    one, other = (
        {pick.game.app_id: pick.score for pick in together(SERVED, order, Wish(), 100).picks}
        for order in (libraries, libraries[::-1])
    )

    assert one == pytest.approx(other, abs=1e-4)


def test_nothing_allowed_is_no_picks() -> None:
    empty = Shelf(Catalog([]), worlds.model().items)

    assert picks_for_group([worlds.model().items.owned(ROGUE)], worlds.model(), empty, Wish(), 5) == []
    assert together(SERVED, [ROGUE], Wish(tag="No Such Tag"), 5).picks == ()


def test_what_leaves_the_recommender_is_plain_numbers() -> None:
    for pick in together(SERVED, [ROGUE, FARMER], Wish(), 5).picks:
        assert (type(pick.score), type(pick.players)) == (float, int)
        assert all(type(place) is int for place in pick.members)
        assert all((type(b.share), type(b.minutes)) == (float, int) for b in pick.because)


async def test_the_engine_answers_a_group_off_the_event_loop() -> None:
    engine = Engine(SERVED)

    answer = await engine.together([ROGUE, FARMER], Wish(), 4)

    engine.close()
    assert answer == together(SERVED, [ROGUE, FARMER], Wish(), 4)
