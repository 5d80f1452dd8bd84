"""Who owns what: the games that a model knows, and players x games in compressed sparse rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.errors import NotEnoughData
from recommender.held_out import Keys
from recommender.library import Library

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

MOST_MINUTES = np.iinfo(np.int32).max
PLAYED_MINUTES = 120
"""More than two hours: past Steam's refund window, so a game that was kept and played."""


@dataclass(frozen=True)
class Weighting:
    """How much one owned game counts: owned + played·[over two hours] + log_hours·ln(1 + hours)."""

    owned: float = 1.0
    played: float = 0.0
    log_hours: float = 0.0

    def weights(self, minutes: NDArray[np.integer]) -> Floats:
        played = np.float32(self.played) * (minutes > PLAYED_MINUTES)
        depth = np.float32(self.log_hours) * np.log1p(minutes.astype(np.float32) / 60) if self.log_hours else 0
        return np.asarray(np.float32(self.owned) + played + depth, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Owned:
    """One player's row: `positions` [r] of the owned games in the item index, ascending, `minutes` [r] played."""

    positions: Ints
    minutes: Ints

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, eq=False)
class ItemIndex:
    """The n games of a model, the most owned first: position is popularity rank, as it was at the last fit.

    `app_ids` [n] are Steam app ids, `players` [n] says how many players own each, `played` [n] how many of them played
    it over two hours; None where that was not counted.
    """

    app_ids: Ints
    players: Ints
    played: Ints | None = None

    def __len__(self) -> int:
        return len(self.app_ids)

    @cached_property
    def stamp(self) -> str:
        """Twelve hex digits that change with any id or its place: arrays made for another index are refused by it."""
        return hashlib.sha256(self.app_ids.astype("<i4").tobytes()).hexdigest()[:12]

    @cached_property
    def _position(self) -> dict[int, int]:
        return {app_id: at for at, app_id in enumerate(self.app_ids.tolist())}

    @cached_property
    def _ascending(self) -> tuple[Ints, Ints]:
        """[n] the app ids in order, and where each of them stands."""
        order = np.argsort(self.app_ids, kind="stable").astype(np.int32)
        return self.app_ids[order], order

    def recounted(self, players: Ints) -> ItemIndex:
        """The same games in the same places, `played` as it was; what was worked out of their ids is shared."""
        items = ItemIndex(self.app_ids, players)
        vars(items).update({name: found for name, found in vars(self).items() if name != "players"})
        return items

    @property
    def owners(self) -> dict[int, int]:
        """`players` by app id."""
        return dict(zip(self.app_ids.tolist(), self.players.tolist(), strict=True))

    def position(self, app_id: int) -> int | None:
        return self._position.get(app_id)

    def positions(self, app_ids: Collection[int]) -> NDArray[np.int64]:
        """As many as there are app ids, of up to 63 bits: where each of them stands, -1 where it is not known."""
        wanted = np.fromiter(app_ids, np.int64, len(app_ids))
        known, order = self._ascending
        if not len(known):
            return np.full(len(wanted), -1)
        places = np.searchsorted(known, wanted)
        places[places == len(known)] = 0
        return np.where(known[places] == wanted, order[places], -1)

    def owned(self, library: Library) -> Owned:
        """Games that the model does not know are left out."""
        positions = self.positions(library.minutes.keys())
        minutes = np.fromiter(library.minutes.values(), np.int64, len(positions))
        known = np.flatnonzero(positions >= 0)
        order = known[np.argsort(positions[known])]
        return Owned(positions[order].astype(np.int32), np.minimum(minutes[order], MOST_MINUTES).astype(np.int32))


