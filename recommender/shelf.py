"""Which games may be picked: facts of the catalogue laid beside the item index, and the wishes that filter them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date
from functools import cached_property
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Catalog, Game, joined
from recommender.games import UNKNOWN, Games
from recommender.interactions import Ints, ItemIndex
from recommender.series import maker, series_of

Mask = NDArray[np.bool_]

SEVERAL = frozenset(
    map(
        joined,
        (
            "Co-op",
            "Co-operative",
            "Co-op Campaign",
            "Online Co-op",
            "Local Co-op",
            "LAN Co-op",
            "Multiplayer",
            "Online Multiplayer",
            "Local Multiplayer",
            "Massively Multiplayer",
            "4 Player Local",
            "Split Screen",
            "Party Game",
        ),
    )
)
"""The tags and genres of games that several can play together."""

KEPT_MASKS = 64
"""Of the wishes that came, without what each player has hidden; most come again."""

EPOCH = date(1970, 1, 1)
"""From which numpy counts days."""

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of the picks.

    `head` is the share of hits in the answer, None leaves it to the model:
    0.0 is hidden gems only, 1.0 hits only; what a hit is says `Shelf.head`. `before` counts the picks on earlier pages.
    """

    tag: str | None = None
    max_price: float | None = None
    since_year: int | None = None
    head: float | None = None
    hidden: frozenset[int] = frozenset()
    indie_only: bool = True
    adult: bool = False
    before: int = 0


