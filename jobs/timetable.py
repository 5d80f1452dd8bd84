"""The one table of jobs: when each is due, by UTC alone, and which of its runs comes next."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from jobs.errors import UnknownJob
from storage.runs import Outcome, Run

ATTEMPTS = 3
"""Runs of one fire time: a job that takes its process down with it would do so for ever."""
UNFINISHED = frozenset({Outcome.KILLED, Outcome.STOPPED})
"""How a run ends that is taken over; one that failed by itself would fail again, and waits for its next time."""
FINEST = timedelta(minutes=1)
"""Between two fire times at least."""
WAREHOUSE = "warehouse"


@dataclass(frozen=True, slots=True)
class Job:
    """`cron` has five fields, in UTC, so that no clock change skips or repeats a run; weekday 0 is Monday.

    A run that takes longer than `limit` is ended. `reports` says what people are told of a run. No two jobs that claim
    the same run at once: the one that is due later waits.
    """

    name: str
    cron: str
    limit: timedelta
    reports: str
    claims: str | None = None


TIMETABLE: tuple[Job, ...] = (
    Job("catalog", "45 1 * * *", timedelta(hours=1), "games that are new, changed and gone", WAREHOUSE),
    Job("nightly", "15 3 * * *", timedelta(hours=3), "the model of the night, and whether it is in service", WAREHOUSE),
    Job("digests", "*/5 * * * *", timedelta(minutes=30), "weekly digests that were sent, and what kept others back"),
)


def named(name: str, timetable: Sequence[Job] = TIMETABLE) -> Job:
    """Raises UnknownJob."""
    found = next((job for job in timetable if job.name == name), None)
    if found is None:
        raise UnknownJob(f"there is no job {name!r}: say one of {', '.join(job.name for job in timetable)}")
    return found


@functools.cache
def trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, UTC)


def next_time(job: Job, after: datetime) -> datetime | None:
    """The first fire time later than `after`; None where there is none any more."""
    found: datetime | None = trigger(job.cron).get_next_fire_time(None, after + timedelta.resolution)
    return found


def due(job: Job, after: datetime, now: datetime) -> datetime | None:
    """The latest fire time in (after, now], None where there is none: however many were missed, one is caught up.

    APScheduler only looks forward, so the latest is found by halving: a year of fire times every minute takes 20 looks.
    """
    found = next_time(job, after)
    if found is None or found > now:
        return None
    until = now
    while until - found >= FINEST:
        middle = found + (until - found) / 2
        later = next_time(job, middle)
        if later is None or later > now:
            until = middle
        else:
            found = later
    return found


def following(job: Job, latest: Run, now: datetime) -> tuple[datetime, int] | None:
    """The fire time and the attempt to begin now, after the latest run of the timetable has ended; None if none is due.

    A newer fire time comes before what is left of an older one.
    """
    newer = due(job, latest.due, now)
    if newer is not None:
        return newer, 1
    if latest.outcome in UNFINISHED and latest.attempt < ATTEMPTS:
        return latest.due, latest.attempt + 1
    return None