@dataclass(frozen=True, eq=False)
class Interactions:
    """m players x n games; `minutes` [m x n] holds minutes played, a stored 0 meaning owned and never started.

    `keys` [m] say who the players are, None where nobody is named.
    """

    items: ItemIndex
    minutes: sparse.csr_matrix[np.int32]
    keys: Keys | None = None

    @classmethod
    def from_columns(cls, players: Ints, app_ids: Ints, minutes: Ints, *, keys: Keys | None = None) -> Interactions:
        """From rows in any order: `players` [rows] numbered 0..m-1, each (player, app id) once.

        Raises:
            NotEnoughData: there are no rows.
            ValueError: the rows are not as described: they would give one player's games to another, or count twice.
        """
        if not len(players):
            raise NotEnoughData("there are no interactions to learn from: run `indiean data import` first")
        if players.min() < 0:
            raise ValueError("rows must have their players numbered from 0")
        ids, numbers = numbered(app_ids)
        counts = np.bincount(numbers, minlength=len(ids))
        order = np.lexsort((ids, -counts))  # popularity first, the smaller id where it is equal
        position = np.empty(len(ids), np.int32)
        position[order] = np.arange(len(ids), dtype=np.int32)
        played = np.bincount(numbers[minutes > PLAYED_MINUTES], minlength=len(ids))
        items = ItemIndex(*(column[order].astype(np.int32) for column in (ids, counts, played)))
        matrix = _sorted_rows(players, position[numbers], minutes, len(ids))
        if not matrix.has_canonical_format:
            raise ValueError("a player has the same game in two rows")
        return cls(items, matrix, keys if keys is None else keys[: matrix.shape[0]])

    @classmethod
    def of_rows(cls, items: ItemIndex, rows: list[Owned]) -> Interactions:
        indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        empty = [np.empty(0, np.int32)]
        positions = np.concatenate([row.positions for row in rows] or empty)
        minutes = np.concatenate([row.minutes for row in rows] or empty)
        return cls(items, _rows(minutes, positions, indptr, len(items)))

    def __len__(self) -> int:
        return int(self.minutes.shape[0])

    def row(self, player: int) -> Owned:
        start, end = self.minutes.indptr[player : player + 2]
        return Owned(self.minutes.indices[start:end], self.minutes.data[start:end])

    def take(self, rows: NDArray[np.integer]) -> Interactions:
        """Only these players, over the same items."""
        return Interactions(self.items, self.minutes[rows], None if self.keys is None else self.keys[rows])

    @property
    def whose(self) -> Keys:
        """[m] what tells the players apart: their keys, or the numbers of the rows where nobody is named."""
        return np.arange(len(self), dtype=np.uint64) if self.keys is None else self.keys

    def recounted(self) -> Interactions:
        """The same rows and games, `players` counted from these rows alone; the order of the games stays."""
        n, owned, minutes = len(self.items), self.minutes.indices, self.minutes.data
        players = np.bincount(owned, minlength=n).astype(np.int32)
        played = np.bincount(owned[minutes > PLAYED_MINUTES], minlength=n).astype(np.int32)
        return Interactions(ItemIndex(self.items.app_ids, players, played), self.minutes, self.keys)

    def reindexed(self) -> Interactions:
        """The same rows without the games that nobody of these owns, in the order of popularity among these."""
        rows = self.minutes
        players = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(rows.indptr))
        return Interactions.from_columns(players, self.items.app_ids[rows.indices], rows.data, keys=self.keys)

    def weighted(self, weighting: Weighting) -> sparse.csr_matrix[np.float32]:
        """X [m x n] float32, sharing its structure with `minutes`."""
        pattern = self.minutes
        weights = weighting.weights(pattern.data)
        return sparse.csr_matrix((weights, pattern.indices, pattern.indptr), shape=pattern.shape, copy=False)


def entries(rows: sparse.csr_matrix[np.int32]) -> NDArray[np.bool_]:
    """[b x n] whether there is an entry, also one of 0 minutes, which `nonzero` passes over."""
    found = np.zeros(rows.shape, bool)
    found[np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices] = True
    return found


def numbered(app_ids: Ints) -> tuple[Ints, Ints]:
    """The distinct ids ascending, and the place of each row's id among them: `numpy.unique` without its sort.

    Ids so large that a table of them would take more memory than the rows are sorted after all.
    """
    if app_ids.min() < 0 or app_ids.max() > len(app_ids):
        ids, numbers = np.unique(app_ids, return_inverse=True)
        return ids.astype(np.int32), numbers.astype(np.int32)
    there = np.zeros(int(app_ids.max()) + 1, bool)
    there[app_ids] = True
    place = np.cumsum(there, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(there).astype(np.int32), place[app_ids]


def _sorted_rows(players: Ints, positions: Ints, minutes: Ints, n: int) -> sparse.csr_matrix[np.int32]:
    """[m x n] with every player's games ascending: two counting sorts, by game and then by player.

    scipy turns columns into rows by one. So does it sort rows, each of which is a column of its own: a quarter of the
    time of sorting every player's games.
    """
    each = np.arange(len(players) + 1, dtype=np.int32)
    alone = sparse.csc_matrix((minutes.astype(np.int32, copy=False), positions, each), shape=(n, len(players)))
    by_game = alone.tocsr()  # [n x rows]
    m = int(players.max()) + 1
    owners = sparse.csr_matrix((by_game.data, players[by_game.indices], by_game.indptr), shape=(n, m))
    return owners.T.tocsr()  # [m x n]


def _rows(minutes: Ints, positions: Ints, indptr: NDArray[np.int64], n: int) -> sparse.csr_matrix[np.int32]:
    matrix = sparse.csr_matrix((minutes.astype(np.int32), positions, indptr), shape=(len(indptr) - 1, n))
    matrix.sort_indices()
    return matrix
