"""A model tempered for unusual libraries: of hardly a game, of thousands, or with hours that nobody played."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.popularity import Popularity
from recommender.scorer import Scorer

LEAN, FEW = 0.05, 20
"""What popularity adds to the score of the most played game for a player of no known game, and at how many games half
of that is left. Titles that tell a taste bring larger scores; where they tell none, the popular is the better guess.
"""
MANY = 500
"""Of a larger library only the most played games speak: bundles fill it with what nobody chose, and drown the rest."""
LONG = 10
"""Hours count up to so many times the median of the games played: what ran for months was not played for months."""
EVENING = 10 * 60
"""Minutes that always count, however short the others were played."""


@dataclass(frozen=True, eq=False)
class Tempered:
    """`model` for players as they come. The measures behind it: benchmarks/cold_players.py and docs/decisions.md.

    For a player of r games heard, `leaning(r)` of the popular scores is added, 1 times `prior` for nobody: so the
    shares add up to the score less that.
    """

    model: Scorer
    popular: Popularity

    @property
    def items(self) -> ItemIndex:
        return self.model.items

    @cached_property
    def prior(self) -> Floats:
        return np.asarray(leaning(0) * self.popular.prior)  # [n]

    def scores(self, owned: Owned) -> Floats:
        known = heard(owned)
        return np.asarray(self.model.scores(known) + np.float32(leaning(len(known))) * self.popular.prior)  # [n]

    def score_many(self, players: Interactions) -> Floats:
        known = [heard(players.row(row)) for row in range(len(players))]
        scores = self.model.score_many(Interactions.of_rows(self.items, known))  # [m x n]
        for row, owned in enumerate(known):
            scores[row] += np.float32(leaning(len(owned))) * self.popular.prior
        return scores

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        shares = np.zeros((len(positions), len(owned)), np.float32)  # [k x r]
        shares[:, speaking(owned)] = self.model.shares(heard(owned), positions)
        return shares


def leaning(known: int) -> float:
    return LEAN / (1 + (known / FEW) ** 2)


@lru_cache(maxsize=16)
def speaking(owned: Owned) -> Ints:
    """The places in a row [r] of the games that are heard: all, of very many the most played ones.

    Of a library of which nothing was played, or all in secret, the best known speak.
    """
    if len(owned) <= MANY:
        return np.arange(len(owned), dtype=np.int32)
    most = np.argsort(-owned.minutes, kind="stable")[:MANY]
    played = most[owned.minutes[most] > 0]
    return np.sort(played if len(played) else most).astype(np.int32)


def capped(minutes: Ints) -> Ints:
    """[r] what counts of the minutes played."""
    played = minutes[minutes > 0]
    most = max(EVENING, LONG * _median(played)) if len(played) else EVENING
    return np.minimum(minutes, most).astype(np.int32)


def _median(minutes: Ints) -> int:
    """Rounded down; at a tenth of what numpy's own takes for a small library."""
    low, high = (len(minutes) - 1) // 2, len(minutes) // 2
    parted = np.partition(minutes, (low, high))
    return (parted.item(low) + parted.item(high)) // 2


@lru_cache(maxsize=16)
def heard(owned: Owned) -> Owned:
    """The games that speak, each with what counts of its minutes; kept, as scores and then shares are asked for."""
    places = speaking(owned)
    return Owned(owned.positions[places], capped(owned.minutes[places]))
