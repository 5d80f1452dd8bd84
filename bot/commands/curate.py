"""`/curate`: the best of a theme."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.command import Desk, Option
from bot.commands.suitable import shown
from bot.commands.wishes import FILTERS, TAG, nothing_left, wish_of
from bot.messages import Reply, Request
from bot.tag_names import localized
from bot.wording import Wording
from recommender.engine import Answer
from recommender.shelf import Wish

OPTIONS: tuple[Option, ...] = (replace(TAG, required=True), *FILTERS)


async def curate(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    wish = await wish_of(request, desk)
    tag = wish.tag or ""

    async def ask(wish: Wish, k: int) -> Answer:
        return await desk.engine.curate(tag, wish, k)

    answer = await ask(wish, request.shown)
    if not answer.picks:
        return await nothing_left(request, wish, ask, words)
    return Reply(
        words.say("curate.best", tag=localized(tag, request.language)),
        shown(answer.picks, request),
        model=answer.version,
    )
