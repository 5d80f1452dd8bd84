"""`/forgetme`: erases all that is kept of whoever asks, once they have read what that is."""

from __future__ import annotations

from bot.commands.command import Desk, Kind, Option
from bot.commands.kept import LAKE, counted
from bot.messages import Choice, Outcome, Reply, Request
from bot.wording import Wording

OPTIONS = (Option("sure", Kind.CHOICE, choices=("yes",)),)


async def forgetme(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    if "sure" in request.options:
        return await _forget(request, desk, words)
    choice = Choice(words.say("forgetme.yes"), "forgetme", {"sure": "yes"})
    return Reply(words.say("forgetme.what"), choices=(choice,))


async def _forget(request: Request, desk: Desk, words: Wording) -> Reply:
    """Only with nothing left in the queue of log lines: what is written after the erasing would stay.

    What waits for the lake is dropped before it gets there; what was learned of them is unlearned within moments.
    """
    person = request.person
    if not await desk.logs.flush(desk.patience):
        return Reply(words.say("forgetme.not_yet"), outcome=Outcome.UNAVAILABLE)
    account = await desk.accounts.of(person.platform, person.id)
    waiting = await desk.lake.forget(person.platform, person.id)
    erased = await desk.personal.erase(person.platform, person.id, request.at)
    if desk.learner is not None:
        desk.learner.wake()
    if account is not None:
        desk.steam.forget(account.steam)
    desk.recents.forget(person)
    if waiting:
        erased[LAKE] = erased.get(LAKE, 0) + waiting
    if not erased:
        return Reply(words.say("forgetme.nothing"), untraced=True)
    return Reply(words.say("forgetme.done", what=counted(erased, words)), untraced=True)
