"""Unusual libraries are answered sensibly: tiny ones, huge ones, and hours that nobody played."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.interactions import Interactions, ItemIndex, Owned, Weighting
from recommender.linear import Linear, LinearSettings
from recommender.popularity import Popularity
from recommender.tempered import EVENING, FEW, LEAN, MANY, Tempered, capped, leaning, speaking

N = 1200


def linear(weighting: Weighting | None = None) -> Linear:
    rng = np.random.default_rng(1)
    noise = (rng.random((N, N), np.float32) - 0.5) / N
    P = (np.eye(N) + noise + noise.T).astype(np.float32)
    played = np.arange(N, 0, -1, dtype=np.int32)
    items = ItemIndex(np.arange(1, N + 1, dtype=np.int32), 2 * played, played)
    return Linear(items, P, LinearSettings(weighting=weighting or Weighting()))


MODEL = linear()
TEMPERED = Tempered(MODEL, Popularity.of_played(MODEL.items))


def owning(count: int, minutes: int = 600) -> Owned:
    return Owned(np.arange(count, dtype=np.int32), np.full(count, minutes, np.int32))


@pytest.mark.parametrize("count", [0, 1, 3, FEW, 300, 700])
def test_scores_are_those_of_the_model_and_a_part_of_popularity(count: int) -> None:
    owned = owning(count)
    heard = owning(min(count, MANY))

    expected = MODEL.scores(heard) + leaning(len(heard)) * TEMPERED.popular.prior

    assert TEMPERED.scores(owned) == pytest.approx(expected, abs=1e-6)
    assert TEMPERED.scores(owned).dtype == np.float32


@pytest.mark.parametrize("count", [0, 3, 700])
def test_shares_and_what_is_leaned_add_up_to_the_score(count: int) -> None:
    owned, game = owning(count), N - 1

    (shares,) = TEMPERED.shares(owned, np.array([game]))

    assert len(shares) == count
    leaned = leaning(min(count, MANY)) * TEMPERED.popular.prior[game]
    assert TEMPERED.scores(owned)[game] == pytest.approx(shares.sum() + leaned, abs=1e-5)


def test_many_are_scored_as_each_is() -> None:
    rows = [owning(count) for count in (0, 1, 700, 30)]

    found = TEMPERED.score_many(Interactions.of_rows(MODEL.items, rows))

    for row, owned in enumerate(rows):
        assert found[row] == pytest.approx(TEMPERED.scores(owned), abs=1e-5)


def test_nobody_gets_what_many_play_and_it_fades_with_what_is_known() -> None:
    assert np.array_equal(TEMPERED.scores(owning(0)), TEMPERED.prior)
    assert leaning(0) == LEAN
    assert leaning(FEW) == LEAN / 2
    assert leaning(1000) < LEAN / 1000


def test_of_a_huge_library_the_most_played_games_speak() -> None:
    owned = owning(1000, 0)
    owned.minutes[100:1000:3] = np.arange(1, 301)

    assert np.array_equal(speaking(owned), np.arange(100, 1000, 3))


def test_no_more_than_so_many_speak_and_the_best_known_where_nothing_was_played() -> None:
    played = Owned(np.arange(1000, dtype=np.int32), np.arange(1, 1001, dtype=np.int32))

    assert np.array_equal(speaking(played), np.arange(1000 - MANY, 1000))
    assert np.array_equal(speaking(owning(1000, 0)), np.arange(MANY))


def test_of_a_usual_library_all_games_speak() -> None:
    assert np.array_equal(speaking(owning(MANY, 0)), np.arange(MANY))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([0, 60, 120, 180, 240_000], [0, 60, 120, 180, 1500]),  # ten times the 150 in the middle
        ([240_000], [240_000]),
        ([0, 0], [0, 0]),
        ([1, 1, 1, 700], [1, 1, 1, EVENING]),
        ([600, 900, 1200], [600, 900, 1200]),
    ],
)
def test_hours_count_up_to_ten_times_the_median(minutes: list[int], expected: list[int]) -> None:
    assert capped(np.array(minutes, np.int32)).tolist() == expected


def test_a_game_left_running_for_months_does_not_drown_the_others() -> None:
    model = linear(Weighting(owned=1.0, log_hours=1.0))
    tempered = Tempered(model, Popularity.of_played(model.items))
    usual = owning(20)
    idled = replace(usual, minutes=np.where(np.arange(20) == 4, 360_000, usual.minutes).astype(np.int32))

    plain = np.abs(model.scores(idled) - model.scores(usual)).max()
    mended = np.abs(tempered.scores(idled) - tempered.scores(usual)).max()

    assert mended < plain / 2
