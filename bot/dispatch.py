"""From a request to its reply, whatever happens: the way that every message from every chat takes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from bot.commands.command import Command, Desk
from bot.commands.near import commands_near
from bot.commands.options import cleaned
from bot.commands.refusals import reply_to
from bot.commands.refused import Refused
from bot.commands.steam_words import without_profiles
from bot.messages import Outcome, Reply, Request
from bot.wording import Wording
from recommender.errors import RecommenderError
from recommender.recommend import Pick
from storage.errors import StorageError
from storage.logs import Impression, RequestLog

log = logging.getLogger(__name__)

UNKNOWN = "unknown"
"""Logged in the place of a command that is none: what was typed there may be anything."""


async def dispatch(request: Request, desk: Desk) -> Reply:
    """Never raises for what happens inside a command: that is logged, and the reply carries its reference."""
    started = desk.clock()
    command = next((known for known in desk.commands if known.name == request.command.casefold()), None)
    reply = await _answered(request, command, desk)
    if not reply.untraced:
        _log(request, command, reply, desk, round(1000 * (desk.clock() - started)))
    return reply


async def _answered(request: Request, command: Command | None, desk: Desk) -> Reply:
    if command is None:
        return commands_near(request, desk)
    try:
        reply = await _handled(request, command, desk)
    except Exception:  # a bug in one command must not silence the bot
        reference = uuid4().hex[:8]
        log.exception("/%s failed, reference %s", command.name, reference)
        return Reply(Wording(request.language).say("failed", reference=reference), outcome=Outcome.FAILED)
    private = command.personal or reply.outcome is not Outcome.ANSWERED
    return replace(reply, private=private, note=_notes(reply, request, desk))


async def _handled(request: Request, command: Command, desk: Desk) -> Reply:
    try:
        request = replace(request, command=command.name, options=cleaned(command, request.options))
        return await command.handler(request, desk)
    except (Refused, RecommenderError, StorageError) as error:
        log.info("/%s: %s", command.name, type(error).__name__)  # its words may hold a Steam ID
        return await reply_to(error, request, desk)


def _notes(reply: Reply, request: Request, desk: Desk) -> str | None:
    """The reply's own note, after the truth about the model where its players are invented."""
    synthetic = reply.model is not None and desk.engine.served.synthetic
    invented = Wording(request.language).say("note.synthetic") if synthetic else ""
    return " ".join(filter(None, (reply.note, invented))) or None


def _log(request: Request, command: Command | None, reply: Reply, desk: Desk, latency_ms: int) -> None:
    row = RequestLog(
        id=request.id,
        at=request.at,
        platform=request.person.platform,
        person=request.person.id,
        command=command.name if command else UNKNOWN,
        options=without_profiles(request.options) if command else {},
        outcome=reply.outcome,
        latency_ms=latency_ms,
        model_version=reply.model,
        picks=len(reply.picks),
    )
    desk.logs.record(row, _impressions(reply.picks))


def _impressions(picks: Sequence[Pick]) -> list[Impression]:
    return [Impression(at, pick.game.app_id, pick.score) for at, pick in enumerate(picks, 1)]
