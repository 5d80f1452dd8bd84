"""`/unlink`: lets go of the Steam account that `/link` kept."""

from __future__ import annotations

from bot.commands.command import Desk
from bot.messages import Reply, Request
from bot.wording import Wording
from storage.lake.events import Kind


async def unlink(request: Request, desk: Desk) -> Reply:
    words, person = Wording(request.language), request.person
    await desk.lake.forget(person.platform, person.id, frozenset({Kind.LIBRARY}))
    account = await desk.accounts.unlink(person.platform, person.id, request.at)
    if account is None:
        return Reply(words.say("unlink.nothing"))
    if desk.learner is not None:
        desk.learner.wake()
    desk.steam.forget(account.steam)
    desk.recents.forget(person)
    return Reply(words.say("unlink.done"))
