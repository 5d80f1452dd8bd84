"""G = XᵀX of a sparse X, in one dense buffer: the larger a library, the more of its games are a dense row."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cython_blas

from recommender.fortran import routine
from recommender.interactions import Floats, Ints

# What one core does a second, measured (docs/benchmarks.md): only their ratios decide.
DENSE_RATE = 75e9
"""Operations of a symmetric product of dense rows."""
MIXED_RATE = 1.7e9
"""Multiply-adds of a sparse matrix with a dense one."""
SPARSE_RATE = 75e6
"""Multiply-adds of a sparse matrix with a sparse one."""

FIRST_BAND = 128
CELLS_A_BLOCK = 1 << 21
"""8 MB of dense rows at once."""
GAMES_A_BLOCK = 256

UPDATE = (ctypes.c_char_p, ctypes.c_char_p, *[ctypes.c_void_p] * 8)  # uplo, trans, n, k, alpha, a, lda, beta, c, ldc

Matrix = sparse.csr_matrix[np.float32]


def gram(X: Matrix, *, threads: int = 2) -> Floats:
    """XᵀX [n x n] float32 in C order; only its lower triangle is promised, and only that takes memory.

    The games should stand in order of popularity (as in `ItemIndex`); the result is right in any order. Players stand
    in bands by the size of their libraries, and each band has its own border h, chosen by what it costs: the band's
    first h games are dense rows, whose product is BLAS's; pairs of a rarer game and one of those are sparse times
    dense; pairs of two rarer games, of which few are left, are sparse.
    """
    G = lower_triangle(X.shape[1])
    rare = []
    with ThreadPoolExecutor(threads) as pool:  # scipy's products and BLAS let other threads run
        for players in _bands(np.diff(X.indptr)):
            band = X[players]  # [b x n]
            h = border(np.bincount(band.indices, minlength=X.shape[1]), len(players))
            rows = max(1, CELLS_A_BLOCK // max(h, 1))
            for start in range(0, len(players), rows):
                _dense(band[start : start + rows], h, G, pool)
            rare.append(_beyond(band, h))
        _sparse(sparse.vstack(rare, format="csr"), G, pool)
    return G


def lower_triangle(n: int) -> Floats:
    """Zeros [n x n], of whose upper triangle hardly a page is in memory until it is written.

    numpy's own zeros come in pages of 2 MB, which span 50 rows of 10,000 games, so that all of them would count.
    """
    room = mmap.mmap(-1, max(1, 4 * n * n), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel that knows no huge pages
            room.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(room, np.float32, n * n).reshape(n, n)


def border(owners: NDArray[np.integer], players: int) -> int:
    """h: so many of the n games are cheapest as dense rows, for players of about equally many games.

    `owners` [n] says how many of the players own each game.
    """
    h = np.arange(len(owners) + 1, dtype=np.float64)  # [n + 1]
    rare = owners.sum() - np.concatenate(([0], np.cumsum(owners, dtype=np.float64)))  # interactions beyond h
    dense, mixed, lone = players * h**2, rare * h, rare**2 / max(players, 1)
    return int(np.argmin(dense / DENSE_RATE + mixed / MIXED_RATE + lone / SPARSE_RATE))


def _bands(sizes: NDArray[np.integer]) -> Iterator[Ints]:
    """Players by the size of their libraries, the largest first; each band holds as many as all before it."""
    order = np.argsort(-sizes, kind="stable").astype(np.int32)  # [m]
    start = 0
    while start < len(order):
        end = max(2 * start, FIRST_BAND)
        yield order[start:end]
        start = end


def _dense(X: Matrix, h: int, G: Floats, pool: ThreadPoolExecutor) -> None:
    """Every pair of games of which one at least is among the first h."""
    if not h:
        return
    B = X[:, :h].toarray()  # [b x h]
    add_square(B, G)
    RT = X[:, h:].T.tocsr()  # [n - h x b]

    def block(start: int) -> None:
        rows = RT[start : start + GAMES_A_BLOCK]
        if rows.nnz:
            G[h + start : h + start + rows.shape[0], :h] += rows @ B

    list(pool.map(block, range(0, RT.shape[0], GAMES_A_BLOCK)))


def add_square(B: Floats, G: Floats, sign: float = 1.0) -> None:
    """G += sign·BᵀB for B [b x h] in C order: in the lower triangle of G's leading h x h block, nowhere else."""
    b, h, n = (ctypes.c_int(size) for size in (*B.shape, len(G)))
    alpha, one = ctypes.c_float(sign), ctypes.c_float(1)
    by, syrk = ctypes.byref, routine(cython_blas, "ssyrk", *UPDATE)
    syrk(b"U", b"N", by(h), by(b), by(alpha), B.ctypes.data, by(h), by(one), G.ctypes.data, by(n))


def _beyond(X: Matrix, h: int) -> Matrix:
    """X without its first h games, the others where they were."""
    rare = X[:, h:]
    return sparse.csr_matrix((rare.data, rare.indices + h, rare.indptr), shape=X.shape)


def _sparse(R: Matrix, G: Floats, pool: ThreadPoolExecutor) -> None:
    """Every pair of games that stand in R [m x n]."""
    RT = R.T.tocsr()  # [n x m]

    def block(start: int) -> None:
        rows = RT[start : start + GAMES_A_BLOCK]
        end = start + rows.shape[0]
        if rows.nnz:
            G[start:end, :end] += (rows @ R)[:, :end].toarray()

    list(pool.map(block, range(0, RT.shape[0], GAMES_A_BLOCK)))
