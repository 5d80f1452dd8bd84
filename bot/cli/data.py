"""`indiean data import|describe|refresh|prune`."""

from __future__ import annotations

import asyncio
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import AsJson, Yes, err, out, phases, print_json, table
from bot.errors import NotSetUp
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from jobs.catalog_refresh import RefreshReport, refresh_catalog
from jobs.charts import write_charts
from jobs.describe import Description, describe
from recommender.registry import Registry
from storage.errors import SteamKeyRefused
from storage.importing import FileReport, ImportProgress, import_paths
from storage.retention import Pruned, prune
from storage.steam_store import SteamStore

app = typer.Typer(no_args_is_help=True, help="The data that the model learns from: import it, look at it; and the log.")

Paths = Annotated[list[Path], typer.Argument(help="Files or folders: UCSD, Kaggle or parquet, recognised by content.")]
Charts = Annotated[
    Path | None, typer.Option(help="Where to write the charts; `charts` in the home folder if not said.")
]
MinGames = Annotated[int, typer.Option(help="Games a player at least, for the second column.", min=1)]

SIZES = {"rows": "interactions", "players": "players", "games": "games", "density": "density"}

REFRESHED = {
    "listed": "listed as changed",
    "new": "new",
    "changed": "changed",
    "delisted": "delisted",
    "rejected": "rejected",
}

GET_A_KEY = "get one at https://steamcommunity.com/dev/apikey and set INDIEAN_STEAM_API_KEY to it"

HANDLED = {
    "repeated": "repeated",
    "missing_ids": "rows without an id",
    "unknown_games": "games not in the catalogue",
    "undated": "games without a date",
    "unpriced": "games without a price",
    "unmatched_titles": "titles not matched",
}


@app.command("import")
def import_(paths: Paths, as_json: AsJson = False) -> None:
    """Read public Steam data into the warehouse; importing twice changes nothing."""
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    with open_warehouse(settings) as warehouse, phases(quiet=as_json) as heard:

        def told(at: ImportProgress) -> None:
            heard(f"{at.path.name} ({at.format})", at.done, at.total)

        report = import_paths(paths, warehouse, home=settings.home, now=datetime.now(UTC), progress=told)
        counts = warehouse.counts()
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


@app.command("refresh")
def refresh_(
    limit: Annotated[int | None, typer.Option(help="Games to ask about at most; the next run goes on.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Hear from Steam's store what is new, changed and gone, and let the model in service answer with it."""
    settings = read_settings()
    if settings.steam_api_key is None:
        raise NotSetUp(f"Steam lists its games only to whoever has a key: {GET_A_KEY}")
    try:
        report = asyncio.run(_refreshed(settings, limit, quiet=as_json))
    except SteamKeyRefused as refused:
        raise NotSetUp(f"Steam refuses the key ({refused}): {GET_A_KEY}") from None
    if as_json:
        print_json(report.as_dict())
    else:
        _show_refresh(report)
    if report.stopped is not None:
        err().print(f"[yellow]stopped[/yellow] {report.stopped}", soft_wrap=True)
        raise typer.Exit(1)


async def _refreshed(settings: Settings, limit: int | None, *, quiet: bool) -> RefreshReport:
    registry, now = Registry(settings.models), datetime.now(UTC)
    with open_warehouse(settings) as warehouse, phases(quiet=quiet) as heard:
        async with SteamStore(str(settings.steam_api_url), settings.steam_api_key) as store:
            return await refresh_catalog(store, warehouse, registry, now=now, limit=limit, progress=heard)


def _show_refresh(report: RefreshReport) -> None:
    rows = [[words, f"{getattr(report, name):,}"] for name, words in REFRESHED.items()]
    out().print(table("The catalogue", ["", "games"], rows))
    out().print(f"{report.calls:,} questions to Steam in {report.seconds:,.1f} s.")
    if report.version is not None:
        out().print(f"Model [bold]{report.version}[/bold] is in service: the same, with this catalogue.")
    if not report.end and report.stopped is None:
        out().print("There is more to hear: the next `indiean data refresh` goes on from here.")


@app.command("describe")
def describe_(charts: Charts = None, min_games: MinGames = 21, yes: Yes = False, as_json: AsJson = False) -> None:
    """Players, games, density and quantiles of what was imported, and charts as PNG files."""
    settings = read_settings()
    with (
        phases(quiet=as_json) as heard,
        open_warehouse(settings, read_only=True, agree=heard.agreeing(yes=yes)) as warehouse,
    ):
        heard("describe", 0, 0)
        found = describe(warehouse, min_games)
    written = write_charts(found, charts or settings.home / "charts")
    if as_json:
        print_json(found.as_dict() | {"charts": [str(path) for path in written]})
        return
    _show(found)
    out().print("Charts: " + ", ".join(str(path) for path in written), soft_wrap=True)


@app.command("prune")
def prune_(as_json: AsJson = False) -> None:
    """Delete requests older than INDIEAN_RETENTION_DAYS and what they showed; stopped half-way, it goes on later."""
    settings = read_settings()
    with phases(quiet=as_json) as heard:
        heard("prune", 0, 0)
        pruned = asyncio.run(_prune(settings, datetime.now(UTC)))
    if as_json:
        print_json(pruned.as_dict())
    elif pruned.before is None:
        out().print("INDIEAN_RETENTION_DAYS is 0, so everything is kept; nothing was deleted.")
    else:
        what = f"{pruned.requests:,} requests, with the {pruned.impressions:,} games they showed"
        out().print(f"Deleted from before {pruned.before:%Y-%m-%d %H:%M} UTC: {what}.", soft_wrap=True)


async def _prune(settings: Settings, now: datetime) -> Pruned:
    async with opened(settings) as database:
        return await prune(database, now, settings.retention_days)


def _show(found: Description) -> None:
    kept = f"at least {found.min_games} games"
    title = "Interactions (synthetic players)" if found.synthetic else "Interactions"
    sizes = [_sizes(words, name, found) for name, words in SIZES.items()]
    out().print(table(title, ["", "all players", kept], sizes))
    columns = ["quantile", "min", "5 %", "25 %", "50 %", "75 %", "95 %", "max"]
    rows = [
        [words, *(f"{value:,}" for value in astuple(quantiles))]
        for words, quantiles in (("games a player", found.items_per_player), ("players a game", found.players_per_item))
    ]
    out().print(table("Quantiles", columns, rows))
    shares = {
        "owned and never started": found.never_started,
        "of the games owned, indie": found.indie_game_share,
        "of the interactions, with indie games": found.indie_row_share,
        **{f"of the games owned, {name} known": share for name, share in found.coverage.items()},
    }
    out().print(table("Shares", ["", "share"], [[words, f"{share:.1%}"] for words, share in shares.items()]))


def _sizes(words: str, name: str, found: Description) -> list[str]:
    values = (getattr(found.everything, name), getattr(found.kept, name))
    return [words, *(f"{value:.2%}" if name == "density" else f"{value:,}" for value in values)]


def _row(file: FileReport) -> list[str]:
    return [f"{file.path.name} ({file.format})", f"{file.read:,}", f"{file.added:,}", f"{file.changed:,}"]


def _handled(file: FileReport) -> str:
    counted = {words: getattr(file, name) for name, words in HANDLED.items()}
    handled = ", ".join(f"{words} {count:,}" for words, count in counted.items() if count)
    if file.unmatched_file is not None:
        handled += f" (listed in {file.unmatched_file})"
    return handled
