"""G = XᵀX of a sparse X, in one dense buffer: the popular games as dense blocks, the rest as sparse rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.interactions import Floats

if TYPE_CHECKING:
    import torch

DENSE_FROM = 1 / 80
"""A game owned by at least this share of the players is multiplied densely: measured, see docs/benchmarks.md."""

PLAYERS_A_BLOCK = 8192
GAMES_A_BLOCK = 512


def gram(X: sparse.csr_matrix[np.float32], *, threads: int = 2) -> Floats:
    """XᵀX [n x n] float32 in C order; only its lower triangle is promised.

    The games must stand in order of popularity (as in `ItemIndex`): then the h popular ones, which hold most of the
    interactions, are the leading h x h block, and a matrix product of dense blocks beats any sparse one there. The
    rows of the other games have few players each, so sparse products stay cheap.
    """
    n = X.shape[1]
    G = np.zeros((n, n), np.float32)  # [n x n]
    h = _popular(X)
    _dense_head(X, h, G)
    _sparse_tail(X, h, G, threads)
    return G


def _popular(X: sparse.csr_matrix[np.float32]) -> int:
    players = np.bincount(X.indices, minlength=X.shape[1])
    rare = np.flatnonzero(players < max(1, DENSE_FROM * X.shape[0]))
    return int(rare[0]) if len(rare) else int(X.shape[1])


def _dense_head(X: sparse.csr_matrix[np.float32], h: int, G: Floats) -> None:
    head = X[:, :h]
    for start in range(0, X.shape[0], PLAYERS_A_BLOCK):
        B = head[start : start + PLAYERS_A_BLOCK].toarray()  # [b x h]
        G[:h, :h] += B.T @ B  # numpy sees the symmetry and calls syrk


def _sparse_tail(X: sparse.csr_matrix[np.float32], h: int, G: Floats, threads: int) -> None:
    n = X.shape[1]
    XT = X.T.tocsr()  # [n x m]

    def block(start: int) -> None:
        rows = slice(start, min(start + GAMES_A_BLOCK, n))
        (XT[rows] @ X).toarray(out=G[rows])

    with ThreadPoolExecutor(threads) as pool:  # scipy's sparse product lets other threads run
        list(pool.map(block, range(h, n, GAMES_A_BLOCK)))


def gram_torch(X: sparse.csr_matrix[np.float32], device: torch.device | str) -> torch.Tensor:
    """XᵀX [n x n] float32 on `device`, from dense blocks of players: what a GPU does best."""
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    n = X.shape[1]
    G = torch.zeros((n, n), dtype=torch.float32, device=device)
    for start in range(0, X.shape[0], PLAYERS_A_BLOCK):
        rows = X[start : start + PLAYERS_A_BLOCK].tocoo()
        B = torch.zeros((rows.shape[0], n), dtype=torch.float32, device=device)  # [b x n]
        where = (torch.from_numpy(rows.row).long().to(device), torch.from_numpy(rows.col).long().to(device))
        B.index_put_(where, torch.from_numpy(rows.data).to(device))
        G.addmm_(B.T, B)
    return G


def on_torch(G: Floats, device: torch.device | str) -> torch.Tensor:
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    return torch.from_numpy(G).to(device)
