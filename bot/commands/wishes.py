"""The filters that several commands share: as options, as a wish, and which of them left nothing over."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bot.commands.command import Desk, Kind, Option
from bot.messages import Choice, Outcome, Person, Reply, Request, Value
from bot.tag_names import tag_named
from bot.wording import Wording
from recommender.engine import Answer
from recommender.shelf import Wish
from storage.errors import DatabaseError

log = logging.getLogger(__name__)

MIXES: Mapping[str, float] = {"gems": 0.0, "balanced": 0.5, "hits": 1.0}
"""Which share of the picks are hits."""

TAG = Option("tag", autocomplete="tag")
FILTERS = (
    Option("max_price", Kind.NUMBER),
    Option("since", Kind.INTEGER, least=1970, most=2100),
    Option("mix", Kind.CHOICE, choices=tuple(MIXES)),
)

Ask = Callable[[Wish, int], Awaitable[Answer]]
"""Asks the engine for so many picks that fit a wish."""


async def wish_of(request: Request, desk: Desk) -> Wish:
    """From cleaned options, what was shown on the pages before, and what this person has an opinion of.

    Raises:
        UnknownTag: with near misses.
    """
    options = request.options
    return Wish(
        tag=tag_named(str(options["tag"]), desk.engine.served.catalog) if "tag" in options else None,
        max_price=float(options["max_price"]) if "max_price" in options else None,
        since_year=int(options["since"]) if "since" in options else None,
        head=MIXES[str(options["mix"])] if "mix" in options else None,
        hidden=request.beyond | await unwanted(request.person, desk),
        adult=request.place.adult_ok,
        before=len(request.beyond),
    )


async def unwanted(person: Person, desk: Desk) -> frozenset[int]:
    """Games hidden, liked or owned elsewhere: none of them is news.

    Soft: a pick that was hidden before is better than no picks while the database is away.
    """
    try:
        return frozenset(await desk.feedback.of(person.platform, person.id))
    except DatabaseError as away:
        log.warning("opinions are not known for now: %s", away)
        return frozenset()


async def nothing_left(request: Request, wish: Wish, ask: Ask, words: Wording) -> Reply:
    """Names the filters without any one of which there would be picks, each as a choice; the theme itself stays.

    After the last page it says so first, as what is missing then is only more of the same.
    """
    loosened = {
        "max_price": replace(wish, max_price=None),
        "since": replace(wish, since_year=None),
        "mix": replace(wish, head=None),
    }
    if request.command in {"recommend", "together"}:
        loosened["tag"] = replace(wish, tag=None)
    helping = [name for name, looser in loosened.items() if name in request.options and (await ask(looser, 1)).picks]
    if request.page > 1:
        text = words.say("page.last_with_filters" if helping else "page.last", page=request.page - 1)
    elif helping:
        text = words.say("refused.nothing_left", filters=", ".join(words.say(f"filter.{name}") for name in helping))
    else:
        several = any(name in request.options for name in loosened)
        text = words.say("refused.nothing_left_several" if several else "refused.nothing_left_at_all")
    choices = tuple(_without(request, name, words) for name in helping)
    return Reply(text, choices=choices, outcome=Outcome.REFUSED)


def _without(request: Request, name: str, words: Wording) -> Choice:
    options: dict[str, Value] = {key: value for key, value in request.options.items() if key != name}
    label = words.say("choice.without", filter=words.say(f"filter.{name}"))
    return Choice(label, request.command, options)
