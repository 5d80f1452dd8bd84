"""`/why`: how much each game of the library that somebody last asked about speaks for one game."""

from __future__ import annotations

from bot.commands.command import Desk, Option
from bot.commands.libraries import linked_library
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.suitable import game_named, shown
from bot.commands.titles import joined
from bot.messages import Reply, Request
from bot.wording import Wording
from recommender.catalog import Game
from recommender.library import Library

OPTIONS = (Option("game", required=True, autocomplete="title"),)


async def why(request: Request, desk: Desk) -> Reply:
    """By the library that this person last asked about, else the one that they linked."""
    game = await game_named(request, desk)
    library = desk.recents.library(request.person) or await linked_library(request, desk)
    if library is None:
        raise Refused("refused.ask_first", examples=joined(famous(desk)))
    return await explained(game, library, request, desk)


async def explained(game: Game, library: Library, request: Request, desk: Desk) -> Reply:
    """The shares are parts of all that speaks for the game; the three largest are told."""
    words = Wording(request.language)
    pick = await desk.engine.why(library, game)
    if pick is None:
        raise Refused("refused.cannot_explain", title=game.title)
    version = desk.engine.served.version
    (readable,) = shown([pick], request)
    if not readable.because:
        return Reply(words.say("why.nothing_speaks", title=game.title), model=version)
    owned = game.app_id in library.minutes.keys() - library.liked
    lines = [words.say("why.owned" if owned else "why.speaks", title=game.title)]
    return Reply("\n".join([*lines, *(words.share(because) for because in readable.because)]), model=version)
