"""Measures of ranked lists, one value a player, as the papers define them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.shelf import Mask

Values = NDArray[np.float64]


def precision(hits: Mask, k: int) -> Values:
    """[b] the share of the first k that are right; `hits` [b x at least k] says of each place whether it is."""
    return np.asarray(hits[:, :k].sum(axis=1) / k)


def recall(hits: Mask, targets: NDArray[np.integer], k: int) -> Values:
    """[b] right ones among the first k over min(k, targets), as in Liang et al. 2018; `targets` [b] is at least 1."""
    return np.asarray(hits[:, :k].sum(axis=1) / np.minimum(targets, k))


def ndcg(hits: Mask, targets: NDArray[np.integer], k: int) -> Values:
    """[b] discounted cumulative gain of the first k over that of a perfect list (Järvelin and Kekäläinen 2002)."""
    discount = 1 / np.log2(np.arange(2, k + 2))  # [k]
    best = np.concatenate(([0.0], np.cumsum(discount)))  # [k+1]
    return np.asarray(hits[:, :k] @ discount / best[np.minimum(targets, k)])


def coverage(shown: NDArray[np.integer]) -> int:
    """Distinct games over all lists; -1 marks an empty place."""
    return len(np.unique(shown[shown >= 0]))


def popularity_percentile(shown: NDArray[np.integer], n: int) -> float:
    """The mean place of what is shown among n games by popularity: 100 is the most owned game, 0 the least."""
    places = shown[shown >= 0]
    return float(100 * (1 - places.mean() / max(n - 1, 1))) if len(places) else float("nan")


def novelty(shown: NDArray[np.integer], players: NDArray[np.integer], of: int) -> float:
    """The mean self-information of what is shown, log2(of / players), in bits (Zhou et al. 2010).

    `players` [n] says how many of the `of` players own each game. One that none of them owns counts as if one did.
    """
    places = shown[shown >= 0]
    return float(np.log2(of / np.maximum(players[places], 1)).mean()) if len(places) else float("nan")


def gini(shown: NDArray[np.integer], candidates: Mask) -> float:
    """How unequally the candidates are shown (Shani and Gunawardana 2011): 0 all alike, 1 one of them alone.

    `candidates` [n] is what could have been shown.
    """
    times = np.sort(np.bincount(shown[shown >= 0], minlength=len(candidates))[candidates])  # [c] ascending
    c = len(times)
    if c < 2 or not times.any():  # noqa: PLR2004 - one alone cannot be shown unequally
        return float("nan")
    return float((2 * np.arange(1, c + 1) - c - 1) @ times / (times.sum() * (c - 1)))
