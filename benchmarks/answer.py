"""One `/recommend` from request to reply, besides Steam's own time, with the model in service.

    INDIEAN_HOME=... python -m benchmarks.answer [--players 200]

Players are drawn from the warehouse and served by a loopback Steam; Steam's time is what the same two calls take
without the bot. Prints milliseconds: the whole answer, Steam's share, and what is left.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import AnyHttpUrl, SecretStr

from bot.app import running
from bot.commands.command import Desk
from bot.dispatch import dispatch
from bot.messages import Language, Outcome, Person, Request
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from recommender.registry import Registry
from storage.steam.web_api import Steam
from tests.loopback_steam import LoopbackSteam

FIRST = 76561197960265728


@dataclass(frozen=True)
class Timed:
    whole: float
    steam: float

    @property
    def rest(self) -> float:
        return self.whole - self.steam


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=200)
    count = parser.parse_args().players
    settings = read_settings()
    asking = libraries(settings, count)
    owned = sorted(map(len, asking))
    timed = asyncio.run(_measure(settings, asking))
    print(f"{len(timed)} players with {owned[0]} to {owned[-1]} games, {owned[len(owned) // 2]} in the median")
    print("| milliseconds | p50 | p99 | slowest |\n|---|---|---|---|")
    for name in ("whole", "steam", "rest"):
        found = sorted(1000 * float(getattr(one, name)) for one in timed)
        print(f"| {name} | {statistics.median(found):.1f} | {found[int(0.99 * len(found))]:.1f} | {found[-1]:.1f} |")


def libraries(settings: Settings, count: int) -> list[dict[int, int]]:
    with open_warehouse(settings, read_only=True) as warehouse:
        columns = warehouse.training_interactions(settings.min_games, settings.min_players)
    order = np.argsort(columns.players, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(columns.players))))
    chosen = np.random.default_rng(0).choice(len(bounds) - 1, min(count, len(bounds) - 1), replace=False)
    rows = [order[bounds[player] : bounds[player + 1]] for player in chosen]
    return [dict(zip(columns.app_ids[r].tolist(), columns.minutes[r].tolist(), strict=True)) for r in rows]


async def _measure(settings: Settings, libraries: list[dict[int, int]]) -> list[Timed]:
    served = Registry(settings.models).open_current()
    with tempfile.TemporaryDirectory() as folder:
        async with LoopbackSteam() as steam:
            known_to(steam, libraries)
            here = settings.model_copy(
                update={
                    "home": Path(folder),
                    "database_url": None,
                    "steam_api_url": AnyHttpUrl(steam.url),
                    "steam_api_key": SecretStr(steam.key),
                }
            )
            async with running(here, served) as desk, Steam(steam.url, steam.key) as alone:
                await _one(desk, alone, FIRST + 1)  # the first answer lays out the catalogue
                return [await _one(desk, alone, FIRST + number) for number in range(2, len(libraries) + 1)]


def known_to(steam: LoopbackSteam, libraries: Sequence[dict[int, int]]) -> None:
    """Their players are those after `FIRST`."""
    for number, games in enumerate(libraries, 1):
        steam.add_player(str(FIRST + number), games)


async def _one(desk: Desk, alone: Steam, player: int) -> Timed:
    whole = await answered(desk, player, str(player))
    began = time.perf_counter()
    await alone.owned_games(await alone.resolve(str(player)))
    return Timed(whole, time.perf_counter() - began)


async def answered(desk: Desk, player: int, request_id: str) -> float:
    """Seconds from a player's `/recommend` to its reply; ends the benchmark where that is no answer."""
    request = Request(
        id=request_id,
        person=Person("benchmark", "nobody"),
        command="recommend",
        options={"steam": str(player)},
        language=Language.EN,
        at=datetime.now(UTC),
    )
    began = time.perf_counter()
    reply = await dispatch(request, desk)
    seconds = time.perf_counter() - began
    if reply.outcome is not Outcome.ANSWERED:
        raise SystemExit(f"player {player} was not answered: {reply.text}")
    return seconds


if __name__ == "__main__":
    main()
