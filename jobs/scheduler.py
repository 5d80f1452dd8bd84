"""The timetable kept: one of several processes leads, begins what is due and takes over what was killed.

What may happen once is decided by the rows of the runs alone: whoever begins one inserts its row, and the database lets
one do so. Leading, memory and clocks only decide who tries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Protocol, TypeVar

from jobs.errors import JobBusy, NotPosted, TimetableRefused
from jobs.timetable import ATTEMPTS, Job, following, named
from jobs.training import Progress
from jobs.work import Report, Steps, Work, carried_out
from storage.election import Election
from storage.errors import DatabaseUnavailable, StorageError
from storage.runs import BY_HAND, Outcome, Run, Runs

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two ticks at most: so long it takes to notice a change of who leads."""
DEAD = timedelta(seconds=60)
"""Without a sign of life for longer than that, a run was killed."""
CLOSE = 5.0
"""Seconds to end what is under way; a work has three of them, see jobs.work."""
TELLING = 60.0
"""Seconds that people may take to be told."""
AGAIN, TRIES = 5.0, 12
"""Seconds between tries to write down an end, and how many: later it is taken for killed anyway."""


_T = TypeVar("_T")


class Told(Protocol):
    """Tells people how a run ended; the report is None where there is none. What it raises is logged."""

    async def __call__(self, run: Run, report: Report | None, /) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _UnderWay:
    run: Run
    steps: Steps
    stop: asyncio.Event


