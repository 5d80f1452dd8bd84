"""How sure a pick is: the share of such picks that were right for players whom the model had never seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.evaluate import Split, part
from recommender.interactions import Interactions, Ints, entries
from recommender.scorer import Scorer
from recommender.shelf import Mask, Shelf, Wish

Doubles = NDArray[np.float64]

DRAWN = (1, 3, 10)
"""Games of small libraries: players with fewer are not learned from, so theirs are drawn from larger ones."""
BANDS = 4
"""Curves for whole libraries, for as many players each."""
A_LIST = 10
PLAYERS_AT_ONCE = 256
ENOUGH = 1500
"""Players from whom small libraries are drawn."""
BIN = 200
"""Picks behind one knot at least: their share has a standard error of at most 3.5 %."""
KNOTS = 40
SURE, GOOD = 0.5, 0.1


class Trust(StrEnum):
    """In words: right in at least half of all cases, in at least a tenth, or more seldom."""

    SURE = "sure"
    GOOD = "good"
    LONG = "long"


def trust(chance: float) -> Trust:
    if chance >= SURE:
        return Trust.SURE
    return Trust.GOOD if chance >= GOOD else Trust.LONG


@dataclass(frozen=True)
class Curve:
    """For players of `known` games: shares of right picks, never falling, at ascending scores; linear between."""

    known: float
    scores: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Confidence:
    """What share of picks with a score is right for players of whom the model knows so many games.

    Right is a game that the player owns, of the fifth of the library that was kept from the model. So it is a lower
    bound: a pick may suit somebody who does not own it.
    """

    curves: tuple[Curve, ...]

    def chance(self, known: int, score: float) -> float:
        """Between two curves it goes with the logarithm of the number of games; beyond the ends it stays."""
        return float(self.chances(np.array([known]), np.array([score]))[0])

    def chances(self, known: NDArray[np.integer], scores: NDArray[np.floating]) -> Doubles:
        """[p] for p picks."""
        each = np.stack([np.interp(scores, curve.scores, curve.shares) for curve in self.curves])  # [c x p]
        at = np.interp(np.log(known), np.log([curve.known for curve in self.curves]), np.arange(len(each)))
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, len(each) - 1)
        picks = np.arange(len(at))
        return np.asarray(each[below, picks] + (at - below) * (each[above, picks] - each[below, picks]))

    @classmethod
    def read(cls, curves: Iterable[Mapping[str, Any]]) -> Confidence:
        """From the plain lists and numbers of a manifest.

        Raises:
            KeyError, TypeError, ValueError: they are no curves.
        """
        read = [
            Curve(float(one["known"]), tuple(map(float, one["scores"])), tuple(map(float, one["shares"])))
            for one in curves
        ]
        if not read or any(not c.known > 0 or not len(c.scores) == len(c.shares) > 0 for c in read):
            raise ValueError("confidence")
        return cls(tuple(read))


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Picks [p] for held-out players: whose, from how many known games, with which score, and whether right.

    Those of `drawn` came from a few games drawn from the player's.
    """

    players: Ints
    known: Ints
    scores: Doubles
    right: Mask
    drawn: Mask

    def __len__(self) -> int:
        return len(self.scores)

    def where(self, mask: Mask) -> Outcomes:
        return Outcomes(self.players[mask], self.known[mask], self.scores[mask], self.right[mask], self.drawn[mask])


@dataclass(frozen=True)
class Reliability:
    """Of `picks` with one word: the mean share of right ones that was foretold, and that which was found."""

    word: Trust
    picks: int
    foretold: float
    found: float


@dataclass(frozen=True)
class Calibration:
    """`error` is the expected calibration error (Naeini et al. 2015) over tenths of what was foretold.

    Both are measured on one half of the held-out players by the curves of the other half; `confidence` is that of all.
    """

    confidence: Confidence
    reliability: tuple[Reliability, ...]
    error: float


def calibrate(scorer: Scorer, split: Split, shelf: Shelf, seed: int = 42) -> Calibration | None:
    """From the ten best picks of each held-out player; None where there are too few to tell anything."""
    found = outcomes(scorer, split, shelf, seed)
    first = np.random.default_rng(seed).random(len(split.folded))[found.players] < 0.5  # noqa: PLR2004 - a half
    halves, confidence = [fitted(found.where(half)) for half in (first, ~first)], fitted(found)
    if confidence is None or None in halves:
        return None
    by_first, by_second = (half.chances(found.known, found.scores) for half in halves if half is not None)
    foretold = np.where(first, by_second, by_first)
    return Calibration(confidence, tuple(_by_word(foretold, found.right)), _error(foretold, found.right))


