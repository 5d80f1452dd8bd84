"""Turning the pages of an answer, and showing one of them to everybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.commands.command import Desk, Instead
from bot.commands.past import Past, command_of, library_behind, number_of, open_to, options_for, past_of
from bot.commands.refusals import famous
from bot.commands.refused import Refused
from bot.commands.steam_words import GAMES
from bot.commands.suitable import shown
from bot.commands.titles import joined, split
from bot.commands.why_this import players_of
from bot.messages import Origin, Reply, Request
from bot.presses import subject_of
from bot.tag_names import localized, tag_named
from bot.wording import Wording
from recommender.errors import RecommenderError
from recommender.library import Library
from recommender.recommend import Pick
from storage.errors import StorageError
from storage.feedback import Opinion
from storage.logs import Impression, RequestLog

log = logging.getLogger(__name__)


async def next_page(request: Request, desk: Desk) -> Instead:
    """The command again, without what the pages up to this one have shown.

    Somebody else than who asked turns to pages of their own, by their own opinions, and alone: the message of another
    is left as it is.
    """
    past = await past_of(request, desk)
    _require_open(past, request, desk)
    page = number_of(request)
    beyond = await desk.past.shown_before(past.request.id, page, by=_names(request))
    asked = replace(
        request,
        command=past.request.command,
        options=options_for(past, request, desk),
        root=past.request.id,
        page=page + 1,
        beyond=beyond,
        versions=past.versions,
    )
    return Instead(asked, private=not past.mine or past.shared)


async def previous_page(request: Request, desk: Desk) -> Reply:
    """The page as it was, without what the presser hid, what is for adults here and what the catalogue lost.

    The reasons are worked out anew where the library can be had, else left out. To somebody else than who asked, as
    with `next_page`, it is shown alone.
    """
    past = await past_of(request, desk)
    _require_open(past, request, desk)
    page = max(1, number_of(request) - 1)
    picks = await _page(past, page, request, desk)
    origin = Origin(past.request.id, page, more=True, subject=subject_of(past.profile))
    personal = command_of(past, desk).personal
    return Reply(
        await _headline(past, page, request, desk),
        picks,
        private=personal or not past.mine or past.shared,
        model=past.request.model_version,
        origin=origin,
    )


async def share(request: Request, desk: Desk) -> Reply:
    """A page for everybody in the place: of a private answer by who asked and by nobody else.

    The buttons under it say nothing of the profile that the answer is about, as anybody can read them: what needs a
    library stays with the private answer.
    """
    past = await past_of(request, desk)
    if past.shared or (command_of(past, desk).personal and not past.mine):
        raise Refused("refused.share")
    _require_open(past, request, desk)
    picks = await _page(past, max(1, number_of(request)), request, desk)
    name = request.names.get(request.person.id, "")
    words = Wording(request.language)
    text = words.say("share.by", name=name) if name else words.say("share.anonymous")
    return Reply(text, picks, private=False, model=past.request.model_version, origin=Origin(request.id))


async def _page(past: Past, page: int, request: Request, desk: Desk) -> tuple[Pick, ...]:
    stored = await desk.past.page(past.request.id, page, by=_names(request))
    if stored is None or not stored.shown:
        raise Refused("refused.answer_gone")
    opinions = await desk.feedback.of(*_names(request))
    wanted = [one for one in stored.shown if opinions.get(one.app_id) is not Opinion.HIDE]
    picks = await _again(wanted, past, request, desk)
    if not picks:
        raise Refused("refused.nothing_left_at_all")
    return picks


async def _again(impressions: Sequence[Impression], past: Past, request: Request, desk: Desk) -> tuple[Pick, ...]:
    library = await _library(past, request, desk)
    picks = await asyncio.gather(*(_pick(impression, library, desk) for impression in impressions))
    return shown([pick for pick in picks if pick is not None], request)


async def _library(past: Past, request: Request, desk: Desk) -> Library | None:
    """Soft: the picks are worth more than their reasons."""
    try:
        return await library_behind(past, request, desk)
    except StorageError as away:
        log.info("a page is shown again without reasons: %s", type(away).__name__)
        return None


async def _pick(impression: Impression, library: Library | None, desk: Desk) -> Pick | None:
    served = desk.engine.served
    game = served.catalog.get(impression.app_id)
    if game is None:
        return None
    pick = await desk.engine.why(library, game) if library is not None else None
    found = pick or Pick(game, 0.0, players=players_of(served, game))
    return replace(found, score=impression.score, version=impression.version)


async def _headline(past: Past, page: int, request: Request, desk: Desk) -> str:
    """What stood above the page, as far as it can be told from the request."""
    words = Wording(request.language)
    try:
        text = await _text(past.request, words, desk)
    except RecommenderError:  # known when it was answered: the catalogue has moved on
        text = words.say("page.again")
    return words.say("page.headline", page=page, text=text)


async def _text(asked: RequestLog, words: Wording, desk: Desk) -> str:
    match asked.command:
        case "curate":
            tag = tag_named(str(asked.options["tag"]), desk.engine.served.catalog)
            return words.say("curate.best", tag=localized(tag, words.language))
        case "similar":
            return words.say("similar.to", title=(await desk.engine.find(str(asked.options["game"]))).title)
        case "recommend" if GAMES in asked.options:
            return words.say("recommend.named", titles=", ".join(split(str(asked.options[GAMES]))))
        case "recommend":
            return words.say("recommend.again")
    return words.say("page.again")


def _require_open(past: Past, request: Request, desk: Desk) -> None:
    if not open_to(past, request, desk):
        raise Refused("refused.not_yours", examples=joined(famous(desk)))


def _names(request: Request) -> tuple[str, str]:
    return request.person.platform, request.person.id
