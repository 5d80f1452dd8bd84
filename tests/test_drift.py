"""Drift is told without an inverse, near enough to what it is; and when to fit anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.device import Device
from recommender.drift import FAR, MANY, drift, refit_due
from recommender.interactions import Floats
from recommender.linear import Linear, LinearSettings, fit, penalty
from recommender.updates import Rows, update_in_place
from tests.test_linear import drawn

SETTINGS = LinearSettings(l2=20.0, dropout=0.3)


def fitted(m: int = 400, n: int = 120) -> tuple[Linear, Rows, Floats]:
    interactions = drawn(m=m, n=n)
    X = interactions.weighted(SETTINGS.weighting)
    return fit(interactions, SETTINGS, Device.CPU), X, penalty(SETTINGS, np.asarray(X.multiply(X).sum(axis=0)).ravel())


def true_drift(model: Linear, X: Rows, added: Floats) -> float:
    rows = X.toarray().astype(np.float64)
    exact = np.linalg.inv(rows.T @ rows + np.diag(added.astype(np.float64)))
    return float(np.linalg.norm(model.inverse - exact) / np.linalg.norm(exact))


def test_a_fit_has_hardly_drifted() -> None:
    assert drift(*fitted(), np.random.default_rng(0)) < 1e-5


@pytest.mark.parametrize("size", [1e-5, 1e-4, 1e-3, 1e-2])
def test_it_estimates_the_distance_from_the_exact_inverse(size: float) -> None:
    model, X, added = fitted()
    noise = np.random.default_rng(1).standard_normal(model.inverse.shape) * np.abs(model.inverse).mean() * size
    moved = replace(model, inverse=(model.inverse + noise + noise.T).astype(np.float32))

    found = drift(moved, X, added, np.random.default_rng(2))

    assert found == pytest.approx(true_drift(moved, X, added), rel=0.5)


def test_many_updates_drift_little() -> None:
    model, X, added = fitted()
    P, rng = model.inverse.copy(), np.random.default_rng(3)
    for _ in range(200):
        row = X[[int(rng.integers(X.shape[0]))]]
        update_in_place(P, row[:0], row, least_penalty=SETTINGS.l2)
        update_in_place(P, row, row[:0])
    moved = replace(model, inverse=P)

    found = drift(moved, X, added, rng)

    assert found < FAR / 10
    assert found == pytest.approx(true_drift(moved, X, added), rel=0.5)


def test_a_row_too_few_or_too_many_shows() -> None:
    model, X, added = fitted()

    assert drift(model, X[1:], added, np.random.default_rng(4)) > FAR


@pytest.mark.parametrize(
    ("far", "changed", "due"),
    [
        (0.0, 0, False),
        (FAR, int(MANY * 1000), False),
        (1.01 * FAR, 0, True),
        (0.0, int(MANY * 1000) + 1, True),
        (float("nan"), 0, True),
    ],
)
def test_a_model_is_fitted_anew_when_it_is_far_off_or_much_has_changed(far: float, changed: int, *, due: bool) -> None:
    assert refit_due(far, changed, fitted=1000) is due
