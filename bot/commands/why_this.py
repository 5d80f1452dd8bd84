"""The "why" under a card: what speaks for that game in the answer it stands in, also after a restart."""

from __future__ import annotations

from bot.commands.command import Desk
from bot.commands.past import Past, game_pressed, library_behind, open_to, past_of
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.suitable import suitable
from bot.commands.titles import joined
from bot.commands.why import explained
from bot.messages import Reply, Request
from bot.tag_names import english, localized
from bot.wording import Wording
from recommender.catalog import Game
from recommender.errors import UnknownGame
from recommender.served import Served


async def why_this(request: Request, desk: Desk) -> Reply:
    """By the library that the answer was made from, where it was made from one that the presser may know of.

    An answer from the asker's own library says why to the asker alone: anybody else is invited to ask for themselves.
    """
    past = await past_of(request, desk)
    game = game_pressed(request, desk)
    if not open_to(past, request, desk):
        raise Refused("refused.not_yours", examples=joined(famous(desk)))
    library = await library_behind(past, request, desk)
    if library is not None:
        return await explained(game, library, request, desk)
    return await _told(game, past, request, desk)


async def _told(game: Game, past: Past, request: Request, desk: Desk) -> Reply:
    """What is known of a game that no library speaks for."""
    words = Wording(request.language)
    served = desk.engine.served
    lines = [
        *_theme(game, str(past.request.options.get("tag", "")), words),
        *await _alike(game, str(past.request.options.get("game", "")), request, desk),
        _widely(game, players_of(served, game), words),
        *words.reviews(game),
    ]
    return Reply("\n".join(lines), model=served.version)


def _theme(game: Game, said: str, words: Wording) -> list[str]:
    """How central a tag is to the game; nothing where it is none of its tags."""
    places = {tag.casefold(): place for place, tag in enumerate(game.tags, 1)}
    genres = {genre.casefold() for genre in game.genres}
    said = english(said)
    if said.casefold() in places:
        place = places[said.casefold()]
        tag = localized(game.tags[place - 1], words.language)
        return [words.say("why.theme", title=game.title, tag=tag, place=place, tags=len(game.tags))]
    genre = localized(said, words.language)
    return [words.say("why.genre", title=game.title, tag=genre)] if said.casefold() in genres else []


async def _alike(game: Game, said: str, request: Request, desk: Desk) -> list[str]:
    """That many own both; nothing where the answer was not about one game, or about one that is no more."""
    if not said:
        return []
    try:
        other = await desk.engine.find(said)
    except UnknownGame:
        return []
    words = Wording(request.language)
    return [words.say("why.alike", title=game.title, other=other.title)] if suitable(other, request) else []


def _widely(game: Game, players: int, words: Wording) -> str:
    return words.say("why.widely" if players else "why.unplayed", title=game.title, players=players)


def players_of(served: Served, game: Game) -> int:
    """How many of the model's players own it."""
    position = served.scorer.items.position(game.app_id)
    return 0 if position is None else int(served.scorer.items.players[position])
