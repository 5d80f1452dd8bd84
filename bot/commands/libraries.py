"""Whose games picks are made from: a profile, the account that somebody linked, titles; and their opinions with it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bot.commands.command import Desk
from bot.commands.steam_words import STEAM
from bot.messages import Request
from recommender.catalog import Game
from recommender.library import Library
from storage.errors import DatabaseError
from storage.feedback import counted_in
from storage.lake.events import library_read
from storage.steam.ids import SteamID

log = logging.getLogger(__name__)


async def player_meant(request: Request, desk: Desk) -> SteamID | None:
    """The one of the option `steam`, else the one that this person linked; None where there is neither.

    Raises:
        SteamError, DatabaseError: nobody can say.
    """
    if STEAM in request.options:
        return await desk.steam.resolve(str(request.options[STEAM]))
    return await linked_player(request, desk)


async def linked_player(request: Request, desk: Desk) -> SteamID | None:
    account = await desk.accounts.of(request.person.platform, request.person.id)
    return account.steam if account is not None else None


async def linked_library(request: Request, desk: Desk) -> Library | None:
    """Of this person's linked account, with their opinions."""
    player = await linked_player(request, desk)
    if player is None:
        return None
    return await with_opinions(await own_games(player, request, desk), player, request, desk)


async def own_games(player: SteamID, request: Request, desk: Desk) -> Library:
    """What Steam says of the account that this person linked: by that they agree that it is kept and learned from."""
    library = await desk.steam.owned_games(player)
    desk.lake.put(library_read(request.person.platform, request.person.id, library, request.at))
    return library


async def library_of(player: SteamID, request: Request, desk: Desk) -> Library:
    return await with_opinions(await desk.steam.owned_games(player), player, request, desk)


def of_titles(games: Iterable[Game]) -> Library:
    return Library(dict.fromkeys((game.app_id for game in games), 0))


async def with_opinions(library: Library, player: SteamID | None, request: Request, desk: Desk) -> Library:
    """With the games that this person liked or owns elsewhere; `player` is whose library it is on Steam, if anybody's.

    Left as it is where the player is somebody else: that is, where this person has linked another account. Soft, as
    picks without a few likes are better than none while the database is away.
    """
    try:
        if player is not None and (await linked_player(request, desk)) not in {None, player}:
            return library
        opinions = await desk.feedback.of(request.person.platform, request.person.id)
    except DatabaseError as away:
        log.warning("opinions are not known for now: %s", away)
        return library
    return counted_in(library, opinions)
