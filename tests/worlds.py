"""A small world with known answers: players love one theme, own all of it but one game, and that game is the answer."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from recommender import linear
from recommender.catalog import Catalog, Game
from recommender.content import learn_content
from recommender.device import Device
from recommender.interactions import Interactions
from recommender.library import Library
from recommender.linear import LinearSettings
from recommender.recommend import Pick
from recommender.served import Served

THEMES: dict[str, tuple[str, ...]] = {
    "Roguelike": (
        "Ember Depths",
        "Dicebound",
        "Mirrorblade",
        "Last Lantern",
        "Rogue's Ledger",
        "Ash & Arrow",
        "Cavern: Deeper",
        "[Redacted]",
    ),
    "Farming Sim": (
        "Sunny Acres",
        "Turnip Days",
        "Harvest Ferry",
        "Beekeeper's Year",
        "Orchard Lane",
        "Sow, Reap, Sleep",
        "Goat Valley",
        "Moss Garden",
    ),
    "Horror": ("The Hollow House", "Night Shift 3", "Whisper Well", "Static", "Drowned Chapel", "Ünheimlich"),
    "Puzzle": ("Tessera", "Loop & Knot", "Paper Bridges", "Clockwork Snail", "Prism Post", "Seven Doors"),
}
"""Indie games by the theme that is their strongest tag."""

PLAYERS = {"Roguelike": 48, "Farming Sim": 40, "Horror": 30, "Puzzle": 24}
"""How many players love each theme. Player i of a theme of t games lacks game i mod t of it, and owns all others."""

BLOCKBUSTER = Game(900, "Galactic Arena", ("Action",), ("Action",), price=59.99, year=2016, positive=9, negative=1)
"""Every third player of each theme owns it, and it is no indie game: never picked, and never the best reason."""
ADULT = Game(901, "Velvet Nights", ("Horror", "Sexual Content"), ("Indie",), price=4.99, year=2019, adult=True)
"""An indie game for adults, owned by every other lover of horror."""
DELISTED = Game(902, "Gone Gold", ("Roguelike",), ("Indie",), price=None, year=2012)
"""Owned by every other lover of roguelikes and no longer sold."""
UNPLAYED = Game(903, "Brand New Thing", ("Roguelike",), ("Indie",), price=9.99, year=2018)
"""In the catalogue, owned by nobody: the model does not know it."""
UNLISTED = 999
"""The app id of a game that all lovers of puzzles own and the catalogue does not know."""


ENOUGH = 0.012
"""The score by content that tells a theme's lovers, who come to 0.02 and more for its games, from all others."""


def _indies() -> Iterator[Game]:
    for at, (theme, titles) in enumerate(THEMES.items()):
        for place, title in enumerate(titles):
            yield Game(
                app_id=100 * (at + 1) + place,
                title=title,
                tags=(theme, "Indie", "Singleplayer"),
                genres=("Indie",),
                developer=f"{title} Studio",
                price=0.0 if place == 1 else 4.99 + 5 * (place % 3),
                year=2010 + place,
                positive=970 - 10 * place,
                negative=30 + 10 * place,
            )


GAMES: tuple[Game, ...] = (*_indies(), BLOCKBUSTER, ADULT, DELISTED, UNPLAYED)


def game(title: str) -> Game:
    return next(game for game in GAMES if game.title == title)


def library(*titles: str, minutes: int = 600) -> Library:
    """A player who has played each of these for `minutes`."""
    return Library({game(title).app_id: minutes for title in titles})


@functools.cache
def interactions() -> Interactions:
    """142 players in the order of PLAYERS; the game at place p of a theme was played for 60(p + 1) minutes."""
    rows = [(player, app_id, minutes) for player, owned in enumerate(_libraries()) for app_id, minutes in owned.items()]
    players, app_ids, played = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    return Interactions.from_columns(players, app_ids, played)


def _libraries() -> Iterable[dict[int, int]]:
    for theme, lovers in PLAYERS.items():
        ids = [game(title).app_id for title in THEMES[theme]]
        extras = {"Horror": ADULT.app_id, "Roguelike": DELISTED.app_id}
        for lover in range(lovers):
            owned = {app_id: 60 * (at + 1) for at, app_id in enumerate(ids) if at != lover % len(ids)}
            if lover % 3 == 0:
                owned[BLOCKBUSTER.app_id] = 30
            if theme in extras and lover % 2:
                owned[extras[theme]] = 45
            if theme == "Puzzle":
                owned[UNLISTED] = 15
            yield owned


def catalog() -> Catalog:
    items = interactions().items
    return Catalog(GAMES, dict(zip(items.app_ids.tolist(), items.players.tolist(), strict=True)))


@functools.cache
def model() -> linear.Linear:
    return linear.fit(interactions(), LinearSettings(l2=5.0, dropout=0.0), Device.CPU)


def served(version: str = "world-1", *, synthetic: bool = False) -> Served:
    """The world fitted: a lover of a theme is picked the rest of that theme first."""
    return Served(version, model(), catalog(), synthetic)


def served_with_content(more: Sequence[Game] = (), *, enough: float = ENOUGH) -> Served:
    """The world with what its games' tags and studios tell, and `more` games in its catalogue."""
    content = learn_content(model(), [catalog().get(app_id) for app_id in model().items.app_ids.tolist()])
    extended = Catalog([*GAMES, *more])
    return replace(served(), catalog=extended, content=replace(content, enough=enough))


def alike_but_for_ties(picked: Sequence[tuple[int, float]], expected: Sequence[Pick], ranking: Sequence[Pick]) -> bool:
    """Whether `picked`, (app id, score) in order, are the expected picks, games that tie exactly in any order.

    `ranking` has the score of every game. The world's symmetry ties games exactly. Which of them comes first is
    decided by the last bit of a sum, and that by the order of its addition: it differs between a gather and a product,
    and between one processor and the next.
    """
    known = {pick.game.app_id: pick.score for pick in ranking}
    scores = [score for _, score in picked]
    return (
        len(picked) == len({app_id for app_id, _ in picked}) == len(expected)
        and np.allclose(scores, [pick.score for pick in expected], rtol=0, atol=1e-5)
        and np.allclose(scores, [known[app_id] for app_id, _ in picked], rtol=0, atol=1e-5)
    )
