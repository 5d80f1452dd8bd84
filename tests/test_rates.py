"""Intervals and p values are those of the textbooks, and one who does everything is one witness."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from recommender.rates import Moments, Rate, difference, more_decided, more_shown, rate_of, sign_test, wilson


def moments(people: Sequence[tuple[int, int]]) -> Moments:
    """Of people who were shown n games and took y."""
    n, y = (np.array(column, np.int64) for column in zip(*people, strict=True))
    return Moments(len(people), *(int(total) for total in (n.sum(), y.sum(), n @ n, n @ y, y @ y)))


@given(st.integers(1, 5000), st.data())
def test_the_interval_is_wilson_s(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(0.95, "wilson")

    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_the_sign_test_is_the_exact_binomial_one(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0

    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-6)


def test_where_each_was_shown_one_game_all_are_independent() -> None:
    rate = rate_of(moments([(1, 1)] * 20 + [(1, 0)] * 80))

    assert (rate.hits, rate.n) == (20, 100)
    assert rate.effective == pytest.approx(100)


def test_people_who_take_all_or_nothing_are_as_many_witnesses_as_they_are() -> None:
    rate = rate_of(moments([(10, 10)] * 10 + [(10, 0)] * 40))

    assert rate.n == 500
    assert rate.effective == pytest.approx(50, rel=0.05)


@given(st.lists(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1))
def test_what_was_shown_counts_for_no_more_than_it_is_and_no_less_than_its_people(
    people: list[tuple[int, int]],
) -> None:
    rate = rate_of(moments(people))
    low, high = rate.interval or (math.nan, math.nan)

    assert sum(n for n, _ in people) ** 2 / sum(n * n for n, _ in people) - 1e-9 <= rate.effective <= rate.n + 1e-9
    assert 0 <= low <= (rate.share or 0) + 1e-9
    assert (rate.share or 0) - 1e-9 <= high <= 1


def test_one_person_is_no_proof() -> None:
    keen, cold = rate_of(moments([(40, 40)])), rate_of(moments([(40, 0)]))

    assert keen.effective == cold.effective == 1
    assert (difference(keen, cold) or 0) > 0.05


def test_nothing_shown_is_no_rate() -> None:
    none, some = Rate(0, 0, 0.0), Rate(1, 2, 2.0)

    assert (none.share, none.interval, difference(none, some), more_shown(none, some)) == (None,) * 4
    assert rate_of(Moments(0, 0, 0, 0, 0, 0)) == none
    assert difference(Rate(0, 9, 9.0), Rate(0, 9, 9.0)) == 1
    assert more_shown(Rate(0, 9, 9.0), Rate(0, 9, 9.0)) is None
    assert more_decided(0, 0) is None


def test_of_two_that_are_the_same_one_in_twenty_looks_different() -> None:
    """People who differ from each other, ten games each: over games alone it is one in four."""
    random = np.random.default_rng(3)

    def measured() -> Rate:
        chances = random.beta(0.4, 3.6, 200)
        return rate_of(moments([(10, int(y)) for y in random.binomial(10, chances)]))

    wrong = sum((difference(measured(), measured()) or 1) < 0.05 for _ in range(1000))

    assert 25 <= wrong <= 80


def test_after_as_many_more_as_it_says_a_true_difference_is_told_in_four_cases_of_five() -> None:
    random = np.random.default_rng(4)
    a, b = Rate(32, 1000, 1000.0), Rate(41, 1000, 1000.0)
    more = more_shown(a, b) or 0
    n = (a.n + b.n + more) // 2

    def shown(share: float) -> Rate:
        return Rate(int(random.binomial(n, share)), n, float(n))

    told = sum((difference(shown(0.032), shown(0.041)) or 1) < 0.05 for _ in range(1000))
    assert more > 0
    assert 750 <= told <= 850


def test_after_as_many_more_lists_as_it_says_a_true_winner_is_told_in_four_cases_of_five() -> None:
    random = np.random.default_rng(5)
    decided = 100 + (more_decided(44, 56) or 0)
    wins = random.binomial(decided, 0.56, 1000)
    told = sum(sign_test(int(won), decided - int(won)) < 0.05 for won in wins)

    assert decided > 100
    assert 740 <= told <= 860