def outcomes(scorer: Scorer, split: Split, shelf: Shelf, seed: int) -> Outcomes:
    """Of each held-out player from the whole of the games shown, and from a few of them.

    The games that are shown but not drawn are neither picked nor counted, so that in all cases the same fifth is what
    may be found.
    """
    rng, allowed = np.random.default_rng(seed), shelf.allowed(Wish())
    everybody = np.arange(len(split.folded))
    some = everybody[:: max(1, len(everybody) // ENOUGH)]
    found = list(_picked(scorer, split.folded, everybody, split, allowed))
    small = [_picked(scorer, _drawn(split.folded, size, rng), some, split, allowed) for size in DRAWN]
    drawn = [one for of_size in small for one in of_size]
    return Outcomes(
        np.concatenate([one.players for one in found + drawn]),
        np.concatenate([one.known for one in found + drawn]),
        np.concatenate([one.scores for one in found + drawn]),
        np.concatenate([one.right for one in found + drawn]),
        np.repeat([False, True], [sum(map(len, found)), sum(map(len, drawn))]),
    )


def _drawn(players: Interactions, size: int, rng: np.random.Generator) -> Interactions:
    """`size` games of each player, all where there are no more."""
    drawn, _ = part(players.minutes, np.full(len(players), size), rng.random(players.minutes.nnz))
    return Interactions(players.items, drawn)


def _picked(
    scorer: Scorer, known: Interactions, players: NDArray[np.integer], split: Split, allowed: Mask
) -> Iterator[Outcomes]:
    """A batch of `players` at a time."""
    games = np.diff(known.minutes.indptr)
    for start in range(0, len(players), PLAYERS_AT_ONCE):
        rows = players[start : start + PLAYERS_AT_ONCE]
        scores = scorer.score_many(known.take(rows))  # [b x n]
        scores[:, ~allowed] = -np.inf
        scores[entries(split.folded.minutes[rows])] = -np.inf
        depth = min(A_LIST, scores.shape[1])
        best = np.argpartition(scores, -depth, axis=1)[:, -depth:]  # [b x 10]
        of_best = np.take_along_axis(scores, best, axis=1).astype(np.float64)
        right = np.take_along_axis(entries(split.targets.minutes[rows]), best, axis=1)
        real = np.isfinite(of_best) & (games[rows] > 0)[:, None]
        whose, counts = (np.repeat(column[:, None], depth, axis=1)[real] for column in (rows, games[rows]))
        drawn = np.zeros(len(whose), bool)  # whoever asks for a part of the games knows it
        yield Outcomes(whose.astype(np.int32), counts.astype(np.int32), of_best[real], right[real], drawn)


def fitted(found: Outcomes) -> Confidence | None:
    """A curve for each number of games drawn, and for as many players each of those with whole libraries."""
    whole = ~found.drawn
    groups = [found.drawn & (found.known == size) for size in DRAWN]
    if whole.any():
        edges = np.quantile(found.known[whole], np.linspace(0, 1, BANDS + 1)[1:-1])
        band = np.searchsorted(edges, found.known, side="right")
        groups += [whole & (band == at) for at in range(BANDS)]
    curves = [_curve(found.where(group)) for group in groups if np.count_nonzero(group) >= BIN]
    ordered = sorted({curve.known: curve for curve in curves}.items())
    return Confidence(tuple(curve for _, curve in ordered)) if ordered else None


def _curve(found: Outcomes) -> Curve:
    """Isotonic regression over bins of as many picks each, ascending in score."""
    order = np.argsort(found.scores, kind="stable")
    bins = np.array_split(order, min(KNOTS, len(order) // BIN))
    shares = isotonic([float(found.right[one].mean()) for one in bins], [len(one) for one in bins])
    scores = [float(found.scores[one].mean()) for one in bins]
    return Curve(float(np.median(found.known)), tuple(scores), tuple(shares))


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest values that never fall, by least squares: adjacent violators are pooled (Ayer et al. 1955)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (one, first, many), (other, second, more) = pools[-2:]
            pools[-2:] = [((one * first + other * second) / (first + second), first + second, many + more)]
    return [mean for mean, _, members in pools for _ in range(members)]


def _by_word(foretold: Doubles, right: Mask) -> Iterator[Reliability]:
    words = np.array([trust(chance) for chance in foretold])
    for word in Trust:
        of_it = words == word
        if of_it.any():
            means = float(foretold[of_it].mean()), float(right[of_it].mean())
            yield Reliability(word, int(of_it.sum()), *means)


def _error(foretold: Doubles, right: Mask) -> float:
    tenth = np.minimum((10 * foretold).astype(int), 9)
    gaps = np.bincount(tenth, foretold - right, minlength=10)
    return float(np.abs(gaps).sum() / len(right))
