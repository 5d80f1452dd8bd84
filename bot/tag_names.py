"""The tags of the store by the names they have in a person's language."""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from rapidfuzz import fuzz, process

from bot.messages import Language
from recommender.catalog import Catalog, joined
from recommender.errors import UnknownTag

NEAR = 75.0
"""The least similarity (ratio of letters, 0 to 100) at which a Korean name is worth asking "did you mean" about."""


def localized(tag: str, language: Language) -> str:
    """As the store calls the tag in that language; unchanged where no other name is known."""
    return _korean().get(joined(tag), tag) if language is Language.KO else tag


def english(said: str) -> str:
    """The store's English tag of a name in any language, with or without its spaces; anything else unchanged."""
    return _english().get(joined(said), said)


def tag_named(said: str, catalog: Catalog) -> str:
    """The tag of that name in any language, as the catalogue spells it.

    Raises:
        UnknownTag: nothing is called that; carries up to five near misses, the likeliest first.
    """
    try:
        return catalog.tag(english(said))
    except UnknownTag as unknown:
        near = dict.fromkeys((*_near(said, catalog), *unknown.near))
        raise UnknownTag(said, tuple(near)[:5]) from None


def korean_letters(text: str) -> str:
    """Without spaces and with the syllables taken apart: a name begins with what is half typed of it."""
    return unicodedata.normalize("NFD", joined(text))


def _near(said: str, catalog: Catalog) -> list[str]:
    """By their Korean names."""
    names = {tag: korean_letters(name) for tag in catalog.tags if (name := localized(tag, Language.KO)) != tag}
    matches = process.extract(korean_letters(said), names, scorer=fuzz.ratio, limit=5, score_cutoff=NEAR)
    return [tag for _, _, tag in matches]


@dataclass(frozen=True)
class Names:
    """What the file of Korean names has: see there."""

    elsewhere: list[str]
    names: dict[str, str]
    also: dict[str, list[str]]


@functools.cache
def korean_names() -> Names:
    file = resources.files("bot") / "texts" / "tags_ko.toml"
    return Names(**tomllib.loads(file.read_text(encoding="utf-8")))


@functools.cache
def _korean() -> Mapping[str, str]:
    """The Korean name by the joined tag."""
    return {joined(tag): name for tag, name in korean_names().names.items()}


@functools.cache
def _english() -> Mapping[str, str]:
    """The English tag by the joined Korean name."""
    said = {name: tag for tag, names in korean_names().also.items() for name in names}
    said |= {name: tag for tag, name in korean_names().names.items()}
    return {joined(name): tag for name, tag in said.items()}
