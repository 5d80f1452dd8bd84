"""Which games belong together, as far as titles and makers tell: series, studios, and what is no game at all."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from functools import cache

import numpy as np

from recommender.game import Game, fold
from recommender.interactions import Ints

HEAD = re.compile(r":\s*|\s+[-–—~|]+\s+|\s*[(\[]")
"""Where the name of a series may end and that of its part begin."""

APART = re.compile(r"[,;/&]")
PORT = re.compile(r"\((?:mac|linux|win\w*|pc|os x)[^)]*\)")
SIGNS = re.compile(r"[^a-z0-9]+")
LEGAL = frozenset(
    (
        "inc",
        "ltd",
        "llc",
        "co",
        "corp",
        "corporation",
        "gmbh",
        "sa",
        "sas",
        "sarl",
        "srl",
        "s",
        "a",
        "r",
        "o",
        "ab",
        "as",
        "oy",
        "bv",
        "limited",
    )
)

NUMBER = re.compile(r"\d+|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten|first|second|third|final")
EDITIONS = frozenset(
    (
        "edition",
        "remaster",
        "remastered",
        "remake",
        "hd",
        "goty",
        "redux",
        "complete",
        "definitive",
        "enhanced",
        "ultimate",
        "deluxe",
        "gold",
        "premium",
        "standard",
        "collectors",
        "anniversary",
        "special",
        "extended",
        "directors",
        "cut",
        "version",
        "bundle",
        "collection",
        "trilogy",
        "anthology",
        "classic",
        "classics",
        "soundtrack",
        "ost",
        "demo",
        "beta",
        "alpha",
        "prologue",
        "dlc",
        "vr",
        "episode",
        "episodes",
        "ep",
        "chapter",
        "part",
        "vol",
        "volume",
        "season",
        "act",
        "book",
        "pack",
        "expansion",
        "addon",
    )
)
"""Words that, at its end, make no other game of a title."""

OF_THE_YEAR = ("game", "of", "the", "year")

TELLING = 4
"""Letters. A shorter title says too little for longer ones that begin with it to be its sequels."""

NO_GAME = (
    " beta",
    " demo",
    " soundtrack",
    " ost",
    " test server",
    " dedicated server",
    " sdk",
    " authoring tools",
    " benchmark",
)
"""How the titles end of what is sold or handed out beside a game."""

WITH = ("+ soundtrack", "+ ost", "& soundtrack", "& ost", "and soundtrack")
"""And how those end of a game that comes with it."""

SOFTWARE = frozenset(
    (
        "Accounting",
        "Animation & Modeling",
        "Audio Production",
        "Design & Illustration",
        "Education",
        "Game Development",
        "Photo Editing",
        "Software Training",
        "Utilities",
        "Video Production",
        "Web Publishing",
    )
)
"""The store's genres of programs; a game for learners has one of a game's besides."""

PLAYED = frozenset(
    ("Action", "Adventure", "Casual", "Massively Multiplayer", "RPG", "Racing", "Simulation", "Sports", "Strategy")
)


def is_tool(game: Game) -> bool:
    """Whether it is a test, a demo, a server, a soundtrack or a program: nothing that anybody plays for itself."""
    if game.title.casefold().endswith(NO_GAME) and not game.title.casefold().endswith(WITH):
        return True
    return not SOFTWARE.isdisjoint(game.genres) and PLAYED.isdisjoint(game.genres)


def stem(title: str) -> str:
    """What the titles of a series have in common: no part's name, number or edition; "" for a title of signs alone.

    "Trine 2: Complete Story" is "trine", as is "Trine Enchanted Edition" where a game called "Trine" is known.
    """
    head = HEAD.split(title.strip(), maxsplit=1)[0] or title
    words = _words(head)
    while cut := _closing(words):
        del words[-cut:]
    if len(words) > 1 and words[0] == "the":
        del words[0]
    return " ".join(words)


def _closing(words: Sequence[str]) -> int:
    """How many words at the end make no other game of it, as long as others are before them."""
    if len(words) > len(OF_THE_YEAR) and tuple(words[-len(OF_THE_YEAR) :]) == OF_THE_YEAR:
        return len(OF_THE_YEAR)
    return int(len(words) > 1 and (words[-1] in EDITIONS or NUMBER.fullmatch(words[-1]) is not None))


@cache
def maker(said: str) -> str:
    """A studio or publisher as one name, however many it is with: the first named, without what the law adds."""
    words = _words(next(filter(str.strip, APART.split(PORT.sub("", said.casefold()))), ""))
    while len(words) > 1 and words[-1] in LEGAL:
        words.pop()
    return " ".join(words)


def _words(text: str) -> list[str]:
    """As `fold` tells them, at a third of its cost where there is nothing but ASCII."""
    return SIGNS.sub(" ", text.casefold().replace("'", "")).split() if text.isascii() else fold(text).split()


def studios_of(games: Sequence[Game | None]) -> Ints:
    """[n] a number for each studio, its own for each game of which no studio is known."""
    return _numbered([maker(game.developer) if game and game.developer else at for at, game in enumerate(games)])


def series_of(games: Sequence[Game | None]) -> Ints:
    """[n] a number for each series, its own for each game of none; the most owned game first.

    One series are games with the same stem of which studio or publisher are the same, or unknown, and those of one
    studio whose title begins with the whole of another's stem.
    """
    stems = [stem(game.title) if game else "" for game in games]
    by_stem: dict[str, list[int]] = {}
    for at, found in enumerate(stems):
        if found:
            by_stem.setdefault(found, []).append(at)
    joined = _Joined(len(games))
    for members in by_stem.values():
        if len(members) > 1:
            _join_makers(members, games, joined)
    for at, found in enumerate(stems):
        for other in _beginnings(at, found, by_stem, games):
            joined.join(at, other)
    return _numbered([joined.root(at) for at in range(len(games))])


def _join_makers(members: Sequence[int], games: Sequence[Game | None], joined: _Joined) -> None:
    first: dict[str, int] = {}
    for at in members:
        for name in _makers(games[at]) or {""}:
            joined.join(first.setdefault(name, at), at)
    if "" in first:  # nobody says whose it is: the best known one's, most likely
        joined.join(members[0], first[""])


def _beginnings(at: int, found: str, by_stem: dict[str, list[int]], games: Sequence[Game | None]) -> Iterator[int]:
    """Games of the same studio of which the whole stem begins this one."""
    end = found.find(" ")
    while end > 0:
        if end >= TELLING:
            for other in by_stem.get(found[:end], ()):
                if _studio(games[other]) == _studio(games[at]) != "":
                    yield other
        end = found.find(" ", end + 1)


def _studio(game: Game | None) -> str:
    return maker(game.developer) if game and game.developer else ""


def _makers(game: Game | None) -> set[str]:
    said = (game.developer, game.publisher) if game else ()
    return {maker(name) for name in said if name} - {""}


class _Joined:
    """Disjoint sets (Galler and Fischer 1964) of which the first member is the root."""

    def __init__(self, n: int) -> None:
        self._above = list(range(n))

    def root(self, at: int) -> int:
        above = self._above
        while above[at] != at:
            above[at] = above[above[at]]
            at = above[at]
        return at

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first


def _numbered(keys: Sequence[Hashable]) -> Ints:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int32)
