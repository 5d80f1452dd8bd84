"""The inverse lies where the matrix lay, is exactly symmetric, and names the minor that had none."""

from __future__ import annotations

import threading
import time
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.errors import FitFailed
from recommender.interactions import Floats
from recommender.inverse import MIRROR_BLOCK, _lapack, invert_in_place
from tests.unfit import UNFIT

SIZES = [1, 2, 17, MIRROR_BLOCK, MIRROR_BLOCK + 1]


def positive_definite(n: int, seed: int = 0) -> Floats:
    """Far from singular, so that float32 is precise: eigenvalues from n to about 5n."""
    A = np.random.default_rng(seed).standard_normal((n, n)).astype(np.float32)
    return np.asarray(A @ A.T + n * np.eye(n, dtype=np.float32), np.float32)


def exact(A: Floats) -> NDArray[np.float64]:
    return np.linalg.inv(A.astype(np.float64))


@pytest.mark.parametrize("n", SIZES)
def test_it_is_the_inverse_and_exactly_symmetric(n: int) -> None:
    A = positive_definite(n)
    expected = exact(A)

    invert_in_place(A)

    np.testing.assert_allclose(A, expected, atol=1e-5 * np.abs(expected).max())
    assert np.array_equal(A, A.T)


def test_only_the_lower_triangle_is_read() -> None:
    A = positive_definite(50)
    expected = exact(A)
    A[np.triu_indices(50, 1)] = np.nan

    invert_in_place(A)

    np.testing.assert_allclose(A, expected, atol=1e-5 * np.abs(expected).max())


def test_there_is_no_second_matrix() -> None:
    n = 3000
    A = np.zeros((n, n), np.float32)
    A.reshape(-1)[:: n + 1] = 4.0
    tracemalloc.start()
    try:
        invert_in_place(A)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < A.nbytes / 2
    assert np.array_equal(A.diagonal(), np.full(n, 0.25, np.float32))
    assert np.count_nonzero(A) == n


@pytest.mark.parametrize("minor", [1, 17, 40])
def test_what_has_no_inverse_names_its_leading_minor(minor: int) -> None:
    A = positive_definite(40)
    A[minor - 1, minor - 1] = -1.0

    with pytest.raises(FitFailed, match=f"leading minor {minor} "):
        invert_in_place(A)


@pytest.mark.parametrize("A", UNFIT.values(), ids=UNFIT)
def test_what_cannot_hold_its_inverse_is_refused(A: Floats) -> None:
    with pytest.raises(ValueError, match="in place"):
        invert_in_place(A)


def test_other_threads_run_while_lapack_works() -> None:
    A = positive_definite(2500)
    worker = threading.Thread(target=_lapack, args=("spotrf", A))
    ticks = 0

    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        ticks += 1

    assert ticks >= 5
