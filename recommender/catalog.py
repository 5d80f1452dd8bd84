"""Finding games by id, by title and by tag."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from rapidfuzz import fuzz, process

from recommender.columns import LETTERS, encoded
from recommender.errors import UnknownGame, UnknownTag
from recommender.game import Game, fold, joined
from recommender.games import Games

__all__ = ["Catalog", "Game", "fold", "joined"]

NEAR = 75.0
"""The least similarity (WRatio, 0 to 100) at which a title or tag is worth asking "did you mean" about."""

SHORT = 4
"""Letters. WRatio finds shorter titles inside almost anything: to it "Z" is nearer to "hadez" than "Hades" is."""

APP_ID_DIGITS = 10
"""Enough for 32 bits, which is what an app id has; what is longer is no id, whatever Python makes of it."""


class Catalog:
    """All games known, the most played first, so that among equals the famous one is meant.

    Titles and tags are found exactly (after `fold`), else approximately; completing is a substring search.
    """

    def __init__(self, games: Iterable[Game], players: Mapping[int, int] | None = None) -> None:
        """`players` counts those of an app id. Games that are laid out stay in their order."""
        self.games = games if isinstance(games, Games) else Games.of(games, players)

    def prepare(self) -> None:
        """Works out what the first search would have to wait for."""
        _ = self.games.row, self._by_title, self._text, self._tags

    @cached_property
    def _text(self) -> bytes:
        """All folded titles; where a line begins, a title begins."""
        return self.games.lines.letters.tobytes()

    @cached_property
    def _titles(self) -> list[str]:
        return self._text.decode("utf-8", LETTERS).split("\n")[1:]

    @cached_property
    def _by_title(self) -> dict[str, int]:
        """The row of the first that is called so."""
        last = len(self) - 1
        rows = {title: last - at for at, title in enumerate(reversed(self._titles))}  # others have turns meanwhile
        rows.pop("", None)  # the store has games without a title, and nobody who says nothing means them
        return rows

    @cached_property
    def _tags(self) -> dict[str, str]:
        return {fold(tag): tag for tag in reversed(self.tags)}

    @cached_property
    def _joined_tags(self) -> dict[str, str]:
        return {joined(tag): tag for tag in self._tags.values()}

    @cached_property
    def _folded_tags(self) -> list[tuple[str, str, str]]:
        return [(tag, fold(tag), joined(tag)) for tag in self.tags]

    def __len__(self) -> int:
        return len(self.games)

    def __iter__(self) -> Iterator[Game]:
        return iter(self.games)

    def get(self, app_id: int) -> Game | None:
        row = self.games.row.get(app_id)
        return None if row is None else self.games[row]

    def named(self, title: str) -> Game | None:
        """The game that is meant by that very title."""
        row = self.row_of(title)
        return None if row is None else self.games[row]

    def row_of(self, title: str) -> int | None:
        """Where the game stands that is meant by that very title."""
        return self._by_title.get(fold(title))

    def folded(self, row: int) -> str:
        """A title as `fold` makes it."""
        return self._titles[row]

    def find(self, said: str) -> Game:
        """A game by title or by app id.

        Raises:
            UnknownGame: nothing is called that; carries up to five near misses, the likeliest first.
        """
        if (named := self.named(said)) is not None:
            return named
        title = fold(said)
        if title.isdecimal() and len(title) <= APP_ID_DIGITS and (game := self.get(int(title))) is not None:
            return game
        raise UnknownGame(said, self._near_titles(title))

    def tag(self, said: str) -> str:
        """The tag as the store spells it.

        Raises:
            UnknownTag: nothing is called that; carries up to five near misses, the likeliest first.
        """
        tag = fold(said)
        if (found := self._tags.get(tag) or self._joined_tags.get(joined(said))) is not None:
            return found
        matches = process.extract(tag, list(self._tags), scorer=fuzz.WRatio, limit=5, score_cutoff=NEAR)
        raise UnknownTag(said, tuple(self._tags[key] for key, _, _ in matches))

    @property
    def tags(self) -> Sequence[str]:
        """Every tag and genre, the most used first."""
        return self.games.tags

    def complete_title(self, typed: str, limit: int = 25, *, adult: bool = True) -> list[Game]:
        """Games whose title starts with what was typed, then those that have it elsewhere; famous ones first.

        The game of that app id comes before all of them, unless a game is called so.
        """
        part = fold(typed)
        found: dict[int, Game] = {}
        for row in chain(self._of_id(part), self._with_text("\n" + part), self._with_text(part)):
            game = self.games[row]
            if game.title.strip() and (adult or not game.adult):
                found[row] = game
            if len(found) >= limit:
                break
        return list(found.values())

    def _of_id(self, part: str) -> Iterator[int]:
        if part.isdecimal() and len(part) <= APP_ID_DIGITS and part not in self._by_title:
            row = self.games.row.get(int(part))
            yield from () if row is None else (row,)

    def _with_text(self, part: str) -> Iterator[int]:
        """The rows whose line has it: one search of one long text, which ends as soon as nobody asks for more."""
        sought, bounds = encoded(part), self.games.lines.bounds
        at = self._text.find(sought)
        while 0 <= at < len(self._text):
            row = int(np.searchsorted(bounds, at, side="right")) - 1
            yield row
            at = self._text.find(sought, int(bounds[row + 1]))

    def complete_tag(self, typed: str, limit: int = 25) -> list[str]:
        """Tags that start with what was typed, however it is joined, then those that have it elsewhere."""
        part, whole = fold(typed), joined(typed)
        starts = [tag for tag, folded, close in self._folded_tags if folded.startswith(part) or close.startswith(whole)]
        inside = [tag for tag, folded, _ in self._folded_tags if part in folded]
        return list(dict.fromkeys(starts + inside))[:limit]

    def _near_titles(self, title: str) -> tuple[int, ...]:
        if not title:
            return ()
        comparable = {
            at: _letters(t) for at, t in enumerate(self._titles) if len(t) >= SHORT or 2 * len(t) > len(title)
        }
        matches = process.extract(_letters(title), comparable, scorer=fuzz.WRatio, limit=5, score_cutoff=NEAR)
        return tuple(int(self.games.app_ids[at]) for _, _, at in matches)


def _letters(folded: str) -> str:
    """Korean syllables taken apart, so that a slip in one letter is not a slip in a whole syllable."""
    return unicodedata.normalize("NFD", folded)
