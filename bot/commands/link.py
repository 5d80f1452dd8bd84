"""`/link`: keeps a Steam account for whoever asks, as they say or as their platform proves it."""

from __future__ import annotations

from bot.commands.command import Desk, Option
from bot.commands.steam_words import STEAM
from bot.messages import Choice, Reply, Request
from bot.wording import Wording
from recommender.library import Library
from storage.accounts import Account
from storage.errors import Hidden, SteamError, SteamPlayerUnknown, SteamProfilePrivate
from storage.steam.ids import SteamID

OPTIONS = (Option(STEAM),)

PROVES = "discord"
"""The platform whose people can prove an account: it knows the Steam accounts that they connected to it."""
PROFILE = "https://steamcommunity.com/profiles/{}"


async def link(request: Request, desk: Desk) -> Reply:
    if STEAM in request.options:
        return await _keep(request, desk, str(request.options[STEAM]))
    return await _offer(request, desk)


async def _keep(request: Request, desk: Desk, said: str) -> Reply:
    """Also an account that shows no games now: its settings can be changed, its owner warned."""
    words, person = Wording(request.language), request.person
    player = await desk.steam.resolve(said)
    warning = await _warning(player, desk, words)
    before = await desk.accounts.of(person.platform, person.id)
    await desk.accounts.link(person.platform, person.id, player, "said", request.at)
    replaced = before is not None and before.steam != player
    text = words.say("link.replaced" if replaced else "link.linked", profile=PROFILE.format(player))
    return Reply(f"{text}\n{words.say('link.useful')}", note=warning)


async def _warning(player: SteamID, desk: Desk, words: Wording) -> str | None:
    """What stands between us and the games, None where nothing does.

    Raises:
        SteamPlayerUnknown: nobody has that ID, so there is nothing to keep.
    """
    try:
        library = await desk.steam.owned_games(player)
    except SteamPlayerUnknown:
        raise
    except SteamProfilePrivate as private:
        return words.say("link.private_profile" if private.hidden is Hidden.PROFILE else "link.private_games")
    except SteamError:
        return words.say("link.not_seen")
    return _seen(library, words)


def _seen(library: Library, words: Wording) -> str | None:
    if not len(library):
        return words.say("link.empty")
    return words.say("note.playtime_hidden") if library.playtime_hidden else None


async def _offer(request: Request, desk: Desk) -> Reply:
    words, person = Wording(request.language), request.person
    linked = await desk.accounts.of(person.platform, person.id)
    choice = Choice(words.say("link.say_it"), "link", ask=STEAM)
    if desk.connect is None or person.platform != PROVES:
        text = words.say("link.how")
        return Reply(_after(linked, text, words), choices=(choice,))
    address = await desk.connect.begin(person, request.at)
    text = words.say("link.how_proven")
    return Reply(_after(linked, text, words), choices=(choice,), link=(words.say("link.prove_it"), address))


def _after(linked: Account | None, text: str, words: Wording) -> str:
    if linked is None:
        return text
    key = "link.now_said" if linked.source == "said" else "link.now_proven"
    return f"{words.say(key, profile=PROFILE.format(linked.steam))}\n{text}"
