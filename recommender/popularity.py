"""How many own or play it: the baseline, and the answer for a player of whom nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned


@dataclass(frozen=True, eq=False)
class Popularity:
    """Scores each game by the share of the first game's players that it has, in [0, 1]; `counted` [n] are others."""

    items: ItemIndex
    counted: Ints | None = None

    @classmethod
    def of_played(cls, items: ItemIndex) -> Popularity:
        """By who played a game over two hours, where that was counted: bundles give games to many who never start."""
        return cls(items, items.played)

    @cached_property
    def prior(self) -> Floats:
        players = (self.items.players if self.counted is None else self.counted).astype(np.float32)
        return np.asarray(players / max(players.max(initial=1), 1))  # [n]

    def scores(self, owned: Owned) -> Floats:
        del owned  # the same for everybody
        return self.prior.copy()

    def score_many(self, players: Interactions) -> Floats:
        return np.tile(self.prior, (len(players), 1))  # [m x n]

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        """No owned game brings any of it."""
        return np.zeros((len(positions), len(owned)), np.float32)
