"""The fit through torch, on a GPU or any other device, in one n x n buffer and panels of it.

What it costs, counted and not measured: the Gram of m players m·n² operations, the inverse n³, both as products of
panels, which an H200 does at some 40 TFLOPS in float32. That is 0.13 s and 0.03 s for 43,000 players of 11,000 games,
beside 0.1 s for P's 465 MB to come back; 100,000 games take 25 s a million players owning them and 25 s more for the
inverse, in 40 GB for the matrix and 2 GB for panels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.inverse import refuse

if TYPE_CHECKING:
    import torch

PANEL = 1024
"""Columns of a panel: two panels of 100,000 games are 0.8 GB."""
CELLS_A_BLOCK = 1 << 28
"""1 GB of dense rows at once."""


def gram_torch(X: sparse.csr_matrix[np.float32], device: torch.device | str, *, panel: int = PANEL) -> torch.Tensor:
    """XᵀX [n x n] float32 on `device`; only its lower triangle is promised.

    The rows travel as indices and weights, and become dense blocks of players there.
    """
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    m, n = X.shape
    G = torch.zeros((n, n), dtype=torch.float32, device=device)
    players = max(1, min(m, CELLS_A_BLOCK // max(n, 1)))
    B = torch.empty((players, n), dtype=torch.float32, device=device)  # [b x n]
    for start in range(0, m, players):
        rows = X[start : start + players].tocoo()
        b = rows.shape[0]
        where = (torch.from_numpy(rows.row).to(device).long(), torch.from_numpy(rows.col).to(device).long())
        B.zero_().index_put_(where, torch.from_numpy(rows.data).to(device))
        for left in range(0, n, panel):
            right = min(left + panel, n)
            G[left:, left:right].addmm_(B[:b, left:].T, B[:b, left:right])  # [n - left x panel]
    return G


def invert_torch(A: torch.Tensor, *, panel: int = PANEL) -> None:
    """Overwrites A [n x n], float32, of which only the lower triangle is read, with its full inverse.

    What LAPACK's `spotrf` and `spotri` do, a panel at a time and nearly all of it as one product of matrices a panel:
    n³ operations, and beside A's own memory three panels of it. torch's `cholesky_ex` and `cholesky_inverse` hold
    two matrices more. Refused: the symmetric sweep, one loop instead of three, but 14 times less exact at l2 0.5.

    Raises:
        FitFailed: a leading minor is not positive definite; the message names it.
    """
    A.tril_()
    n = len(A)
    panels = [(left, min(left + panel, n)) for left in range(0, n, panel)]
    for left, right in panels:
        _factor(A, left, right)
    for left, right in panels:
        _invert_factor(A, left, right, 4 * panel)
    for left, right in panels:
        A[left:right, :right] = A[left:, left:right].T @ A[left:, :right]  # L⁻ᵀL⁻¹, its rows from left to right
    for left, right in panels:
        _mirror(A, left, right)


def _factor(A: torch.Tensor, left: int, right: int) -> None:
    """The columns of L, LLᵀ = A, from left to right, those before them being there."""
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    A[left:, left:right].addmm_(A[left:, :left], A[left:right, :left].T, alpha=-1)  # [n - left x b]
    L, failed = torch.linalg.cholesky_ex(A[left:right, left:right])
    refuse(left + int(failed) if failed else 0)
    A[left:right, left:right] = L
    A[right:, left:right] = torch.linalg.solve_triangular(L.T, A[right:, left:right], upper=True, left=False)


def _invert_factor(A: torch.Tensor, left: int, right: int, width: int) -> None:
    """The rows of L⁻¹ from left to right, those before them being there; `width` columns at once."""
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    corner = A[left:right, left:right]
    corner.copy_(torch.linalg.solve_triangular(corner, torch.eye(right - left).to(corner), upper=False))
    rows = A[left:right, :left].clone()  # [b x left]
    for start in range(0, left, width):
        end = min(start + width, left)
        A[left:right, start:end] = -corner @ (rows[:, start:] @ A[start:left, start:end])


def _mirror(A: torch.Tensor, left: int, right: int) -> None:
    corner = A[left:right, left:right]
    corner.copy_(corner.tril() + corner.tril(-1).T)
    A[left:right, right:] = A[right:, left:right].T
