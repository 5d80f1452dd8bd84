"""`indiean models compare`: two versions by what people made of their picks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from bot.app import opened
from bot.cli.output import AsJson, out, print_json, table
from bot.settings import Settings, read_settings
from recommender.errors import ExperimentRefused, NoModel
from recommender.experiment import Experiment
from recommender.online import Compared, Measured, Verdict
from recommender.rates import Rate, sign_test, wilson
from recommender.registry import Registry
from storage.measures import compare, online

DOING = {"likes": "liked", "clicks": "opened"}


def compare_(
    a: Annotated[str | None, typer.Argument(help="The version to compare with.")] = None,
    b: Annotated[str | None, typer.Argument(help="The other one.")] = None,
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=3650)] = 28,
    as_json: AsJson = False,
) -> None:
    """What people opened, liked and hid of two versions: the ones compared now, or the two that answered last."""
    if (a is None) != (b is None):
        raise typer.BadParameter("say two versions or none: `indiean models list` shows them")
    if a is not None and a == b:
        raise ExperimentRefused(f"{a} against itself shows nothing: name two versions, see `indiean models list`")
    settings = read_settings()
    found = asyncio.run(_compared(settings, (a, b) if a and b else None, datetime.now(UTC), days))
    if as_json:
        print_json(found.as_dict())
    else:
        show(found, out())


async def _compared(settings: Settings, named: tuple[str, str] | None, now: datetime, days: int) -> Compared:
    """A version that brought a catalogue only counts as the model whose matrix it shares, unless it is named."""
    registry = Registry(settings.models)
    running, since = registry.experiments.running(), now - timedelta(days=days)
    models = registry.shared()
    async with opened(settings) as database:
        if named is None and running is not None:
            return await compare(database, max(since, running.since), now, *running.versions, running)
        if named is not None:
            same = _same(running, named)
            return await compare(database, since, now, *named, same, _but(models, named))
        latest = [measured.version for measured in (await online(database, now, days, models=models)).versions]
        if len(latest) < 2:  # noqa: PLR2004
            raise NoModel(
                f"fewer than two models have answered in the last {days} days: name two, or say --days with more"
            )
        b, a = latest  # the one before first
        return await compare(database, since, now, a, b, models=models)


def _same(running: Experiment | None, named: tuple[str, str]) -> Experiment | None:
    return running if running is not None and running.versions == named else None


def _but(models: dict[str, str], named: tuple[str, str]) -> dict[str, str]:
    return {version: model for version, model in models.items() if version not in named}


def show(found: Compared, console: Console) -> None:
    """A table by version, one by position, and what can be said in a sentence."""
    both = (found.a, found.b)
    columns = ["version", "answers", "people", "shown", "opened", "liked", "hidden", "place"]
    span = f"{found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
    console.print(table(f"Models as people took them, {span}", columns, [_row(each) for each in both]))
    places = sorted({*found.a.positions, *found.b.positions})
    if places:
        console.print(table("By place", ["place", *_headings()], [_at(place, both) for place in places]))
    if found.wins is not None:
        wins = found.wins
        decided = wins.a + wins.b
        share = _with_interval(wins.share, wilson(wins.b / decided, decided)) if decided else "–"
        p = sign_test(wins.a, wins.b)
        console.print(
            f"Interleaved: {wins.answers:,} lists, {wins.a:,} won by A, {wins.b:,} by B. "
            f"B's share: {share}, sign test p = {_p(p)}.",
            soft_wrap=True,
        )
    console.print(sentence(found), soft_wrap=True)


def sentence(found: Compared) -> str:
    """The verdict as a person would say it."""
    verdict = found.verdict
    if verdict.winner is not None:
        return _won(found, verdict)
    if verdict.more is None:
        what = "liked or opened" if verdict.by == "wins" else DOING[verdict.by]
        return f"No difference can be told yet: nothing that both would show has been {what} so far."
    return f"No difference can be told yet: about {max(verdict.more, 1):,} more answers are needed."


def _won(found: Compared, verdict: Verdict) -> str:
    first = verdict.winner == found.b.version
    name = "B" if first else "A"
    better, worse = (verdict.b, verdict.a) if first else (verdict.a, verdict.b)
    what = "wins more lists" if verdict.by == "wins" else f"is {DOING[verdict.by]} more often"
    return f"{name} ({verdict.winner}) {what}: {_percent(better)} against {_percent(worse)}, p = {_p(verdict.p)}."


def _row(each: Measured) -> list[str]:
    place = "–" if each.mean_position is None else f"{each.mean_position:.2f}"
    rates = [_rate(rate) for rate in (each.clicks, each.likes, each.hides)]
    return [each.version, f"{each.answers:,}", f"{each.people:,}", f"{each.impressions:,}", *rates, place]


def _rate(rate: Rate) -> str:
    return _with_interval(rate.share, rate.interval)


def _with_interval(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None or interval is None:
        return "–"
    return f"{_percent(share)} ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})"


def _headings() -> list[str]:
    return [f"{side} {what}" for side in ("A", "B") for what in ("shown", "opened", "liked")]


def _at(place: int, both: tuple[Measured, Measured]) -> list[str]:
    cells = [str(place)]
    for each in both:
        taken = each.positions.get(place)
        if taken is None:
            cells += ["0", "–", "–"]
        else:
            cells += [f"{taken.impressions:,}", *(_percent(n / taken.impressions) for n in (taken.clicks, taken.likes))]
    return cells


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _p(p: float | None) -> str:
    return "–" if p is None else "under 0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004
