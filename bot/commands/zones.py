"""Time zones by the names people give them: "Europe/Berlin" in any case, or the city alone."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from zoneinfo import available_timezones

from rapidfuzz import fuzz, process

NEAR = 75.0
"""The least similarity (WRatio, 0 to 100) at which a zone is worth asking "did you mean" about."""
NONE_OF_OURS = frozenset({"Factory", "localtime"})
"""In the list of zones, and none that somebody lives in."""


def zone_named(said: str) -> str | None:
    """The IANA name of the zone, None where nothing is called that."""
    return _by_name().get(_folded(said)) or _by_city().get(_folded(said))


def zones_near(said: str) -> list[str]:
    """At most five, the likeliest first."""
    names = {**_by_city(), **_by_name()}
    matches = process.extract(_folded(said), list(names), scorer=fuzz.WRatio, limit=10, score_cutoff=NEAR)
    return list(dict.fromkeys(names[name] for name, _, _ in matches))[:5]


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
