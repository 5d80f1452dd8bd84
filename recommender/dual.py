"""EASE where players are fewer than games: the same P from an m x m inverse, by the Woodbury identity."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy import sparse

from recommender.gram import DENSE_RATE, MIXED_RATE, gram, lower_triangle
from recommender.interactions import Floats
from recommender.inverse import invert_in_place, mirror_lower

GAMES_A_BLOCK = 512
LARGEST_GAIN = 1e4
"""Above this G_jj/Λ_jj the difference that gives P_jj would lose more than 3 of float32's 7 digits."""


class Form(StrEnum):
    PRIMAL = "primal"
    DUAL = "dual"


def cheaper(players: int, games: int, interactions: int, largest_gain: float) -> Form:
    """The form whose fit takes less time, by the operations of each; the primal one where the other is inexact.

    `largest_gain` is the greatest G_jj/Λ_jj of any game; infinite where a Λ_jj is 0.
    """
    primal = games**3 / DENSE_RATE
    dual = players**3 / DENSE_RATE + interactions * (players + games / 2) / MIXED_RATE
    return Form.DUAL if dual < primal and largest_gain <= LARGEST_GAIN else Form.PRIMAL


def invert_dual(X: sparse.csr_matrix[np.float32], penalty: Floats) -> Floats:
    """P = Λ⁻¹ - Λ⁻¹Xᵀ(I + XΛ⁻¹Xᵀ)⁻¹XΛ⁻¹ [n x n] for X [m x n] and `penalty` [n], the diagonal of Λ, above 0.

    m³ operations instead of n³, and m² floats beside P. P_jj is a difference of two numbers near 1/Λ_jj, so that its
    relative error is about 6e-8·G_jj/Λ_jj; no more than that of the primal form wherever `cheaper` takes it.
    """
    scale = 1 / np.sqrt(penalty)  # [n]
    by_size = np.argsort(-np.diff(X.indptr), kind="stable")  # P does not see the order, the Gram is faster in this one
    Y = sparse.csr_matrix(X[by_size].multiply(scale), dtype=np.float32)  # [m x n], YYᵀ = XΛ⁻¹Xᵀ
    YT = Y.T.tocsr()  # [n x m]
    K = gram(YT)  # [m x m]
    K.reshape(-1)[:: len(K) + 1] += 1
    invert_in_place(K)
    P = lower_triangle(len(penalty))
    for start in range(0, len(penalty), GAMES_A_BLOCK):
        end = min(start + GAMES_A_BLOCK, len(penalty))
        half = YT[start:end] @ K  # [b x m]
        P[start:end, :end] = -(YT[:end] @ half.T).T * scale[start:end, None] * scale[:end]
    P.reshape(-1)[:: len(P) + 1] += 1 / penalty
    mirror_lower(P)
    return P
