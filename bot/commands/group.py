"""The people of a group, and the games of those whose games can be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.commands.command import Desk
from bot.commands.libraries import library_of
from bot.commands.refused import Refused
from bot.commands.steam_words import is_profile
from bot.messages import Person, Request
from recommender.library import Library
from storage.accounts import Account
from storage.errors import SteamError, SteamPlayerUnknown, SteamProfilePrivate
from storage.steam.ids import SteamID

WITH = "with"
"""The option that names the others."""
MOST = 8
"""People of one group, who asks among them."""
AT_ONCE = 4
"""Libraries that are fetched from Steam at the same time."""


class Absence(StrEnum):
    """Why somebody's games do not count; `away` is about Steam, the others about the person."""

    UNLINKED = "unlinked"
    HIDDEN = "hidden"
    EMPTY = "empty"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Group:
    """Names and libraries of those who count, in the same order; a name that is not known is empty.

    `persons` are those of them who are people of the platform. `trouble` is why Steam could not be asked for somebody.
    """

    names: tuple[str, ...]
    libraries: tuple[Library, ...]
    persons: tuple[Person, ...]
    absent: Mapping[Absence, Sequence[str]]
    trouble: SteamError | None = None


@dataclass(frozen=True, slots=True)
class _Sought:
    """`person` is None for a profile that was named itself, `player` for somebody who linked no account."""

    name: str
    person: Person | None
    player: SteamID | None = None
    profile: str = ""


async def group_of(request: Request, desk: Desk, you: str) -> Group:
    """Who asks, called `you` unless the platform says a name, and the people or Steam profiles of the option `with`.

    Raises:
        Refused: nobody else is named, or too many are.
        DatabaseError: nobody can say who linked what.
    """
    said = str(request.options[WITH]).split()
    ids = list(dict.fromkeys([request.person.id, *said]))
    if len(ids) == 1:
        raise Refused("refused.nobody_else")
    if len(ids) > MOST:
        raise Refused("refused.too_many_members", most=MOST)
    accounts = await desk.accounts.of_many(request.person.platform, ids)
    return await _gathered([_sought(one, accounts.get(one), request, you) for one in ids], request, desk)


def _sought(one: str, account: Account | None, request: Request, you: str) -> _Sought:
    if account is None and one not in request.names and is_profile(one):
        return _Sought(one, None, profile=one)
    person = Person(request.person.platform, one)
    return _Sought(_name(one, request, you), person, account.steam if account is not None else None)


def _name(one: str, request: Request, you: str) -> str:
    """A platform that tells no names at all calls people by what was typed."""
    if one in request.names:
        return request.names[one]
    if one == request.person.id:
        return you
    return "" if request.names else one


@dataclass(frozen=True, slots=True)
class _Seen:
    player: SteamID
    library: Library


async def _gathered(sought: Sequence[_Sought], request: Request, desk: Desk) -> Group:
    slots = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_library(one, request, desk, slots) for one in sought))
    counting: dict[SteamID, tuple[_Sought, Library]] = {}  # whoever is named twice, as a person and a profile, once
    absent: dict[Absence, list[str]] = {}
    for one, got in zip(sought, found, strict=True):
        if isinstance(got, _Seen):
            counting.setdefault(got.player, (one, got.library))
        else:
            absent.setdefault(_absence(got), []).append(one.name)
    troubles = (got for got in found if isinstance(got, SteamError) and _absence(got) is Absence.AWAY)
    return Group(
        names=tuple(one.name for one, _ in counting.values()),
        libraries=tuple(library for _, library in counting.values()),
        persons=tuple(one.person for one, _ in counting.values() if one.person is not None),
        absent=absent,
        trouble=next(troubles, None),
    )


async def _library(
    sought: _Sought, request: Request, desk: Desk, slots: asyncio.Semaphore
) -> _Seen | Absence | SteamError:
    if sought.player is None and not sought.profile:
        return Absence.UNLINKED
    try:
        async with slots:
            player = sought.player or await desk.steam.resolve(sought.profile)
            if sought.person is None:
                library = await desk.steam.owned_games(player)
            else:
                library = await library_of(player, replace(request, person=sought.person), desk)
    except SteamError as error:
        return error
    return _Seen(player, library) if len(library) else Absence.EMPTY


def _absence(got: Absence | SteamError) -> Absence:
    if isinstance(got, Absence):
        return got
    return Absence.HIDDEN if isinstance(got, SteamProfilePrivate | SteamPlayerUnknown) else Absence.AWAY
