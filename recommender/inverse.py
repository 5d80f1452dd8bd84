"""The inverse of a symmetric positive definite matrix, in place by LAPACK."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from scipy.linalg import cython_lapack

from recommender.errors import FitFailed
from recommender.fortran import routine
from recommender.interactions import Floats

MIRROR_BLOCK = 256
"""Both sides of a swap stay in the cache: 1,024 takes two to five times as long."""

Routine = Literal["spotrf", "spotri"]
ARGUMENTS = (ctypes.c_char_p, *[ctypes.c_void_p] * 4)  # uplo, n, a, lda, info


def invert_in_place(A: Floats) -> None:
    """Overwrites A [n x n], float32 in C order, of which only the lower triangle is read, with its full inverse.

    A Cholesky factor (n³/3 operations) and the inverse from it (2n³/3), both in A's own memory.

    Raises:
        FitFailed: a leading minor is not positive definite; the message names it.
        ValueError: A is of another type or order, so that its memory could not hold the result.
    """
    check_in_place(A, "inverted")
    refuse(_lapack("spotrf", A))  # LLᵀ = A
    refuse(_lapack("spotri", A))  # L⁻ᵀL⁻¹
    mirror_lower(A)


def check_in_place(A: Floats, done: str) -> None:
    """Raises ValueError where A's own memory could not hold what becomes of it."""
    if A.dtype != np.float32 or not A.flags.c_contiguous or not A.flags.writeable or A.shape != (len(A), len(A)):
        raise ValueError(f"only a square, writeable float32 matrix in C order is {done} in place")


def _lapack(name: Routine, A: Floats) -> int:
    """Runs `spotrf` or `spotri` on A; the answer is LAPACK's info. The lower triangle of C order is Fortran's upper."""
    n, info = ctypes.c_int(len(A)), ctypes.c_int(0)
    call = routine(cython_lapack, name, *ARGUMENTS)
    call(b"U", ctypes.byref(n), A.ctypes.data, ctypes.byref(n), ctypes.byref(info))
    return info.value


def refuse(failed: int) -> None:
    """Raises FitFailed unless LAPACK's info is 0."""
    if failed:
        raise FitFailed(f"leading minor {failed} is not positive definite: raise l2")


def mirror_lower(A: Floats, *, threads: int = 2) -> None:
    """Copies the lower triangle to the upper one, a block at a time so that both sides stay in the cache."""
    n = len(A)

    def rows(start: int) -> None:
        end = min(start + MIRROR_BLOCK, n)
        corner = A[start:end, start:end]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
        for below in range(end, n, MIRROR_BLOCK):
            A[start:end, below : below + MIRROR_BLOCK] = A[below : below + MIRROR_BLOCK, start:end].T

    with ThreadPoolExecutor(threads) as pool:  # numpy's copies let other threads run
        list(pool.map(rows, range(0, n, MIRROR_BLOCK)))
