"""One game of the store, and what two spellings of a title or a tag have in common."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

SIGNS = re.compile(r"[^a-z0-9]+")


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
    if text.isascii() and (words := SIGNS.sub(" ", text.casefold().replace("'", "")).strip()):
        return words  # the same at a tenth of the time
    plain = unicodedata.normalize("NFKD", text.replace("™", "").replace("®", "")).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c) and c not in "'’")
    return unicodedata.normalize("NFC", " ".join((kept if kept.strip() else text.casefold()).split()))


def joined(tag: str) -> str:
    """What the spellings of one tag have in common: the sets write "Rogue-like" and the store now "Roguelike"."""
    return fold(tag).replace(" ", "")
