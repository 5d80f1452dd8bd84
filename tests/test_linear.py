"""The closed form against an oracle that shares nothing with it: one least squares problem a game, in float64."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.device import Device
from recommender.dual import Form
from recommender.errors import FitFailed
from recommender.gram import gram
from recommender.interactions import Interactions, Owned, Weighting
from recommender.library import Library
from recommender.linear import (
    Linear,
    LinearSettings,
    _solve_lapack,
    _solve_torch,
    fit,
    fit_counted,
    form_of,
    prepare,
)
from recommender.panels import gram_torch

PLAIN = LinearSettings(l2=3.0, dropout=0.0, weighting=Weighting())
SETTINGS = {
    "plain EASE": PLAIN,
    "strong l2": LinearSettings(l2=50.0, dropout=0.0, weighting=Weighting()),
    "EDLAE": LinearSettings(l2=3.0, dropout=0.4, weighting=Weighting()),
    "EDLAE without l2": LinearSettings(l2=0.0, dropout=0.5, weighting=Weighting()),
    "weighted": LinearSettings(l2=3.0, dropout=0.0, weighting=Weighting(0.7, 0.3, 0.1)),
    "EDLAE, weighted": LinearSettings(l2=3.0, dropout=0.25, weighting=Weighting(0.7, 0.3, 0.1)),
    "only the played count": LinearSettings(l2=3.0, dropout=0.25, weighting=Weighting(0.0, 1.0, 0.0)),
}


def drawn(m: int = 70, n: int = 24, seed: int = 0) -> Interactions:
    """Players who own about a third of the games, some never started."""
    rng = np.random.default_rng(seed)
    players, games = np.nonzero(rng.random((m, n)) < 0.35)
    minutes = rng.integers(0, 600, len(players)) * (rng.random(len(players)) < 0.7)
    return Interactions.from_columns(*(np.asarray(c, np.int32) for c in (players, games + 1, minutes)))


def least_squares(X: NDArray[np.float64], settings: LinearSettings) -> NDArray[np.float64]:
    """B [n x n] with a zero diagonal: each column the ridge regression of its game on all others, X as given.

    Dropping each input with probability p and averaging is a ridge penalty of p/(1-p)·|x_i|² (Steck 2020, section 3).
    """
    n = X.shape[1]
    dropped = settings.dropout / (1 - settings.dropout)
    penalty = np.sqrt(settings.l2 + dropped * (X**2).sum(axis=0))  # [n]
    B = np.zeros((n, n))
    for game in range(n):
        others = np.arange(n) != game
        A = np.vstack([X[:, others], np.diag(penalty[others])])
        wanted = np.concatenate([X[:, game], np.zeros(n - 1)])
        B[others, game] = np.linalg.lstsq(A, wanted)[0]
    return B


@pytest.mark.parametrize("name", SETTINGS)
def test_each_game_is_the_ridge_regression_on_all_others(name: str) -> None:
    interactions, settings = drawn(), SETTINGS[name]
    X = interactions.weighted(settings.weighting).toarray().astype(np.float64)
    unowned = np.ones(X.shape, bool)
    for player in range(len(interactions)):
        unowned[player, interactions.row(player).positions] = False
    expected = X @ least_squares(X, settings)

    model = fit(interactions, settings, Device.CPU)

    found = np.vstack([model.scores(interactions.row(player)) for player in range(len(interactions))])
    np.testing.assert_allclose(found[unowned], expected[unowned], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_share_is_weight_times_coefficient(name: str) -> None:
    interactions, settings = drawn(), SETTINGS[name]
    X = interactions.weighted(settings.weighting).toarray().astype(np.float64)
    B = least_squares(X, settings)

    model = fit(interactions, settings, Device.CPU)

    for player in range(0, len(interactions), 7):
        owned = interactions.row(player)
        games = np.setdiff1d(np.arange(len(model.items)), owned.positions)
        expected = X[player, owned.positions] * B[owned.positions[:, None], games].T
        np.testing.assert_allclose(model.shares(owned, games), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_torch_solves_the_same_as_lapack(name: str) -> None:
    interactions, settings = drawn(m=200, n=60), SETTINGS[name]

    X = interactions.weighted(settings.weighting)

    by_torch = _solve_torch(gram_torch(X, "cpu"), settings)
    by_lapack = _solve_lapack(gram(X), settings)

    assert by_torch.dtype == by_lapack.dtype == np.float32
    np.testing.assert_allclose(by_torch, by_lapack, rtol=1e-3, atol=1e-5 * np.abs(by_lapack).max())


def test_the_inverse_is_symmetric_and_undoes_the_regularised_gram() -> None:
    interactions, settings = drawn(), SETTINGS["EDLAE"]
    X = interactions.weighted(settings.weighting).toarray().astype(np.float64)
    G = X.T @ X

    P = fit(interactions, settings, Device.CPU).inverse

    regularised = G + np.diag(settings.l2 + 0.4 / 0.6 * G.diagonal())
    assert np.array_equal(P, P.T)
    np.testing.assert_allclose(P @ regularised, np.eye(len(G)), atol=1e-4)


def test_in_the_checkerboard_world_the_game_withheld_is_the_first_pick() -> None:
    """Even players own the even games, odd players the odd ones, and player i lacks game i."""
    n = 20
    owned = (np.add.outer(np.arange(n), np.arange(n)) % 2 == 0) & ~np.eye(n, dtype=bool)
    players, games = (np.asarray(axis, np.int32) for axis in np.nonzero(owned))
    world = Interactions.from_columns(players, games + 100, np.zeros_like(games))

    model = fit(world, LinearSettings(l2=1.0, dropout=0.0), Device.CPU)

    for player in range(n):
        row = world.row(player)
        scores = model.scores(row)
        scores[row.positions] = -np.inf
        assert world.items.app_ids[scores.argmax()] == 100 + player


def test_a_library_of_every_game_is_scored_whole() -> None:
    n = 552
    world = drawn(m=30, n=n)
    model = fit(world, PLAIN, Device.CPU)
    everything = Owned(np.arange(n, dtype=np.int32), np.zeros(n, np.int32))

    scores = model.scores(everything)

    expected = -model.inverse.astype(np.float64).sum(axis=0) / model.inverse.diagonal()
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)


def test_a_player_never_seen_is_scored_like_a_trained_one_with_the_same_games() -> None:
    world = drawn()
    model = fit(world, SETTINGS["weighted"], Device.CPU)
    row = world.row(3)
    ids = world.items.app_ids[row.positions].tolist()

    folded = world.items.owned(Library(dict(zip(ids, row.minutes.tolist(), strict=True))))

    assert np.array_equal(model.scores(folded), model.scores(row))


def test_a_model_on_disk_scores_from_a_read_only_map(tmp_path: Path) -> None:
    world = drawn()
    model = fit(world, PLAIN, Device.CPU)
    np.save(tmp_path / "P.npy", model.inverse)

    mapped = Linear(world.items, np.load(tmp_path / "P.npy", mmap_mode="r"), PLAIN)

    assert np.array_equal(mapped.scores(world.row(0)), model.scores(world.row(0)))
    assert np.array_equal(mapped.score_many(world), model.score_many(world))


HOLDS = """
import os, re
from pathlib import Path
import numpy as np
from recommender.device import Device
from recommender.interactions import Interactions
from recommender.linear import LinearSettings, fit, prepare
fit(Interactions.from_columns(*np.array([[0, 1], [1, 2], [0, 0]], np.int32)), LinearSettings(), Device.CPU)
n = 3500
games = np.sort(np.random.default_rng(0).integers(0, n, (n, 5), np.int32), axis=1)
games[:, 0] = np.arange(n)
rows = np.unique(np.stack([np.repeat(np.arange(n, dtype=np.int32), 5), games.ravel()]), axis=1)
world = Interactions.from_columns(rows[0], rows[1], np.zeros(rows.shape[1], np.int32))
before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
model = prepare(world, LinearSettings(), Device.CPU).solve()
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print((peak - before) / model.inverse.nbytes)
"""


def test_a_fit_holds_one_matrix_and_no_second() -> None:
    """In a process of its own, by what the system counts; a matrix of 49 MB, so that buffers of a few MB show."""
    told = subprocess.run([sys.executable, "-c", HOLDS], capture_output=True, text=True, check=True)  # noqa: S603 - ours

    assert 0.5 < float(told.stdout) < 1.6


def test_the_phases_are_told_in_order() -> None:
    heard: list[str] = []

    fit(drawn(), PLAIN, Device.CPU, heard.append)

    assert heard == ["gram", "inverse"]


def few_players() -> Interactions:
    """Twenty players of 600 games: the dual form is far cheaper."""
    return drawn(m=20, n=600, seed=3)


@pytest.mark.parametrize(
    "name", [name for name in SETTINGS if name not in ("EDLAE without l2", "only the played count")]
)
def test_where_players_are_few_the_dual_form_is_taken_and_gives_the_same_model(name: str) -> None:
    interactions, settings = few_players(), SETTINGS[name]
    X = interactions.weighted(settings.weighting)
    expected = _solve_lapack(gram(X), settings)

    model = fit(interactions, settings, Device.CPU)

    assert form_of(X, settings) is Form.DUAL
    assert np.array_equal(model.inverse, model.inverse.T)
    np.testing.assert_allclose(model.inverse, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_many_players_are_fitted_in_the_primal_form() -> None:
    X = drawn(m=200, n=60).weighted(PLAIN.weighting)

    assert form_of(X, PLAIN) is Form.PRIMAL


@pytest.mark.parametrize("l2", [0.0, 1e-6])
def test_without_enough_l2_the_dual_form_is_too_inexact_to_be_taken(l2: float) -> None:
    X = few_players().weighted(Weighting())

    assert form_of(X, LinearSettings(l2, 0.0, Weighting())) is Form.PRIMAL


def test_a_matrix_beyond_the_memory_is_refused_before_the_work_begins() -> None:
    heard: list[str] = []

    with pytest.raises(FitFailed, match=r"24 games need .* INDIEAN_MIN_PLAYERS"):
        fit(drawn(), PLAIN, Device.CPU, heard.append, room=1 << 20)
    assert heard == ["gram"]


def test_equations_need_the_rows_no_more() -> None:
    rows = drawn(m=200, n=60)
    expected = fit(rows, PLAIN, Device.CPU)

    equations = prepare(rows, PLAIN, Device.CPU)
    rows.minutes.data[:] = -1

    assert np.array_equal(equations.solve().inverse, expected.inverse)


def test_two_games_with_the_same_players_need_l2() -> None:
    columns = ([0, 0, 1, 1, 2, 2, 3, 3], [5, 6] * 4, [0] * 8)
    twins = Interactions.from_columns(*(np.array(column, np.int32) for column in columns))

    with pytest.raises(FitFailed, match=r"leading minor 2 .* raise l2"):
        fit(twins, LinearSettings(l2=0.0, dropout=0.0, weighting=Weighting()), Device.CPU)


@pytest.mark.parametrize(("l2", "dropout"), [(-1.0, 0.0), (1.0, 1.0), (1.0, -0.1), (float("nan"), 0.0)])
def test_settings_without_meaning_are_refused(l2: float, dropout: float) -> None:
    with pytest.raises(ValueError, match="l2 must be at least 0"):
        LinearSettings(l2=l2, dropout=dropout)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_gram_that_was_counted_elsewhere_gives_the_same_model(name: str) -> None:
    interactions, settings = drawn(m=200, n=60), SETTINGS[name]
    lower = np.tril(gram(interactions.weighted(settings.weighting)))

    counted = fit_counted(interactions.items, lower, settings, Device.CPU)

    np.testing.assert_array_equal(counted.inverse, fit(interactions, settings, Device.CPU).inverse)


def test_a_counted_gram_becomes_the_inverse_in_its_own_memory() -> None:
    interactions = drawn(m=200, n=60)
    G = gram(interactions.weighted(PLAIN.weighting))

    assert np.shares_memory(fit_counted(interactions.items, G, PLAIN, Device.CPU).inverse, G)


def test_a_counted_gram_of_another_size_is_refused() -> None:
    interactions = drawn(m=200, n=60)

    with pytest.raises(ValueError, match="60 x 60"):
        fit_counted(interactions.items, np.eye(59, dtype=np.float32), PLAIN, Device.CPU)
