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
        known: dict[str, int] = {}

        def told(lists: Lists, kind: str, same: Callable[[str], str]) -> tuple[Whole, Whole, Whole]:
            rows, codes, places = _cells(lists, at)
            return rows, _numbered(lists, kind, same, codes, known), places

        rows, names, places = told(columns.themes, "tag ", joined)
        tag = places < columns.tagged[at[rows]]  # behind them stand genres
        parts = [(rows[tag], names[tag], 1 / np.log2(2 + places[tag]))]
        for lists, kind, same, value in (
            (columns.genres, "genre ", joined, GENRE),
            (columns.developers, "developer ", _in_one_case, 1.0),
            (columns.publishers, "publisher ", _in_one_case, 1.0),
        ):
            rows, names, _ = told(lists, kind, same)
            parts.append((rows, names, np.full(len(rows), value)))
        every_row, every_name, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(every_row, every_name, values, list(known))


def _in_one_case(name: str) -> str:
    return name.casefold()


def _cells(lists: Lists, at: Whole) -> tuple[Whole, Whole, Whole]:
    """For each code of the lists at `at`, none where that is -1: whose it is, the code, its place in the list."""
    starts = lists.bounds[at]  # of -1 what is not used
    counts = np.where(at < 0, 0, lists.bounds[at + 1] - starts)
    rows = np.repeat(np.arange(len(at)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, lists.codes[starts[rows] + places].astype(np.int64), places


def _numbered(lists: Lists, kind: str, same: Callable[[str], str], codes: Whole, known: dict[str, int]) -> Whole:
    """The numbers of codes by what their names have in common; new ones are added to `known`."""
    number = np.zeros(len(lists.names), np.int64)
    for code in np.flatnonzero(np.bincount(codes, minlength=len(number))).tolist():
        number[code] = known.setdefault(kind + same(lists.names[code]), len(known))
    return number[codes]
