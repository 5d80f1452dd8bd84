"""How much the score of each game counts in a ranking: what people play before what only lies in their libraries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.interactions import Floats, ItemIndex
from recommender.linear import Linear, LinearSettings
from recommender.shelf import Mask

SURE = 10
"""Players who count as if they had owned each game as well, a fifth of whom played it: few owners say little."""
USUAL = 0.2


def calibrated(model: Linear, indie: Mask) -> Linear:
    """The same model with the factors of its settings, for the games `indie` [n]; see `LinearSettings`."""
    if not model.settings.played_power and not model.settings.rare_power:
        return model
    return replace(model, factor=factors(model.items, model.diagonal, indie, model.settings))


def factors(items: ItemIndex, diagonal: Floats, indie: Mask, settings: LinearSettings) -> Floats:
    """[n] rate_j^played_power · P_jj^rare_power over what the usual owner's game has of it; 1 for what is not indie.

    rate_j is the share of the owners who played over two hours. Usual is the geometric mean over all owned indie games,
    so that an indie game stands among the others, on the whole, where it stood.
    """
    exponent = settings.rare_power * np.log(diagonal)  # [n]
    if items.played is not None:
        exponent = exponent + settings.played_power * np.log((items.played + SURE * USUAL) / (items.players + SURE))
    owners = np.where(indie, items.players, 0)
    usual = float(owners @ exponent) / max(int(owners.sum()), 1)
    return np.where(indie, np.exp(exponent - usual), 1).astype(np.float32)
