"""`/hide`: a game that somebody does not want to see again, or does after all."""

from __future__ import annotations

from bot.commands.command import Desk, Option
from bot.commands.suitable import game_named
from bot.messages import Reply, Request
from bot.wording import Wording
from storage.feedback import Opinion

OPTIONS = (Option("game", required=True, autocomplete="title"),)


async def hide(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    game = await game_named(request, desk)
    person = request.person
    now_hidden = await desk.feedback.toggle(
        person.platform, person.id, game.app_id, Opinion.HIDE, request.at, request.id
    )
    return Reply(words.say("hide.hidden" if now_hidden else "hide.back", title=game.title))
