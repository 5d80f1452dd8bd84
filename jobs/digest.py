"""The weekly digest on its way: which channels are due, what each gets, and each of it once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from jobs.digest_contents import LEAST, Sources, contents, noted, remembered, suited
from jobs.digest_report import CUT_OFF, MISSED, TOO_FEW, DigestsReport, Entry
from jobs.digest_times import Due, last_due
from jobs.errors import ChannelGone, NobodyKnows, NotSent, Unfinished
from jobs.sending import Letter, Sender
from jobs.training import Progress
from storage.digests import Claim, Row, Slot, State
from storage.errors import DatabaseError
from storage.lake.events import asked
from storage.lake.lake import Lake
from storage.logs import NOBODY, Logs, RequestLog, impressions_of
from storage.subscriptions import Subscription, Subscriptions

log = logging.getLogger(__name__)

COMMAND = "digest"
"""What a digest is logged as: a request of nobody."""
LATE = timedelta(hours=24)
"""A digest comes so much after its hour at most; then that week goes without."""
LEASE = timedelta(minutes=4)
"""After which a claim that nobody finished is taken over: so by the next run, which comes after five minutes."""
SENDING = 180.0
"""Seconds that sending may take: who claimed it has stopped trying before somebody else may begin."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=4)
AT_ONCE = 8
"""Channels that are sent to at the same time."""
GATHERED = timedelta(hours=24)
"""Troubles are told once in so long."""


@dataclass(frozen=True)
class Books:
    """Where it stands which channels want a digest, and where what they were shown is written down."""

    subscriptions: Subscriptions
    logs: Logs
    lake: Lake


@dataclass(frozen=True)
class _Run:
    sources: Sources
    books: Books
    senders: Mapping[str, Sender]
    now: Callable[[], datetime]
    replica: str


@dataclass(frozen=True)
class _Outcome:
    """`kind` is the part of the report that the entry stands in."""

    kind: str
    entry: Entry


async def send_digests(
    sources: Sources,
    books: Books,
    senders: Mapping[str, Sender],
    *,
    now: Callable[[], datetime],
    replica: str,
    progress: Progress = lambda *_: None,
) -> DigestsReport:
    """Sends what is due and not sent yet; called every five minutes, by as many replicas as there are.

    A digest is due from its hour on (a platform's `lead` before), for LATE. Each is claimed in the database before
    anything is sent, and what an attempt has decided stands there before it is sent: so whoever goes on after a
    restart sends the same or finds it there. `senders` are by platform; channels of others are left alone. `replica`
    tells the claims of processes apart.

    Raises:
        DatabaseUnavailable, DatabaseError: nobody can say which channels are due. Where the database goes away later,
            what was claimed is looked for in the channels by the next run.
    """
    run = _Run(sources, books, senders, now, replica)
    moment = now()
    wanted = [one for one in await books.subscriptions.all() if one.platform in senders]
    dues = [(one, last_due(one, moment + senders[one.platform].lead)) for one in wanted]
    weeks = {due.week for _, due in dues}
    rows = await sources.digests.of_weeks(weeks)
    to_do = [(one, due) for one, due in dues if _to_do(one, due, rows.get(_slot(one, due)), moment)]
    found = await _all(run, to_do, progress)
    troubles = await sources.digests.gather(weeks, now(), GATHERED) if weeks else []
    return _report(found, troubles)


def _to_do(subscription: Subscription, due: Due, row: Row | None, now: datetime) -> bool:
    """Whether there is anything to do about a digest; one that was asked for after its hour comes a week later."""
    if row is None:
        return due.at > subscription.since
    if row.state is State.RETRY:
        return now - due.at > LATE or (row.next_at is not None and row.next_at <= now)
    return row.state is State.CLAIMED and row.claimed_at <= now - LEASE


async def _all(run: _Run, to_do: Sequence[tuple[Subscription, Due]], progress: Progress) -> list[_Outcome]:
    turns, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(subscription: Subscription, due: Due) -> _Outcome | None:
        nonlocal done
        async with turns:
            outcome = await _safely(run, subscription, due)
        done += 1
        progress(COMMAND, done, len(to_do))
        return outcome

    outcomes = await asyncio.gather(*(one(subscription, due) for subscription, due in to_do))
    return [outcome for outcome in outcomes if outcome is not None]


async def _safely(run: _Run, subscription: Subscription, due: Due) -> _Outcome | None:
    """One channel's trouble is no other's."""
    try:
        if run.now() - due.at > LATE:
            return await _too_late(run, subscription, due)
        return await _one(run, subscription, due)
    except DatabaseError as away:  # what was claimed is looked for once the lease has ended
        log.warning("the digest of %s waits for the database: %s", subscription.channel, away)
        return _failed(subscription, due, f"the database is away: {away}", run.now() + LEASE)
    except Exception:  # a bug that one channel brings to light; what it has claimed is tried again
        reference = uuid4().hex[:8]
        log.exception("the digest of %s failed, reference %s", subscription.channel, reference)
        return _failed(subscription, due, f"an error in IndieAn, reference {reference} in the log", run.now() + LEASE)