@dataclass(frozen=True, eq=False)
class Placed(Sequence[Game | None]):
    """The games at `rows` [n] of a catalogue, each made when somebody looks at it; None where the row is -1."""

    games: Games
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, known: Sequence[Game | None]) -> Placed:
        games = Games.of(game for game in known if game is not None)
        return cls(games, np.array([-1 if game is None else games.row[game.app_id] for game in known], np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Game | None: ...
    @overload
    def __getitem__(self, at: slice) -> list[Game | None]: ...
    def __getitem__(self, at: int | slice) -> Game | list[Game | None] | None:
        if isinstance(at, slice):
            return [self._game(row) for row in self.rows[at].tolist()]
        return self._game(self.rows.item(at))

    def _game(self, row: int) -> Game | None:
        return None if row < 0 else self.games[row]


@dataclass(frozen=True, eq=False)
class Shelf:
    """The catalogue in the order of `items` [n]."""

    catalog: Catalog
    items: ItemIndex
    _masks: dict[Wish, Mask] = field(default_factory=dict, init=False, repr=False)
    _kinds: dict[int, tuple[Hashable, ...]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_all(cls, catalog: Catalog, items: ItemIndex) -> Shelf:
        """Behind the games of the model all that it does not know, as owned by nobody: the latest first."""
        games = catalog.games
        others = np.flatnonzero(~np.isin(games.app_ids, items.app_ids))
        latest = others[np.argsort(-_days(games)[others], kind="stable")]
        app_ids = np.concatenate([items.app_ids, games.app_ids[latest].astype(np.int32)])
        players = np.concatenate([items.players, np.zeros(len(others), np.int32)])
        return cls(catalog, ItemIndex(app_ids, players))

    def recounted(self, players: Ints) -> Shelf:
        """The same games with other counts of their players [n]; all that does not depend on these is shared."""
        shelf = Shelf(self.catalog, self.items.recounted(players))
        vars(shelf).update({name: found for name, found in vars(self).items() if name not in ("items", "head")})
        return shelf

    def prepare(self) -> None:
        """Works out at once what the first wishes would have to wait for."""
        self.catalog.prepare()
        self._mask(Wish(tag="", max_price=0.0, since_year=0))
        _ = self.head, self.several, self.liked

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """[n] where each game stands in the catalogue, -1 where that does not know it."""
        known = self.catalog.games.app_ids
        order = np.argsort(known)
        places = np.searchsorted(known[order], self.items.app_ids)
        found = np.append(order, -1)[places]
        return np.where(np.append(known, -1)[found] == self.items.app_ids, found, -1)

    def row(self, position: int) -> int:
        """Where the game stands in the catalogue, -1 where that does not know it."""
        return self._rows.item(position)

    def _of(self, column: NDArray[T], missing: object) -> NDArray[T]:
        """[n] a column of the catalogue in the order of the items."""
        found = np.full(len(self.items), missing, column.dtype)
        known = self._rows >= 0
        found[known] = column[self._rows[known]]
        return found

    @cached_property
    def games(self) -> Sequence[Game | None]:
        """[n], None where the catalogue does not know the game."""
        return Placed(self.catalog.games, self._rows)

    def game(self, position: int) -> Game:
        """The game at a position that may be picked or told."""
        game = self.games[position]
        assert game is not None, (
            "a game that the catalogue does not know is neither for sale nor told, so never asked for"
        )
        return game

    @cached_property
    def indie(self) -> Mask:
        return self.tagged("Indie")

    @cached_property
    def head(self) -> Mask:
        """The hits: the fewest indie games that hold half of all indie ownership, and other games no less widely owned.

        Without the others, a wish for hidden gems that is not confined to indie games would be answered with Dota 2.
        """
        owned = np.where(self.indie, self.items.players, 0)  # [n] in popularity order already
        before = np.cumsum(owned) - owned
        hits = np.flatnonzero(self.indie & (before < owned.sum() / 2))
        return np.asarray(np.arange(len(self.items)) <= hits.max(initial=-1))

    @cached_property
    def _for_sale(self) -> Mask:
        """Tests, soundtracks and programs are sold too, but they are nobody's next game."""
        games = self.catalog.games
        return self._of(~np.isnan(games.prices) & ~games.delisted & ~games.tools, missing=False)

    @cached_property
    def tellable(self) -> Mask:
        """[n] what may be a reason: it has a name, and is no test and no program."""
        return self._of(~self.catalog.games.tools, missing=False)

    @cached_property
    def series(self) -> Ints:
        """[n] the same number for games of one series: see `recommender.series`."""
        known = self.catalog.games.series
        if known is None:
            return series_of(self.games)
        found = self._of(known, -1)
        return np.where(found < 0, len(known) + np.arange(len(found)), found).astype(np.int32)

    def with_series(self) -> Games:
        """The catalogue, with the series of the games of this shelf."""
        games, known = self.catalog.games, self._rows >= 0
        series = np.full(len(games), -1, np.int32)
        series[self._rows[known]] = series_of(self.games)[known]
        return replace(games, series=series)

    def studio(self, position: int) -> tuple[Hashable, ...]:
        """The studio of a game as one kind of which there may be too many, none where it is not known."""
        game = self.games[position]
        return (maker(game.developer),) if game is not None and game.developer else ()

    def kinds(self, position: int) -> tuple[Hashable, ...]:
        """Its studio and its series."""
        known = self._kinds.get(position)  # the same few hundred games are picked again and again
        return known or self._kinds.setdefault(position, (*self.studio(position), int(self.series[position])))

    @cached_property
    def _adult(self) -> Mask:
        return self._of(self.catalog.games.adult, missing=False)

    @cached_property
    def _prices(self) -> NDArray[np.float64]:
        prices = self.catalog.games.prices
        return self._of(np.where(np.isnan(prices), np.inf, prices), np.inf)

    @cached_property
    def _years(self) -> NDArray[np.int64]:
        return self._of(_years(self.catalog.games), 0)

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """[n] of release, as days since the year 1; 0 where nothing is known of it."""
        return self._of(_days(self.catalog.games), 0)

    @cached_property
    def dated(self) -> Mask:
        """[n] whether the very day of release is known."""
        return self._of(self.catalog.games.released != UNKNOWN, missing=False)

    @cached_property
    def several(self) -> Mask:
        """What several can play together."""
        mask = np.zeros(len(self.items), bool)
        for tag in self.catalog.tags:
            if joined(tag) in SEVERAL:
                mask |= self.tagged(tag)
        return mask

    def tagged(self, tag: str) -> Mask:
        return self.centrality(tag) > 0

    def centrality(self, tag: str) -> NDArray[np.float64]:
        """[n] 1 where it is the strongest tag of the game, falling with its place, 0 where the game has it not."""
        return self._of(self.catalog.games.centrality(tag), 0.0)

    @cached_property
    def liked(self) -> NDArray[np.float64]:
        """[n] the lower bound of the share of positive reviews, 95 % (Wilson 1927); 0 where there are no reviews."""
        games = self.catalog.games
        positive, negative = (self._of(np.maximum(votes, 0), 0) for votes in (games.positive, games.negative))
        total = np.maximum(positive + negative, 1)
        z, share = 1.96, positive / total
        spread = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
        bound = (share + z * z / (2 * total) - spread) / (1 + z * z / total)
        return np.where(positive + negative > 0, bound, 0.0)

    def allowed(self, wish: Wish) -> Mask:
        """[n] what may be picked, the player's own games not yet left out."""
        mask = self._mask(replace(wish, hidden=frozenset(), head=None)).copy()
        if wish.hidden:
            hidden = self.items.positions(wish.hidden)
            mask[hidden[hidden >= 0]] = False
        return mask

    def _mask(self, wish: Wish) -> Mask:
        if (known := self._masks.get(wish)) is not None:
            return known
        if len(self._masks) >= KEPT_MASKS:
            self._masks.clear()
        return self._masks.setdefault(wish, self._found(wish))

    def _found(self, wish: Wish) -> Mask:
        mask = self._for_sale.copy()
        if wish.indie_only:
            mask &= self.indie
        if not wish.adult:
            mask &= ~self._adult
        if wish.tag is not None:
            mask &= self.tagged(wish.tag)
        if wish.max_price is not None:
            mask &= self._prices <= wish.max_price
        if wish.since_year is not None:
            mask &= self._years >= wish.since_year
        return mask


def _years(games: Games) -> NDArray[np.int64]:
    """[n] 0 where it is not known, so that no wish for games since a year is answered with it."""
    dated = games.released != UNKNOWN
    days = np.where(dated, games.released - EPOCH.toordinal(), 0).astype("datetime64[D]")
    of_day = np.where(dated, days.astype("datetime64[Y]").astype(np.int64) + EPOCH.year, 0)
    return np.where((games.years == UNKNOWN) | (games.years == 0), of_day, games.years)


def _days(games: Games) -> NDArray[np.int64]:
    """[n] of release, as days since the year 1: January 1 where only the year is known, 0 where nothing is."""
    years = _years(games)
    first = (np.clip(years, 1, MAXYEAR) - EPOCH.year).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    of_year = np.where(years > 0, first + EPOCH.toordinal(), 0)
    return np.where(games.released == UNKNOWN, of_year, games.released)
