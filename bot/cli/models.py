"""`indiean models list|promote|rollback|experiment|compare`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.compare import compare_
from bot.cli.output import AsJson, out, print_json, table
from bot.settings import read_settings
from recommender.errors import NoModel
from recommender.experiment import By, Experiment, new_experiment
from recommender.registry import Registry
from recommender.version import Card

app = typer.Typer(no_args_is_help=True, help="Published models: which there are, which one answers.")
app.command("compare")(compare_)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Every published version, the newest first; a star marks the one in service, A and B those that are compared."""
    registry = Registry(read_settings().models)
    cards, current, running = registry.versions(), _current(registry), registry.experiments.running()
    if as_json:
        print_json([asdict(card) | _standing(card.version, current, running) for card in cards])
        return
    if not cards:
        raise NoModel("no model has been trained yet: run `indiean train`")
    columns = ["version", "players", "games", "l2", "dropout", "nDCG@10", "indie", "played", "data"]
    out().print(table("Models", columns, [_row(card, current, running) for card in cards]))
    if running is not None:
        out().print(_told(running), soft_wrap=True)


@app.command()
def promote(version: str) -> None:
    """Put a version in service."""
    registry = Registry(read_settings().models)
    registry.open(version)  # a damaged one is refused before it could answer anybody
    registry.promote(version)
    out().print(f"Model [bold]{version}[/bold] is in service.")


@app.command()
def rollback() -> None:
    """Put the version that was in service before back in service."""
    version = Registry(read_settings().models).roll_back()
    out().print(f"Model [bold]{version}[/bold] is back in service.")


@app.command()
def experiment(
    a: Annotated[str | None, typer.Argument(help="The version to compare with.")] = None,
    b: Annotated[str | None, typer.Argument(help="The version to try.")] = None,
    by: Annotated[By, typer.Option(help="Each person has one of the two, or each list has picks of both.")] = By.HALVES,
    stop: Annotated[bool, typer.Option("--stop", help="End the one that is running.")] = False,
) -> None:
    """Compare two versions by what people do; every process follows within half a minute."""
    registry = Registry(read_settings().models)
    if stop:
        if a is not None or b is not None:
            raise typer.BadParameter("--stop takes no versions: only one experiment runs at a time")
        ended = registry.experiments.end()
        out().print("The experiment is ended." if ended else "No experiment is running.")
        return
    if a is None or b is None:
        raise typer.BadParameter("say two versions, or --stop: `indiean models list` shows them")
    begun = new_experiment(a, b, by, datetime.now(UTC))
    registry.experiments.require(begun)
    for version in begun.versions:
        registry.open(version)  # a damaged one is refused before it could answer anybody
    registry.experiments.begin(begun)
    out().print(_told(begun), soft_wrap=True)


def _told(running: Experiment) -> str:
    how = "each person has answers of one" if running.by is By.HALVES else "each list has picks of both"
    since = f"{running.since:%Y-%m-%d %H:%M} UTC"
    return f"Comparing [bold]{running.a}[/bold] (A) and [bold]{running.b}[/bold] (B) since {since}: {how}."


def _standing(version: str, current: str | None, running: Experiment | None) -> dict[str, object]:
    return {"current": version == current, "experiment": _side(version, running).lower() or None}


def _side(version: str, running: Experiment | None) -> str:
    sides = {running.a: "A", running.b: "B"} if running is not None else {}
    return sides.get(version, "")


def _current(registry: Registry) -> str | None:
    try:
        return registry.current()
    except NoModel:
        return None


def _row(card: Card, current: str | None, running: Experiment | None) -> list[str]:
    star = "* " if card.version == current else "  "
    side = _side(card.version, running)
    measured = [card.metrics.get(name, {}).get("ndcg_10") for name in ("all", "indie", "indie_played")]
    shares = ["–" if share is None else f"{share:.3f}" for share in measured]
    settings = [f"{card.settings.l2:g}", f"{card.settings.dropout:g}"]
    kind = "synthetic" if card.synthetic else "real"
    name = f"{star}{card.version} {side}".rstrip()
    return [name, f"{card.players:,}", f"{card.items:,}", *settings, *shares, kind]
