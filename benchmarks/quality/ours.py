"""Our own models and the baseline, behind the same door as the others."""

from __future__ import annotations

import numpy as np
from pydantic import TypeAdapter

from benchmarks.quality.peers import Rows, Score, Setting
from recommender.calibration import calibrated
from recommender.device import Device
from recommender.interactions import Interactions, ItemIndex
from recommender.linear import Linear, LinearSettings, fit
from recommender.popularity import Popularity
from recommender.scorer import Scorer
from recommender.sparse_linear import approximate


def popularity(train: Rows, _: Setting) -> Score:
    return _score(Popularity(_interactions(train).items))


def linear(train: Rows, setting: Setting) -> Score:
    """`setting` has the fields of `LinearSettings`; those left out are the default."""
    return _score(_fitted(train, setting))


def calibrated_linear(train: Rows, setting: Setting) -> Score:
    """As it is published: `indie` in the setting [n] says which games the factors are for."""
    indie = np.asarray(setting["indie"], bool)
    return _score(calibrated(_fitted(train, {name: of for name, of in setting.items() if name != "indie"}), indie))


def approximated(train: Rows, setting: Setting) -> Score:
    """As `linear`, where there is no room for n x n."""
    return _score(approximate(_interactions(train), _settings(setting)))


def _fitted(train: Rows, setting: Setting) -> Linear:
    return fit(_interactions(train), _settings(setting), Device.CPU)


def _settings(setting: Setting) -> LinearSettings:
    return TypeAdapter(LinearSettings).validate_python(setting)


def _score(scorer: Scorer) -> Score:
    return lambda rows: scorer.score_many(Interactions(scorer.items, rows))


def _interactions(train: Rows) -> Interactions:
    """App ids are of no matter here, so positions stand for them."""
    n = train.shape[1]
    index = np.arange(n, dtype=np.int32)
    return Interactions(ItemIndex(index, np.zeros(n, np.int32)), train).recounted()
