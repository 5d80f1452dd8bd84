"""Telling what points at somebody's Steam profile from what does not, so that no such thing is ever kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.commands.titles import split
from bot.messages import Value
from storage.errors import SteamIdInvalid
from storage.steam.ids import SteamID, parse

STEAM = "steam"
"""The option whose value is always about somebody's profile: a vanity name looks like any other word."""
GAMES = "games"
"""The option that takes titles in the place of a profile."""
SUBJECT = "subject"
"""The option in which a pressed button hands over whose library its answer is about."""

_INSIDE = re.compile(r"steamcommunity\.com|7656119[0-9]{10}|STEAM_[0-9]:[01]:[0-9]|\[U:1:[0-9]", re.IGNORECASE)


def is_profile(said: str) -> bool:
    """Whether the whole text is a Steam ID or a profile link, a bare vanity name not counted."""
    if "steamcommunity.com" in said.casefold():
        return "," not in said
    try:
        return isinstance(parse(said), SteamID)
    except SteamIdInvalid:
        return False


def without_profiles(options: Mapping[str, Value]) -> dict[str, Value]:
    """The options that may be kept: none that is, or has inside, what points at a profile."""
    kept = {name: value for name, value in options.items() if name not in {STEAM, SUBJECT}}
    return {name: value for name, value in kept.items() if not _INSIDE.search(str(value))}


def meant(options: Mapping[str, Value]) -> dict[str, Value]:
    """Titles given as the Steam ID are titles, and a profile given as a title is a profile."""
    moved = dict(options)
    steam, games = str(options.get(STEAM, "")), str(options.get(GAMES, ""))
    if not games and len(split(steam)) > 1 and not is_profile(steam):
        moved[GAMES] = moved.pop(STEAM)
    elif not steam and is_profile(games):
        moved[STEAM] = moved.pop(GAMES)
    return moved
