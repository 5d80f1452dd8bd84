"""The dual form is taken where it is cheaper and exact enough, and is the primal one's inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from recommender.dual import LARGEST_GAIN, Form, cheaper, invert_dual


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 6), (5, 40), (30, 1100), (40, 20)])
def test_it_is_the_inverse_in_float64(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    X = sparse.csr_matrix((2 * rng.random((m, n)) * (rng.random((m, n)) < 0.3)).astype(np.float32))
    penalty = (5 + 10 * rng.random(n)).astype(np.float32)
    expected = np.linalg.inv(X.toarray().astype(float).T @ X.toarray() + np.diag(penalty.astype(float)))

    P = invert_dual(X, penalty)

    assert P.dtype == np.float32
    assert np.array_equal(P, P.T)
    np.testing.assert_allclose(P, expected, atol=1e-5 * np.abs(expected).max())


def test_few_players_of_many_games_are_dual_and_many_players_primal() -> None:
    assert cheaper(500, 10_000, 50_000, 10.0) is Form.DUAL
    assert cheaper(10_000, 500, 50_000, 10.0) is Form.PRIMAL
    assert cheaper(10_000, 10_000, 50_000, 10.0) is Form.PRIMAL


def test_large_libraries_make_the_dual_form_dearer() -> None:
    assert cheaper(2_500, 10_000, 250_000, 10.0) is Form.DUAL
    assert cheaper(2_500, 10_000, 25_000_000, 10.0) is Form.PRIMAL


@pytest.mark.parametrize("gain", [2 * LARGEST_GAIN, math.inf, math.nan])
def test_a_difference_that_would_lose_its_digits_is_not_taken(gain: float) -> None:
    assert cheaper(500, 10_000, 50_000, gain) is Form.PRIMAL