class Scheduler:
    """One a process. Nothing happens by itself: `tick` is to be called now and then, and at each fire time.

    `told` hears of every run that ended but those that were stopped, which somebody takes over. Clock and sleep are
    of one mind: `now` is an aware moment, `sleep` takes seconds.
    """

    def __init__(
        self,
        timetable: Sequence[Job],
        works: Mapping[str, Work],
        runs: Runs,
        election: Election,
        told: Told,
        *,
        now: Callable[[], datetime],
        replica: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises TimetableRefused where a job has no work."""
        idle = [job.name for job in timetable if job.name not in works]
        if idle:
            raise TimetableRefused(f"nothing does the work of {', '.join(idle)}: take it out of the timetable")
        self._timetable, self._works, self._runs, self._election = timetable, works, runs, election
        self._told, self._now, self._replica, self._sleep = told, now, replica, sleep
        self._under_way: dict[str, _UnderWay] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._one_by_one = asyncio.Lock()
        self._leading = self._closed = False
        self._trouble = ""

    @property
    def leading(self) -> bool:
        return self._leading

    @property
    def under_way(self) -> Sequence[str]:
        """The jobs that run in this process."""
        return tuple(self._under_way)

    async def tick(self) -> None:
        """Stands for election, gives signs of life, and begins what is due. A database that is away is logged, once."""
        async with self._one_by_one:
            if self._closed:
                return
            try:
                leads = await self._lead()
                await self._beat()
                for job in self._timetable if leads else ():
                    await self._see_to(job)
                self._trouble = ""
            except StorageError as trouble:
                if str(trouble) != self._trouble:
                    log.warning("the timetable waits: %s", trouble)
                self._trouble = str(trouble)

    async def run_now(self, name: str, progress: Progress = lambda *_: None) -> Run:
        """A run by hand, which changes nothing about when the job is due. Cancelled, it is stopped and returned.

        Raises:
            UnknownJob: see `named`.
            JobBusy: it runs already, or one that it must not run beside.
            DatabaseError: nobody knows.
        """
        job = named(name, self._timetable)
        busy = await self._blocked(job)
        task = None if busy else await self._begin(job, self._now(), BY_HAND, progress)
        if task is None:
            raise JobBusy(_busy(job, busy))
        beating = asyncio.create_task(self._beating(), name="signs of life")
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self._stop()
        finally:
            beating.cancel()
        return await task

    async def close(self, within: float = CLOSE) -> None:
        """Begins nothing more, ends what is under way within so many seconds, and lets another lead."""
        self._closed = True
        self._stop()
        async with self._one_by_one:  # what a tick has begun meanwhile
            self._stop()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=within)
            for task in late:
                log.error("%s did not end within %g s and is cut off", task.get_name(), within)
                task.cancel()
        self._leading = False
        await self._election.resign()

    async def _lead(self) -> bool:
        led, self._leading = self._leading, False
        try:
            self._leading = not self._closed and await self._election.leads()
        finally:
            if led and not self._leading:
                log.warning("another process may lead now, so what this one runs by the timetable is ended")
                self._stop(lambda each: not each.run.by_hand)
        if self._leading and not led:
            log.info("%s keeps the timetable from now on", self._replica)
        return self._leading

    async def _beat(self) -> None:
        for name, each in list(self._under_way.items()):
            alive = await self._runs.beat(each.run, self._now(), each.steps.now)
            if not alive and self._under_way.get(name) is each:
                log.error("%s (reference %s) was taken for killed, and is ended", name, each.run.reference)
                each.stop.set()

    async def _beating(self) -> None:
        while True:
            await self._sleep(EVERY)
            try:
                await self._beat()
            except StorageError as trouble:
                log.warning("no sign of life could be given: %s", trouble)

    async def _see_to(self, job: Job) -> None:
        if self._closed or await self._blocked(job):
            return
        latest, now = await self._runs.latest(job.name), self._now()
        if latest is None:
            latest = self._row(job, now - timedelta.resolution, 1)
            await self._runs.begin(replace(latest, outcome=Outcome.NEW, ended=now))
        fire = following(job, latest, now)
        if fire is not None:
            await self._begin(job, *fire)

    async def _blocked(self, job: Job) -> Run | None:
        """The run that it has to wait for. Those that were killed are told of and block nobody."""
        for other in self._timetable:
            if other is job or (job.claims is not None and other.claims == job.claims):
                run = await self._runs.under_way(other.name)
                if run is not None and not await self._buried(run):
                    return run
        return None

    async def _buried(self, run: Run) -> bool:
        """Whether nothing was heard of it for too long, and still nothing."""
        if self._now() - run.heartbeat <= DEAD:
            return False
        killed = replace(run, ended=run.heartbeat, outcome=Outcome.KILLED)
        if not await self._runs.end(killed, heard=run.heartbeat):
            return False
        log.error("%s was killed in step %s (reference %s)", run.job, run.step, run.reference)
        self._spawn(self._tell(killed, None), f"telling of {run.job}")
        return True

    async def _begin(
        self, job: Job, due: datetime, attempt: int, progress: Progress = lambda *_: None
    ) -> asyncio.Task[Run] | None:
        """None where another was faster."""
        run = self._row(job, due, attempt)
        if not await self._runs.begin(run):
            return None
        way = "by hand" if run.by_hand else f"due {due:%Y-%m-%d %H:%M} UTC, attempt {attempt} of {ATTEMPTS}"
        log.info("%s begins (%s, reference %s)", job.name, way, run.reference)
        steps, stop = Steps(progress), asyncio.Event()
        task = self._spawn(self._run(job, run, steps, stop), f"job {job.name}")
        self._under_way[job.name] = _UnderWay(run, steps, stop)
        return task

    async def _run(self, job: Job, run: Run, steps: Steps, stop: asyncio.Event) -> Run:
        ended, report = await carried_out(self._works[job.name], run, job.limit, steps, stop, self._now)
        del self._under_way[job.name]
        log.info("%s: %s after %.1f s (reference %s)", job.name, ended.outcome, ended.seconds, run.reference)
        if await self._written(ended) and ended.outcome is not Outcome.STOPPED:
            await self._tell(ended, report)
        return ended

    async def _written(self, ended: Run) -> bool:
        """False where it was taken for killed meanwhile, or nobody could write it down: then it will be."""
        for _ in range(TRIES):
            try:
                return await self._runs.end(ended)
            except DatabaseUnavailable as away:
                log.warning("how %s ended cannot be written down yet: %s", ended.job, away)
                await self._sleep(AGAIN)
        return False

    async def _tell(self, run: Run, report: Report | None) -> None:
        try:
            async with asyncio.timeout(TELLING):
                await self._told(run, report)
        except NotPosted as trouble:
            log.warning("nobody was told of %s (reference %s): %s", run.job, run.reference, trouble)
        except Exception:  # telling of it is not the run
            log.exception("nobody was told of %s (reference %s)", run.job, run.reference)

    def _row(self, job: Job, due: datetime, attempt: int) -> Run:
        now = self._now()
        return Run(job.name, due, attempt, self._replica, started=now, heartbeat=now, reference=token_hex(4))

    def _stop(self, which: Callable[[_UnderWay], bool] = lambda _: True) -> None:
        for each in list(self._under_way.values()):
            if which(each):
                each.stop.set()

    def _spawn(self, coroutine: Coroutine[object, object, _T], name: str) -> asyncio.Task[_T]:
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _busy(job: Job, run: Run | None) -> str:
    if run is None:
        return f"{job.name} has just been begun by another process: wait until it is done"
    beside = "" if run.job == job.name else f", and {job.name} must not run beside it"
    return f"{run.job} runs since {run.started:%H:%M:%S} UTC on {run.replica}{beside}: wait until it is done"
