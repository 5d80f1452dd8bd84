"""`/together`: one list for a group, with whom each pick is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.commands.asking import asker
from bot.commands.command import Desk, Kind, Option
from bot.commands.group import WITH, Group, group_of
from bot.commands.libraries import linked_player
from bot.commands.suitable import shown
from bot.commands.wishes import FILTERS, TAG, nothing_left, unwanted, wish_of
from bot.messages import Choice, Outcome, Reply, Request
from bot.wording import Wording
from recommender.engine import Answer
from recommender.shelf import Wish

OPTIONS = (Option(WITH, Kind.MEMBERS, required=True), TAG, *FILTERS)
LEAST = 2


async def together(request: Request, desk: Desk) -> Reply:
    """Without reasons: everybody sees the answer, and what somebody owns is not for others to show."""
    words = Wording(request.language)
    group = await group_of(request, desk, words.say("together.you"))
    if len(group.libraries) < LEAST:
        return await _too_few(request, group, words, desk)

    async def ask(wish: Wish, k: int) -> Answer:
        return await desk.engine.together(group.libraries, wish, k, asker(request))

    wish = await _wish_of_all(request, group, desk)
    answer = await ask(wish, request.shown)
    if not answer.picks:
        return await nothing_left(request, wish, ask, words)
    unknown = [] if answer.known else [words.say("note.nothing_known")]
    picks = tuple(replace(pick, because=()) for pick in shown(answer.picks, request))
    note = "\n".join([*_absences(group, words), *unknown]) or None
    return Reply(_headline(group, words), picks, note=note, model=answer.version, members=group.names)


async def _wish_of_all(request: Request, group: Group, desk: Desk) -> Wish:
    """Nothing that any of them hid, or has already."""
    wish = await wish_of(request, desk)
    theirs = [await unwanted(person, desk) for person in group.persons]
    return replace(wish, hidden=wish.hidden.union(*theirs))


async def _too_few(request: Request, group: Group, words: Wording, desk: Desk) -> Reply:
    """Raises SteamError where it is Steam that kept the others away."""
    if group.trouble is not None:
        raise group.trouble
    text = "\n".join([words.say("together.too_few"), *_absences(group, words)])
    linked = await linked_player(request, desk)
    choices = (Choice(words.say("together.link"), "link"),) if linked is None else ()
    return Reply(text, choices=choices, outcome=Outcome.REFUSED)


def _headline(group: Group, words: Wording) -> str:
    if all(group.names):
        return words.say("together.headline", names=words.listed(group.names))
    return words.say("together.several", n=len(group.names))


def _absences(group: Group, words: Wording) -> Iterator[str]:
    somebody = words.say("together.somebody")
    for why, names in group.absent.items():
        yield words.say(f"together.{why}", names=words.listed([name or somebody for name in names]))
