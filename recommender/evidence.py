"""What a version's own evaluation found, player by player: so that another version can be compared with it in pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.evaluate import Report, SplitSettings
from recommender.held_out import Keys

WAYS = tuple(Report.__dataclass_fields__)
"""all, indie and indie_played, in the order of the rows."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """`ndcg_10` [3 x p] of every held-out player in the ways of `Report`, NaN where there was nothing to be found.

    `keys` [p] stand for the players, `split` says how they were held out: what was split otherwise is not comparable.
    """

    keys: Keys
    ndcg_10: NDArray[np.float32]
    split: SplitSettings

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        settings = np.array([self.split.held_out, self.split.folded_in, self.split.seed], np.float64)
        return {"keys": self.keys.view(np.int64), "ndcg_10": np.ascontiguousarray(self.ndcg_10), "split": settings}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Evidence:
        held_out, folded_in, seed = tensors["split"].tolist()
        return cls(tensors["keys"].view(np.uint64), tensors["ndcg_10"], SplitSettings(held_out, folded_in, int(seed)))


def paired(one: Evidence, other: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[3 x q] of each, the same players in the same columns: those that both held out."""
    _, mine, theirs = np.intersect1d(one.keys, other.keys, assume_unique=True, return_indices=True)
    return one.ndcg_10[:, mine], other.ndcg_10[:, theirs]
