"""The same fit through torch, in panels of one matrix: on the CPU here, on any device in the same way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recommender.errors import FitFailed
from recommender.inverse import invert_in_place
from recommender.panels import gram_torch, invert_torch
from tests.test_gram import WORLDS, exact
from tests.test_inverse import positive_definite

SIZES = [(1, 4), (7, 3), (64, 16), (65, 16), (200, 256), (333, 50)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("panel", [37, 1024])
def test_the_lower_triangle_is_the_exact_product(world: str, panel: int) -> None:
    X = WORLDS[world]()

    G = gram_torch(X, "cpu", panel=panel).numpy()

    np.testing.assert_allclose(np.tril(G), np.tril(exact(X)), rtol=1e-4, atol=1e-4)


def test_players_beyond_one_block_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    X = WORLDS["mixed"]()
    monkeypatch.setattr("recommender.panels.CELLS_A_BLOCK", 7 * X.shape[1])

    G = gram_torch(X, "cpu").numpy()

    np.testing.assert_allclose(np.tril(G), np.tril(exact(X)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "panel"), SIZES)
def test_it_is_the_inverse_in_place_and_exactly_symmetric(n: int, panel: int) -> None:
    A = positive_definite(n)
    expected = np.linalg.inv(A.astype(np.float64))
    A[np.triu_indices(n, 1)] = np.nan

    invert_torch(torch.from_numpy(A), panel=panel)

    np.testing.assert_allclose(A, expected, atol=1e-5 * np.abs(expected).max())
    assert np.array_equal(A, A.T)


@pytest.mark.parametrize("panel", [1, 16, 40])
@pytest.mark.parametrize("minor", [1, 17, 32, 40])
def test_what_has_no_inverse_names_its_leading_minor(minor: int, panel: int) -> None:
    A = positive_definite(40)
    A[minor - 1, minor - 1] = -1.0

    with pytest.raises(FitFailed, match=f"leading minor {minor} "):
        invert_torch(torch.from_numpy(A), panel=panel)


def test_with_little_l2_it_is_as_exact_as_lapack() -> None:
    """Forty twins of forty games, told apart by l2 alone: a condition of some 100,000."""
    X = np.repeat(np.random.default_rng(0).random((300, 40)), 2, axis=1)
    A = (X.T @ X + 0.05 * np.eye(80)).astype(np.float32)
    expected = np.linalg.inv(A.astype(np.float64))
    by_lapack, by_panels = A.copy(), A.copy()

    invert_in_place(by_lapack)
    invert_torch(torch.from_numpy(by_panels), panel=16)

    assert farthest(by_panels, expected) < 4 * farthest(by_lapack, expected) < 0.1


def farthest(found: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    return float((np.abs(found - expected) / expected.diagonal()).max())
