"""Liked, own it elsewhere, hide: what a press on a card says of one game, and takes back when pressed again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.commands.command import Desk
from bot.commands.past import game_pressed
from bot.messages import Reply, Request
from bot.wording import Wording
from storage.feedback import Opinion

SENTENCES = {
    (Opinion.LIKE, True): "reaction.like",
    (Opinion.LIKE, False): "reaction.unlike",
    (Opinion.OWN, True): "reaction.own",
    (Opinion.OWN, False): "reaction.disown",
    (Opinion.HIDE, True): "reaction.hide",
    (Opinion.HIDE, False): "hide.back",
}


def reacting(opinion: Opinion) -> Callable[[Request, Desk], Awaitable[Reply]]:
    """The follow-up that toggles an opinion of the presser, whoever asked for the answer.

    The answer itself is not looked at, so this works even where it is no more.
    """

    async def react(request: Request, desk: Desk) -> Reply:
        game = game_pressed(request, desk)
        person, answer = request.person, str(request.options.get("answer", "")) or None
        holds = await desk.feedback.toggle(person.platform, person.id, game.app_id, opinion, request.at, answer)
        text = Wording(request.language).say(SENTENCES[opinion, holds], title=game.title)
        return Reply(text, toggled=holds)

    return react
