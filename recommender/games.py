"""All games as columns, laid out once when they are published: opening them reads arrays and makes no game."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.columns import Lists, Tensors, Texts
from recommender.game import Game, fold, joined
from recommender.interactions import Ints
from recommender.series import is_tool

Whole = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

UNKNOWN = np.iinfo(np.int64).min
"""What stands in a column of whole numbers for None; a price that is not known is NaN."""
BARE_GENRE = 9
"""A genre that is no tag of the game counts as its tenth tag."""


@dataclass(frozen=True, eq=False)
class Games:
    """n games, the most played first; row i of each column is of game i.

    `lines` are the titles as `fold` makes them, a line break before each. `themes` are the tags of a game, the
    strongest first, then those of its genres that are none of its tags; `tagged` [n] says how many of them are tags.
    The names of `themes` are all tags and genres, the most used first, and each is spelt in one way. `released` are
    days as `date.toordinal` counts them; `tools` are no games, see `is_tool`. `series` says which of the games that a
    model knows are of one series, -1 for all others; None where that was not worked out yet.
    """

    app_ids: Whole
    titles: Texts
    lines: Texts
    themes: Lists
    tagged: Whole
    genres: Lists
    developers: Lists
    publishers: Lists
    prices: Reals
    released: Whole
    years: Whole
    positive: Whole
    negative: Whole
    early_access: Flags
    adult: Flags
    delisted: Flags
    tools: Flags
    series: Ints | None = None
    _made: dict[int, Game] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, games: Iterable[Game], players: Mapping[int, int] | None = None) -> Games:
        """`players` counts those of an app id; of games of one app id the last counts."""
        known = players or {}
        once = {game.app_id: game for game in games}
        order = sorted(once.values(), key=lambda g: (-known.get(g.app_id, 0), -(g.positive or 0), g.app_id))
        return _laid_out(list(_one_spelling(order)))

    @classmethod
    def read(cls, tensors: Tensors) -> Games:
        """What `tensors` gave.

        Raises:
            KeyError: a column is missing.
        """

        def whole(name: str) -> Whole:
            return np.asarray(tensors[name], np.int64)

        def flags(name: str) -> Flags:
            return np.asarray(tensors[name], bool)

        return cls(
            app_ids=whole("app_ids"),
            titles=Texts.read("titles", tensors),
            lines=Texts.read("lines", tensors),
            themes=Lists.read("themes", tensors),
            tagged=whole("tagged"),
            genres=Lists.read("genres", tensors),
            developers=Lists.read("developers", tensors),
            publishers=Lists.read("publishers", tensors),
            prices=np.asarray(tensors["prices"], np.float64),
            released=whole("released"),
            years=whole("years"),
            positive=whole("positive"),
            negative=whole("negative"),
            early_access=flags("early_access"),
            adult=flags("adult"),
            delisted=flags("delisted"),
            tools=flags("tools"),
            series=np.asarray(tensors["series"], np.int32) if "series" in tensors else None,
        )

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        found: dict[str, NDArray[np.generic]] = {}
        for name in (one.name for one in fields(self)):
            column = getattr(self, name)
            if isinstance(column, Texts | Lists):
                found |= column.tensors(name)
            elif isinstance(column, np.ndarray):
                found[name] = column
        return found

    def __len__(self) -> int:
        return len(self.app_ids)

    def __iter__(self) -> Iterator[Game]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, row: int) -> Game:
        """The same object each time."""
        made = self._made.get(row)
        return self._made.setdefault(row, self._game(row)) if made is None else made

    def _game(self, row: int) -> Game:
        price, released = float(self.prices[row]), _known(self.released[row])
        themes, genres = (tuple(map(self.tags.__getitem__, of.coded(row))) for of in (self.themes, self.genres))
        return Game(
            app_id=int(self.app_ids[row]),
            title=self.titles[row],
            tags=themes[: self.tagged[row]],
            genres=genres,
            developer=next(iter(self.developers[row]), None),
            publisher=next(iter(self.publishers[row]), None),
            price=None if np.isnan(price) else price,
            released=None if released is None else date.fromordinal(released),
            year=_known(self.years[row]),
            positive=_known(self.positive[row]),
            negative=_known(self.negative[row]),
            early_access=bool(self.early_access[row]),
            adult=bool(self.adult[row]),
            delisted=bool(self.delisted[row]),
        )

    @cached_property
    def row(self) -> dict[int, int]:
        """By app id."""
        return {app_id: row for row, app_id in enumerate(self.app_ids.tolist())}  # others have turns meanwhile

    @cached_property
    def tags(self) -> list[str]:
        """Every tag and genre, the most used first."""
        return [self.themes.names[at] for at in range(len(self.themes.names))]

    @cached_property
    def _centrality(self) -> sparse.csc_matrix[np.float64]:
        """[n x tags]."""
        codes, bounds = self.themes.codes, self.themes.bounds
        counts = np.diff(bounds)
        places = np.arange(len(codes)) - np.repeat(bounds[:-1], counts)
        places[places >= np.repeat(self.tagged, counts)] = BARE_GENRE
        central = 1 / np.log2(2 + np.arange(1 + places.max(initial=0)))
        return sparse.csr_matrix((central[places], codes, bounds), shape=(len(self), len(self.tags))).tocsc()

    def centrality(self, tag: str) -> Reals:
        """[n] 1 where it is the strongest tag of the game, falling with its place, 0 where the game has it not."""
        found, by_tag = np.zeros(len(self)), self._centrality
        if (code := self._code.get(tag)) is not None:
            part = slice(*by_tag.indptr[code : code + 2])
            found[by_tag.indices[part]] = by_tag.data[part]
        return found

    @cached_property
    def _code(self) -> dict[str, int]:
        return {tag: code for code, tag in enumerate(self.tags)}


def _laid_out(games: Sequence[Game]) -> Games:
    genres = [game.genres for game in games]
    themes = [tuple(dict.fromkeys((*game.tags, *game.genres))) for game in games]
    tags = _most_used(themes)
    return Games(
        app_ids=np.array([game.app_id for game in games], np.int64),
        titles=Texts.of(game.title for game in games),
        lines=Texts.of("\n" + fold(game.title) for game in games),
        themes=Lists.of(themes, tags),
        tagged=np.array([len(game.tags) for game in games], np.int64),
        genres=Lists.of(genres, tags),
        developers=_alone([game.developer for game in games]),
        publishers=_alone([game.publisher for game in games]),
        prices=np.array([np.nan if game.price is None else game.price for game in games], np.float64),
        released=_whole(None if game.released is None else game.released.toordinal() for game in games),
        years=_whole(game.year for game in games),
        positive=_whole(game.positive for game in games),
        negative=_whole(game.negative for game in games),
        early_access=np.array([game.early_access for game in games], bool),
        adult=np.array([game.adult for game in games], bool),
        delisted=np.array([game.delisted for game in games], bool),
        tools=np.array([is_tool(game) for game in games], bool),
    )


def _one_spelling(games: Sequence[Game]) -> Iterator[Game]:
    """The same games with each tag as it is spelt most often, so that a theme is one theme whatever set it is from."""
    tags = _most_used({*game.tags, *game.genres} for game in games)
    commonest = {joined(tag): tag for tag in reversed(tags)}
    spelling = {tag: commonest[joined(tag)] for tag in tags}
    for game in games:
        told, genres = (tuple(dict.fromkeys(map(spelling.__getitem__, s))) for s in (game.tags, game.genres))
        yield game if (told, genres) == (game.tags, game.genres) else replace(game, tags=told, genres=genres)


def _most_used(lists: Iterable[Iterable[str]]) -> list[str]:
    counts = Counter(name for names in lists for name in names)
    return sorted(counts, key=lambda name: (-counts[name], name))


def _alone(names: Sequence[str | None]) -> Lists:
    """A list of one name, or of none."""
    rows: list[tuple[str, ...]] = [() if name is None else (name,) for name in names]
    return Lists.of(rows, dict.fromkeys(name for row in rows for name in row))


def _whole(values: Iterable[int | None]) -> Whole:
    return np.array([UNKNOWN if value is None else value for value in values], np.int64)


def _known(value: np.int64) -> int | None:
    return None if value == UNKNOWN else int(value)
