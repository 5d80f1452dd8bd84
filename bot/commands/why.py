"""`/why`: how much each game of the library that somebody last asked about speaks for one game."""

from __future__ import annotations

from bot.commands.command import Desk, Option
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.suitable import game_named, shown
from bot.commands.titles import joined
from bot.messages import Reply, Request
from bot.wording import Wording

OPTIONS = (Option("game", required=True, autocomplete="title"),)


async def why(request: Request, desk: Desk) -> Reply:
    """The shares are parts of all that speaks for the game; the three largest are told."""
    words = Wording(request.language)
    game = await game_named(request, desk)
    library = desk.recents.library(request.person)
    if library is None:
        raise Refused("refused.ask_first", examples=joined(famous(desk)))
    pick = await desk.engine.why(library, game)
    if pick is None:
        raise Refused("refused.cannot_explain", title=game.title)
    version = desk.engine.served.version
    (readable,) = shown([pick], request)
    if not readable.because:
        return Reply(words.say("why.nothing_speaks", title=game.title), model=version)
    key = "why.owned" if game.app_id in library.minutes else "why.speaks"
    lines = [words.say(key, title=game.title), *(words.share(because) for because in readable.because)]
    return Reply("\n".join(lines), model=version)
