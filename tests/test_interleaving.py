"""A list against itself wins half, whatever people do; a better one wins more; and no game stands there twice."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.interleaving import Drafted, Team, team_draft

LISTS = st.lists(st.integers(0, 12), max_size=8, unique=True)


def draft(a: list[int], b: list[int], k: int, flips: list[bool]) -> list[Drafted[int]]:
    coins = iter(flips)
    return team_draft(a, b, k, lambda item: item, lambda: next(coins))


@given(LISTS, LISTS, st.integers(1, 10), st.lists(st.booleans(), min_size=10, max_size=10))
def test_each_game_stands_there_once_and_the_list_is_as_long_as_both_allow(
    a: list[int], b: list[int], k: int, flips: list[bool]
) -> None:
    items = [each.item for each in draft(a, b, k, flips)]

    assert len(items) == len(set(items)) == min(k, len({*a, *b}))
    assert set(items) <= {*a, *b}


@given(LISTS, LISTS, st.integers(1, 10), st.lists(st.booleans(), min_size=10, max_size=10))
def test_teams_are_of_one_size_or_differ_by_one_and_each_picks_in_its_own_order(
    a: list[int], b: list[int], k: int, flips: list[bool]
) -> None:
    drafted = draft(a, b, k, flips)
    teams = Counter(each.team for each in drafted)

    assert abs(teams[Team.A] - teams[Team.B]) <= 1
    for team, ranked in ((Team.A, a), (Team.B, b)):
        places = [ranked.index(each.item) for each in drafted if each.source is team]
        assert places == sorted(places)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_a_list_against_itself_wins_half_of_every_way_to_click(k: int) -> None:
    """Over all coins, each place is as often A's as B's, so no preference for a place prefers a team."""
    games = list(range(7))
    of_place = [Counter[Team | None]() for _ in range(k)]
    for flips in product([False, True], repeat=k):
        for place, each in enumerate(draft(games, games, k, list(flips))):
            of_place[place][each.team] += 1

    assert all(counts[Team.A] == counts[Team.B] == 2**k / 2 for counts in of_place)


def wins(a: list[int], b: list[int], chances: dict[int, float], answers: int = 4000) -> Counter[str]:
    """Who likes games with these chances, and looks at the first places more often than at the last."""
    random = np.random.default_rng(7)
    found = Counter[str]()
    for _ in range(answers):
        drafted = team_draft(a, b, 5, lambda item: item, lambda: bool(random.random() < 0.5))
        seen = [each for place, each in enumerate(drafted) if random.random() < 1 / (1 + place)]
        credit = Counter(each.team for each in seen if random.random() < chances[each.item])
        found[max(Team, key=lambda team: credit[team]) if credit[Team.A] != credit[Team.B] else "tie"] += 1
    return found


def test_by_clicks_that_prefer_the_top_a_list_against_itself_wins_half() -> None:
    games = list(range(5))
    found = wins(games, games, dict.fromkeys(games, 0.4))
    decided = found[Team.A] + found[Team.B]

    assert decided > 1000
    assert abs(found[Team.B] - decided / 2) < 3 * (decided**0.5 / 2)


def test_the_list_with_what_people_like_wins_from_either_side() -> None:
    good, bad = [1, 2, 3, 4, 5], [5, 6, 7, 8, 9]
    chances = {game: 0.6 if game < 5 else 0.1 for game in range(1, 10)}
    one, other = wins(good, bad, chances), wins(bad, good, chances)

    assert one[Team.A] > 2 * one[Team.B]
    assert other[Team.B] > 2 * other[Team.A]


@pytest.mark.parametrize("first", [False, True])
def test_what_fills_up_after_the_shorter_list_is_of_no_team(first: bool) -> None:
    drafted = draft([1], [2, 3, 4, 5], 5, [first] * 5)
    teams = Counter(each.team for each in drafted)

    assert sorted(each.item for each in drafted) == [1, 2, 3, 4, 5]
    assert teams == {Team.A: 1, Team.B: 1, None: 3}
    assert {each.source for each in drafted if each.team is None} == {Team.B}


def test_against_an_empty_list_nothing_speaks_for_anybody() -> None:
    assert [each.team for each in draft([], [1, 2], 5, [])] == [None, None]
    assert draft([], [], 5, []) == []