async def _too_late(run: _Run, subscription: Subscription, due: Due) -> _Outcome | None:
    """Nobody was there to send it, or it failed for a day; of a claim that nobody finished nobody knows any more."""
    slot, digests = _slot(subscription, due), run.sources.digests
    row = (await digests.of_weeks({due.week})).get(slot)
    state, why = State.MISSED, MISSED
    if row is not None and row.state is State.RETRY:
        state, why = State.GIVEN_UP, row.why
    elif row is not None:
        state, why = State.UNSURE, CUT_OFF
    if not await digests.overdue(slot, subscription.server, row, state, why, run.now()):
        return None
    return _Outcome("skipped" if state is State.MISSED else "failed", _entry(subscription, due, why))


async def _one(run: _Run, subscription: Subscription, due: Due) -> _Outcome | None:
    claim = await run.sources.digests.claim(
        _slot(subscription, due), subscription.server, run.now(), LEASE, run.replica, uuid4().hex
    )
    if claim is None:  # another replica has it
        return None
    try:
        async with asyncio.timeout(SENDING):
            return await _sent(run, claim, subscription, due)
    except ChannelGone as gone:
        await run.sources.digests.close(claim, State.GONE, str(gone))
        await run.books.subscriptions.stop(subscription.platform, subscription.channel)
        return _Outcome("unsubscribed", _entry(subscription, due, str(gone)))
    except NotSent as trouble:
        return await _again(run, claim, subscription, due, trouble)
    except (Unfinished, TimeoutError) as unknown:  # stays claimed, so that the next run looks before it sends
        why = str(unknown) or f"it took longer than {SENDING:.0f} s"
        return _failed(subscription, due, why, claim.claimed_at + LEASE)


async def _sent(run: _Run, claim: Claim, subscription: Subscription, due: Due) -> _Outcome | None:
    sender, digests = run.senders[subscription.platform], run.sources.digests
    subscription = suited(subscription, await sender.for_adults(subscription))
    letter = await _letter(run, claim, subscription, due, sender.notice)
    if letter is None:
        await digests.close(claim, State.SKIPPED, TOO_FEW)
        return _Outcome("skipped", _entry(subscription, due, TOO_FEW))
    if not await digests.decided(claim, noted(letter.features), letter.model, letter.stands_at):
        return None  # it was taken over meanwhile
    try:
        message = await sender.deliver(letter)
    except NobodyKnows as unknown:
        await _log(run.books, letter)
        await digests.close(claim, State.UNSURE, str(unknown))
        return _failed(subscription, due, str(unknown), None)
    await _log(run.books, letter)
    await digests.sent(claim, message, run.now())
    return _Outcome("sent", _entry(subscription, due))


async def _letter(run: _Run, claim: Claim, subscription: Subscription, due: Due, notice: timedelta) -> Letter | None:
    """What the attempt before has decided, else what is decided now; None where it is too little to be sent."""
    engine = run.sources.engine
    if claim.shown and claim.model is not None:
        features, model = remembered(claim.shown, engine.served, adult=subscription.adult), claim.model
    else:
        chosen = await contents(run.sources, subscription, due.week, run.now(), adult=subscription.adult)
        features, model = list(chosen.features), chosen.version
    if len(features) < LEAST:
        return None
    stands_at = claim.stands_at if claim.unfinished and claim.stands_at else max(due.at, run.now() + notice)
    begun = claim.begun if claim.attempts > 1 else None
    return Letter(claim.slot, subscription, claim.answer, features, model, stands_at, begun)


async def _again(run: _Run, claim: Claim, subscription: Subscription, due: Due, trouble: NotSent) -> _Outcome:
    """After twice the pause of last time, or as late as the platform asks; unless that is too late for this week."""
    pause = min(FIRST_PAUSE * 2 ** (claim.attempts - 1), LONGEST_PAUSE)
    next_at = run.now() + max(pause, timedelta(seconds=trouble.retry_after))
    if next_at - due.at > LATE:
        await run.sources.digests.close(claim, State.GIVEN_UP, str(trouble))
        return _failed(subscription, due, str(trouble), None)
    await run.sources.digests.retry(claim, next_at, str(trouble))
    return _failed(subscription, due, str(trouble), next_at)


async def _log(books: Books, letter: Letter) -> None:
    """As a request of nobody, so that the buttons find it and what it showed counts; however often it is done."""
    row = RequestLog(
        id=letter.answer,
        at=letter.stands_at,
        platform=letter.slot.platform,
        person=NOBODY,
        command=COMMAND,
        options={"week": letter.slot.week},
        outcome="answered",
        latency_ms=0,
        model_version=letter.model,
        picks=len(letter.features),
        server=letter.subscription.server,
        channel=letter.slot.channel,
    )
    shown = impressions_of(one.pick for one in letter.features)
    await books.logs.record(row, shown)
    await books.lake.append([replace(asked(row, row.options, shown), person=None)])


def _report(found: Iterable[_Outcome], troubles: Sequence[Row]) -> DigestsReport:
    parts: dict[str, list[Entry]] = {"sent": [], "skipped": [], "unsubscribed": [], "failed": []}
    for outcome in found:
        parts[outcome.kind].append(outcome.entry)
    return DigestsReport(**{name: tuple(entries) for name, entries in parts.items()}, troubles=tuple(troubles))


def _failed(subscription: Subscription, due: Due, why: str, next_at: datetime | None) -> _Outcome:
    return _Outcome("failed", replace(_entry(subscription, due, why), next_at=next_at))


def _entry(subscription: Subscription, due: Due, why: str = "") -> Entry:
    return Entry(subscription.platform, subscription.channel, due.week, why)


def _slot(subscription: Subscription, due: Due) -> Slot:
    return Slot(subscription.platform, subscription.channel, due.week)
