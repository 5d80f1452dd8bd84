"""Korean names of what the world names in English: one file a kind, with the names shown and others that are said."""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from recommender.catalog import joined


@dataclass(frozen=True)
class KoreanNames:
    """`names` are shown, `also` are other names that are understood; `elsewhere` is told in the file that has it."""

    names: Mapping[str, str]
    also: Mapping[str, list[str]]
    elsewhere: list[str] = field(default_factory=list)

    @functools.cached_property
    def shown(self) -> Mapping[str, str]:
        """The name by the joined English one."""
        return {joined(english): korean for english, korean in self.names.items()}

    @functools.cached_property
    def said(self) -> Mapping[str, str]:
        """The English name by each joined Korean one."""
        also = {joined(name): english for english, names in self.also.items() for name in names}
        return also | {joined(korean): english for english, korean in self.names.items()}

    @functools.cached_property
    def spelt(self) -> Mapping[str, str]:
        """The letters of the name shown, by the joined English one."""
        return {english: letters(korean) for english, korean in self.shown.items()}


def letters(text: str) -> str:
    """Without spaces and with the syllables taken apart: a name begins with what is half typed of it."""
    return unicodedata.normalize("NFD", joined(text))


@functools.cache
def korean_names(kind: str) -> KoreanNames:
    """Of "tags" or "zones"."""
    file = resources.files("bot") / "texts" / f"{kind}_ko.toml"
    return KoreanNames(**tomllib.loads(file.read_text(encoding="utf-8")))
