"""What is known of each game, and finding games by id, by title and by tag."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate, chain

from rapidfuzz import fuzz, process

from recommender.errors import UnknownGame, UnknownTag

NEAR = 75.0
"""The least similarity (WRatio, 0 to 100) at which a title or tag is worth asking "did you mean" about."""

SHORT = 4
"""Letters. WRatio finds shorter titles inside almost anything: to it "Z" is nearer to "hadez" than "Hades" is."""

APP_ID_DIGITS = 10
"""Enough for 32 bits, which is what an app id has; what is longer is no id, whatever Python makes of it."""


@dataclass(frozen=True, slots=True)
class Game:
    """One game of the store.

    `tags` stand in the order of their votes, the strongest theme first. `price` is in US dollars, 0.0 is free
    and None is unknown or not sold. `released` is the exact day where it is known; `year` is known more often.
    `positive` and `negative` count reviews, None where nothing is known of them. `delisted` is what the store has
    taken down: owned by many still, and never picked.
    """

    app_id: int
    title: str
    tags: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    developer: str | None = None
    publisher: str | None = None
    price: float | None = None
    released: date | None = None
    year: int | None = None
    positive: int | None = None
    negative: int | None = None
    early_access: bool = False
    adult: bool = False
    delisted: bool = False

    @property
    def indie(self) -> bool:
        return "Indie" in self.genres or "Indie" in self.tags

    @property
    def for_sale(self) -> bool:
        return self.price is not None and not self.delisted


def fold(text: str) -> str:
    """What two spellings of one title have in common: no case, accents, punctuation or trademark signs.

    A title of signs alone, such as "***", keeps them: blank would be the same as every other such title.
    """
    plain = unicodedata.normalize("NFKD", text.replace("™", "").replace("®", "")).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c) and c not in "'’")
    return unicodedata.normalize("NFC", " ".join((kept if kept.strip() else text.casefold()).split()))


def joined(tag: str) -> str:
    """What the spellings of one tag have in common: the sets write "Rogue-like" and the store now "Roguelike"."""
    return fold(tag).replace(" ", "")


def _one_spelling(games: Sequence[Game]) -> Iterator[Game]:
    """The same games with each tag as it is spelt most often, so that a theme is one theme whatever set it is from."""
    counts = Counter(tag for game in games for tag in {*game.tags, *game.genres})
    commonest = {joined(tag): tag for tag, _ in reversed(counts.most_common())}
    spelling = {tag: common for tag in counts if (common := commonest[joined(tag)]) != tag}
    for game in games:
        if spelling.keys().isdisjoint((*game.tags, *game.genres)):
            yield game
        else:
            tags, genres = (tuple(dict.fromkeys(spelling.get(t, t) for t in s)) for s in (game.tags, game.genres))
            yield replace(game, tags=tags, genres=genres)


class Catalog:
    """All games known, the most played first, so that among equals the famous one is meant.

    Titles and tags are found exactly (after `fold`), else approximately; completing is a substring search.
    """

    def __init__(self, games: Iterable[Game], players: Mapping[int, int] | None = None) -> None:
        known = players or {}
        ordered = sorted(games, key=lambda g: (-known.get(g.app_id, 0), -(g.positive or 0), g.app_id))
        self._games = {game.app_id: game for game in _one_spelling(ordered)}
        self._titles = [fold(game.title) for game in self._games.values()]
        self._by_title: dict[str, int] = {}
        for title, app_id in zip(self._titles, self._games, strict=True):
            if title:  # the store has games without one, and nobody who says nothing means them
                self._by_title.setdefault(title, app_id)
        self._ids = list(self._games)
        counts = Counter(tag for game in self._games.values() for tag in {*game.tags, *game.genres})
        self._tags = {fold(tag): tag for tag, _ in reversed(counts.most_common())}
        self._joined_tags = {joined(tag): tag for tag in self._tags.values()}
        self._tag_order = [tag for tag, _ in counts.most_common()]
        self._folded_tags = [(tag, fold(tag), joined(tag)) for tag in self._tag_order]
        self._text = "".join(f"\n{title}" for title in self._titles)  # where a line begins, a title begins
        self._lines = list(accumulate((1 + len(title) for title in self._titles), initial=0))

    def __len__(self) -> int:
        return len(self._games)

    def __iter__(self) -> Iterator[Game]:
        return iter(self._games.values())

    def get(self, app_id: int) -> Game | None:
        return self._games.get(app_id)

    def named(self, title: str) -> Game | None:
        """The game that is meant by that very title."""
        app_id = self._by_title.get(fold(title))
        return None if app_id is None else self._games[app_id]

    def find(self, said: str) -> Game:
        """A game by title or by app id.

        Raises:
            UnknownGame: nothing is called that; carries up to five near misses, the likeliest first.
        """
        if (named := self.named(said)) is not None:
            return named
        title = fold(said)
        if title.isdecimal() and len(title) <= APP_ID_DIGITS and (game := self._games.get(int(title))) is not None:
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
        return self._tag_order

    def complete_title(self, typed: str, limit: int = 25, *, adult: bool = True) -> list[Game]:
        """Games whose title starts with what was typed, then those that have it elsewhere; famous ones first.

        The game of that app id comes before all of them, unless a game is called so.
        """
        part = fold(typed)
        found: dict[int, Game] = {}
        for app_id in chain(self._of_id(part), self._with_text("\n" + part), self._with_text(part)):
            game = self._games[app_id]
            if game.title.strip() and (adult or not game.adult):
                found[app_id] = game
            if len(found) >= limit:
                break
        return list(found.values())

    def _of_id(self, part: str) -> Iterator[int]:
        if part.isdecimal() and len(part) <= APP_ID_DIGITS and part not in self._by_title and int(part) in self._games:
            yield int(part)

    def _with_text(self, part: str) -> Iterator[int]:
        """The games whose line has it: one search of one long text, which ends as soon as nobody asks for more."""
        at = self._text.find(part)
        while 0 <= at < len(self._text):
            line = bisect_right(self._lines, at) - 1
            yield self._ids[line]
            at = self._text.find(part, self._lines[line + 1])

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
        return tuple(self._ids[at] for _, _, at in matches)


def _letters(folded: str) -> str:
    """Korean syllables taken apart, so that a slip in one letter is not a slip in a whole syllable."""
    return unicodedata.normalize("NFD", folded)
