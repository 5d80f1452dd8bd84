"""The answer that a pressed button stands under, read back from the log, and what may be done with it by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.commands.command import Command, Desk, Kind, Option
from bot.commands.digest import WEEKLY
from bot.commands.libraries import library_of, linked_library, of_titles, with_opinions
from bot.commands.options import members
from bot.commands.refused import Refused
from bot.commands.steam_words import GAMES, STEAM, SUBJECT
from bot.commands.suitable import suitable
from bot.commands.titles import named_games, split
from bot.messages import Request, Value
from bot.presses import Deed, profile_of
from recommender.catalog import Game
from recommender.errors import UnknownGame
from recommender.library import Library
from storage.errors import SteamIdInvalid
from storage.logs import OptionValue, PastAnswer, RequestLog
from storage.steam.ids import parse

PATIENCE = 1.0
"""Seconds that a press waits for log lines still to be written: its answer may be among them."""

OPTIONS = (Option("answer"), Option("number", Kind.INTEGER), Option(SUBJECT))


@dataclass(frozen=True, slots=True)
class Past:
    """`profile` is whom the answer is about on Steam where the button knows it, else empty.

    `mine` says whether the presser is who asked for the answer; `shared` whether the button stands under a copy of it
    that was shared, which knows no profile as everybody can read its buttons. `versions` are the models that the
    answer is of: two where their lists were interleaved.
    """

    request: RequestLog
    profile: str
    mine: bool
    shared: bool
    versions: tuple[str, ...]


async def past_of(request: Request, desk: Desk) -> Past:
    """The answer that a press is about.

    Raises:
        Refused: it is no more.
        DatabaseError: nobody can say.
    """
    await desk.logs.flush(within=PATIENCE)
    found = await _logged(str(request.options.get("answer", "")), desk)
    shared = found.request.command == Deed.SHARE
    if shared:
        found = await _logged(str(found.request.options.get("answer", "")), desk)
    row = found.request
    profile = "" if shared else _profile(str(request.options.get(SUBJECT, "")))
    mine = (row.platform, row.person) == (request.person.platform, request.person.id)
    return Past(row, profile, mine, shared, _versions(found))


async def _logged(answer: str, desk: Desk) -> PastAnswer:
    found = await desk.past.answer(answer)
    if found is None:
        raise Refused("refused.answer_gone")
    return found


def _versions(answer: PastAnswer) -> tuple[str, ...]:
    own = {impression.version for impression in answer.shown if impression.version is not None}
    return tuple(sorted(own)) or tuple(filter(None, (answer.request.model_version,)))


def _profile(subject: str) -> str:
    """Made by us, but back from the network: what is no profile belongs to no answer."""
    if not subject:
        return ""
    try:
        profile = profile_of(subject)
        parse(profile)
    except (ValueError, SteamIdInvalid):
        raise Refused("refused.answer_gone") from None
    return profile


def command_of(past: Past, desk: Desk) -> Command:
    """Raises Refused where there is no such command any more."""
    known = (*desk.commands, WEEKLY)
    found = next((command for command in known if command.name == past.request.command), None)
    if found is None:
        raise Refused("refused.answer_gone")
    return found


def from_private_library(past: Past, desk: Desk) -> bool:
    """Whether it was made from the games of who asked, and nothing in the button or the log says which those are."""
    takes = {option.name for option in command_of(past, desk).options}
    return STEAM in takes and not past.profile and GAMES not in past.request.options


def open_to(past: Past, request: Request, desk: Desk) -> bool:
    """Whether the presser may have the answer worked on again.

    What is in the button or the log is as public as the message that it stands under, so anybody may whom the
    platform lets press. The library of who asked is not: only that person may, and only where it was not shared,
    as the shared copy has lost which of their libraries it was. A group's answer is for the people of the group.
    """
    if from_private_library(past, desk):
        return past.mine and not past.shared
    group = _group_option(past, desk)
    return past.mine or group is None or request.person.id in _group(past, group)


def options_for(past: Past, request: Request, desk: Desk) -> dict[str, Value]:
    """As they were given, the profile restored, and a group as the presser, who is one of it, would name it.

    Raises:
        Refused: what is needed was about a profile, and so was never written down.
    """
    options = given(past.request.options) | ({STEAM: past.profile} if past.profile else {})
    if any(option.required and option.name not in options for option in command_of(past, desk).options):
        raise Refused("refused.answer_gone")
    group = _group_option(past, desk)
    if group is not None and not past.mine:
        options[group] = " ".join(one for one in _group(past, group) if one != request.person.id)
    return options


def _group_option(past: Past, desk: Desk) -> str | None:
    options = command_of(past, desk).options
    return next((option.name for option in options if option.kind is Kind.MEMBERS), None)


def _group(past: Past, option: str) -> list[str]:
    """Who asked, and those whom the request named."""
    return [past.request.person, *members(str(past.request.options.get(option, "")))]


async def library_behind(past: Past, request: Request, desk: Desk) -> Library | None:
    """The library that the answer was made from, with the opinions of who presses; None where that is not known.

    That of the profile in the button, of the titles in the log, or of the presser's linked account. The last library
    that the presser asked about comes last: it may be another one than the answer's.

    Raises:
        SteamError, DatabaseError: the library cannot be had for now.
    """
    if past.profile:
        return await library_of(await desk.steam.resolve(past.profile), request, desk)
    if GAMES in past.request.options:
        games = await _named(str(past.request.options[GAMES]), desk)
        return await with_opinions(of_titles(games), None, request, desk)
    if from_private_library(past, desk) and open_to(past, request, desk):
        return await linked_library(request, desk) or desk.recents.library(request.person)
    return None


async def _named(titles: str, desk: Desk) -> Iterable[Game]:
    try:
        return await named_games(split(titles), desk.engine)
    except UnknownGame:  # known when it was answered: the catalogue has moved on
        raise Refused("refused.answer_gone") from None


def number_of(request: Request) -> int:
    """The page, the app id or the place of the choice, whichever the press is about."""
    return int(request.options.get("number", 0))


def game_pressed(request: Request, desk: Desk) -> Game:
    """Raises Refused where there is no such game, or none for this place."""
    game = desk.engine.served.catalog.get(number_of(request))
    if game is None:
        raise Refused("refused.game_gone")
    if not suitable(game, request):
        raise Refused("refused.adults_only")
    return game


def given(stored: Mapping[str, OptionValue]) -> dict[str, Value]:
    """Options as they were given, from a row of the log."""
    return {name: value for name, value in stored.items() if value is not None}
