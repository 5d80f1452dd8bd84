"""Worse by more than its noise is refused, within its noise published; so is what cannot be a day's change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from jobs.jury import Preferences
from jobs.verdict import LEAST_JURORS, Contender, Why, decide, of_pairs, of_ratios
from recommender.evaluate import SplitSettings
from recommender.evidence import WAYS, Evidence
from recommender.held_out import keys_of
from recommender.linear import LinearSettings
from recommender.version import Card

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAYERS = 2000
KEYS = keys_of(f"p{number}" for number in range(PLAYERS))


EQUAL: Mapping[str, float] = dict.fromkeys(WAYS, 0.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def card(**changed: object) -> Card:
    made = Card("v", NOW, LinearSettings(), {"all": {"ndcg_10": 0.6}}, "f", False, 1000, 500, rows=50_000)
    return replace(made, **changed)  # type: ignore[arg-type]


def evidence(shift: float = 0.0, spread: float = 0.02, seed: int = 1, ways: Mapping[str, float] = EQUAL) -> Evidence:
    """About 0.4 each, the same players every time; `shift` is in all ways, and more in those that are named."""
    base = np.random.default_rng(0).normal(0.4, 0.2, (len(WAYS), PLAYERS))
    noise = np.random.default_rng(seed).normal(0, spread, (len(WAYS), PLAYERS))
    more = np.array([[ways.get(way, 0.0)] for way in WAYS])
    return Evidence(KEYS, (base + noise + shift + more).astype(np.float32), SplitSettings())


OLD = Contender(card(), evidence(seed=2))


def test_the_first_model_is_published() -> None:
    assert decide(Contender(card(), evidence()), None, rng()).why is Why.FIRST


def test_within_its_noise_it_is_published_with_the_numbers() -> None:
    verdict = decide(Contender(card(), evidence(-0.0003, seed=11)), OLD, rng())
    found = verdict.differences["indie_played"]

    assert (verdict.why, verdict.publish) == (Why.NO_WORSE, True)
    assert found.low < found.mean < found.high
    assert found.count == PLAYERS
    assert found.mean == pytest.approx(found.candidate - found.incumbent)


@pytest.mark.parametrize("way", ["indie_played", "all"])
def test_worse_by_more_than_its_noise_in_a_measure_that_decides_is_refused(way: str) -> None:
    verdict = decide(Contender(card(), evidence(ways={way: -0.01})), OLD, rng())

    assert (verdict.why, verdict.of, verdict.publish) == (Why.WORSE, way, False)
    assert verdict.differences[way].high < 0


def test_indie_games_owned_alone_do_not_decide() -> None:
    assert decide(Contender(card(), evidence(ways={"indie": -0.01})), OLD, rng()).publish


def test_better_is_published() -> None:
    assert decide(Contender(card(), evidence(0.02)), OLD, rng()).publish


def test_pairs_see_what_two_means_would_not() -> None:
    """0.005 less is a fifth of the error of either mean, and certain player by player."""
    verdict = decide(Contender(card(), evidence(-0.005)), OLD, rng())

    assert verdict.why is Why.WORSE


def test_a_little_less_is_published_however_sure_it_is() -> None:
    """As a night's new players move it up and down by so much."""
    verdict = decide(Contender(card(), evidence(-0.0015, 0.0001)), Contender(card(), evidence(0.0, 0.0001, 2)), rng())

    assert verdict.publish
    assert verdict.differences["all"].high < 0


def test_equal_models_are_refused_in_about_one_night_of_forty_by_a_measure() -> None:
    """The interval has the 95 % that it promises: half of its misses are on the side that refuses."""
    draws = np.random.default_rng(8)
    nights = [of_pairs(draws.normal(size=60), draws.normal(size=60), draws) for _ in range(200)]

    assert 0 < sum(found is not None and found.worse for found in nights) < 14


@pytest.mark.parametrize(
    ("what", "less"), [("rows", {"rows": 39_999}), ("players", {"players": 799}), ("games", {"items": 399})]
)
def test_a_collapse_is_refused_however_good_it_is(what: str, less: dict[str, int]) -> None:
    verdict = decide(Contender(card(**less), evidence(0.1)), OLD, rng())

    assert verdict.why is Why.COLLAPSED
    assert verdict.shrunk is not None
    assert verdict.shrunk.what == what


