"""`/recommend`: picks for a Steam library, or for games named by title."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.asking import asker
from bot.commands.command import Desk, Option
from bot.commands.libraries import of_titles, own_games, player_meant, with_opinions
from bot.commands.near import titles_near
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.steam_words import GAMES, STEAM, meant
from bot.commands.suitable import shown
from bot.commands.titles import MOST, joined, named_games, split
from bot.commands.wishes import FILTERS, TAG, nothing_left, wish_of
from bot.messages import Reply, Request
from bot.wording import Wording
from recommender.engine import Answer
from recommender.errors import UnknownGame
from recommender.library import Library
from recommender.shelf import Wish
from storage.steam.ids import SteamID

OPTIONS = (Option(STEAM), Option(GAMES, autocomplete="titles"), TAG, *FILTERS)


async def recommend(request: Request, desk: Desk) -> Reply:
    request = replace(request, options=meant(request.options))
    if GAMES in request.options:
        return await _from_titles(request, desk)
    player = await player_meant(request, desk)
    if player is None:
        raise Refused("refused.nobody", examples=joined(famous(desk)))
    return await _from_steam(player, request, desk)


async def _from_titles(request: Request, desk: Desk) -> Reply:
    pieces = split(str(request.options[GAMES]))
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
            lambda title: {GAMES: joined([*pieces[:at], title, *pieces[at + 1 :]])},
        )
    named = of_titles(games)
    library = await with_opinions(named, None, request, desk)
    key = "recommend.named" if len(library) == len(named) else "recommend.named_and_liked"
    return await _answer(request, desk, library, key, ", ".join(game.title for game in games))


async def _from_steam(player: SteamID, request: Request, desk: Desk) -> Reply:
    named = STEAM in request.options
    owned = await desk.steam.owned_games(player) if named else await own_games(player, request, desk)
    library = await with_opinions(owned, player, request, desk)
    if not len(library):
        raise Refused("refused.empty_library", examples=joined(famous(desk)))
    note = Wording(request.language).say("note.playtime_hidden") if owned.playtime_hidden else None
    key = "recommend.owned" if len(library) == len(owned) else "recommend.owned_and_liked"
    return await _answer(request, desk, library, key, note=note)


async def _answer(
    request: Request, desk: Desk, library: Library, headline: str, titles: str = "", note: str | None = None
) -> Reply:
    """`headline` is the key of the sentence above the picks."""
    words = Wording(request.language)
    desk.recents.remember(request.person, library)

    async def ask(wish: Wish, k: int) -> Answer:
        return await desk.engine.recommend(library, wish, k, asker(request))

    wish = await wish_of(request, desk)
    answer = await ask(wish, request.shown)
    if not answer.picks:
        return await nothing_left(request, wish, ask, words)
    if not answer.known:
        headline, note = "recommend.popular", words.say("note.nothing_known")
    text = words.say(headline, known=answer.known, total=len(library), titles=titles)
    return Reply(text, shown(answer.picks, request), note=note, model=answer.version)
