"""Which games may be picked: facts of the catalogue laid beside the item index, and the wishes that filter them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recommender.catalog import Catalog, Game, joined
from recommender.interactions import Ints, ItemIndex
from recommender.series import is_tool, maker, series_of

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


NONE = (np.zeros(0, np.int32), np.zeros(0))
BARE_GENRE = 9
"""A genre that is no tag of the game counts as its tenth tag."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks of the picks.

    `head` is the share of hits in the answer, None leaves it to the model:
    0.0 is hidden gems only, 1.0 hits only; what a hit is says `Shelf.head`.
    """

    tag: str | None = None
    max_price: float | None = None
    since_year: int | None = None
    head: float | None = None
    hidden: frozenset[int] = frozenset()
    indie_only: bool = True
    adult: bool = False


@dataclass(frozen=True, eq=False)
class Shelf:
    """The catalogue in the order of `items` [n]."""

    catalog: Catalog
    items: ItemIndex

    @classmethod
    def of_all(cls, catalog: Catalog, items: ItemIndex) -> Shelf:
        """Behind the games of the model all that it does not know, as owned by nobody: the latest first."""
        others = sorted((game for game in catalog if items.position(game.app_id) is None), key=_day, reverse=True)
        app_ids = np.concatenate([items.app_ids, np.array([game.app_id for game in others], np.int32)])
        players = np.concatenate([items.players, np.zeros(len(others), np.int32)])
        return cls(catalog, ItemIndex(app_ids, players))

    def prepare(self) -> None:
        """Works out at once what the first wishes would have to wait for."""
        self.allowed(Wish(tag="", max_price=0.0, since_year=0))
        _ = self.head, self.several, self.liked

    @cached_property
    def games(self) -> list[Game | None]:
        """[n], None where the catalogue does not know the game."""
        return [self.catalog.get(int(app_id)) for app_id in self.items.app_ids]

    def game(self, position: int) -> Game:
        """The game at a position that may be picked."""
        game = self.games[position]
        assert game is not None, "a game that the catalogue does not know is not for sale, and so never picked"
        return game

    @cached_property
    def indie(self) -> Mask:
        return np.array([game is not None and game.indie for game in self.games], bool)

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
        return np.array([game is not None and game.for_sale and not is_tool(game) for game in self.games], bool)

    @cached_property
    def series(self) -> Ints:
        """[n] the same number for games of one series: see `recommender.series`."""
        return series_of(self.games)

    def studio(self, position: int) -> tuple[Hashable, ...]:
        """The studio of a game as one kind of which there may be too many, none where it is not known."""
        game = self.games[position]
        return (maker(game.developer),) if game is not None and game.developer else ()

    def kinds(self, position: int) -> tuple[Hashable, ...]:
        """Its studio and its series."""
        return (*self.studio(position), int(self.series[position]))

    @cached_property
    def _adult(self) -> Mask:
        return np.array([game is not None and game.adult for game in self.games], bool)

    @cached_property
    def _prices(self) -> NDArray[np.float64]:
        return np.array([np.inf if game is None or game.price is None else game.price for game in self.games])

    @cached_property
    def _years(self) -> NDArray[np.int32]:
        return np.array([0 if game is None else _year(game) for game in self.games], np.int32)

    @cached_property
    def _tagged(self) -> dict[str, tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """By tag the positions of its games, ascending, and how central it is to each of them."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        for at, game in enumerate(self.games):
            for tag, place in _places(game).items() if game else ():
                positions, places = found.setdefault(tag, ([], []))
                positions.append(at)
                places.append(place)
        return {tag: (np.array(at, np.int32), 1 / np.log2(2 + np.array(places))) for tag, (at, places) in found.items()}

    @cached_property
    def several(self) -> Mask:
        """What several can play together."""
        mask = np.zeros(len(self.items), bool)
        for tag, (positions, _) in self._tagged.items():
            if joined(tag) in SEVERAL:
                mask[positions] = True
        return mask

    def tagged(self, tag: str) -> Mask:
        mask = np.zeros(len(self.items), bool)
        mask[self._tagged.get(tag, NONE)[0]] = True
        return mask

    def centrality(self, tag: str) -> NDArray[np.float64]:
        """[n] 1 where it is the strongest tag of the game, falling with its place, 0 where the game has it not."""
        found = np.zeros(len(self.items))
        positions, central = self._tagged.get(tag, NONE)
        found[positions] = central
        return found

    @cached_property
    def liked(self) -> NDArray[np.float64]:
        """[n] the lower bound of the share of positive reviews, 95 % (Wilson 1927); 0 where there are no reviews."""
        votes = [(game.positive or 0, game.negative or 0) if game else (0, 0) for game in self.games]
        positive, negative = np.array(votes, np.float64).reshape(-1, 2).T
        total = np.maximum(positive + negative, 1)
        z, share = 1.96, positive / total
        spread = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
        return np.asarray((share + z * z / (2 * total) - spread) / (1 + z * z / total)) * (positive + negative > 0)

    def allowed(self, wish: Wish) -> Mask:
        """[n] what may be picked, the player's own games not yet left out."""
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
        hidden = [at for app_id in wish.hidden if (at := self.items.position(app_id)) is not None]
        mask[hidden] = False
        return mask


def _year(game: Game) -> int:
    """0 where it is not known, so that no wish for games since a year is answered with it."""
    return game.year or (game.released.year if game.released else 0)


def _day(game: Game) -> int:
    """What orders games by their release; the first day of a year of which no more is known."""
    return game.released.toordinal() if game.released else 365 * _year(game)


def _places(game: Game) -> dict[str, int]:
    places = dict.fromkeys(game.genres, BARE_GENRE)
    return places | {tag: place for place, tag in reversed(list(enumerate(game.tags)))}