def test_a_fifth_less_is_none_yet() -> None:
    assert decide(Contender(card(rows=40_000, players=800, items=400), evidence()), OLD, rng()).publish


def test_players_of_the_evidence_who_vanish_are_a_collapse() -> None:
    others = Evidence(keys_of(f"q{number}" for number in range(PLAYERS)), evidence().ndcg_10, SplitSettings())
    verdict = decide(Contender(card(), others), OLD, rng())

    assert verdict.shrunk is not None
    assert (verdict.why, verdict.shrunk.what, verdict.shrunk.after) == (Why.COLLAPSED, "evidence", 0)


def test_invented_players_never_replace_real_ones_and_real_ones_always_do() -> None:
    invented = Contender(card(synthetic=True, players=10), evidence(0.1))

    assert decide(invented, OLD, rng()).why is Why.SYNTHETIC
    assert decide(Contender(card(players=3), evidence(-0.2)), invented, rng()).why is Why.REAL
    assert decide(invented, invented, rng()).publish


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_no_number_is_refused_even_of_the_first(value: float) -> None:
    broken = Contender(card(metrics={"all": {"ndcg_10": value}}), evidence())

    assert decide(broken, None, rng()).why is Why.NO_NUMBERS
    assert decide(Contender(card(metrics={}), None), OLD, rng()).why is Why.NO_NUMBERS


def test_with_nothing_to_compare_with_it_is_published_and_says_so() -> None:
    candidate, split = Contender(card(), evidence()), SplitSettings(seed=7)

    assert decide(candidate, Contender(card(rows=None), None), rng()).why is Why.UNMEASURED
    assert decide(candidate, Contender(card(), replace(evidence(), split=split)), rng()).why is Why.UNPAIRED


def preferences(share: float, people: int, pairs: int = 20) -> Preferences:
    """Each juror has `share` of their pairs the right way, give or take."""
    won = np.random.default_rng(3).binomial(pairs, share, people).astype(float)
    return Preferences((pairs,) * people, tuple(won), (4,) * people, tuple(4 * won / pairs))


@pytest.mark.parametrize(
    ("share", "people", "publish"),
    [(0.7, LEAST_JURORS, True), (0.6, LEAST_JURORS, False), (0.3, LEAST_JURORS - 1, True)],
)
def test_enough_people_who_would_see_worse_picks_refuse(share: float, people: int, publish: bool) -> None:
    candidate = Contender(card(), evidence(), preferences(share, people))
    verdict = decide(candidate, replace(OLD, preferences=preferences(0.7, people)), rng())

    assert (verdict.publish, verdict.why is Why.DISLIKED) == (publish, not publish)
    assert verdict.auc is not None
    assert (verdict.pairs, verdict.auc.count) == (20 * people, people)
    assert verdict.auc.incumbent == pytest.approx(0.7, abs=0.05)


def test_what_the_fit_gives_away_to_be_fair_does_not_refuse() -> None:
    """The candidate that is asked was fitted without a tenth of the players."""
    pairs = (1000,) * 50
    candidate = Contender(card(), evidence(), Preferences(pairs, (695.0,) * 50, (4,) * 50, (2.0,) * 50))
    incumbent = replace(OLD, preferences=Preferences(pairs, (700.0,) * 50, (4,) * 50, (2.0,) * 50))

    assert decide(candidate, incumbent, rng()).publish


def test_people_without_a_pair_are_not_counted() -> None:
    assert of_ratios([0.0, 3.0], [0.0, 2.0], [0, 4], rng()) is not None
    assert of_ratios([0.0], [0.0], [0], rng()) is None


def test_a_verdict_is_json() -> None:
    verdict = decide(
        Contender(card(), evidence(), preferences(0.6, 9)), replace(OLD, preferences=preferences(0.6, 9)), rng()
    )

    assert json.loads(json.dumps(verdict.as_dict()))["publish"] is True
