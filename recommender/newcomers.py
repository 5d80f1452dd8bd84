"""Which games are news, and the place that they have in an answer: one pick in five, where a taste supports it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.catalog import Catalog
from recommender.content import ContentScorer
from recommender.interactions import Owned
from recommender.reasons import Relatives, reasons
from recommender.recommend import Pick, top
from recommender.shelf import Mask, Shelf, Wish
from recommender.tempered import heard, speaking

ONE_IN = 5
"""Of each so many picks, over all pages, at most one is new: the answer stays one of what is known to be good."""

LEAST = 3
"""Picks of an answer that has room for a new one, as a page in a chat has: with fewer it would be the answer."""

NEW_DAYS = 548
"""A year and a half: what a player who has not looked for a while has missed, and what a shop still calls new."""

FEW = 5
"""Players. Of games with fewer, content tells as much as they do (docs/decisions.md)."""

LATEST = 0.99
"""Of the indie games, the part that was out when the catalogue ends: the last few dates of any set are mistakes."""

SEPARATOR = re.compile(r"\s[-–—]\s|:\s")
EXTRAS = re.compile(r"\b(soundtrack|ost|dlc|art ?book|season pass|wallpapers?|skin pack|expansion pack|demo)\b")


@dataclass(frozen=True, eq=False)
class Newcomers:
    """The games that few own or nobody, and how they are scored.

    `shelf` has every game, in the order of the scorer, `owned` those that the model knows: the first of them.
    """

    shelf: Shelf
    owned: Shelf
    scorer: ContentScorer

    def prepare(self) -> None:
        """Works out at once what the first to ask would have to wait for."""
        _ = self._rows

    @cached_property
    def new(self) -> Mask:
        """[N] indie games out for a year and a half at most when the catalogue ends, with few players or none.

        What the catalogue knows tells the time, so an old one has news of its own: the latest of what it knows.
        """
        days = self.shelf.days
        dated = days[self.shelf.indie & (days > 0)]
        if not len(dated):
            return np.zeros(len(days), bool)
        end = np.quantile(dated, LATEST, method="higher")
        recent = self.shelf.indie & (days >= max(end - NEW_DAYS, 1)) & (self.shelf.items.players < FEW)
        for at in np.flatnonzero(recent).tolist():
            recent[at] = not belongs_to_another(self.shelf.row(at), self.shelf.catalog)
        return np.asarray(recent)

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.new)  # [c]

    @cached_property
    def _rows(self) -> sparse.csr_matrix[np.float32]:
        return self.scorer.rows[self._positions]  # [c x f]

    def best(self, owned: Owned, wish: Wish, but: Sequence[int], count: int) -> list[Pick]:
        """At most `count` new games that are allowed, not owned and none of `but`, and that the taste supports."""
        mask = self.shelf.allowed(wish)
        mask[owned.positions] = False
        mask[list(but)] = False
        scores = np.asarray(self._rows @ self.scorer.taste(heard(owned)), np.float32)  # [c]
        supported = top(scores, mask[self._positions] & (scores >= self.scorer.content.enough), count)
        picks = (self.pick(int(self._positions[at]), owned) for at in supported)
        return [pick for pick in picks if pick.because]

    def pick(self, position: int, owned: Owned) -> Pick:
        """Any game of the shelf with its score by content and the exact shares of the owned games in it."""
        shares = self.scorer.shares(heard(owned), np.array([position], np.int32))  # [1 x r]
        score, places = float(shares.sum()), speaking(owned)
        spoke = Owned(owned.positions[places], owned.minutes[places])
        (because,) = reasons(shares, spoke, self.owned, Relatives.of(spoke, self.owned))
        players = int(self.shelf.items.players[position])
        return Pick(self.shelf.game(position), score, because, players, new=bool(self.new[position]))


def _room(before: int, k: int) -> int:
    """How many fives begin among the k picks after those before."""
    return ceil((before + k) / ONE_IN) - ceil(before / ONE_IN) if k >= LEAST else 0


def belongs_to_another(row: int, catalog: Catalog) -> bool:
    """Whether the game there is a part of another, such as a skin or a soundtrack, as far as titles tell.

    Its title says so, or begins with the title of another game of the same developer. Of the indie games since 2017
    that Steam calls downloadable content it finds 77 %, and of those it finds 93 % are.
    """
    if EXTRAS.search(catalog.folded(row)):
        return True
    title, studio = catalog.games.titles[row], catalog.games.developers.coded(row)
    wholes = (catalog.row_of(title[: sign.start()]) for sign in SEPARATOR.finditer(title))
    return any(studio and studio == catalog.games.developers.coded(at) for at in wholes if at not in (None, row))


def with_new(picks: Sequence[Pick], owned: Owned, newcomers: Newcomers, wish: Wish, k: int) -> list[Pick]:
    """The k picks with a new game at the end, in place of the last of them: one in each five, page after page.

    A new game is no hit: in a mix of hits and gems it takes a gem's place, and who asks for hits alone gets none.
    """
    index = newcomers.shelf.items
    shown = [at for pick in picks if (at := index.position(pick.game.app_id)) is not None]
    gems = k - round((wish.head or 0.0) * k)
    new = newcomers.best(owned, wish, shown, min(_room(wish.before, k), gems))
    surplus = max(0, len(picks) + len(new) - k)
    head = newcomers.shelf.head if wish.head is not None else np.zeros(len(index), bool)
    replaceable = [pick for pick, at in zip(picks, shown, strict=True) if not head[at]]
    gone = {pick.game.app_id for pick in replaceable[max(0, len(replaceable) - surplus) :]}
    return [*(pick for pick in picks if pick.game.app_id not in gone), *new][:k]
