"""`indiean models list|promote|rollback`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from bot.cli.output import AsJson, out, print_json, table
from bot.settings import read_settings
from recommender.errors import NoModel
from recommender.registry import Registry
from recommender.version import Card

app = typer.Typer(no_args_is_help=True, help="Published models: which there are, which one answers.")


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Every published version, the newest first; a star marks the one in service."""
    registry = Registry(read_settings().models)
    cards, current = registry.versions(), _current(registry)
    if as_json:
        print_json([asdict(card) | {"current": card.version == current} for card in cards])
        return
    if not cards:
        raise NoModel("no model has been trained yet: run `indiean train`")
    columns = ["version", "players", "games", "l2", "dropout", "nDCG@10", "indie", "played", "data"]
    out().print(table("Models", columns, [_row(card, current) for card in cards]))


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


def _current(registry: Registry) -> str | None:
    try:
        return registry.current()
    except NoModel:
        return None


def _row(card: Card, current: str | None) -> list[str]:
    star = "* " if card.version == current else "  "
    measured = [card.metrics.get(name, {}).get("ndcg_10") for name in ("all", "indie", "indie_played")]
    shares = ["–" if share is None else f"{share:.3f}" for share in measured]
    settings = [f"{card.settings.l2:g}", f"{card.settings.dropout:g}"]
    kind = "synthetic" if card.synthetic else "real"
    return [star + card.version, f"{card.players:,}", f"{card.items:,}", *settings, *shares, kind]
