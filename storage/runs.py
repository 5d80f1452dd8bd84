"""Each run of a job as a row: who runs it, its signs of life, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, RowMapping, Select, delete, select, update

from storage.database import Database, insert_new
from storage.schema import runs

BY_HAND = 0
"""The attempt of a run that somebody asked for: it counts for no fire time, and nobody takes it over."""


class Outcome(StrEnum):
    NEW = "new"  # no run: the job is in the timetable from here on
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at what was `due`. There is one of a (job, due, attempt), and one of a job that has not ended.

    `step` is where it is or ended, `report` what came of it, `error` what kept it from being done, in a sentence;
    `reference` stands in the log beside all that it did.
    """

    job: str
    due: datetime
    attempt: int
    replica: str
    started: datetime
    heartbeat: datetime
    reference: str
    outcome: Outcome = Outcome.RUNNING
    ended: datetime | None = None
    step: str | None = None
    report: Mapping[str, object] | None = None
    error: str | None = None

    @property
    def by_hand(self) -> bool:
        return self.attempt == BY_HAND

    @property
    def seconds(self) -> float:
        """So far, where it has not ended."""
        return ((self.ended or self.heartbeat) - self.started).total_seconds()

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Runs:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, run: Run) -> bool:
        """False where that attempt was begun before, or another run of the job has not ended."""
        async with self._database.transaction() as connection:
            return (await connection.execute(insert_new(connection, runs).values(asdict(run)))).rowcount > 0

    async def beat(self, run: Run, now: datetime, step: str | None) -> bool:
        """A sign of life; False where somebody has ended the run meanwhile."""
        return await self._change(_open(run), {"heartbeat": now, "step": step})

    async def end(self, run: Run, heard: datetime | None = None) -> bool:
        """False where it was ended before; with `heard`, also where there was a sign of life later than that."""
        this = _open(run) if heard is None else _open(run) & (runs.c.heartbeat == heard)
        ending = ("ended", "outcome", "step", "report", "error")
        return await self._change(this, {name: getattr(run, name) for name in ending})

    async def under_way(self, job: str) -> Run | None:
        """The one that has not ended, as far as anybody has said."""
        return await self._first(select(runs).where(runs.c.job == job, runs.c.ended.is_(None)))

    async def latest(self, job: str) -> Run | None:
        """The last attempt at the last fire time."""
        of_the_timetable = select(runs).where(runs.c.job == job, runs.c.attempt > BY_HAND)
        return await self._first(of_the_timetable.order_by(runs.c.due.desc(), runs.c.attempt.desc()).limit(1))

    async def recent(self, most: int, job: str | None = None) -> list[Run]:
        """The newest first; of all jobs where none is named."""
        newest = select(runs).order_by(runs.c.started.desc())
        if job is not None:
            newest = select(runs).where(runs.c.job == job).order_by(runs.c.due.desc(), runs.c.attempt.desc())
        async with self._database.reading() as connection:
            return [_run(row) for row in (await connection.execute(newest.limit(most))).mappings()]

    async def prune(self, before: datetime, most: int) -> int:
        """Deletes the oldest of those begun and ended before that, some `most` at a time; how many there were."""
        old = (runs.c.started < before) & runs.c.ended.is_not(None)
        oldest = select(runs.c.started).where(old).order_by(runs.c.started).limit(most)
        async with self._database.transaction() as connection:
            moments = (await connection.scalars(oldest)).all()
            if not moments:
                return 0
            these = (runs.c.started <= moments[-1]) & runs.c.ended.is_not(None)
            return (await connection.execute(delete(runs).where(these))).rowcount

    async def _first(self, query: Select[tuple[object, ...]]) -> Run | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _run(row)

    async def _change(self, this: ColumnElement[bool], values: Mapping[str, object]) -> bool:
        async with self._database.transaction() as connection:
            return (await connection.execute(update(runs).where(this).values(values))).rowcount > 0


def _open(run: Run) -> ColumnElement[bool]:
    same = (runs.c.job == run.job) & (runs.c.due == run.due) & (runs.c.attempt == run.attempt)
    return same & runs.c.ended.is_(None)


def _run(row: RowMapping) -> Run:
    return Run(**{**row, "outcome": Outcome(row["outcome"])})
