"""Dense and sparse parts together are XᵀX, wherever the borders between them fall."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from recommender.gram import FIRST_BAND, GAMES_A_BLOCK, border, gram, lower_triangle

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


def and_nobody(X: Matrix, more: int) -> Matrix:
    """The same players, and so many who own nothing."""
    indptr = np.append(X.indptr, np.full(more, X.nnz, np.int32))
    return sparse.csr_matrix((X.data, X.indices, indptr), shape=(X.shape[0] + more, X.shape[1]))


WORLDS: dict[str, Callable[[], Matrix]] = {
    "head only": lambda: drawn(300, np.full(40, 0.4)),
    "tail only": lambda: drawn(2000, np.full(130, 0.001)),
    "mixed": lambda: drawn(1500, falling(200)),
    "players of several bands": lambda: drawn(4 * FIRST_BAND + 3, falling(60)),
    "players exactly a band": lambda: drawn(FIRST_BAND, falling(60)),
    "players who own nothing": lambda: and_nobody(drawn(20, falling(30)), 300),
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


def test_dense_players_are_dense_rows_and_sparse_ones_are_not() -> None:
    assert border(np.full(200, 90), 100) == 200
    assert border(np.array([40] * 20 + [1] * 5000), 100) < 5020
    assert border(np.full(5000, 1), 4000) == 0
    assert border(np.zeros(30, int), 100) == 0


def test_more_dense_rows_pay_the_more_of_the_games_the_players_own() -> None:
    rarity = 1 / np.arange(1, 5001)
    borders = [border((1000 * np.minimum(1, size * rarity)).astype(int), 1000) for size in (3, 10, 30, 100, 300)]

    assert borders == sorted(borders)
    assert 0 < borders[0] < borders[-1]


def test_the_upper_triangle_stays_empty_until_it_is_written() -> None:
    """64 MB of zeros, of which one row was written: what the process holds grows by far less."""
    before = resident()
    G = lower_triangle(4096)
    G[2048, :2048] = 1.0

    assert resident() - before < 4 << 20
    assert G.flags.c_contiguous
    assert G.flags.writeable
    assert np.count_nonzero(G) == 2048


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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
