"""Dense and sparse parts together are XᵀX, wherever the border between them falls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse

from recommender.gram import DENSE_FROM, GAMES_A_BLOCK, PLAYERS_A_BLOCK, _popular, gram, gram_torch

Matrix = sparse.csr_matrix[np.float32]


def drawn(m: int, shares: NDArray[np.float64], seed: int = 0) -> Matrix:
    """Each game has its share of m players, one at least; weights in (0, 2], every seventh an explicit 0."""
    rng = np.random.default_rng(seed)
    owned = rng.random((m, len(shares))) < shares
    owned[rng.integers(0, m, len(shares)), np.arange(len(shares))] = True
    X = sparse.csr_matrix(owned[:, np.argsort(-owned.sum(axis=0), kind="stable")].astype(np.float32))
    X.data = 2 - 2 * rng.random(X.nnz, np.float32)
    X.data[::7] = 0.0
    return X


def falling(n: int) -> NDArray[np.float64]:
    return 0.3 / np.arange(1, n + 1)


WORLDS: dict[str, Callable[[], Matrix]] = {
    "head only": lambda: drawn(300, np.full(40, 0.4)),
    "tail only": lambda: drawn(2000, np.full(130, 0.001)),
    "mixed": lambda: drawn(1500, falling(200)),
    "players beyond two blocks": lambda: drawn(2 * PLAYERS_A_BLOCK + 3, falling(60)),
    "players exactly a block": lambda: drawn(PLAYERS_A_BLOCK, falling(60)),
    "games beyond two tail blocks": lambda: drawn(900, falling(2 * GAMES_A_BLOCK + 77)),
    "a last tail block of one game": lambda: drawn(2000, np.full(GAMES_A_BLOCK + 1, 0.005)),
    "one player": lambda: drawn(1, np.full(5, 1.0)),
    "one game": lambda: drawn(7, np.full(1, 0.5)),
    "one player of one game": lambda: drawn(1, np.full(1, 1.0)),
}


def exact(X: Matrix) -> NDArray[np.float64]:
    dense = X.toarray().astype(np.float64)
    return np.asarray(dense.T @ dense)


@pytest.mark.parametrize("world", WORLDS)
def test_the_lower_triangle_is_the_exact_product(world: str) -> None:
    X = WORLDS[world]()

    G = gram(X)

    assert G.dtype == np.float32
    assert G.flags.c_contiguous
    np.testing.assert_allclose(np.tril(G), np.tril(exact(X)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("world", WORLDS)
def test_torch_gives_the_whole_product(world: str) -> None:
    X = WORLDS[world]()

    G = gram_torch(X, torch.device("cpu")).numpy()

    np.testing.assert_allclose(G, exact(X), rtol=1e-4, atol=1e-4)


def test_the_worlds_lie_on_both_sides_of_the_border() -> None:
    heads = {world: (_popular(X := WORLDS[world]()), X.shape[1]) for world in ("head only", "tail only", "mixed")}

    assert heads["head only"] == (40, 40)
    assert heads["tail only"] == (0, 130)
    assert 0 < heads["mixed"][0] < heads["mixed"][1]


def test_a_game_is_popular_from_the_share_on_that_was_measured() -> None:
    m = 800
    owners = [100, int(m * DENSE_FROM), int(m * DENSE_FROM) - 1, 1]
    X = sparse.csr_matrix(np.array([[player < count for count in owners] for player in range(m)], np.float32))

    assert _popular(X) == 2


def test_the_order_of_the_games_decides_the_speed_and_not_the_result() -> None:
    X = WORLDS["mixed"]()
    order = np.random.default_rng(1).permutation(X.shape[1])
    shuffled = X[:, order]

    G = gram(shuffled)

    np.testing.assert_allclose(np.tril(G), np.tril(exact(shuffled)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    X = WORLDS["games beyond two tail blocks"]()

    assert np.array_equal(gram(X, threads=threads), gram(X, threads=2))
