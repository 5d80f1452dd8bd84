"""What people type when asked for their Steam ID: numbers in three notations, profile links, vanity names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from storage.errors import SteamIdInvalid

FIRST = 76561197960265728
"""The 64-bit ID of account number 0, which nobody has: public universe, individual, desktop."""
LAST_ACCOUNT = 2**32 - 1

_VANITY = re.compile(r"[A-Za-z0-9_-]{2,32}")
_STEAM2 = re.compile(r"STEAM_[01]:([01]):([0-9]{1,10})", re.IGNORECASE)
_STEAM3 = re.compile(r"\[U:1:([0-9]{1,10})\]", re.IGNORECASE)
# Bare digits of these two shapes are a player's ID, good or bad, or a group's: never somebody's vanity name.
_STEAM64 = re.compile(r"[0-9]{17}")
_GROUP64 = re.compile(r"10358[0-9]{13}")
_LINK = re.compile(
    r"(?:(?:https?://)?(?:www\.)?steamcommunity\.com/|/)?(profiles|id)/([^/?#\s]+)(?:[/?#]\S*)?", re.IGNORECASE
)
# Discord quotes a link as <link>, Slack as <link|label>.
_QUOTED = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")


@dataclass(frozen=True, slots=True)
class SteamID:
    """One player's 64-bit ID, `FIRST` plus an account number of 1 to 2³²-1; `str` gives its 17 digits.

    Raises:
        SteamIdInvalid: the value is no such ID: another universe, a group, out of range.
    """

    value: int

    def __post_init__(self) -> None:
        if not 1 <= self.account <= LAST_ACCOUNT:
            raise SteamIdInvalid(str(self.value))

    def __str__(self) -> str:
        return str(self.value)

    @property
    def account(self) -> int:
        return self.value - FIRST


@dataclass(frozen=True, slots=True)
class Vanity:
    """The name a player chose for the profile's address; only Steam knows whose it is.

    Raises:
        SteamIdInvalid: not 2 to 32 of A-Z a-z 0-9 _ -.
    """

    name: str

    def __post_init__(self) -> None:
        if not _VANITY.fullmatch(self.name):
            raise SteamIdInvalid(self.name)


def parse(said: str) -> SteamID | Vanity:
    """Whom a person means by 17 digits, STEAM_X:Y:Z, [U:1:W], a profile link or a bare vanity name.

    A link to /id/ names a vanity whatever it looks like; bare, 17 digits are an ID and other digits a vanity.

    Raises:
        SteamIdInvalid: it is none of these, a group, or an ID out of range.
    """
    text = said.strip()
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1].strip()
    try:
        return _linked(text) or _numbered(text) or _named(text)
    except SteamIdInvalid:
        raise SteamIdInvalid(said) from None


def _linked(text: str) -> SteamID | Vanity | None:
    link = _LINK.fullmatch(text)
    if link is None:
        return None
    kind, name = link[1].lower(), unquote(link[2])  # browsers copy [U:1:W] as %5BU:1:W%5D
    if kind == "id":
        return Vanity(name)
    if player := _numbered(name):
        return player
    raise SteamIdInvalid(text)


def _numbered(text: str) -> SteamID | None:
    if _STEAM64.fullmatch(text):
        return SteamID(int(text))
    if parts := _STEAM2.fullmatch(text):
        return SteamID(FIRST + 2 * int(parts[2]) + int(parts[1]))
    if parts := _STEAM3.fullmatch(text):
        return SteamID(FIRST + int(parts[1]))
    return None


def _named(text: str) -> Vanity:
    if _GROUP64.fullmatch(text):
        raise SteamIdInvalid(text)
    return Vanity(text)
