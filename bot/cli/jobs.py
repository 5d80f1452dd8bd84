"""`indiean jobs`: the timetable kept without a chat; what is due when, a run by hand, and how the last ones went."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime, timedelta
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import AsJson, Phases, out, phases, print_json, table
from bot.hosting.farewell import last_resort
from bot.hosting.log_lines import logging_lines
from bot.hosting.posters import status_channel, status_poster, terminal
from bot.hosting.scheduling import now, scheduling, timetabled
from bot.hosting.serving import stopped_by_signals
from bot.settings import Settings, read_settings
from bot.slack.pace import Pace
from jobs.timetable import TIMETABLE, Job, named, next_time
from storage.runs import Outcome, Run, Runs

log = logging.getLogger(__name__)

INTERRUPTED = 130
DONE = frozenset({Outcome.DONE, Outcome.SKIPPED})

app = typer.Typer(
    invoke_without_command=True,
    help="What happens without being asked. Alone, `indiean jobs` keeps the timetable until SIGTERM or Ctrl-C.",
)


@app.callback()
def jobs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        settings = read_settings()
        with logging_lines(sys.stderr, settings.secrets(), settings.log_format):
            asyncio.run(keeping(settings))


async def keeping(settings: Settings) -> None:
    """Until a signal comes.

    Raises:
        DatabaseError: the database is away, or refuses us.
    """
    stop = asyncio.Event()
    pace = Pace()
    with stopped_by_signals(stop, last_resort), status_poster(settings, pace) as poster:
        async with (
            opened(settings) as database,
            timetabled(settings, database, poster, pace) as scheduler,
            scheduling(scheduler, stop),
        ):
            log.info("the timetable has %s", ", ".join(job.name for job in TIMETABLE))
            await stop.wait()
    log.info("what was under way has ended")


@app.command("list")
def list_jobs(as_json: AsJson = False) -> None:
    """The timetable: when each job runs next, how long it may take, and how it went last."""
    last, moment = asyncio.run(_last(read_settings())), now()
    if as_json:
        print_json([_described(job, last[job.name], moment) for job in TIMETABLE])
        return
    columns = ["job", "next (UTC)", "in", "limit", "last", "reports"]
    out().print(table("The timetable", columns, [_row(job, last[job.name], moment) for job in TIMETABLE]))


@app.command("run")
def run_job(name: str) -> None:
    """Run a job now, unless it runs already; when it is due stays as it is."""
    settings = read_settings()
    named(name)  # before anything is opened
    with phases() as heard:
        run = asyncio.run(_ran(settings, name, heard))
    said = f"{run.job}: {run.outcome} after {run.seconds:,.1f} s (reference {run.reference})"
    out().print(said, markup=False, soft_wrap=True)
    reason = run.error or (run.report or {}).get("why")
    if reason:
        out().print(str(reason), markup=False, soft_wrap=True)
    if run.outcome not in DONE:
        raise typer.Exit(INTERRUPTED if run.outcome is Outcome.STOPPED else 1)


@app.command("history")
def history(
    name: Annotated[str | None, typer.Argument(help="Of this job alone.")] = None,
    most: Annotated[int, typer.Option(help="Runs at most.", min=1)] = 30,
    as_json: AsJson = False,
) -> None:
    """The last runs: how they ended, where, and the reference by which the log has more."""
    settings = read_settings()
    if name is not None:
        named(name)
    found = asyncio.run(_recent(settings, most, name))
    if as_json:
        print_json([run.as_dict() for run in found])
        return
    if not found:
        out().print("Nothing has run yet: `indiean serve` and `indiean jobs` keep the timetable.", markup=False)
        return
    columns = ["job", "due (UTC)", "attempt", "outcome", "seconds", "step", "reference"]
    out().print(table("Runs, the newest first", columns, [_past(run) for run in found]))


async def _ran(settings: Settings, name: str, heard: Phases) -> Run:
    """A signal stops it; then it has ended in good order."""
    pace = Pace()
    poster = status_channel(settings, pace) or terminal(settings, out())
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with (
            opened(settings) as database,
            timetabled(settings, database, poster, pace, console=out()) as scheduler,
        ):
            running = asyncio.create_task(scheduler.run_now(name, heard), name=f"{name} by hand")
            stopping = asyncio.create_task(stop.wait(), name="told to stop")
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await scheduler.close()
            return await running


async def _last(settings: Settings) -> dict[str, Run | None]:
    async with opened(settings) as database:
        runs = Runs(database)
        return {job.name: next(iter(await runs.recent(1, job.name)), None) for job in TIMETABLE}


async def _recent(settings: Settings, most: int, name: str | None) -> list[Run]:
    async with opened(settings) as database:
        return await Runs(database).recent(most, name)


def _described(job: Job, last: Run | None, moment: datetime) -> dict[str, object]:
    return {
        "job": job.name,
        "cron": job.cron,
        "next": next_time(job, moment),
        "limit": job.limit.total_seconds(),
        "reports": job.reports,
        "last": None if last is None else last.as_dict(),
    }


def _row(job: Job, last: Run | None, moment: datetime) -> list[str]:
    following = next_time(job, moment)
    when = ["–", "–"] if following is None else [f"{following:%Y-%m-%d %H:%M}", _span(following - moment)]
    went = "–" if last is None else f"{last.outcome}, {last.started:%m-%d %H:%M}"
    return [job.name, *when, _span(job.limit), went, job.reports]


def _past(run: Run) -> list[str]:
    attempt = "by hand" if run.by_hand else str(run.attempt)
    lasted = "–" if run.outcome is Outcome.NEW else f"{run.seconds:,.1f}"
    return [run.job, f"{run.due:%Y-%m-%d %H:%M}", attempt, run.outcome, lasted, run.step or "–", run.reference]


def _span(time: timedelta) -> str:
    """In hours and minutes, of more than a day in days and hours."""
    minutes = -(-int(time.total_seconds()) // 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
