"""From a request to its reply, whatever happens: the way that every message from every chat takes."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from bot.canonical import Answered
from bot.commands.command import Command, Desk, Instead, Kind
from bot.commands.follow_ups import FOLLOW_UPS
from bot.commands.near import commands_near
from bot.commands.options import cleaned
from bot.commands.refusals import reply_to
from bot.commands.refused import Refused
from bot.commands.steam_words import STEAM, meant, without_profiles
from bot.messages import Choice, Origin, Outcome, Reply, Request
from bot.presses import subject_of
from bot.steam_waits import waiting_for_steam
from bot.wording import Wording
from recommender.errors import RecommenderError
from storage.errors import DatabaseError, StorageError
from storage.lake.events import asked
from storage.logs import Offered, OptionValue, RequestLog, impressions_of

log = logging.getLogger(__name__)

UNKNOWN = "unknown"
"""Logged in the place of a command that is none: what was typed there may be anything."""


@dataclass(frozen=True)
class _Told:
    """A reply, and what it answers: for a press that stands for another request, that request.

    `reference` is what it says of a failure, under which the log has the rest.
    """

    request: Request
    command: Command | None
    reply: Reply
    reference: str | None = None


async def dispatch(request: Request, desk: Desk) -> Reply:
    """Never raises for what happens inside a command: that is logged, and the reply carries its reference."""
    started = desk.clock()
    command = named(request.command, (*desk.commands, *FOLLOW_UPS))
    wait = desk.cooldowns.admit(request.person, request.place.server, request.at) if desk.cooldowns else None
    with waiting_for_steam(desk.clock) as steam:
        told = _Told(request, command, _slowed(wait, request)) if wait else await _answered(request, command, desk)
    if not told.reply.untraced:
        _log(told, desk, desk.clock() - started, steam.seconds)
    return told.reply


def named(said: str, commands: Iterable[Command]) -> Command | None:
    """The command of that name, however it is spaced and in whatever case."""
    name = " ".join(said.casefold().split())
    return next((known for known in commands if known.name == name), None)


def _slowed(wait: timedelta, request: Request) -> Reply:
    seconds = math.ceil(wait.total_seconds())
    return Reply(Wording(request.language).say("slowed", seconds=seconds), outcome=Outcome.SLOWED)


async def _answered(request: Request, command: Command | None, desk: Desk) -> _Told:
    if command is None:
        return _Told(request, None, commands_near(request, desk))
    try:
        reply = await _handled(request, command, desk)
        if isinstance(reply, Instead):
            return await _instead(reply, desk)
    except Exception:  # a bug in one command must not silence the bot
        reference = uuid4().hex[:8]
        fields = {"reference": reference, "request": request.id}
        log.exception("/%s failed, reference %s", command.name, reference, extra={"fields": fields})
        sorry = Wording(request.language).say("failed", reference=reference)
        return _Told(request, command, Reply(sorry, outcome=Outcome.FAILED), reference)
    private = reply.private if command in FOLLOW_UPS else command.personal or reply.outcome is not Outcome.ANSWERED
    return _Told(request, command, _finished(replace(reply, private=private), request, desk))


async def _instead(press: Instead, desk: Desk) -> _Told:
    """One of the table's own commands: a press never stands for another press."""
    told = await _answered(press.request, named(press.request.command, desk.commands), desk)
    return replace(told, reply=replace(told.reply, private=told.reply.private or press.private))


async def _handled(request: Request, command: Command, desk: Desk) -> Reply | Instead:
    try:
        _require_rights(request, command)
        request = replace(request, command=command.name, options=cleaned(command, request.options))
        return await command.handler(request, desk)
    except DatabaseError as away:
        log.warning("/%s: %s", command.name, away)
        return await reply_to(away, request, desk)
    except (Refused, RecommenderError, StorageError) as error:
        log.info("/%s: %s", command.name, type(error).__name__)  # its words may hold a Steam ID
        return await reply_to(error, request, desk)


def _require_rights(request: Request, command: Command) -> None:
    if command.manages and not request.place.manageable:
        raise Refused("refused.not_manager")


def _finished(reply: Reply, request: Request, desk: Desk) -> Reply:
    """With what every reply has: its page, the truth about the model, and what the buttons under it need."""
    text = reply.text
    if request.page > 1 and reply.picks:
        text = Wording(request.language).say("page.headline", page=request.page, text=text)
    origin = reply.origin or (_origin(reply, request) if reply.picks or reply.choices else None)
    return replace(reply, text=text, note=_notes(reply, request, desk), origin=origin)


def _origin(reply: Reply, request: Request) -> Origin:
    """As many picks as were asked for means that there are likely more; what has none is no page of anything."""
    subject = subject_of(str(meant(request.options).get(STEAM, "")))
    if not reply.picks:
        return Origin(request.id, subject=subject)
    return Origin(request.root or request.id, request.page, len(reply.picks) >= request.shown, subject)


def _notes(reply: Reply, request: Request, desk: Desk) -> str | None:
    """The reply's own note, after the truth about the model where its players are invented."""
    synthetic = reply.model is not None and desk.engine.served.synthetic
    invented = Wording(request.language).say("note.synthetic") if synthetic else ""
    return " ".join(filter(None, (reply.note, invented))) or None


def _log(told: _Told, desk: Desk, seconds: float, steam_seconds: float | None) -> None:
    request, command, reply = told.request, told.command, told.reply
    row = RequestLog(
        id=request.id,
        at=request.at,
        platform=request.person.platform,
        person=request.person.id,
        command=command.name if command else UNKNOWN,
        options=without_profiles(request.options) if command else {},
        outcome=reply.outcome,
        latency_ms=round(1000 * seconds),
        model_version=reply.model,
        picks=len(reply.picks),
        server=request.place.server,
        channel=request.place.channel,
        root=request.root,
        page=request.page,
        choices=[_offered(choice) for choice in reply.choices] if command else [],
    )
    shown = impressions_of(reply.picks)
    desk.logs.record(row, shown)
    desk.lake.put(asked(row, _naming_nobody(row.options, desk), shown))
    about = (row.command, row.platform, row.outcome, seconds, row.id, row.page, row.picks, row.model_version)
    answered = Answered(*about, steam_seconds, told.reference)
    log.info("%s", answered, extra={"fields": answered.fields()})
    if desk.metrics is not None:
        desk.metrics.answered(answered)


def _naming_nobody(options: Mapping[str, OptionValue], desk: Desk) -> dict[str, OptionValue]:
    """The lake is only added to: whom somebody named for a group could not be taken out of it again."""
    members = {option.name for known in desk.commands for option in known.options if option.kind is Kind.MEMBERS}
    return {name: value for name, value in options.items() if name not in members}


def _offered(choice: Choice) -> Offered:
    return Offered(label=choice.label, command=choice.command, options=without_profiles(choice.options))
