"""`indiean data describe`: what was imported, in numbers and pictures."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.output import AsJson, Yes, out, phases, print_json, table
from bot.settings import read_settings
from bot.warehouse import open_warehouse
from jobs.charts import write_charts
from jobs.describe import Description, describe

Charts = Annotated[
    Path | None, typer.Option(help="Where to write the charts; `charts` in the home folder if not said.")
]
MinGames = Annotated[int, typer.Option(help="Games a player at least, for the second column.", min=1)]

SIZES = {"rows": "interactions", "players": "players", "games": "games", "density": "density"}


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
