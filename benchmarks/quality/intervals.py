"""How sure a figure is: over seeds, and player by player against another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ROUNDS = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """`half` is half of the 95 % interval over seeds by Student's t, nan for one seed."""

    value: float
    half: float


@dataclass(frozen=True)
class Difference:
    """The mean difference and its 95 % interval."""

    value: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Mean:
    found = np.array(values, np.float64)
    if len(found) == 1:
        return Mean(float(found[0]), float("nan"))
    spread = found.std(ddof=1) / np.sqrt(len(found))
    return Mean(float(found.mean()), float(stats.t.ppf((1 + LEVEL) / 2, len(found) - 1) * spread))


def paired(
    players: Sequence[NDArray[np.integer]], ones: Sequence[NDArray[np.float64]], others: Sequence[NDArray[np.float64]]
) -> Difference:
    """The mean of `others` less `ones`, players drawn with replacement (Efron and Tibshirani 1993, percentiles).

    Each argument has an array for each seed. Who is held out by several seeds is drawn with all their values.
    """
    _, rows = np.unique(np.concatenate(players), return_inverse=True)
    sums = np.bincount(rows, np.concatenate(others) - np.concatenate(ones))  # [p]
    counts = np.bincount(rows).astype(np.float64)
    rng = np.random.default_rng(0)
    means = np.empty(ROUNDS)
    for at in range(ROUNDS):
        drawn = rng.integers(len(sums), size=len(sums))
        means[at] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(float(sums.sum() / counts.sum()), float(low), float(high))
