"""Reasons for a pick: the owned games that spoke for it, those of one series together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Game
from recommender.interactions import Floats, Owned
from recommender.shelf import Shelf

REASONS = 3
HEARD = 64
"""Owned games, the strongest, among which reasons are looked for: no other has as much as a 64th of what speaks."""
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
    def whole(self) -> float:
        """The part of all of them together."""
        return self.share + sum(other.share for other in self.series)


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
        series, unplayed = shelf.series[owned.positions[places]], owned.minutes[places] <= 0
        order = np.lexsort((series, unplayed))
        changes = np.diff(series[order], prepend=-1) != 0
        starts = np.flatnonzero(changes | np.diff(unplayed[order], prepend=False))
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
    ends = np.append(relatives.starts, parts.shape[1]).tolist()
    wholes = np.add.reduceat(parts, relatives.starts, axis=1)  # [k x g]
    found: list[tuple[Because, ...]] = []
    for row, groups in zip(parts, _strongest(wholes), strict=True):
        told = (slice(*ends[group : group + 2]) for group in groups)
        found.append(tuple(_because(row[of], relatives.places[of], owned, shelf) for of in told))
    return found


def _strongest(wholes: NDArray[np.float64]) -> Iterator[list[int]]:
    """Of each row of [k x g] the groups worth a word, the first among equals; sorts nothing."""
    rows, left = np.arange(len(wholes)), wholes.copy()
    best = np.empty((min(REASONS, wholes.shape[1]), len(wholes)), np.intp)  # [3 x k]
    for place in range(len(best)):
        best[place] = left.argmax(axis=1)
        left[rows, best[place]] = -1
    values = wholes[rows, best]  # [3 x k]
    worth = (values > 0) & (values >= np.minimum(LEAST, values[0]))
    for groups, told in zip(best.T.tolist(), worth.T.tolist(), strict=True):
        yield [group for group, tell in zip(groups, told, strict=True) if tell]


def _because(parts: NDArray[np.float64], places: NDArray[np.intp], owned: Owned, shelf: Shelf) -> Because:
    """One reason of the `parts` [s] of one kind, which are of the games at `places` [s] of the library."""

    def told(at: int, part: float, series: tuple[Because, ...] = ()) -> Because:
        return Because(shelf.game(owned.positions.item(at)), owned.minutes.item(at), part, series=series)

    first, *others = sorted(zip(parts.tolist(), places.tolist(), strict=True), key=lambda of: -of[0])
    return told(first[1], first[0], tuple(told(at, part) for part, at in others if part))
