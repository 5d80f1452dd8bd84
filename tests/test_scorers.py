"""The contract of `Scorer`, kept by every scorer: a new one is one more row of SCORERS."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recommender.catalog import Game
from recommender.content import ContentScorer, learn_content
from recommender.device import Device
from recommender.interactions import Interactions, Owned, Weighting
from recommender.linear import LinearSettings, fit
from recommender.popularity import Popularity
from recommender.resident import Resident, placed
from recommender.scorer import Scorer
from recommender.sparse_linear import approximate

SCORERS: dict[str, Callable[[Interactions], Scorer]] = {
    "linear": lambda world: fit(world, LinearSettings(5.0, 0.0, Weighting()), Device.CPU),
    "linear, dropout and weights": lambda world: fit(
        world, LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1)), Device.CPU
    ),
    "sparse": lambda world: approximate(world, LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1)), neighbours=7),
    "linear, in the memory of a torch device": lambda world: Resident.of(
        fit(world, LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1)), Device.CPU), "cpu"
    ),
    "content": lambda world: by_content(world),  # noqa: PLW0108 - defined below
    "popularity": lambda world: Popularity(world.items),
}
DESCRIBED = 25
"""Of the thirty games of the drawn world, those that a catalogue says something of."""


def by_content(world: Interactions) -> ContentScorer:
    model = fit(world, LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1)), Device.CPU)
    known = [Game(app_id, "", tuple("abcd"[app_id % 3 :]), developer=f"Studio {app_id % 5}") for app_id in range(40)]
    games = [known[app_id] if app_id < 10 + DESCRIBED else None for app_id in world.items.app_ids.tolist()]
    return ContentScorer(world.items, games, learn_content(model, games), model.settings.weighting)


NOTHING = Owned(np.empty(0, np.int32), np.empty(0, np.int32))


def drawn() -> Interactions:
    """Sixty players of thirty games, the first one widely owned, minutes from never started to 50 hours."""
    rng = np.random.default_rng(7)
    players, games = np.nonzero(rng.random((60, 30)) < np.linspace(0.8, 0.05, 30))
    minutes = rng.integers(0, 3000, len(players)) * (rng.random(len(players)) < 0.6)
    return Interactions.from_columns(*(np.asarray(c, np.int32) for c in (players, games + 10, minutes)))


@pytest.fixture(scope="module")
def world() -> Interactions:
    return drawn()


@pytest.fixture(scope="module", params=SCORERS)
def scorer(request: pytest.FixtureRequest, world: Interactions) -> Scorer:
    return SCORERS[request.param](world)


def test_scores_are_finite_and_one_a_game(scorer: Scorer, world: Interactions) -> None:
    for player in range(len(world)):
        scores = scorer.scores(world.row(player))

        assert scores.shape == (len(world.items),)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()


def test_prior_and_shares_add_up_to_the_score_of_every_game_not_owned(scorer: Scorer, world: Interactions) -> None:
    for player in range(len(world)):
        owned = world.row(player)
        scores = scorer.scores(owned)
        for game in np.setdiff1d(np.arange(len(world.items)), owned.positions):
            (shares,) = scorer.shares(owned, np.array([game]))

            assert shares.shape == (len(owned),)
            assert scorer.prior[game] + shares.sum() == pytest.approx(float(scores[game]), rel=1e-4, abs=1e-5)


def test_the_shares_in_several_games_are_those_in_each(scorer: Scorer, world: Interactions) -> None:
    owned, games = world.row(5), np.array([4, 29, 0], np.int32)
    one_by_one = [scorer.shares(owned, games[at : at + 1])[0] for at in range(len(games))]

    np.testing.assert_allclose(scorer.shares(owned, games), one_by_one, rtol=1e-6)
    assert scorer.shares(owned, games[:0]).shape == (0, len(owned))


def test_scoring_many_gives_the_rows_that_scoring_one_gives(scorer: Scorer, world: Interactions) -> None:
    many = scorer.score_many(world)

    assert many.dtype == np.float32
    one_by_one = np.vstack([scorer.scores(world.row(player)) for player in range(len(world))])
    np.testing.assert_allclose(many, one_by_one, rtol=1e-4, atol=1e-5)


def test_scoring_nobody_gives_no_rows(scorer: Scorer, world: Interactions) -> None:
    assert scorer.score_many(Interactions.of_rows(world.items, [])).shape == (0, len(world.items))


def test_an_empty_library_scores_as_the_prior(scorer: Scorer, world: Interactions) -> None:
    assert np.array_equal(scorer.scores(NOTHING), scorer.prior)
    assert scorer.shares(NOTHING, np.arange(3, dtype=np.int32)).shape == (3, 0)
    assert np.array_equal(scorer.score_many(Interactions.of_rows(world.items, [NOTHING]))[0], scorer.prior)


def test_owning_everything_is_scored_too(scorer: Scorer, world: Interactions) -> None:
    n = len(world.items)

    scores = scorer.scores(Owned(np.arange(n, dtype=np.int32), np.full(n, 2**31 - 1, np.int32)))

    assert np.isfinite(scores).all()


def test_what_the_caller_does_to_scores_stays_with_the_caller(scorer: Scorer, world: Interactions) -> None:
    owned = world.row(0)
    before, prior = scorer.scores(owned).copy(), scorer.prior.copy()

    scorer.scores(owned)[:] = -np.inf
    scorer.scores(NOTHING)[:] = -np.inf
    scorer.score_many(world)[:] = -np.inf

    assert np.array_equal(scorer.scores(owned), before)
    assert np.array_equal(scorer.prior, prior)


def test_threads_do_not_disturb_each_other(world: Interactions) -> None:
    """Fresh scorers, so that whatever is computed once is computed by all threads at once."""
    for make in SCORERS.values():
        alone, together = make(world), make(world)
        expected = [alone.scores(world.row(player)) for player in range(len(world))]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda player: together.scores(world.row(player)), range(len(world))))  # noqa: B023 - drained here

        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_popularity_is_the_share_of_the_most_owned_games_players() -> None:
    columns = ([0, 0, 1, 1, 2, 3], [5, 6, 5, 7, 5, 5], [0] * 6)
    world = Interactions.from_columns(*(np.array(column, np.int32) for column in columns))

    assert Popularity(world.items).prior.tolist() == [1.0, 0.25, 0.25]


def test_a_model_in_a_devices_memory_scores_as_it_did() -> None:
    world = drawn()
    model = fit(world, LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1)), Device.CPU)

    resident = Resident.of(model, "cpu")

    np.testing.assert_allclose(resident.score_many(world), model.score_many(world), rtol=1e-4, atol=1e-5)
    assert not np.shares_memory(resident.inverse.numpy(), model.inverse)


def test_without_a_gpu_every_scorer_stays_where_it_is() -> None:
    for make in SCORERS.values():
        scorer = make(drawn())

        assert placed(scorer, Device.CPU) is scorer
