"""`indiean tune`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bot.cli.output import AsJson, Phases, Yes, err, out, phases, print_json, table
from bot.settings import PREFIX, read_settings
from bot.warehouse import open_warehouse
from jobs.training import gather
from jobs.tuning import TuningReport, TuningSettings, tune
from jobs.tuning_search import Ended, Standing
from recommender.tuning import Floors, Trial

BEST_SHOWN = 4
SCORES = ("indie played", "±", "all", "indie")
INTERRUPTED = 130
SECONDS = (3600.0, 60.0, 1.0)
"""Of an hour, a minute, a second."""


def seconds_of(said: str) -> float:
    """Of 30m, 90s or 1h30m."""
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", said.strip().casefold(), re.ASCII)
    counts = parts.groups() if parts else (None, None, None)
    found = sum(int(count or 0) * unit for count, unit in zip(counts, SECONDS, strict=True))
    if found == 0:
        raise typer.BadParameter(f"write how long it may take as 30m, 90s or 1h30m, not as {said!r}")
    return found


Keep = Annotated[float, typer.Option(help="The share of plain EDLAE's nDCG@10 to be kept.", min=0, max=1)]


def tune_command(
    budget: Annotated[str, typer.Option(help="How long it may take, as 30m, 90s or 1h30m.")] = "30m",
    trials: Annotated[int | None, typer.Option(help="End when so many are in the record.", min=1)] = None,
    keep_all: Keep = Floors.all,
    keep_indie: Keep = Floors.indie,
    seed: Annotated[int, typer.Option(help="Of the points that are tried.", min=0)] = 0,
    record: Annotated[Path | None, typer.Option(help="Where the trials are kept, instead of the home folder.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Search the settings that recommend best what people go on to play; what was measured is kept and gone on with.

    Whom `indiean evaluate` measures on is never looked at. Ctrl-C ends it and shows the best so far.
    """
    seconds, settings, began = seconds_of(budget), read_settings(), time.monotonic()
    training = settings.training()
    with phases(quiet=as_json) as heard:
        heard("gather", 0, 0)
        with open_warehouse(settings, read_only=True, agree=heard.agreeing(yes=yes)) as warehouse:
            gathered = gather(warehouse, training)
        left = seconds - (time.monotonic() - began)
        searched = TuningSettings(training, left, trials, Floors(keep_all, keep_indie), seed, record=record)
        report = tune(gathered, settings.home, searched, clock=time.monotonic, told=_Shown(heard, searched))
    print_json(report.as_dict()) if as_json else _show(report)
    if report.ended is Ended.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)


class _Shown:
    """The bar fills with the trials where their number was said, else with the budget."""

    def __init__(self, heard: Phases, searched: TuningSettings) -> None:
        self._heard = heard
        self._searched = searched

    def __call__(self, standing: Standing) -> None:
        if self._searched.trials is None:
            self._heard("tune", round(standing.elapsed), round(self._searched.budget))
        else:
            self._heard("tune", standing.trials, self._searched.trials)
        found = standing.best and standing.best.found
        best = f"best {found.indie_played:.4f}, " if found else ""
        self._heard.note(f"tune: {best}{standing.doing}")


def _show(report: TuningReport) -> None:
    if report.torn:
        err().print(
            f"The last line of {report.record} had been cut short; it was dropped.", markup=False, soft_wrap=True
        )
    ranked = report.ranked
    if not ranked:
        out().print(f"Ended ({report.ended}) before anything could be compared.")
        return
    out().print(_compared(report))
    out().print(
        f"{len(ranked)} trials on all {report.games:,} games, {report.small} on fewer; ended: {report.ended}. "
        f"They are kept in {report.record}, and the same command goes on from there.",
        markup=False,
        soft_wrap=True,
    )
    if report.used is not None and report.best() == report.values(report.used):
        out().print("Nothing better than the settings in use was found.")
        return
    out().print(
        "The best, for .env; `indiean evaluate` then measures it on players that were not looked at here:",
        soft_wrap=True,
    )
    for name, value in report.best().items():
        out().print(f"{PREFIX}{name.upper()}={value}", markup=False)


def _compared(report: TuningReport) -> Table:
    """A column a trial, as there are more settings than trials worth showing."""
    title = f"nDCG@10 of {report.players:,} players, in folds"
    if report.synthetic:
        title += " (synthetic: this says nothing about real people)"
    beside = {"plain EDLAE": report.plain, "in use": report.used}
    shown = {words: trial for words, trial in beside.items() if trial is not None}
    shown |= {str(place): trial for place, trial in enumerate(report.ranked[:BEST_SHOWN], 1)}
    columns = [_column(report, trial) for trial in shown.values()]
    return table(title, ["", *shown], [[name, *(column[name] for column in columns)] for name in columns[0]])


def _column(report: TuningReport, trial: Trial) -> dict[str, str]:
    found = trial.found
    scores = (found.indie_played, trial.outcome.error, found.all, found.indie) if found else None
    told = [f"{score:.4f}" for score in scores] if scores else ["not fitted", "", "", ""]
    floors = "kept" if report.kept(trial) else "missed"
    values = {name: f"{value:g}" for name, value in report.values(trial).items()}
    return {**dict(zip(SCORES, told, strict=True)), "floors": floors, **values}
