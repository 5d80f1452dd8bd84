"""Words keep what they promise: shares that were foretold are those that are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog import Catalog, Game
from recommender.confidence import Confidence, Curve, Outcomes, Trust, calibrate, fitted, isotonic, outcomes, trust
from recommender.evaluate import Split, SplitSettings, split
from recommender.interactions import Interactions
from recommender.popularity import Popularity
from recommender.shelf import Shelf

VALUES = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 50)), min_size=1, max_size=30)


@given(VALUES)
def test_isotonic_values_never_fall_and_keep_the_mean(drawn: list[tuple[float, int]]) -> None:
    values, weights = zip(*drawn, strict=True)

    found = isotonic(values, weights)

    assert len(found) == len(values)
    assert all(b >= a - 1e-12 for a, b in pairwise(found))
    assert np.average(found, weights=weights) == pytest.approx(np.average(values, weights=weights))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 0.2, 0.9], [0.1, 0.2, 0.9]), ([0.3, 0.1], [0.2, 0.2]), ([0.5, 0.4, 0.3, 0.9], [0.4, 0.4, 0.4, 0.9])],
)
def test_adjacent_violators_are_pooled(values: Sequence[float], expected: Sequence[float]) -> None:
    assert isotonic(values, [1] * len(values)) == pytest.approx(expected)


def drawn_outcomes(picks: int, seed: int) -> Outcomes:
    """Picks that are right with a probability that is their score."""
    rng = np.random.default_rng(seed)
    scores = rng.random(picks) ** 2
    players = (np.arange(picks) // 10).astype(np.int32)
    known = rng.integers(10, 300, picks // 10).astype(np.int32)[players]
    return Outcomes(players, known, scores, rng.random(picks) < scores, np.zeros(picks, bool))


def test_shares_that_follow_the_score_are_found_again() -> None:
    found = fitted(drawn_outcomes(40_000, 1))
    assert found is not None

    scores = np.linspace(0.05, 0.9, 20)

    assert np.abs(found.chances(np.full(20, 100), scores) - scores).max() < 0.08
    assert all(np.all(np.diff(curve.shares) >= 0) and np.all(np.diff(curve.scores) > 0) for curve in found.curves)


def test_too_few_picks_tell_nothing() -> None:
    assert fitted(drawn_outcomes(100, 1)) is None


CONFIDENCE = Confidence((Curve(1, (0.0, 1.0), (0.0, 0.4)), Curve(100, (0.0, 1.0), (0.2, 1.0))))


@pytest.mark.parametrize(
    ("known", "score", "expected"),
    [
        (1, 0.5, 0.2),
        (100, 0.5, 0.6),
        (10, 0.5, 0.4),  # half way, as 10 is between 1 and 100
        (10_000, 0.5, 0.6),
        (1, -3.0, 0.0),
        (1, 7.0, 0.4),
    ],
)
def test_between_curves_it_goes_with_the_logarithm_and_beyond_the_ends_it_stays(
    known: int, score: float, expected: float
) -> None:
    assert CONFIDENCE.chance(known, score) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("chance", "word"),
    [
        (1.0, Trust.SURE),
        (0.5, Trust.SURE),
        (0.49, Trust.GOOD),
        (0.1, Trust.GOOD),
        (0.09, Trust.LONG),
        (0.0, Trust.LONG),
    ],
)
def test_words(chance: float, word: Trust) -> None:
    assert trust(chance) is word


def test_it_is_read_as_it_was_written() -> None:
    written = json.loads(json.dumps(asdict(CONFIDENCE)))

    assert Confidence.read(written["curves"]) == CONFIDENCE


@pytest.mark.parametrize(
    "curves",
    [[], [{"known": 0, "scores": [1], "shares": [1]}], [{"known": 1}], [{"known": 3, "scores": [], "shares": []}]],
)
def test_what_is_no_curve_is_refused(curves: list[dict[str, object]]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Confidence.read(curves)


def world() -> tuple[Split, Shelf]:
    """900 players who own half of 60 games, the popular ones more often."""
    rng = np.random.default_rng(5)
    players, games = np.nonzero(rng.random((900, 60)) < np.linspace(0.9, 0.1, 60))
    rows = Interactions.from_columns(
        players.astype(np.int32), (games + 1).astype(np.int32), np.full(len(games), 60, np.int32)
    )
    parts = split(rows, SplitSettings(held_out=0.5))
    catalog = Catalog(Game(at, f"Game {at}", genres=("Indie",), price=1.0) for at in range(1, 61))
    return parts, Shelf(catalog, parts.train.items)


def test_what_may_be_found_is_the_same_from_a_few_games_as_from_all() -> None:
    parts, shelf = world()
    found = outcomes(Popularity(parts.train.items), parts, shelf, seed=1)
    whole, few = found.where(~found.drawn), found.where(found.drawn & (found.known == 3))

    assert set(found.known[found.drawn]) == {1, 3, 10}
    assert len(whole) == len(few) == 10 * len(parts.folded)
    assert np.array_equal(np.sort(whole.scores), np.sort(few.scores))  # popularity is the same for everybody
    assert whole.right.mean() == few.right.mean()


def test_a_calibration_is_measured_on_players_that_its_curves_have_not_seen() -> None:
    parts, shelf = world()

    found = calibrate(Popularity(parts.train.items), parts, shelf)

    assert found is not None
    assert sum(one.picks for one in found.reliability) == 4 * 10 * len(parts.folded)
    assert found.error < 0.05
    assert all(abs(one.foretold - one.found) < 0.1 for one in found.reliability if one.picks > 500)
    assert calibrate(Popularity(parts.train.items), parts, shelf) == found


def test_a_few_players_calibrate_nothing() -> None:
    parts, shelf = world()
    few = Split(parts.train, parts.folded.take(np.arange(5)), parts.targets.take(np.arange(5)), parts.held_out[:5])

    assert calibrate(Popularity(parts.train.items), few, shelf) is None
