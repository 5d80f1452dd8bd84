"""`/similar`: what people who own one game also own."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.asking import asker
from bot.commands.command import Desk, Option
from bot.commands.suitable import game_named, shown
from bot.commands.wishes import nothing_left, wish_of
from bot.messages import Outcome, Reply, Request
from bot.wording import Wording
from recommender.engine import Answer
from recommender.shelf import Wish

OPTIONS = (Option("game", required=True, autocomplete="title"),)


async def similar(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    game = await game_named(request, desk)

    async def ask(wish: Wish, k: int) -> Answer:
        return await desk.engine.similar(game, wish, k, asker(request))

    wish = await wish_of(request, desk)
    answer = await ask(wish, request.shown)
    if not answer.known:
        return Reply(words.say("refused.game_not_learned", title=game.title), outcome=Outcome.REFUSED)
    if not answer.picks:
        return await nothing_left(request, wish, ask, words)
    # The one reason of each pick would be the game that was asked about.
    picks = tuple(replace(pick, because=()) for pick in shown(answer.picks, request))
    return Reply(words.say("similar.to", title=game.title), picks, model=answer.version)
