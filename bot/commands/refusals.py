"""The one place where an error of the domain, of Steam or of the database becomes a sentence that says what to do."""

from __future__ import annotations

import math

from bot.commands.command import Desk, Option
from bot.commands.near import tags_near, titles_near
from bot.commands.refused import Refused
from bot.commands.steam_words import GAMES, STEAM
from bot.commands.suitable import suitable
from bot.commands.titles import joined
from bot.messages import Choice, Outcome, Reply, Request
from bot.wording import Wording, quoted
from recommender.errors import RecommenderError, UnknownGame, UnknownTag
from storage.errors import (
    Hidden,
    SteamError,
    SteamIdInvalid,
    SteamKeyMissing,
    SteamKeyRefused,
    SteamPlayerUnknown,
    SteamProfilePrivate,
    SteamRateLimited,
    StorageError,
)

STEAM_KEYS: dict[type[SteamError], str] = {
    SteamIdInvalid: "refused.steam_id",
    SteamPlayerUnknown: "refused.steam_player",
    SteamProfilePrivate: "refused.private_games",
    SteamKeyMissing: "unavailable.steam_key_missing",
    SteamKeyRefused: "unavailable.steam_key_refused",
    SteamRateLimited: "unavailable.steam_pause",
}
INVITING = frozenset({"refused.nobody", "refused.empty_library", "refused.ask_first", "refused.not_yours"})
"""Refusals that say: name games instead."""


async def reply_to(error: Refused | RecommenderError | StorageError, request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    match error:
        case Refused():
            choices = _invitations(error.why, words)
            return Reply(words.say(error.why, **error.fields), choices=choices, outcome=Outcome.REFUSED)
        case UnknownGame():
            return titles_near(error, request, desk, lambda title: {"game": title})
        case UnknownTag():
            return tags_near(error, request)
        case SteamError():
            return await _steam_reply(error, request, desk)
        case _:
            return Reply(words.say("unavailable.storage"), outcome=Outcome.UNAVAILABLE)


async def _steam_reply(error: SteamError, request: Request, desk: Desk) -> Reply:
    """With a way round Steam: the same request by title, or an invitation to it."""
    words = Wording(request.language)
    picks_by_title = any(option.name == "games" for option in _options(request, desk))
    if picks_by_title and isinstance(error, SteamIdInvalid | SteamPlayerUnknown | SteamKeyMissing):
        title = await _title_meant(request, desk)
        if title is not None:
            options = {name: value for name, value in request.options.items() if name != STEAM}
            choice = Choice(title, request.command, {**options, "games": joined([title])})
            return Reply(words.say("near.title_as_steam"), choices=(choice,), outcome=Outcome.NEAR_MISS)
    key = _steam_key(error)
    invitation = words.say("invitation", examples=joined(famous(desk)))
    outcome = Outcome.REFUSED if key.startswith("refused") else Outcome.UNAVAILABLE
    text = f"{words.say(key, **_steam_fields(error))}\n{invitation}"
    return Reply(text, choices=(name_games(words),), outcome=outcome)


def name_games(words: Wording) -> Choice:
    return Choice(words.say("choice.name_games"), "recommend", ask=GAMES)


def _invitations(why: str, words: Wording) -> tuple[Choice, ...]:
    if why == "refused.nobody":
        return name_games(words), Choice(words.say("choice.give_steam"), "recommend", ask=STEAM)
    return (name_games(words),) if why in INVITING else ()


def _options(request: Request, desk: Desk) -> tuple[Option, ...]:
    return next((command.options for command in desk.commands if command.name == request.command), ())


def _steam_key(error: SteamError) -> str:
    """The key of the sentence; one that begins with "refused" is about the person, the others about the world."""
    match error:
        case SteamProfilePrivate(hidden=Hidden.PROFILE):
            return "refused.private_profile"
        case SteamRateLimited(retry_after=None):
            return "unavailable.steam_busy"
    return next((key for kind, key in STEAM_KEYS.items() if isinstance(error, kind)), "unavailable.steam")


def _steam_fields(error: SteamError) -> dict[str, object]:
    match error:
        case SteamIdInvalid() | SteamPlayerUnknown():
            return {"said": quoted(error.said)}
        case SteamRateLimited(retry_after=float(seconds)):
            return {"minutes": max(1, math.ceil(seconds / 60))}
    return {}


async def _title_meant(request: Request, desk: Desk) -> str | None:
    """The title of a game, where that is what stands in the place of the Steam ID."""
    try:
        game = await desk.engine.find(str(request.options.get(STEAM, "")))
    except UnknownGame:
        return None
    return game.title if suitable(game, request) else None


def famous(desk: Desk, count: int = 3) -> list[str]:
    """Titles that most people know, to show how titles are typed."""
    games = (game for game in desk.engine.served.catalog if game.indie and game.for_sale and not game.adult)
    return [game.title for _, game in zip(range(count), games, strict=False)]
