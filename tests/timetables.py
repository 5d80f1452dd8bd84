"""A timetable under a clock set by hand: works that end when they are told to, and several processes that keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from jobs.scheduler import Scheduler
from jobs.timetable import Job
from jobs.training import Progress
from jobs.work import Report
from storage.database import Database
from storage.election import Election, election
from storage.runs import Run, Runs

EVENING = datetime(2026, 10, 20, 21, 2, tzinfo=UTC)
NIGHT = datetime(2026, 10, 21, 3, 15, tzinfo=UTC)
NIGHTLY = Job("nightly", "15 3 * * *", timedelta(seconds=30), "how it went", "warehouse")
OFTEN = Job("often", "*/5 * * * *", timedelta(seconds=30), "what was sent")
ROUNDS = 500
"""Turns of the event loop, 10 ms each, after which a test that waits for something has failed."""


class Clock:
    """A moment that passes only when told."""

    def __init__(self, moment: datetime = EVENING) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **time: float) -> None:
        self.moment += timedelta(**time)


@dataclass(frozen=True, slots=True)
class Done:
    number: int

    def as_dict(self) -> dict[str, object]:
        return {"number": self.number}


class Work:
    """Does its work at once, or where `held`, when it is let go; `trouble` is raised instead of a report.

    With `deaf` it does not heed that it is cancelled, until it is let go.
    """

    def __init__(self, *, held: bool = False, deaf: bool = False, trouble: BaseException | None = None) -> None:
        self.go = asyncio.Event()
        if not held:
            self.go.set()
        self.deaf, self.trouble = deaf, trouble
        self.begun = self.cancelled = self.at_once = self.most_at_once = self.waiting = 0

    async def __call__(self, progress: Progress) -> Report:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        number = self.begun
        try:
            await asyncio.to_thread(progress, "gather", 1, 2)
            await self._wait()
            progress("publish", 0, 0)
        finally:
            self.at_once -= 1
        if self.trouble is not None:
            raise self.trouble
        return Done(number)

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            if not self.deaf:
                raise
            await self.go.wait()
        finally:
            self.waiting -= 1


@dataclass
class Heard:
    """What people were told; `trouble` is what keeps them from being told."""

    runs: list[Run] = field(default_factory=list)
    reports: list[Report | None] = field(default_factory=list)
    trouble: Exception | None = None

    async def __call__(self, run: Run, report: Report | None) -> None:
        self.runs.append(run)
        self.reports.append(report)
        if self.trouble is not None:
            raise self.trouble

    @property
    def outcomes(self) -> list[str]:
        return [str(run.outcome) for run in self.runs]


class World:
    """A database, a clock and what people hear, for as many processes as are `started`."""

    def __init__(self, database: Database, url: str) -> None:
        self.url, self.runs, self.clock, self.heard = url, Runs(database), Clock(), Heard()
        self._started: dict[Scheduler, Mapping[str, Work]] = {}

    def start(
        self, *timetable: tuple[Job, Work], elected: Election | None = None, name: str | None = None
    ) -> Scheduler:
        """Each has a sleep of its own that ends at once."""
        made = Scheduler(
            [job for job, _ in timetable],
            {job.name: work for job, work in timetable},
            self.runs,
            elected or election(self.url),
            self.heard,
            now=self.clock,
            replica=name or f"replica {len(self._started)}",
            sleep=lambda _: asyncio.sleep(0.01),
        )
        self._started[made] = {job.name: work for job, work in timetable}
        return made

    async def history(self, job: str = "nightly") -> list[str]:
        """What happened, the oldest first."""
        found = await self.runs.recent(100, job)
        return [f"{run.due:%d %H:%M} #{run.attempt} {run.outcome}" for run in found][::-1]

    async def ticked(self, *schedulers: Scheduler) -> None:
        """Each in turn, and what it began has ended, but for what is held."""
        for one in schedulers:
            await one.tick()
        await until(lambda: all(self._settled(one) for one in schedulers))

    async def idle(self, one: Scheduler) -> None:
        """Until all that it began has ended, been written down and told."""
        await until(lambda: not one.under_way and all(task.done() for task in one._tasks))

    def _settled(self, one: Scheduler) -> bool:
        """Nothing is left to be done but works that are held back."""
        held = [name for name in one.under_way if self._started[one][name].waiting]
        return len([task for task in one._tasks if not task.done()]) == len(held) == len(one.under_way)

    async def close(self) -> None:
        for one in self._started:
            await one.close(within=1.0)


async def until(seen: Callable[[], object]) -> None:
    for _ in range(ROUNDS):
        if seen():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


@asynccontextmanager
async def world(database: Database) -> AsyncIterator[World]:
    url = database._url.set(drivername=database._url.get_backend_name()).render_as_string(hide_password=False)
    if url.startswith("sqlite"):
        url = f"sqlite:///{database._engine.url.database.removeprefix('file:')}"  # type: ignore[union-attr]
    made = World(database, url)
    try:
        yield made
    finally:
        await made.close()


def shorter(job: Job, seconds: float) -> Job:
    return replace(job, limit=timedelta(seconds=seconds))
