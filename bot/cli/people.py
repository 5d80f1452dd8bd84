"""`indiean recommend`, `indiean chat` and `indiean demo`: where people are answered."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot.app import running
from bot.chat import chat as talk
from bot.chat import tour
from bot.cli.output import AsJson, out, phases, print_json
from bot.commands.command import Desk, Libraries
from bot.dispatch import dispatch
from bot.messages import Outcome, Reply
from bot.settings import Settings, read_settings
from bot.terminal import Terminal
from bot.typed import Spoken
from jobs.batch import recommend_batch
from jobs.training import Progress, train
from recommender.registry import Registry
from recommender.resident import placed
from recommender.served import Served
from recommender.shelf import Wish
from storage.datasets.sample import sample_games, sample_interactions
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.saved_library import SavedLibrary
from storage.warehouse import SAMPLE_SOURCE, games_batch

TOUR = (
    "/recommend games: Hades, Dead Cells, Slay the Spire",
    "/why Balatro",
    "/hide Balatro",
    "/curate Metroidvania max_price: 15 mix: gems",
    "/similar Stardew Valley",
    "/curate roguelik",
    "/recommend 76561197960287930",
)

SAMPLE_MIN_GAMES = 5

Player = Annotated[str | None, typer.Argument(help="A Steam ID in any form, a profile link or a vanity name.")]
K = Annotated[int, typer.Option("--k", help="With --batch: how many picks a player.", min=1, max=1000)]


def recommend(
    player: Player = None,
    library: Annotated[Path | None, typer.Option(help="A saved GetOwnedGames answer instead of a Steam ID.")] = None,
    batch: Annotated[Path | None, typer.Option(help="A file with a player a line, JSON; needs --output.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where the picks of --batch go.")] = None,
    k: K = 10,
    all_games: Annotated[bool, typer.Option(help="With --batch: not only indie games.")] = False,
    tag: Annotated[str | None, typer.Option(help="Only this theme.")] = None,
    max_price: Annotated[float | None, typer.Option(help="At most this many US dollars.")] = None,
    since: Annotated[int | None, typer.Option(help="Released this year or later.")] = None,
    mix: Annotated[str | None, typer.Option(help="gems, balanced or hits.")] = None,
    as_json: AsJson = False,
) -> None:
    """Indie games for one player, or for a whole file of players."""
    if [player, library, batch].count(None) != 2 or (batch is None) != (output is None):  # noqa: PLR2004
        raise typer.BadParameter("say one of: a Steam ID, --library FILE, or --batch FILE with --output FILE")
    given = {"tag": tag, "max_price": max_price, "since": since, "mix": mix}
    filters = {name: value for name, value in given.items() if value is not None}
    if batch is not None and filters:
        raise typer.BadParameter("a batch is answered without tag, price, year and mix: leave them out")
    settings = read_settings()
    if batch is not None and output is not None:
        _batch(settings, batch, output, k, all_games=all_games, as_json=as_json)
        return
    options = {"steam": player or "saved"} | filters
    saved = SavedLibrary.read(library) if library is not None else None
    served = Registry(settings.models).open_current()
    raise typer.Exit(asyncio.run(_answer(settings, served, saved, Spoken("recommend", options), as_json=as_json)))


def chat() -> None:
    """Talk to the bot here; lines from a pipe are answered one by one."""
    settings = read_settings()
    served = Registry(settings.models).open_current()
    lines = None if sys.stdin.isatty() else (line.strip() for line in sys.stdin)
    asyncio.run(_talk(settings, served, lines, settings.home / "chat_history"))


def demo() -> None:
    """Train on the small sample world that ships with IndieAn, take a short tour, then talk."""
    own = read_settings()
    settings = own.model_copy(update={"home": own.home / "demo", "database_url": None})
    served = sample_world(settings)
    out().print(
        f"{len(served.catalog):,} true games; [bold]the players are synthetic[/bold]: "
        "what follows shows how the bot works, not what people like.\n"
    )
    asyncio.run(_talk(settings, served, TOUR))
    if sys.stdin.isatty() and sys.stdout.isatty():
        out().print("Your turn: three games you like with commas between them, or /help. Ctrl-D leaves.\n")
        asyncio.run(_talk(settings, served, None, own.home / "chat_history"))


def sample_world(settings: Settings) -> Served:
    """Made anew each time, so that the demo of a newer version shows the newer world."""
    shutil.rmtree(settings.home, ignore_errors=True)
    settings.home.mkdir(parents=True)
    now = datetime.now(UTC)
    registry = Registry(settings.models)
    training = settings.model_copy(update={"min_games": SAMPLE_MIN_GAMES}).training()
    with DuckDBWarehouse(settings.warehouse_file) as warehouse, phases() as heard:
        heard("sample world", 0, 0)
        warehouse.load_games([games_batch(sample_games())], SAMPLE_SOURCE, now)
        warehouse.load_interactions(sample_interactions(), SAMPLE_SOURCE, now)
        train(warehouse, registry, training, now=now, progress=heard)
    return registry.open_current()


def _batch(settings: Settings, source: Path, target: Path, k: int, *, all_games: bool, as_json: bool) -> None:
    served = Registry(settings.models, partial(placed, device=settings.device)).open_current()
    with phases(quiet=as_json) as heard:
        report = recommend_batch(served, source, target, Wish(indie_only=not all_games), k, partial(_counted, heard))
    if as_json:
        print_json(asdict(report))
    else:
        out().print(f"{report.players:,} players answered, {report.unknown:,} of them with the popular games: {target}")


def _counted(heard: Progress, done: int) -> None:
    heard("players", done, 0)


async def _answer(
    settings: Settings, served: Served, libraries: Libraries | None, spoken: Spoken, *, as_json: bool
) -> int:
    async with running(settings, served, libraries) as desk:
        terminal = _terminal(settings, desk)
        if as_json:
            reply = await terminal.answer(spoken)
            print_json(_plain(reply))
        else:
            reply = await terminal.ask(spoken)
    return 0 if reply.outcome is Outcome.ANSWERED else 1


async def _talk(settings: Settings, served: Served, lines: Iterable[str] | None, history: Path | None = None) -> None:
    async with running(settings, served) as desk:
        terminal = _terminal(settings, desk)
        if lines is None:
            await talk(terminal, desk.engine, history)
        else:
            await tour(lines, terminal)


def _terminal(settings: Settings, desk: Desk) -> Terminal:
    return Terminal(
        lambda request: dispatch(request, desk),
        desk.commands,
        out(),
        settings.language,
        str(settings.steam_store_url),
        folder=settings.home,
    )


def _plain(reply: Reply) -> dict[str, object]:
    picks = [
        {
            "appid": pick.game.app_id,
            "title": pick.game.title,
            "score": pick.score,
            "chance": pick.chance,
            "because": [
                {"appid": b.game.app_id, "title": b.game.title, "share": b.share, "minutes": b.minutes}
                for because in pick.because
                for b in because.each
            ],
        }
        for pick in reply.picks
    ]
    choices = [
        {"label": choice.label, "command": choice.command, "options": dict(choice.options)} for choice in reply.choices
    ]
    return {
        "outcome": str(reply.outcome),
        "text": reply.text,
        "note": reply.note,
        "picks": picks,
        "choices": choices,
        "model": reply.model,
    }
