"""`indiean data refresh`: the catalogue as Steam's store has it now."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.output import AsJson, err, out, phases, print_json, table
from bot.errors import NotSetUp
from bot.hosting.work import NO_KEY, refreshed
from bot.settings import Settings, read_settings
from jobs.catalog_refresh import RefreshReport

REFRESHED = {
    "listed": "listed as changed",
    "new": "new",
    "changed": "changed",
    "delisted": "delisted",
    "rejected": "rejected",
}


def refresh_(
    limit: Annotated[int | None, typer.Option(help="Games to ask about at most; the next run goes on.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Hear from Steam's store what is new, changed and gone, and let the model in service answer with it."""
    settings = read_settings()
    if settings.steam_api_key is None:
        raise NotSetUp(NO_KEY)
    report = _refreshed(settings, limit, quiet=as_json)
    if as_json:
        print_json(report.as_dict())
    else:
        _show_refresh(report)
    if report.stopped is not None:
        err().print(f"[yellow]stopped[/yellow] {report.stopped}", soft_wrap=True)
        raise typer.Exit(1)


def _refreshed(settings: Settings, limit: int | None, *, quiet: bool) -> RefreshReport:
    with phases(quiet=quiet) as heard:
        return asyncio.run(refreshed(settings, datetime.now(UTC), heard, limit))


def _show_refresh(report: RefreshReport) -> None:
    rows = [[words, f"{getattr(report, name):,}"] for name, words in REFRESHED.items()]
    out().print(table("The catalogue", ["", "games"], rows))
    out().print(f"{report.calls:,} questions to Steam in {report.seconds:,.1f} s.")
    if report.version is not None:
        out().print(f"Model [bold]{report.version}[/bold] is in service: the same, with this catalogue.")
    if not report.end and report.stopped is None:
        out().print("There is more to hear: the next `indiean data refresh` goes on from here.")
