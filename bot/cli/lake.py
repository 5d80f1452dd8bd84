"""`indiean data export|check|prune`: the lake told to the warehouse, both compared, and the end of what is old."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import AsJson, Phases, err, out, phases, print_json, table
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from jobs.export import ExportReport, export
from jobs.reconcile import Reconciled, reconcile
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import WarehouseMissing
from storage.lake.lake import Lake
from storage.retention import Pruned, prune

FromStart = Annotated[
    bool, typer.Option("--from-start", help="Tell all of it anew: after the database was put back to an earlier state.")
]


def _now() -> datetime:
    return datetime.now(UTC)


def export_(from_start: FromStart = False, as_json: AsJson = False) -> None:
    """Tell the warehouse what the lake has taken in since; stopped half-way, it goes on later and doubles nothing."""
    settings = read_settings()
    with phases(quiet=as_json) as heard:
        report = asyncio.run(_exported(settings, heard, from_start=from_start))
    if as_json:
        print_json(report.as_dict())
    else:
        _show_export(report)


async def _exported(settings: Settings, heard: Phases, *, from_start: bool) -> ExportReport:
    async with opened(settings) as database:
        lake = Lake(database)
        if from_start:
            await lake.rename()
        with open_warehouse(settings) as warehouse:
            return await export(lake, warehouse, now=_now, progress=lambda done, total: heard("export", done, total))


def _show_export(report: ExportReport) -> None:
    events = sum(report.events.values())
    if not events:
        out().print(f"The warehouse has heard all {report.upto:,} events of the lake already.")
        return
    kinds = [[kind, f"{count:,}", f"{report.rejected.get(kind, 0):,}"] for kind, count in sorted(report.events.items())]
    out().print(table("Events told", ["kind", "events", "rejected"], kinds))
    rows = [
        [kind, f"{told.read:,}", f"{told.added:,}", f"{told.changed:,}", f"{report.forgotten.get(kind, 0):,}"]
        for kind, told in report.rows.items()
    ]
    out().print(table("Rows", ["kind", "told", "new", "changed", "forgotten"], rows))


def check_(as_json: AsJson = False) -> None:
    """Prove that lake, warehouse and rejects add up: tell the lake once more, to a warehouse beside, and compare."""
    settings = read_settings()
    with phases(quiet=as_json) as heard:
        found = asyncio.run(_checked(settings, heard))
    if as_json:
        print_json(found.as_dict())
    else:
        _show_check(found)
    raise typer.Exit(1 if found.problems else 0)


async def _checked(settings: Settings, heard: Phases) -> Reconciled:
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="check-") as folder:
        async with opened(settings) as database:
            with (
                open_warehouse(settings, read_only=True) as warehouse,
                DuckDBWarehouse(Path(folder) / "replay.duckdb") as replay,
            ):
                return await reconcile(
                    Lake(database),
                    warehouse,
                    replay,
                    now=_now,
                    progress=lambda done, total: heard("check", done, total),
                )


def _show_check(found: Reconciled) -> None:
    tally = found.tally
    sides = [
        ["events", f"{found.told.events:,}", f"{found.taken.events:,}"],
        *(
            [f"rows of {kind}", f"{found.told.rows.get(kind, 0):,}", f"{taken:,}"]
            for kind, taken in found.taken.rows.items()
        ),
        *(
            [f"rejects of {kind}", f"{found.told.rejected.get(kind, 0):,}", f"{taken:,}"]
            for kind, taken in found.taken.rejected.items()
        ),
    ]
    out().print(table("Told so far", ["", "lake", "warehouse"], sides))
    out().print(
        f"The lake has had {tally.last:,} events: {tally.events:,} are there, {tally.removed:,} were pruned or "
        f"forgotten, {found.pending:,} are still to be told (indiean data export)."
    )
    for problem in found.problems:
        err().print(f"[red]problem[/red] {problem}", soft_wrap=True)
    if not found.problems:
        out().print("Everything adds up.")


def prune_(as_json: AsJson = False) -> None:
    """Delete what is older than INDIEAN_RETENTION_DAYS: requests, what they showed, events that were told, runs."""
    settings = read_settings()
    with phases(quiet=as_json) as heard:
        heard("prune", 0, 0)
        pruned = asyncio.run(_pruned(settings, _now()))
    if as_json:
        print_json(pruned.as_dict())
    elif pruned.before is None:
        out().print("INDIEAN_RETENTION_DAYS is 0, so everything is kept; nothing was deleted.")
    else:
        what = f"{pruned.requests:,} requests, with the {pruned.impressions:,} games they showed"
        what += f", {pruned.events:,} events of the lake and {pruned.runs:,} runs of jobs"
        out().print(f"Deleted from before {pruned.before:%Y-%m-%d %H:%M} UTC: {what}.", soft_wrap=True)


async def _pruned(settings: Settings, now: datetime) -> Pruned:
    async with opened(settings) as database:
        told = await asyncio.to_thread(_told, settings, await Lake(database).name())
        return await prune(database, now, settings.retention_days, told)


def _told(settings: Settings, lake: str) -> int:
    """The last event that the warehouse has heard."""
    try:
        with open_warehouse(settings, read_only=True) as warehouse:
            return warehouse.watermark(lake)
    except WarehouseMissing:
        return 0
