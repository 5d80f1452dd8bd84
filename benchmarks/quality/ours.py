"""Our own models and the baseline, behind the same door as the others."""

from __future__ import annotations

import numpy as np
from pydantic import TypeAdapter

from benchmarks.quality.peers import Rows, Score, Setting
from recommender.device import Device
from recommender.interactions import Interactions, ItemIndex
from recommender.linear import LinearSettings, fit
from recommender.popularity import Popularity
from recommender.scorer import Scorer


def popularity(train: Rows, _: Setting) -> Score:
    return _score(Popularity(_interactions(train).items))


def linear(train: Rows, setting: Setting) -> Score:
    """`setting` has the fields of `LinearSettings`; those left out are the default."""
    return _score(fit(_interactions(train), TypeAdapter(LinearSettings).validate_python(setting), Device.CPU))


def _score(scorer: Scorer) -> Score:
    return lambda rows: scorer.score_many(Interactions(scorer.items, rows))


def _interactions(train: Rows) -> Interactions:
    """App ids are of no matter here, so positions stand for them."""
    players = np.bincount(train.indices, minlength=train.shape[1]).astype(np.int32)
    return Interactions(ItemIndex(np.arange(train.shape[1], dtype=np.int32), players), train)
