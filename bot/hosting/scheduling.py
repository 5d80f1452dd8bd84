"""The timetable kept by this process: APScheduler rings at each fire time and in between, and the scheduler looks."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from secrets import token_hex

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger
from rich.console import Console

from bot.app import installs_of
from bot.hosting.engines import of_its_own, of_the_bot
from bot.hosting.senders import senders
from bot.hosting.work import Tools, works
from bot.settings import Settings
from bot.slack.pace import Pace
from bot.status import told
from bot.wording import Wording
from jobs.posting import Poster
from jobs.scheduler import EVERY, Scheduler, Told
from jobs.timetable import TIMETABLE, Job, trigger
from jobs.work import Report
from recommender.engine import Engine
from recommender.registry import Registry
from storage.database import Database
from storage.election import election
from storage.runs import Run, Runs

log = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def timetabled(
    settings: Settings,
    database: Database,
    poster: Poster,
    pace: Pace,
    *,
    engine: Engine | None = None,
    console: Console | None = None,
    now: Callable[[], datetime] = now,
) -> AsyncIterator[Scheduler]:
    """What keeps the timetable, with all that its jobs work with. `engine` is that of a bot that answers here."""
    async with AsyncExitStack() as opened:
        if engine is None:
            engines = await opened.enter_async_context(of_its_own(Registry(settings.models)))
        else:
            engines = of_the_bot(engine)
        sending = senders(settings, installs_of(settings, database), now, console, pace)
        letters = await opened.enter_async_context(sending)
        learns = engine is not None and settings.learn_every > 0
        yield _scheduler(Tools(settings, database, engines, letters, replica(), now, learns), poster)


def _scheduler(tools: Tools, poster: Poster) -> Scheduler:
    settings = tools.settings
    return Scheduler(
        TIMETABLE,
        works(tools),
        Runs(tools.database),
        election(settings.database, settings.database_patience),
        telling(poster, Wording(settings.language)),
        now=tools.now,
        replica=tools.replica,
    )


def replica() -> str:
    """What this process is called in the rows that it writes."""
    return f"{socket.gethostname()}/{os.getpid()}/{token_hex(2)}"


def telling(poster: Poster, words: Wording) -> Told:
    async def tell(run: Run, report: Report | None) -> None:
        post = await asyncio.to_thread(told, run, report, words)
        if post is not None:
            await poster.post(post)

    return tell


@asynccontextmanager
async def scheduling(scheduler: Scheduler, stop: asyncio.Event) -> AsyncIterator[None]:
    """Keeps the timetable within the block and until `stop`, which the end of the block sets."""
    keeping = asyncio.create_task(keep(scheduler, TIMETABLE, stop), name="the timetable")
    try:
        yield
    finally:
        stop.set()
        await keeping


async def keep(scheduler: Scheduler, timetable: Sequence[Job], stop: asyncio.Event, every: float = EVERY) -> None:
    """Ticks at each fire time and every so many seconds until `stop`; then it ends what is under way."""
    rung, whens = asyncio.Event(), [IntervalTrigger(seconds=every, timezone=UTC)]
    whens += [trigger(job.cron) for job in timetable]
    stopping = asyncio.create_task(stop.wait(), name="told to stop")
    with ringing(rung, whens):
        while not stop.is_set():
            rung.clear()
            await _tick(scheduler)
            waiting = asyncio.create_task(rung.wait(), name="the next tick")
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
    stopping.cancel()
    await scheduler.close()


async def _tick(scheduler: Scheduler) -> None:
    try:
        await scheduler.tick()
    except Exception:  # a bug in one tick, which the next may not meet
        log.exception("a look at the timetable broke off")


@contextmanager
def ringing(rung: asyncio.Event, whens: Sequence[BaseTrigger]) -> Iterator[None]:
    """It only rings: what is due is decided by the rows of the runs, so a ring too many or too few does no harm."""

    async def ring() -> None:  # not a plain function, which would be run in a thread
        rung.set()

    clock = AsyncIOScheduler(timezone=UTC)
    for when in whens:
        clock.add_job(ring, when, misfire_grace_time=None, coalesce=True, max_instances=2)
    clock.start()
    try:
        yield
    finally:
        clock.shutdown(wait=False)
