"""Who is held out and which of their games are shown, by hashes: the same every night, whoever joins meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
"""64 bits that stand for a player, made of the pseudonym: the same in every process and at any time."""


def keys_of(pseudonyms: Iterable[str]) -> Keys:
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in pseudonyms)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def chosen(keys: Keys, share: float, seed: int) -> NDArray[np.bool_]:
    """[m] of each player alone: nobody else's coming or going changes it. On average it is `share` of them."""
    return _mixed(keys ^ _of_seed(seed)) < np.uint64(min(max(share, 0.0), 1.0) * (2**64 - 2**11))


def shuffled(keys: Keys, app_ids: NDArray[np.integer], seed: int) -> Keys:
    """[rows] numbers to order a player's games by: as good as drawn, and a new game leaves the others' order alone."""
    return _mixed(_mixed(keys ^ _of_seed(seed + 1)) ^ _mixed(app_ids.astype(np.uint64)))


def _of_seed(seed: int) -> np.uint64:
    return np.uint64(_mixed(np.array([seed], np.uint64))[0])


def _mixed(values: Keys) -> Keys:
    """splitmix64's output function (Steele, Lea and Flood 2014): each bit in changes each bit out half of the time."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)
