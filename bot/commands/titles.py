"""A list of games typed as titles with commas between them, even where a title has a comma of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recommender.catalog import Game
from recommender.engine import Engine
from recommender.errors import UnknownGame

MOST = 20
"""Titles of one list."""
LONGEST_RUN = 4
"""Pieces between commas that are tried together as one title."""

_PIECE = re.compile(r'\s*(?:"([^"]*)"|“([^”]*)”|([^,]*))\s*(?:,|$)')
_FINISHED = re.compile(r'\s*(?:"[^"]*"\s*|“[^”]*”\s*|[^,"“\s][^,]*)?,')


def split(said: str) -> list[str]:
    """The titles between commas; one in double quotes keeps its commas."""
    pieces = (next(filter(None, found.groups()), "").strip() for found in _PIECE.finditer(said))
    return [piece for piece in pieces if piece]


def parted(said: str) -> tuple[str, str]:
    """The list so far up to its last comma, and what is being typed after it."""
    at = 0
    while (found := _FINISHED.match(said, at)) is not None:
        at = found.end()
    return said[:at], said[at:].lstrip()


def joined(titles: Sequence[str]) -> str:
    """What `split` takes apart again."""
    return ", ".join(f'"{title}"' if "," in title else title for title in titles)


async def named_games(pieces: Sequence[str], engine: Engine) -> list[Game]:
    """The games in the order named, each once.

    Raises:
        UnknownGame: for the first piece that is no title, alone or with the pieces after it; carries near misses.
    """
    found: dict[int, Game] = {}
    at = 0
    while at < len(pieces):
        game, taken = await _longest(pieces[at : at + LONGEST_RUN], engine)
        found[game.app_id] = game
        at += taken
    return list(found.values())


async def _longest(pieces: Sequence[str], engine: Engine) -> tuple[Game, int]:
    try:
        return await engine.find(pieces[0]), 1
    except UnknownGame as unknown:
        for taken in range(2, len(pieces) + 1):
            try:
                return await engine.find(", ".join(pieces[:taken])), taken
            except UnknownGame:
                continue
        raise unknown from None
