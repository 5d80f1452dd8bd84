"""`indiean tune`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.output import AsJson, Phases, Yes, err, out, phases, print_json, table
from bot.settings import PREFIX, read_settings
from bot.warehouse import open_warehouse
from jobs.tuning import TuningReport, TuningSettings, tune
from jobs.tuning_search import Ended, Standing
from recommender.tuning import Floors, Trial

BEST_SHOWN = 8
INTERRUPTED = 130
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def seconds_of(said: str) -> float:
    """Of 30m, 90s or 1h30m."""
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", said.strip().casefold(), re.ASCII)
    found = (
        sum(int(part or 0) * unit for part, unit in zip(parts.groups(), SECONDS.values(), strict=True))
        if parts
        else 0.0
    )
    if found <= 0:
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
    seconds, settings = seconds_of(budget), read_settings()
    searched = TuningSettings(settings.training(), seconds, trials, Floors(keep_all, keep_indie), seed, record=record)
    with phases(quiet=as_json) as heard:
        heard("gather", 0, 0)
        with open_warehouse(settings, read_only=True, agree=heard.agreeing(yes=yes)) as warehouse:
            showing = _Shown(heard, searched)
            report = tune(warehouse, settings.home, searched, clock=time.monotonic, told=showing)
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
        err().print(f"The last line of {report.record} had been cut short; it was dropped.", soft_wrap=True)
    ranked = report.ranked
    if not ranked:
        out().print(f"Ended ({report.ended}) before anything could be compared.")
        return
    out().print(table(_title(report), _columns(report), _rows(report)))
    out().print(
        f"{len(ranked)} trials on all {report.games:,} games, {report.small} on fewer; ended: {report.ended}. "
        f"They are kept in {report.record}, and the same command goes on from there.",
        soft_wrap=True,
    )
    if report.used is not None and report.best() == report.values(report.used):
        out().print("Nothing better than the settings in use was found.")
        return
    out().print("The best, for .env; `indiean evaluate` then measures it on players that were not looked at here:")
    for name, value in report.best().items():
        out().print(f"{PREFIX}{name.upper()}={value}", markup=False)


def _title(report: TuningReport) -> str:
    title = f"nDCG@10 of {report.players:,} players in folds"
    return f"{title} (synthetic players: this says nothing about real people)" if report.synthetic else title


def _columns(report: TuningReport) -> list[str]:
    return ["", "indie played", "±", "all", "indie", "floors", *report.space.names]


def _rows(report: TuningReport) -> list[list[str]]:
    """The best, then what they are compared with."""
    shown = [_row(report, str(place), trial) for place, trial in enumerate(report.ranked[:BEST_SHOWN], 1)]
    beside = {"in use": report.used, "plain EDLAE": report.plain}
    return shown + [_row(report, words, trial) for words, trial in beside.items() if trial is not None]


def _row(report: TuningReport, words: str, trial: Trial) -> list[str]:
    found = trial.found
    if found is None:
        return [words, "not fitted", "", "", "", "", *map(str, trial.point)]
    numbers = (found.indie_played, trial.outcome.error, found.all, found.indie)
    return [
        words,
        *(f"{number:.4f}" for number in numbers),
        "kept" if report.kept(trial) else "missed",
        *map(str, trial.point),
    ]
