"""How far updates have taken a model from the fit that it stands for, and when to fit it anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.interactions import Floats
from recommender.linear import Linear
from recommender.updates import Rows

Doubles = NDArray[np.float64]

ROWS_AT_ONCE = 512

FAR = 1e-3
"""The relative error at which a score's third digit changes."""

MANY = 0.1
"""With a tenth of the rows changed, what only a fit renews is stale: Λ, the order of the games, and which there are."""


def drift(model: Linear, X: Rows, penalty: Floats, rng: np.random.Generator, probes: int = 16) -> float:
    """An estimate of ‖P - (XᵀX + Λ)⁻¹‖/‖P‖ in the Frobenius norm, without an inverse.

    X [m x n] holds every row that the model is to stand for, weighed as it was learned, `penalty` [n] is Λ as its
    last fit made it. One step of iterative refinement (Wilkinson 1963) on random probes V: P(V - (XᵀX + Λ)PV) is the
    error of PV to first order, and of Gaussian V the norms tell those of the matrices. All in float64. A fit in
    float32 has some 1e-6 itself; a row that is in X and not in the model, or the other way about, shows as well.
    """
    V = rng.standard_normal((len(penalty), probes))  # [n x k]
    rows, PV = X.astype(np.float64), _product(model.inverse, V)
    residual = V - (rows.T @ (rows @ PV) + penalty[:, None] * PV)  # [n x k]
    return float(np.linalg.norm(_product(model.inverse, residual)) / np.linalg.norm(PV))


def refit_due(drift: float, changed: int, fitted: int) -> bool:
    """Of a model whose fit saw `fitted` rows, of which `changed` were learned, forgotten or replaced since then."""
    return not drift <= FAR or changed > MANY * fitted


def _product(P: Floats, V: Doubles) -> Doubles:
    """PV [n x k] in float64, without a second matrix in float64."""
    parts = (P[at : at + ROWS_AT_ONCE].astype(np.float64) @ V for at in range(0, len(P), ROWS_AT_ONCE))
    return np.concatenate(list(parts))
