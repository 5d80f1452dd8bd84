"""`indiean train` and `indiean evaluate`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import AsJson, Yes, out, phases, print_json, table
from bot.cli.piped import begin_piped, piped_progress
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from jobs.fitting import keep_fitted
from jobs.jury import empanel, nobody
from jobs.patience import when_free
from jobs.training import Evaluation, Progress, Stopwatch, TrainReport, gather, measure, train
from recommender.confidence import Calibration, Reliability, Trust
from recommender.evaluate import Measures
from recommender.registry import Registry
from recommender.sparse_linear import NEIGHBOURS
from recommender.version import Kind
from storage.bigquery.costs import Agree
from storage.errors import DatabaseError
from storage.fitted_rows import FittedRows
from storage.lake.lake import Lake

L2 = Annotated[float | None, typer.Option(help="The ridge penalty, instead of INDIEAN_L2.", min=1e-6)]
Dropout = Annotated[float | None, typer.Option(help="EDLAE's dropout, instead of INDIEAN_DROPOUT.", min=0, max=0.99)]
MinGames = Annotated[int | None, typer.Option(help="Games a player at least, instead of INDIEAN_MIN_GAMES.", min=2)]

log = logging.getLogger(__name__)

UNHEARD = "the database is away, so this model learns nothing from people until the next `indiean train`"
WORDS = {"all": "all games", "indie": "indie", "indie_played": "indie, played over 2 h"}
TRUST = {Trust.SURE: "a sure bet", Trust.GOOD: "a good guess", Trust.LONG: "a long shot"}


def train_command(
    l2: L2 = None,
    dropout: Dropout = None,
    min_games: MinGames = None,
    skip_evaluation: Annotated[bool, typer.Option(help="Publish without measuring on held-out players.")] = False,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Publish without putting it in service; the next night removes it.")
    ] = False,
    piped: Annotated[bool, typer.Option("--piped", hidden=True)] = False,
    at: Annotated[
        str | None, typer.Option("--at", hidden=True, help="When it is, for a night that is played through.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Fit the model on all that was imported, measure it, and put it in service."""
    if piped:
        begin_piped()
    settings = read_settings(**_given(l2=l2, dropout=dropout, min_games=min_games))
    with _heard(piped=piped, quiet=as_json, yes=yes) as (progress, agree):
        now = datetime.fromisoformat(at) if at else datetime.now(UTC)
        report = _trained(settings, progress, agree, now, measured=not skip_evaluation, promote=not candidate)
    print_json(report.as_dict()) if as_json else _show_training(report, promoted=not candidate)


@contextmanager
def _heard(*, piped: bool, quiet: bool, yes: bool) -> Iterator[tuple[Progress, Agree]]:
    """Who is told of the phases, and who agrees to costs."""
    if piped:
        yield piped_progress, lambda _: yes
    else:
        with phases(quiet=quiet) as heard:
            yield heard, heard.agreeing(yes=yes)


def _trained(
    settings: Settings, progress: Progress, agree: Agree, now: datetime, *, measured: bool, promote: bool
) -> TrainReport:
    registry, training, lake = Registry(settings.models), settings.training(), asyncio.run(_lake(settings))
    with when_free(partial(open_warehouse, settings, read_only=True, agree=agree)) as warehouse:
        asked = nobody if promote else partial(empanel, warehouse, registry, now=now, opinions=training.opinions)
        report = train(
            warehouse,
            registry,
            training,
            now=now,
            progress=progress,
            measured=measured,
            heard=None if lake is None else (lake, warehouse.watermark(lake)),
            promote=promote,
            empanel=asked,
        )
    asyncio.run(_kept(settings, registry, report))
    return report


async def _lake(settings: Settings) -> str | None:
    """Soft: a model that is fitted while the database is away learns nothing until the next one."""
    try:
        async with opened(settings) as database:
            return await Lake(database).name()
    except DatabaseError as away:
        log.warning("%s: %s", UNHEARD, away)
        return None


async def _kept(settings: Settings, registry: Registry, report: TrainReport) -> None:
    try:
        async with opened(settings) as database:
            await keep_fitted(FittedRows(database), report.card, report.fitting, registry.versions())
    except DatabaseError as away:
        log.warning("%s: %s", UNHEARD, away)


def evaluate_command(
    l2: L2 = None, dropout: Dropout = None, min_games: MinGames = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Measure the settings on held-out players, popularity beside them; nothing is published."""
    settings = read_settings(**_given(l2=l2, dropout=dropout, min_games=min_games))
    with (
        phases(quiet=as_json) as heard,
        open_warehouse(settings, read_only=True, agree=heard.agreeing(yes=yes)) as warehouse,
    ):
        watch = Stopwatch(heard)
        watch.phase("gather")
        gathered = gather(warehouse, settings.training())
        evaluation = measure(gathered, settings.training(), watch)
        watch.stop()
    if as_json:
        print_json(evaluation.as_dict() | {"seconds": watch.seconds, "synthetic": gathered.synthetic})
    else:
        show_evaluation(evaluation, synthetic=gathered.synthetic)


def show_evaluation(evaluation: Evaluation, *, synthetic: bool) -> None:
    columns = ["", "nDCG@10", "±", "@100", "P@10", "Recall@20", "games shown", "popularity", "players"]
    rows = []
    for name, words in WORDS.items():
        rows.append(_row(words, getattr(evaluation.model, name)))
        rows.append(_row("  by popularity alone", getattr(evaluation.popularity, name)))
    title = "Held-out players, 80 % of their games folded in, the rest to be found"
    if synthetic:
        title += " (synthetic players: these numbers say nothing about real people)"
    out().print(table(title, columns, rows))
    if evaluation.calibration is not None:
        _show_calibration(evaluation.calibration)


def _show_calibration(found: Calibration) -> None:
    """Whether the words under the picks keep what they promise."""
    rows = [[TRUST[one.word], *_shares(one)] for one in found.reliability]
    title = f"How sure picks are, and how many were right (expected calibration error {found.error:.3f})"
    out().print(table(title, ["", "foretold", "found", "picks"], rows))


def _shares(one: Reliability) -> list[str]:
    return [f"{one.foretold:.3f}", f"{one.found:.3f}", f"{one.picks:,}"]


def _show_training(report: TrainReport, *, promoted: bool) -> None:
    card = report.card
    if report.evaluation is not None:
        show_evaluation(report.evaluation, synthetic=card.synthetic)
    spent = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items())
    out().print(f"{card.players:,} players, {card.items:,} games: {spent}", soft_wrap=True)
    if card.kind is Kind.SPARSE:
        out().print(
            f"{card.items:,} games are more than a dense matrix holds here, so that each is told by its {NEIGHBOURS} "
            "nearest. More memory, a higher INDIEAN_DENSE_LIMIT or INDIEAN_MIN_PLAYERS makes the model exact.",
            soft_wrap=True,
        )
    if promoted:
        out().print(f"Model [bold]{card.version}[/bold] is in service.")
    else:
        out().print(
            f"Model [bold]{card.version}[/bold] is a candidate: `indiean models promote {card.version}` puts it in "
            "service.",
            soft_wrap=True,
        )


def _row(name: str, found: Measures) -> list[str]:
    shares = (found.ndcg_10, found.error, found.ndcg_100, found.precision_10, found.recall_20)
    counts = (f"{found.coverage:,}", f"{found.percentile:.1f}", f"{found.players:,}")
    return [name, *(f"{share:.3f}" for share in shares), *counts]


def _given(**options: object) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}
