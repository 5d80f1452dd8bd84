"""One run of a job's work: within its time, and whatever happens, with an end that can be written down."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from jobs.errors import JobError
from jobs.training import Progress
from recommender.errors import RecommenderError
from storage.errors import StorageError
from storage.runs import Outcome, Run

log = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds that a work has to end after it was told to."""
EXPECTED = (JobError, RecommenderError, StorageError, OSError)
"""What says in a sentence of its own what is wrong; everything else is a bug, of which people are told its name."""


class Report(Protocol):
    """What came of a run; a frozen dataclass."""

    def as_dict(self) -> dict[str, object]: ...


Work: TypeAlias = Callable[[Progress], Awaitable[Report]]
"""It tells its progress, from any thread, and ends soon once it is cancelled; done once more it does no harm."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is nothing to be done as the bot is set up, and nothing wrong with that."""

    why: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


_End: TypeAlias = tuple[Run, Report | None]


class Steps:
    """A `Progress` that knows the step in which the work is; what it hears it passes on."""

    def __init__(self, onward: Progress = lambda *_: None) -> None:
        self._onward = onward
        self.now: str | None = None

    def __call__(self, phase: str, done: int, total: int) -> None:
        self.now = phase
        self._onward(phase, done, total)


async def carried_out(
    work: Work, run: Run, limit: timedelta, steps: Steps, stop: asyncio.Event, now: Callable[[], datetime]
) -> tuple[Run, Report | None]:
    """The run with its end, and its report if there is one; `stop` ends it early.

    Comes back even where the work does not heed that it is cancelled, and raises nothing of the work's.
    """
    working = asyncio.create_task(_awaited(work, steps), name=f"work of {run.job}")
    stopping = asyncio.create_task(stop.wait(), name=f"stop of {run.job}")
    try:
        seconds = limit.total_seconds()
        await asyncio.wait({working, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        in_time = working.done()
        working.cancel()
    if in_time:
        end, report = _judged(working, run, steps.now)
    else:
        end, report = _cut(run, limit, stopped=stop.is_set()), None
        await asyncio.wait({working}, timeout=GRACE)
    return replace(end, ended=now(), step=steps.now), report


async def _awaited(work: Work, steps: Steps) -> tuple[Report, dict[str, object]]:
    report = await work(steps)
    return report, _plain(report)


def _judged(working: asyncio.Task[tuple[Report, dict[str, object]]], run: Run, step: str | None) -> _End:
    try:
        report, kept = working.result()
    except (Exception, asyncio.CancelledError) as trouble:  # whatever it is, the next run may do better
        error = _sentence(trouble)
        expected = isinstance(trouble, EXPECTED)
        said = (run.job, step, run.reference, error)
        log.error("%s failed in step %s (reference %s): %s", *said, exc_info=None if expected else trouble)  # noqa: TRY400
        return replace(run, outcome=Outcome.FAILED, error=error), None
    outcome = Outcome.SKIPPED if isinstance(report, Skipped) else Outcome.DONE
    return replace(run, outcome=outcome, report=kept), report


def _cut(run: Run, limit: timedelta, *, stopped: bool) -> Run:
    if stopped:
        return replace(run, outcome=Outcome.STOPPED)
    return replace(run, outcome=Outcome.TIMED_OUT, error=f"it took longer than the {limit} that it may, and was ended")


def _plain(report: Report) -> dict[str, object]:
    """As JSON holds it, on Postgres too: moments and paths as text, and no number that is none."""
    written = json.dumps(report.as_dict(), default=str)
    plain: dict[str, object] = json.loads(written, parse_constant=lambda _: None)
    return plain


def _sentence(trouble: BaseException) -> str:
    return str(trouble) if isinstance(trouble, EXPECTED) and str(trouble) else type(trouble).__name__
