"""Who is tested, who is tuned on: whole players held out, none of whom is ever both.

A tenth of all players, the same for every seed, is kept for tuning. The players of a test are drawn from the others;
those kept for tuning are learned from in a test, as any player is who is not tested.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import gathered
from jobs.training import Gathered
from recommender.evaluate import Split, SplitSettings, split
from recommender.interactions import Interactions

SHARE = 0.1
TUNING_SEED = 2026


def read(files: list[Path], players: int | None) -> Gathered:
    """What `indiean train` would learn from these files; only `players` of them at random where that is not None."""
    found = gathered(files)
    if players is None or players >= len(found.interactions):
        return found
    rows = np.random.default_rng(0).choice(len(found.interactions), players, replace=False)
    few = _anew(found.interactions.take(np.sort(rows)))
    return Gathered(few, found.games, found.fingerprint, found.synthetic)


def for_tuning(interactions: Interactions) -> Split:
    return split(interactions, SplitSettings(SHARE, seed=TUNING_SEED))


def for_test(interactions: Interactions, seed: int) -> Split:
    """A tenth of all players, 80 % of their games folded in; `held_out` are their rows in `interactions`."""
    others = np.setdiff1d(np.arange(len(interactions)), for_tuning(interactions).held_out)
    parts = split(interactions.take(others), SplitSettings(SHARE / (1 - SHARE), seed=seed))
    tested: NDArray[np.int64] = others[parts.held_out]
    train = interactions.take(np.setdiff1d(np.arange(len(interactions)), tested)).recounted()
    return Split(train, parts.folded, parts.targets, tested)


def stamp(interactions: Interactions) -> str:
    """Twelve hex digits that change with any game of any player."""
    rows = interactions.minutes
    digest = hashlib.sha256(interactions.items.stamp.encode())
    for values in (rows.indptr, rows.indices, rows.data):
        digest.update(values.astype("<i8").tobytes())
    return digest.hexdigest()[:12]


def _anew(interactions: Interactions) -> Interactions:
    """Without the games that none of these players owns, in the order of popularity among these."""
    rows = interactions.minutes
    players = np.repeat(np.arange(len(interactions), dtype=np.int32), np.diff(rows.indptr))
    return Interactions.from_columns(players, interactions.items.app_ids[rows.indices], rows.data)
