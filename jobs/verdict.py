"""Whether a candidate may take the place of the model in service: a pure decision, with the numbers behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from jobs.jury import Preferences
from recommender.evidence import WAYS, Evidence, paired
from recommender.version import Card

DECIDING = ("indie_played", "all")
"""What people will play, and that nothing else is bought with it."""
ROUNDS = 2000
LEVEL = 0.95
LITTLE = 0.002
"""nDCG@10 that a candidate may have less, however sure that is: pairs of players tell the noise of who was asked, not
that of who was learned from, and a night's new players alone moved it by up to 0.0016. Half of its standard error."""
LEAST = 0.8
"""Of the rows, players and games of the model in service: fewer are not a day's change but something gone wrong."""
LEAST_JURORS = 30
"""With a pair of a game liked and one hidden; what fewer say is reported and does not decide."""
GIVEN = 0.01
"""Pairwise AUC that a candidate may have less before its jury refuses it: it was fitted without a tenth of the players
and without its jurors, the model in service on all of them."""

Doubles = NDArray[np.float64]


class Why(StrEnum):
    """The first five publish."""

    FIRST = "first"
    REAL = "real"
    UNMEASURED = "unmeasured"
    NO_WORSE = "no_worse"
    UNPAIRED = "unpaired"
    SYNTHETIC = "synthetic"
    NO_NUMBERS = "no_numbers"
    COLLAPSED = "collapsed"
    WORSE = "worse"
    DISLIKED = "disliked"


PUBLISH = frozenset({Why.FIRST, Why.REAL, Why.UNMEASURED, Why.NO_WORSE, Why.UNPAIRED})


@dataclass(frozen=True)
class Difference:
    """Candidate less incumbent in the mean over the same `count` people, and the 95 % interval of that."""

    candidate: float
    incumbent: float
    mean: float
    low: float
    high: float
    count: int

    @property
    def worse(self) -> bool:
        """By more than its noise, and by more than LITTLE."""
        return self.high < 0 and self.mean < -LITTLE


@dataclass(frozen=True)
class Shrunk:
    """What there is less of than there should be: rows, players, games, or `evidence`, the players of both."""

    what: str
    before: int
    after: int


@dataclass(frozen=True)
class Verdict:
    """`of` names the measure that refused; `differences` are of nDCG@10 by the names of `Report`.

    `auc` and `percentile` are of the jury: how often a game liked stands above one hidden, in `pairs`, and the mean
    share of other games that a liked one stands above. None where there is nobody to ask.
    """

    why: Why
    of: str | None = None
    differences: Mapping[str, Difference] = field(default_factory=dict)
    auc: Difference | None = None
    pairs: int = 0
    percentile: Difference | None = None
    shrunk: Shrunk | None = None

    @property
    def publish(self) -> bool:
        return self.why in PUBLISH

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"publish": self.publish}


@dataclass(frozen=True, eq=False)
class Contender:
    """`preferences` are of the same jurors for both."""

    card: Card
    evidence: Evidence | None
    preferences: Preferences | None = None


def decide(candidate: Contender, incumbent: Contender | None, rng: np.random.Generator) -> Verdict:
    """Publish unless it is worse by more than its noise, or made of what cannot be a day's change.

    The noise is told by a paired bootstrap over the players that both held out (Efron and Tibshirani 1993), each
    measured by a model that was fitted without them; and LITTLE is for what that cannot tell.
    """
    refused = _refusal(candidate, incumbent)
    if refused is not None:
        return refused
    if incumbent is None:
        return Verdict(Why.FIRST)
    if incumbent.card.synthetic and not candidate.card.synthetic:
        return Verdict(Why.REAL)
    found, before = candidate.evidence, incumbent.evidence
    if found is None or before is None:
        return Verdict(Why.UNMEASURED)
    if found.split != before.split:
        return Verdict(Why.UNPAIRED)
    return _compared(candidate, incumbent, found, before, rng)


