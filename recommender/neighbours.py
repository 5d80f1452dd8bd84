"""Beyond a dense Gram: each game's neighbours, and of G = XᵀX only the strong cells, a block of games at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommender.interactions import Floats, Ints

Matrix = sparse.csr_matrix[np.float32]

DAMPING = 0.75
"""How far a neighbour's own popularity speaks against it: measured, see docs/decisions.md."""
KEPT_A_NEIGHBOUR = 10
"""A game keeps that many cells of G for each neighbour; with fewer, games miss cells between their neighbours."""
CELLS_AT_ONCE = 1 << 25
"""Bounds the block of G that a thread has before it, were it dense."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What n small regressions need to know of G = XᵀX, whose diagonal with Λ is `diagonal` [n].

    `neighbours` [n x s] has each game's ascending, `counts` [n x s] their cells of G. `kept` [n x n] has the strongest
    cells left of the diagonal of every row.
    """

    neighbours: Ints
    counts: Floats
    kept: Matrix
    diagonal: Floats


def neighbourhood(X: Matrix, diagonal: Floats, size: int, *, threads: int = 2) -> Neighbourhood:
    """The `size` neighbours j of each game i with the largest G_ij / `diagonal`_j^0.75; `size` is less than n.

    Where fewer share a player with it, the most popular games fill up, so that with n - 1 neighbours nothing is left
    out. G itself is never there whole: what is kept takes 8 · (10 + 1) · size bytes a game at most.
    """
    n = X.shape[1]
    XT = X.T.tocsr()  # [n x m]
    weights = diagonal**-DAMPING  # [n]
    near, counts = np.empty((n, size), np.int32), np.empty((n, size), np.float32)
    height = max(1, CELLS_AT_ONCE // n)

    def block(start: int) -> list[tuple[Ints, Floats]]:
        C = XT[start : start + height] @ X  # [b x n]
        lower = []
        for game, places, cells in _rows(C, start):
            near[game], counts[game] = _strongest(*_filled_up(places, cells, game, size), weights, size)
            before = np.flatnonzero(places < game)
            lower.append(_strongest(places[before], cells[before], weights, KEPT_A_NEIGHBOUR * size))
        return lower

    with ThreadPoolExecutor(threads) as pool:  # scipy's sparse product lets other threads run
        kept = _stacked(pool.map(block, range(0, n, height)), n, KEPT_A_NEIGHBOUR * size)
    return Neighbourhood(near, counts, kept, diagonal)


def _rows(C: Matrix, start: int) -> Iterator[tuple[int, Ints, Floats]]:
    """Each row's game, and its other games in any order with their cells."""
    for row in range(C.shape[0]):
        part = slice(C.indptr[row], C.indptr[row + 1])
        places, cells = C.indices[part], C.data[part]
        others = np.flatnonzero(places != start + row)
        yield start + row, places[others], cells[others]


def _filled_up(places: Ints, cells: Floats, game: int, size: int) -> tuple[Ints, Floats]:
    """With the most popular games that share no player with it, where those that do are fewer than `size`."""
    missing = size - len(places)
    if missing <= 0:
        return places, cells
    strangers = np.setdiff1d(np.arange(size + 1, dtype=np.int32), [*places.tolist(), game])[:missing]
    return np.concatenate([places, strangers]), np.concatenate([cells, np.zeros(missing, np.float32)])


def _strongest(places: Ints, cells: Floats, weights: Floats, size: int) -> tuple[Ints, Floats]:
    """The `size` with the largest cell times weight, ascending."""
    if len(places) > size:
        strongest = np.argpartition(cells * weights[places], len(places) - size)[len(places) - size :]
        places, cells = places[strongest], cells[strongest]
    order = np.argsort(places)
    return places[order], cells[order]


def _stacked(blocks: Iterator[list[tuple[Ints, Floats]]], n: int, most: int) -> Matrix:
    """[n x n] of rows of at most `most` cells left of the diagonal, written as they come: never there twice."""
    room = int(np.minimum(np.arange(n, dtype=np.int64), most).sum())
    indices, data = np.empty(room, np.int32), np.empty(room, np.float32)  # memory where it is written only
    ends = [0]
    for block in blocks:
        for places, cells in block:
            part = slice(ends[-1], ends[-1] + len(places))
            indices[part], data[part] = places, cells
            ends.append(part.stop)
    return sparse.csr_matrix((data[: ends[-1]], indices[: ends[-1]], np.array(ends)), shape=(n, n))
