"""The approximation beyond dense sizes: exact where nothing is left out, near where little is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from recommender import neighbours, sparse_linear
from recommender.device import Device
from recommender.errors import FitFailed
from recommender.evaluate import SplitSettings, evaluate, split
from recommender.interactions import Interactions, ItemIndex, Owned, Weighting
from recommender.linear import LinearSettings, fit
from recommender.neighbours import neighbourhood
from recommender.shelf import Shelf
from recommender.sparse_linear import SparseLinear, approximate
from tests import worlds

SETTINGS = LinearSettings(5.0, 0.3, Weighting(0.7, 0.2, 0.1))


def drawn(players: int, games: int, seed: int = 3) -> Interactions:
    """Players of three themes, each of whose games are owned by its lovers above all, the first ones widely."""
    rng = np.random.default_rng(seed)
    likes = rng.integers(0, 3, players)[:, None] == np.arange(games) % 3  # [m x n]
    chance = np.where(likes, 0.5, 0.03) / (1 + np.arange(games) / 20)
    rows, columns = np.nonzero(rng.random((players, games)) < chance)
    return Interactions.from_columns(
        *(np.asarray(c, np.int32) for c in (rows, columns + 10, rng.integers(0, 3000, len(rows))))
    )


@pytest.fixture(scope="module")
def world() -> Interactions:
    return drawn(400, 90)


def dense_weights(world: Interactions, settings: LinearSettings) -> NDArray[np.float64]:
    """-P_ij / P_jj, nothing on the diagonal."""
    P = fit(world, settings, Device.CPU).inverse.astype(np.float64)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return np.asarray(B)


@pytest.mark.parametrize("settings", [SETTINGS, LinearSettings(5.0, 0.0)])
def test_with_all_games_as_neighbours_it_is_the_closed_form(world: Interactions, settings: LinearSettings) -> None:
    B = approximate(world, settings, neighbours=len(world.items)).weights.toarray()

    np.testing.assert_allclose(B, dense_weights(world, settings), rtol=1e-3, atol=2e-5)


def test_each_column_is_the_ridge_regression_on_its_neighbours(world: Interactions) -> None:
    model = approximate(world, SETTINGS, neighbours=10)
    X = world.weighted(SETTINGS.weighting).toarray().astype(np.float64)
    G = X.T @ X
    penalty = SETTINGS.l2 + SETTINGS.dropout / (1 - SETTINGS.dropout) * G.diagonal()
    B = model.weights.toarray()
    for game in range(len(world.items)):
        S = np.flatnonzero(B[:, game])
        expected = np.linalg.solve(G[np.ix_(S, S)] + np.diag(penalty[S]), G[S, game])

        assert 0 < len(S) <= 10
        assert game not in S
        np.testing.assert_allclose(B[S, game], expected, rtol=1e-3, atol=1e-5)


def test_the_neighbours_are_those_with_the_largest_damped_cells(world: Interactions) -> None:
    X = world.weighted(SETTINGS.weighting)
    G = (X.T @ X).toarray()
    diagonal = G.diagonal() + 5
    found = neighbourhood(X, diagonal, 6)
    strength = G * diagonal**-0.75
    np.fill_diagonal(strength, -1)
    for game, near in enumerate(found.neighbours):
        assert set(near) == set(np.argsort(-strength[game], kind="stable")[:6])
        assert np.array_equal(found.counts[game], G[game, near])


def test_blocks_and_batches_change_nothing(world: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patched because a world that fills several blocks by itself would take minutes."""
    whole = approximate(world, SETTINGS, neighbours=8).weights
    monkeypatch.setattr(neighbours, "CELLS_AT_ONCE", 7 * len(world.items))
    monkeypatch.setattr(sparse_linear, "PAIRS_AT_ONCE", 100)
    parts = approximate(world, SETTINGS, neighbours=8).weights

    assert np.array_equal(parts.indices, whole.indices)
    np.testing.assert_allclose(parts.data, whole.data, rtol=1e-4, atol=1e-6)


def test_only_the_strongest_cells_are_kept_and_only_once(world: Interactions) -> None:
    X = world.weighted(SETTINGS.weighting)
    diagonal = (X.T @ X).diagonal() + 5
    kept = neighbourhood(X, diagonal, 2).kept
    rows = np.diff(kept.indptr)

    assert rows.max() == 2 * neighbours.KEPT_A_NEIGHBOUR
    assert np.all(kept.indices < np.repeat(np.arange(len(rows)), rows))
    assert kept.has_canonical_format


def test_nothing_speaks_for_a_game_that_shares_no_player_with_any_other() -> None:
    columns = np.array([[0, 0, 1, 1, 2], [10, 20, 10, 20, 30], [5, 0, 300, 1, 9]], np.int32)
    model = approximate(Interactions.from_columns(*columns), SETTINGS)
    lonely = model.items.position(30)
    assert lonely is not None

    assert not model.weights[:, [lonely]].toarray().any()
    assert np.isfinite(model.weights.data).all()


def test_one_game_is_a_model_too() -> None:
    model = approximate(Interactions.from_columns(*np.array([[0, 1], [10, 10], [5, 0]], np.int32)), SETTINGS)

    assert model.scores(Owned(np.zeros(1, np.int32), np.zeros(1, np.int32))).tolist() == [0.0]
    assert model.shares(Owned(np.zeros(1, np.int32), np.zeros(1, np.int32)), np.zeros(1, np.int32)).tolist() == [[0.0]]


def test_games_owned_by_the_same_players_need_a_penalty() -> None:
    columns = np.array([[p, g, 0] for p in range(4) for g in (10, 20, 30)], np.int32).T

    with pytest.raises(FitFailed, match="raise l2"):
        approximate(Interactions.from_columns(*columns), LinearSettings(0.0, 0.0))


def test_each_phase_is_told(world: Interactions) -> None:
    heard: list[str] = []
    approximate(world, SETTINGS, heard.append)

    assert heard == ["gram", "inverse"]


def test_shares_find_every_cell_of_rows_of_any_length() -> None:
    rng = np.random.default_rng(5)
    cells = rng.random((50, 50), np.float32) * (rng.random((50, 50)) < np.linspace(0, 1, 50)[:, None])
    B = sparse.csr_matrix(cells)
    items = ItemIndex(np.arange(50, dtype=np.int32), np.arange(50, 0, -1).astype(np.int32))
    owned = Owned(np.arange(50, dtype=np.int32), np.zeros(50, np.int32))
    model = SparseLinear(items, B, LinearSettings(weighting=Weighting(2.0)))

    np.testing.assert_allclose(model.shares(owned, np.arange(50, dtype=np.int32)), 2 * cells.T)


def test_a_tenth_of_the_games_as_neighbours_find_nearly_what_all_find() -> None:
    world = drawn(1500, 300, seed=11)
    parts = split(world, SplitSettings(held_out=0.2))
    shelf = Shelf(worlds.catalog(), world.items)
    known = np.ones(len(world.items), bool)
    shelf.__dict__["indie"] = known  # the world has no catalogue; all of its games are to be found
    dense = evaluate(fit(parts.train, SETTINGS, Device.CPU), parts, shelf).all.ndcg_10
    near = evaluate(approximate(parts.train, SETTINGS, neighbours=30), parts, shelf).all.ndcg_10

    assert near > 0.97 * dense
