"""The tags of the store by the names they have in a person's language."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from bot.korean_names import korean_names, letters
from bot.messages import Language
from recommender.catalog import Catalog, joined
from recommender.errors import UnknownTag

NEAR = 75.0
"""The least similarity (ratio of letters, 0 to 100) at which a Korean name is worth asking "did you mean" about."""


def localized(tag: str, language: Language) -> str:
    """As the store calls the tag in that language; unchanged where no other name is known."""
    return korean_names("tags").shown.get(joined(tag), tag) if language is Language.KO else tag


def english(said: str) -> str:
    """The store's English tag of a name in any language, with or without its spaces; anything else unchanged."""
    return korean_names("tags").said.get(joined(said), said)


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


def completing(typed: str, tags: Iterable[str]) -> list[str]:
    """Those of the tags whose Korean name starts with what was typed, then those that have it elsewhere."""
    part, meant = letters(typed), joined(english(typed))
    spelt = [(tag, name) for tag in tags if (name := korean_names("tags").spelt.get(joined(tag))) is not None]
    starting = [tag for tag, name in spelt if name.startswith(part) or joined(tag) == meant]
    return list(dict.fromkeys([*starting, *(tag for tag, name in spelt if part in name)]))


def _near(said: str, catalog: Catalog) -> list[str]:
    """By their Korean names."""
    spelt = korean_names("tags").spelt
    names = {tag: spelt[key] for tag in catalog.tags if (key := joined(tag)) in spelt}
    matches = process.extract(letters(said), names, scorer=fuzz.ratio, limit=5, score_cutoff=NEAR)
    return [tag for _, _, tag in matches]
