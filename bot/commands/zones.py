"""Time zones by the names people give them: "Europe/Berlin" in any case, or the city alone."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from zoneinfo import available_timezones

from rapidfuzz import fuzz, process

from bot.korean_names import korean_names, letters
from bot.messages import Language
from recommender.catalog import joined

NEAR = 75.0
"""The least similarity (WRatio, 0 to 100) at which a zone is worth asking "did you mean" about."""
NONE_OF_OURS = frozenset({"Factory", "localtime"})
"""In the list of zones, and none that somebody lives in."""

REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)


def zone_named(said: str) -> str | None:
    """The IANA name of the zone, None where nothing is called that."""
    korean = korean_names("zones").said.get(joined(said))
    return _by_name().get(_folded(said)) or _by_city().get(_folded(said)) or korean


def zone_shown(zone: str, language: Language) -> str:
    """Its name, after the city where the language has another word for it."""
    city = korean_names("zones").names.get(zone) if language is Language.KO else None
    return f"{city} ({zone})" if city else zone


def zones_completing(typed: str) -> list[str]:
    """Zones of cities, and UTC: those whose city starts with what was typed, then those that have it elsewhere."""
    part, spelt, meant = _words(typed), letters(typed), zone_named(typed)
    names = {zone: _words(zone) for zone in _of_cities()}
    cities = {zone: _folded(zone.rpartition("/")[2]) for zone in names}
    korean = {zone: letters(name) for zone, name in korean_names("zones").names.items()}
    starting = [
        zone
        for zone in names
        if zone == meant or cities[zone].startswith(part) or korean.get(zone, "").startswith(spelt or "?")
    ]
    return list(dict.fromkeys([*starting, *(zone for zone, name in names.items() if part in name)]))


def zones_near(said: str) -> list[str]:
    """At most five, the likeliest first."""
    names = {**_by_city(), **_by_name()}
    matches = process.extract(_folded(said), list(names), scorer=fuzz.WRatio, limit=10, score_cutoff=NEAR)
    return list(dict.fromkeys(names[name] for name, _, _ in matches))[:5]


@functools.cache
def _of_cities() -> Sequence[str]:
    """The best known first; without the names that are kept for what was written long ago, such as US/Pacific."""
    cities = sorted(name for name in _by_name().values() if name.partition("/")[0] in REGIONS and "/" in name)
    return list(dict.fromkeys([*korean_names("zones").names, *cities]))


@functools.cache
def _by_name() -> Mapping[str, str]:
    return {_folded(name): name for name in sorted(available_timezones() - NONE_OF_OURS)}


@functools.cache
def _by_city() -> Mapping[str, str]:
    """By the last part of the name, where only one zone has it."""
    cities = {name: _folded(name.rpartition("/")[2]) for name in _by_name().values() if "/" in name}
    alone = Counter(cities.values())
    return {city: name for name, city in cities.items() if alone[city] == 1}


def _folded(said: str) -> str:
    return " ".join(said.replace("_", " ").casefold().split())


def _words(said: str) -> str:
    return _folded(said.replace("/", " "))
