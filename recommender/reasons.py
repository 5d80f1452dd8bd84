"""Reasons for a pick: the owned games that spoke for it, those of one series together."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Game
from recommender.interactions import Floats, Owned
from recommender.shelf import Shelf

REASONS = 3
HEARD = 64
"""Owned games, the strongest, among which reasons are looked for: no other has as much as a 64th of what speaks."""
APART = 1 << 32
"""More than any number of a series."""
LEAST = 0.05
"""The least part of the whole that is worth a word, unless it is the largest there is."""


@dataclass(frozen=True, slots=True)
class Because:
    """One owned game's exact part in a score: `share` is its part of all that spoke for the pick, in (0, 1].

    A `liked` one is not owned, as far as anybody can see. `series` are other owned games of the same series, each with
    its own part, the strongest first: played ones where this one was played, unplayed ones where it was not.
    """

    game: Game
    minutes: int
    share: float
    liked: bool = False
    series: tuple[Because, ...] = ()

    @property
    def each(self) -> tuple[Because, ...]:
        """It, and the others of its series."""
        return (self, *self.series)

    @property
    def whole(self) -> float:
        """The part of all of them together."""
        return sum(one.share for one in self.each)


@dataclass(frozen=True, eq=False)
class Relatives:
    """A library [r] by what is told together: of each series the games that were played, and those that were not.

    `places` [h] are those of the games that may be told, which ones of one kind in a row, the played ones before all
    others; a row begins at each of `starts` [g].
    """

    places: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, owned: Owned, shelf: Shelf) -> Relatives:
        places = np.flatnonzero(shelf.tellable[owned.positions])
        unplayed = owned.minutes[places] <= 0
        kinds = shelf.series[owned.positions[places]] + unplayed * np.int64(APART)
        order = np.argsort(kinds, kind="stable")
        kinds = kinds[order]
        starts = np.flatnonzero(np.concatenate(([True], kinds[1:] != kinds[:-1]))[: len(kinds)])
        return cls(places[order], starts)


def reasons(shares: Floats, owned: Owned, shelf: Shelf, relatives: Relatives) -> list[tuple[Because, ...]]:
    """For each of k picks the strongest of the owned games by their `shares` [k x r], three at most.

    Those of one series are one reason. Nobody takes a game without a name, a test or a program for a reason. Among
    equals a played game comes first.
    """
    if not len(relatives.starts):
        return [()] * len(shares)
    speaking = np.maximum(shares, 0).sum(axis=1, keepdims=True)  # [k x 1]
    heard = np.maximum(shares[:, relatives.places], 0)  # [k x h]
    if shares.shape[1] > HEARD:
        heard[heard < -np.partition(-shares, HEARD - 1)[:, HEARD - 1 : HEARD]] = 0
    parts = heard.astype(np.float64) / np.where(speaking, speaking, 1)
    picks, groups = _strongest(np.add.reduceat(parts, relatives.starts, axis=1))
    starts, ends = relatives.starts[groups], np.append(relatives.starts, parts.shape[1])[groups + 1]
    positions, minutes = (column[relatives.places].tolist() for column in (owned.positions, owned.minutes))
    found: list[list[Because]] = [[] for _ in range(len(parts))]
    for pick, start, end in zip(picks.tolist(), starts.tolist(), ends.tolist(), strict=True):
        of = slice(start, end)
        told = [
            Because(shelf.game(at), played, part)
            for at, played, part in zip(positions[of], minutes[of], parts[pick, of].tolist(), strict=True)
            if part
        ]
        found[pick].append(told[0] if len(told) == 1 else _series(told))
    return [tuple(told) for told in found]


def _strongest(wholes: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The groups worth a word in each row of [k x g], the first among equals: the rows, and the groups."""
    rows, left = np.arange(len(wholes)), wholes.copy()
    best = np.empty((len(wholes), min(REASONS, wholes.shape[1])), np.intp)  # [k x 3]
    for place in range(best.shape[1]):
        best[:, place] = left.argmax(axis=1)
        left[rows, best[:, place]] = -1
    values = wholes[rows[:, None], best]  # [k x 3]
    worth = (values > 0) & (values >= np.minimum(LEAST, values[:, :1]))
    return np.nonzero(worth)[0], best[worth]


def _series(told: list[Because]) -> Because:
    first, *others = sorted(told, key=attrgetter("share"), reverse=True)
    return Because(first.game, first.minutes, first.share, series=tuple(others))
