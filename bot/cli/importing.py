"""`indiean data import`: public data sets, by the lake into the warehouse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import AsJson, Phases, out, phases, print_json, table
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from jobs.through_lake import ThroughLake
from storage.importing import FileReport, ImportProgress, ImportReport, import_paths
from storage.lake.lake import Lake
from storage.warehouse import Counts

Paths = Annotated[list[Path], typer.Argument(help="Files or folders: UCSD, Kaggle or parquet, recognised by content.")]

HANDLED = {
    "repeated": "repeated",
    "missing_ids": "rows without an id",
    "unknown_games": "games not in the catalogue",
    "undated": "games without a date",
    "unpriced": "games without a price",
    "unmatched_titles": "titles not matched",
}


def import_(paths: Paths, as_json: AsJson = False) -> None:
    """Read public Steam data into the lake and on into the warehouse; importing twice changes nothing there."""
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    with phases(quiet=as_json) as heard:
        report, counts = asyncio.run(_imported(settings, paths, heard))
    if as_json:
        print_json(report.as_dict())
        return
    out().print(table("Imported", ["file", "rows", "new", "changed"], [_row(file) for file in report.files]))
    for file in report.files:
        if handled := _handled(file):
            out().print(f"{file.path.name}: {handled}", soft_wrap=True)
    out().print(
        f"The warehouse holds {counts.interactions:,} interactions of {counts.players:,} players "
        f"with {counts.items:,} games, and a catalogue of {counts.games:,}."
    )
    if counts.interactions:
        out().print("Next: indiean train")


async def _imported(settings: Settings, paths: list[Path], heard: Phases) -> tuple[ImportReport, Counts]:
    def told(at: ImportProgress) -> None:
        heard(f"{at.path.name} ({at.format})", at.done, at.total)

    async with opened(settings) as database:
        with open_warehouse(settings) as warehouse:
            through = ThroughLake(Lake(database), warehouse, asyncio.get_running_loop(), lambda: datetime.now(UTC))
            report = await asyncio.to_thread(
                import_paths, paths, through, home=settings.home, now=datetime.now(UTC), progress=told
            )
            return report, await asyncio.to_thread(warehouse.counts)


def _row(file: FileReport) -> list[str]:
    return [f"{file.path.name} ({file.format})", f"{file.read:,}", f"{file.added:,}", f"{file.changed:,}"]


def _handled(file: FileReport) -> str:
    counted = {words: getattr(file, name) for name, words in HANDLED.items()}
    handled = ", ".join(f"{words} {count:,}" for words, count in counted.items() if count)
    if file.unmatched_file is not None:
        handled += f" (listed in {file.unmatched_file})"
    return handled
