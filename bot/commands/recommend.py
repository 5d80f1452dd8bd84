"""`/recommend`: picks for a Steam library, the linked one where none is named, or for games named by title."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.command import Desk, Option
from bot.commands.near import titles_near
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.steam_words import STEAM, is_profile
from bot.commands.suitable import shown
from bot.commands.titles import MOST, joined, named_games, split
from bot.commands.wishes import FILTERS, TAG, nothing_left, wish_of
from bot.messages import Reply, Request
from bot.wording import Wording
from recommender.engine import Answer
from recommender.errors import UnknownGame
from recommender.library import Library
from recommender.shelf import Wish
from storage.steam_id import SteamID

OPTIONS = (Option(STEAM), Option("games", autocomplete="titles"), TAG, *FILTERS)


async def recommend(request: Request, desk: Desk) -> Reply:
    request = _meant(request)
    if "games" in request.options:
        return await _from_titles(request, desk)
    if STEAM in request.options:
        return await _from_player(request, desk, await desk.steam.resolve(str(request.options[STEAM])))
    linked = await desk.accounts.of(request.person.platform, request.person.id)
    if linked is not None:
        return await _from_player(request, desk, linked.steam)
    raise Refused("refused.nobody", examples=joined(famous(desk)))


def _meant(request: Request) -> Request:
    """Titles given as the Steam ID are titles, and a profile given as a title is a profile."""
    options = dict(request.options)
    steam, games = str(options.get(STEAM, "")), str(options.get("games", ""))
    if not games and len(split(steam)) > 1 and not is_profile(steam):
        options["games"] = options.pop(STEAM)
    elif not steam and is_profile(games):
        options[STEAM] = options.pop("games")
    return replace(request, options=options)


async def _from_titles(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    pieces = split(str(request.options["games"]))
    if len(pieces) > MOST:
        raise Refused("refused.too_many_titles", most=MOST)
    try:
        games = await named_games(pieces, desk.engine)
    except UnknownGame as unknown:
        at = pieces.index(unknown.said)
        return titles_near(
            unknown,
            request,
            desk,
            lambda title: {"games": joined([*pieces[:at], title, *pieces[at + 1 :]])},
        )
    library = Library(dict.fromkeys((game.app_id for game in games), 0))
    return await _answer(request, desk, library, words.say("recommend.named", titles=", ".join(g.title for g in games)))


async def _from_player(request: Request, desk: Desk, player: SteamID) -> Reply:
    words = Wording(request.language)
    library = await desk.steam.owned_games(player)
    if not len(library):
        raise Refused("refused.empty_library", examples=joined(famous(desk)))
    hidden = words.say("note.playtime_hidden") if library.playtime_hidden else None
    return await _answer(request, desk, library, None, hidden)


async def _answer(
    request: Request, desk: Desk, library: Library, headline: str | None, note: str | None = None
) -> Reply:
    words = Wording(request.language)
    desk.recents.remember(request.person, library)

    async def ask(wish: Wish, k: int) -> Answer:
        return await desk.engine.recommend(library, wish, k)

    wish = await wish_of(request, desk)
    answer = await ask(wish, request.shown)
    if not answer.picks:
        return await nothing_left(request, wish, ask, words)
    if not answer.known:
        headline, note = words.say("recommend.popular"), words.say("note.nothing_known")
    text = headline or words.say("recommend.owned", known=answer.known, total=len(library))
    return Reply(text, shown(answer.picks, request), note=note, model=answer.version)
