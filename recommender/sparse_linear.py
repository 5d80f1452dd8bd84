"""EASE where a dense matrix of all games has no room: the closed form of each game over its nearest games alone."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import cython_blas, cython_lapack

from recommender.errors import FitFailed
from recommender.fortran import routine
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.linear import LinearSettings, Phases, penalty, squares
from recommender.neighbours import Matrix, Neighbourhood, neighbourhood

log = logging.getLogger(__name__)

NEIGHBOURS = 200
"""The games that speak for one: measured, see docs/decisions.md."""
PAIRS_AT_ONCE = 1 << 22
"""Pairs of neighbours that a thread looks up at once: 100 MB with all that is made of them."""

FACTOR = (ctypes.c_char_p, *[ctypes.c_void_p] * 4)  # uplo, n, a, lda, info
SUBSTITUTE = (*[ctypes.c_char_p] * 3, *[ctypes.c_void_p] * 5)  # uplo, trans, diag, n, a, lda, x, incx


@dataclass(frozen=True, eq=False)
class SparseLinear:
    """The approximate EASE of Steck's "Markov Random Fields for Collaborative Filtering" (2019, arXiv 1910.09645).

    score(x)_j = (xB)_j, where column j of B is the ridge regression of game j on its s neighbours S:
    (G_SS + Λ_S)⁻¹ G_Sj. With all games as neighbours that is -P_ij / P_jj, the weights of `Linear`; B need not be
    symmetric. It takes 8·s bytes a game: 320 MB for 200,000 games with 200 neighbours each, and may lie in read-only
    memory maps.
    """

    items: ItemIndex
    weights: Matrix  # B [n x n], a row what an owned game says of others
    settings: LinearSettings

    @cached_property
    def prior(self) -> Floats:
        return np.zeros(len(self.items), np.float32)  # [n]

    def scores(self, owned: Owned) -> Floats:
        return np.asarray(self.score_many(Interactions.of_rows(self.items, [owned]))[0])

    def score_many(self, players: Interactions) -> Floats:
        X = players.weighted(self.settings.heard)  # [m x n] sparse
        return np.asarray((X @ self.weights).toarray(), dtype=np.float32)  # [m x n]

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        return self.settings.heard.weights(owned.minutes) * self._cells(owned, positions[:, None])

    def _cells(self, owned: Owned, columns: Ints) -> Floats:
        """[k x r] B_ij of each owned game i for each j of `columns` [k x 1].

        A bisection in all their rows at once, as scipy's own looks at every cell.
        """
        indices, data = self.weights.indices, self.weights.data
        if not len(data):
            return np.zeros((len(columns), len(owned)), np.float32)
        low = self.weights.indptr[owned.positions].astype(np.int64)  # [r]
        high = end = self.weights.indptr[owned.positions + 1].astype(np.int64)
        for _ in range(len(self.items).bit_length()):
            middle = (low + high) // 2
            less = indices[np.minimum(middle, len(indices) - 1)] < columns  # [k x r]
            less &= low < high
            low, high = np.where(less, middle + 1, low), np.where(less, high, middle)
        at = np.minimum(low, len(indices) - 1)
        return np.where((low < end) & (indices[at] == columns), data[at], np.float32(0))


@dataclass(frozen=True, eq=False)
class LocalEquations:
    """(G_SS + Λ_S)b = G_Sj of every game j and its neighbours S, to be solved once. No row is needed any more."""

    items: ItemIndex
    settings: LinearSettings
    found: Neighbourhood

    def solve(self) -> SparseLinear:
        """n·s³ operations.

        Raises:
            FitFailed: the regularised Gram matrix of some neighbours is not positive definite.
        """
        started = time.perf_counter()
        B = _weights(self.found)
        log.info("solved for the neighbours of %d games in %.1f s", len(self.items), time.perf_counter() - started)
        return SparseLinear(self.items, B, self.settings)


def approximate(
    interactions: Interactions,
    settings: LinearSettings,
    phase: Phases = lambda _: None,
    neighbours: int = NEIGHBOURS,
) -> SparseLinear:
    """`fit` where there is no room for n x n; `phase` hears "gram" and "inverse" as each begins.

    Raises:
        FitFailed: as of `LocalEquations.solve`.
    """
    phase("gram")
    equations = prepare_approximation(interactions, settings, neighbours)
    phase("inverse")
    return equations.solve()


def prepare_approximation(
    interactions: Interactions, settings: LinearSettings, neighbours: int = NEIGHBOURS
) -> LocalEquations:
    """The neighbours of each game and what is needed of G = XᵀX, about 100·neighbours bytes a game.

    Of the pairs of a game's neighbours, those count as owned together by nobody that are not among the ten times as
    many strongest of the rarer one.
    """
    X = interactions.weighted(settings.weighting)  # [m x n] sparse
    of_games = squares(X)  # [n]
    diagonal = of_games + penalty(settings, of_games)  # of G + Λ
    found = neighbourhood(X, diagonal, min(neighbours, len(interactions.items) - 1))
    return LocalEquations(interactions.items, settings, found)


def _weights(found: Neighbourhood, threads: int = 2) -> Matrix:
    n, s = found.neighbours.shape
    columns = np.empty((n, s), np.float32)  # [n x s] B's columns at their neighbours

    def batch(games: slice) -> None:
        columns[games] = _regressions(found, games)

    with ThreadPoolExecutor(threads) as pool:  # looking up and solving let other threads run
        list(pool.map(batch, _batches(n, s)))
    BT = sparse.csr_matrix((columns.ravel(), found.neighbours.ravel(), s * np.arange(n + 1)), shape=(n, n))
    return BT.T.tocsr()


def _batches(n: int, s: int) -> Iterator[slice]:
    size = max(1, 2 * PAIRS_AT_ONCE // max(1, s * s))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _regressions(found: Neighbourhood, games: slice) -> Floats:
    """(G_SS + Λ_S)⁻¹ G_Sj [b x s] of a batch of games j."""
    solved = np.ascontiguousarray(found.counts[games])  # [b x s] G_Sj
    _solve_in_place(_among_neighbours(found, games), solved)
    return solved


def _solve_in_place(A: Floats, x: Floats) -> None:
    """Turns each x [b x s] into A⁻¹x of its A [b x s x s], whose lower triangle is read and becomes its factor.

    One core each: threads of BLAS lose more by waiting for each other on so small a matrix than they win (six times
    the processor time on a busy machine), and LAPACK's `spotf2`, unlike `spotrf`, asks for none. The interpreter's
    lock is free meanwhile.

    Raises:
        FitFailed: a matrix is not positive definite.
    """
    factor = routine(cython_lapack, "spotf2", *FACTOR)
    substitute = routine(cython_blas, "strsv", *SUBSTITUTE)
    s, one, info = ctypes.c_int(x.shape[1]), ctypes.c_int(1), ctypes.c_int(0)
    n, step, failed = ctypes.byref(s), ctypes.byref(one), ctypes.byref(info)
    first_a, first_b = A.ctypes.data, x.ctypes.data
    for matrix in range(len(x) if s.value else 0):
        a, b = first_a + matrix * A.strides[0], first_b + matrix * x.strides[0]
        factor(b"U", n, a, n, failed)  # LLᵀ = A: Fortran sees the lower triangle of C order as the upper one
        if info.value:
            raise FitFailed("the matrix of a game's neighbours is not positive definite: raise l2")
        substitute(b"U", b"T", b"N", n, a, n, b, step)  # L⁻¹x
        substitute(b"U", b"N", b"N", n, a, n, b, step)  # L⁻ᵀL⁻¹x


def _among_neighbours(found: Neighbourhood, games: slice) -> Floats:
    """The lower triangles of G_SS + Λ_S [b x s x s].

    By rows and then columns: cell by cell, scipy looks through whole rows once what is asked for is a tenth of what is
    there or less (`csr_sample_values`).
    """
    near = found.neighbours[games]  # [b x s]
    b, s = near.shape
    A = np.empty((b, s, s), np.float32)
    for game, neighbours in enumerate(near):
        found.kept[neighbours][:, neighbours].toarray(out=A[game])
    A[:, range(s), range(s)] = found.diagonal[near]
    return A
