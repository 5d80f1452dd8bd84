"""Reasons for a pick: the owned games that spoke for it, those of one series together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Game
from recommender.interactions import Floats, Owned
from recommender.shelf import Mask, Shelf

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

    `places` [h] are those of the games that may be told, which ones of one kind in a row; a row begins at each of
    `starts` [g], and `unplayed` [g] says which it is of.
    """

    places: NDArray[np.intp]
    starts: NDArray[np.intp]
    unplayed: Mask

    @classmethod
    def of(cls, owned: Owned, shelf: Shelf) -> Relatives:
        places = np.flatnonzero(shelf.tellable[owned.positions])
        kinds = 2 * shelf.series[owned.positions[places]] + (owned.minutes[places] <= 0)
        order = np.argsort(kinds, kind="stable")
        starts = np.flatnonzero(np.diff(kinds[order], prepend=-1))
        return cls(places[order], starts, kinds[order][starts] % 2 == 1)


def reasons(shares: Floats, owned: Owned, shelf: Shelf, relatives: Relatives) -> tuple[Because, ...]:
    """The strongest of the owned games by their `shares` [r], those of one series as one reason, three at most.

    Nobody takes a game without a name, a test or a program for a reason. Among equals a played game comes first.
    """
    speaking = float(shares[shares > 0].sum())
    if not speaking or not len(relatives.starts):
        return ()
    heard = np.maximum(shares[relatives.places], 0)  # [h]
    if len(shares) > HEARD:
        heard[heard < -np.partition(-shares, HEARD - 1)[HEARD - 1]] = 0
    parts = heard.astype(np.float64) / speaking
    wholes = np.add.reduceat(parts, relatives.starts)  # [g]
    best = np.lexsort((relatives.unplayed, -wholes))[:REASONS]
    told = best[wholes[best] >= min(LEAST, wholes[best[0]])]
    ends = np.append(relatives.starts, len(parts))

    def because(group: int) -> Because:
        row = slice(ends[group], ends[group + 1])
        strongest = sorted(zip(parts[row].tolist(), relatives.places[row].tolist(), strict=True), key=lambda of: -of[0])
        first, *others = (
            Because(shelf.game(int(owned.positions[at])), int(owned.minutes[at]), part)
            for part, at in strongest
            if part
        )
        return replace(first, series=tuple(others)) if others else first

    return tuple(because(group) for group in told.tolist() if wholes[group])