def _refusal(candidate: Contender, incumbent: Contender | None) -> Verdict | None:
    """For what it is made of, however well it did."""
    if candidate.evidence is None or not _numbers(candidate):
        return Verdict(Why.NO_NUMBERS)
    if incumbent is None or incumbent.card.synthetic:
        return None
    if candidate.card.synthetic:
        return Verdict(Why.SYNTHETIC)
    shrunk = _shrunk(candidate.card, incumbent.card)
    return Verdict(Why.COLLAPSED, shrunk=shrunk) if shrunk else None


def _numbers(candidate: Contender) -> bool:
    values = [value for measures in candidate.card.metrics.values() for value in measures.values()]
    return bool(values) and all(math.isfinite(value) for value in values)


def _shrunk(candidate: Card, incumbent: Card) -> Shrunk | None:
    """The first of them that is; rows were not counted in versions of old."""
    counts = {
        "rows": (incumbent.rows, candidate.rows),
        "players": (incumbent.players, candidate.players),
        "games": (incumbent.items, candidate.items),
    }
    for what, (before, after) in counts.items():
        if before is not None and after is not None and after < LEAST * before:
            return Shrunk(what, before, after)
    return None


def _compared(
    candidate: Contender, incumbent: Contender, found: Evidence, before: Evidence, rng: np.random.Generator
) -> Verdict:
    ones, others = paired(found, before)  # [3 x q]
    if ones.shape[1] < LEAST * len(before.keys):
        return Verdict(Why.COLLAPSED, shrunk=Shrunk("evidence", len(before.keys), ones.shape[1]))
    differences = {way: of_pairs(ones[at], others[at], rng) for at, way in enumerate(WAYS)}
    known = {way: difference for way, difference in differences.items() if difference is not None}
    told = Verdict(Why.NO_WORSE, None, known, *_asked(candidate.preferences, incumbent.preferences, rng))
    worse = next((way for way in DECIDING if way in known and known[way].worse), None)
    if worse is not None:
        return replace(told, why=Why.WORSE, of=worse)
    if told.auc is not None and told.auc.count >= LEAST_JURORS and told.auc.high < -GIVEN:
        return replace(told, why=Why.DISLIKED, of="auc")
    return told


def _asked(
    candidate: Preferences | None, incumbent: Preferences | None, rng: np.random.Generator
) -> tuple[Difference | None, int, Difference | None]:
    if candidate is None or incumbent is None:
        return None, 0, None
    auc = of_ratios(candidate.won, incumbent.won, candidate.pairs, rng)
    percentile = of_ratios(candidate.percentile, incumbent.percentile, candidate.liked, rng)
    return auc, sum(candidate.pairs), percentile


def of_pairs(
    candidate: NDArray[np.floating], incumbent: NDArray[np.floating], rng: np.random.Generator
) -> Difference | None:
    """Of the people [q] who have a value in both; None where nobody has."""
    both = ~(np.isnan(candidate) | np.isnan(incumbent))
    return of_ratios(candidate[both].tolist(), incumbent[both].tolist(), [1] * int(both.sum()), rng)


def of_ratios(
    candidate: Sequence[float], incumbent: Sequence[float], counts: Sequence[int], rng: np.random.Generator
) -> Difference | None:
    """Of sums over counts, people drawn with replacement; None where nothing was counted."""
    told = np.array([candidate, incumbent, counts], np.float64)  # [3 x q]
    told = told[:, told[2] > 0]
    if not told.shape[1]:
        return None
    one, other, total = told.sum(axis=1).tolist()
    low, high = np.quantile(_drawn(told[0] - told[1], told[2], rng), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(one / total, other / total, (one - other) / total, float(low), float(high), told.shape[1])


def _drawn(differences: Doubles, counts: Doubles, rng: np.random.Generator) -> Doubles:
    """[ROUNDS] means over as many people as there are, drawn with replacement."""
    q, means = len(counts), np.empty(ROUNDS)
    for at in range(ROUNDS):
        people = rng.integers(q, size=q)
        means[at] = differences[people].sum() / counts[people].sum()
    return means
