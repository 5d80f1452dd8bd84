"""What a catalogue says of each game that others share: tags, genres, developers, publishers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Game, joined
from recommender.columns import Lists
from recommender.shelf import Placed

Whole = NDArray[np.int64]
Reals = NDArray[np.float64]

GENRE = 0.5
"""A genre counts as a tag in the third place."""


Part = tuple[Lists, str, Callable[[str], str], Whole, Whole, Reals]
"""A kind of feature: its lists, its name, what spellings have in common; whose each is, its code, its value."""


@dataclass(frozen=True, eq=False)
class Told:
    """The features of games as cells: number i says of the game at `rows[i]` the feature `names[i]`.

    Tags count by their place (1 for the strongest, then 1/log2 of the place and one), a genre as `GENRE` says,
    developers and publishers 1. `known` are the names themselves, in any order.
    """

    rows: Whole
    names: Whole
    values: Reals
    known: Sequence[str]

    @classmethod
    def of(cls, games: Sequence[Game | None]) -> Told:
        placed = games if isinstance(games, Placed) else Placed.of(games)
        columns, at = placed.games, placed.rows
        rows, codes, places = _cells(columns.themes, at)
        tag = places < columns.tagged[at[rows]]
        first: Part = (columns.themes, "tag ", joined, rows[tag], codes[tag], 1 / np.log2(2 + places[tag]))
        parts = [first]
        for kind, of, same, value in (
            ("genre ", columns.genres, joined, GENRE),
            ("developer ", columns.developers, str.casefold, 1.0),
            ("publisher ", columns.publishers, str.casefold, 1.0),
        ):
            rows, codes, _ = _cells(of, at)
            parts.append((of, kind, same, rows, codes, np.full(len(rows), value)))
        known: dict[str, int] = {}
        names = [_named(of, kind, same, codes, known) for of, kind, same, _, codes, _ in parts]
        return cls(
            np.concatenate([rows for *_, rows, _, _ in parts]),
            np.concatenate(names),
            np.concatenate([values for *_, values in parts]),
            list(known),
        )


def _cells(lists: Lists, at: Whole) -> tuple[Whole, Whole, Whole]:
    """For each code of the lists at `at`, none where that is -1: whose it is, the code, its place in the list."""
    starts = lists.bounds[at]  # of -1 what is not used
    counts = np.where(at < 0, 0, lists.bounds[at + 1] - starts)
    rows = np.repeat(np.arange(len(at)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, lists.codes[starts[rows] + places].astype(np.int64), places


def _named(lists: Lists, kind: str, same: Callable[[str], str], codes: Whole, known: dict[str, int]) -> Whole:
    """The numbers of codes by what their names have in common; new ones are added to `known`."""
    number = np.zeros(len(lists.names), np.int64)
    for code in np.flatnonzero(np.bincount(codes, minlength=len(number))).tolist():
        number[code] = known.setdefault(kind + same(lists.names[code]), len(known))
    return number[codes]
