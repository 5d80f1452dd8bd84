"""A whole night while people ask: how long `/recommend` takes meanwhile, beside the same minute without a night.

    INDIEAN_HOME=... python -m benchmarks.night [--every 0.05] [--idle 60]

The warehouse and the models of the home folder are copied. One process answers and runs the nightly job as `indiean
serve` does, with the fit as its child; players of the warehouse ask in turn, served by a loopback Steam. The library of
somebody new goes before, so that there is something to fit. Prints milliseconds, and the seconds of each phase.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from rich.console import Console

from benchmarks.answer import FIRST, answered, known_to, libraries
from bot.app import connected, running
from bot.commands.command import Desk
from bot.hosting.garbage import settled
from bot.hosting.posters import terminal
from bot.hosting.scheduling import timetabled
from bot.hosting.ticks import Ticks, ticking
from bot.hosting.turns import short_turns
from bot.settings import read_settings
from bot.slack.pace import Pace
from recommender.library import Library
from recommender.registry import Registry
from storage.lake.events import library_read
from storage.runs import Run
from tests.loopback_steam import LoopbackSteam

PLAYERS = 200
WRITTEN = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=float, default=0.05, help="seconds between two requests")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds without a night, for comparison")
    arguments = parser.parse_args()
    settings = read_settings()
    owned = libraries(settings, PLAYERS)
    with tempfile.TemporaryDirectory(dir=settings.home.parent) as folder, settled(), short_turns():
        shutil.copytree(settings.models, Path(folder) / "models", copy_function=os.link)
        shutil.copy(settings.warehouse_file, folder)
        asyncio.run(_measure(Path(folder), owned, arguments.every, arguments.idle))


async def _measure(home: Path, owned: Sequence[dict[int, int]], every: float, idle: float) -> None:
    async with LoopbackSteam() as steam:
        known_to(steam, owned)
        os.environ |= {
            "INDIEAN_HOME": str(home),
            "INDIEAN_STEAM_API_URL": steam.url,
            "INDIEAN_STEAM_API_KEY": steam.key,
        }
        settings = read_settings()
        served = Registry(settings.models).open_current()
        served.prepare()
        async with connected(settings) as database, running(settings, served, database=database) as desk:
            keeper = timetabled(settings, database, terminal(settings, Console()), Pace(), engine=desk.engine)
            async with keeper as scheduler:
                desk.lake.put(library_read("benchmark", "somebody", Library(owned[0]), datetime.now(UTC)))
                await desk.lake.flush(WRITTEN)
                await _asked(desk, every, asyncio.create_task(asyncio.sleep(5)))  # the first answers lay things out
                alone = await _timed(desk, every, asyncio.create_task(asyncio.sleep(idle)))
                night = asyncio.create_task(scheduler.run_now("nightly"))
                beside = await _timed(desk, every, night)
                _show(alone, beside, await night)


async def _timed(desk: Desk, every: float, until: asyncio.Task[object]) -> tuple[list[float], Ticks]:
    ticks = Ticks()
    async with ticking(ticks):
        return await _asked(desk, every, until), ticks


async def _asked(desk: Desk, every: float, until: asyncio.Task[object]) -> list[float]:
    """Seconds of each request, one begun every so many seconds whether the one before is answered or not."""
    asking: list[asyncio.Task[float]] = []
    players = cycle(range(1, PLAYERS + 1))
    while not until.done():
        player = FIRST + next(players)
        asking.append(asyncio.create_task(answered(desk, player, f"{player}-{time.monotonic_ns()}")))
        await asyncio.sleep(every)
    return list(await asyncio.gather(*asking))


def _show(alone: tuple[list[float], Ticks], beside: tuple[list[float], Ticks], night: Run) -> None:
    print("| `/recommend`, ms | asked | p50 | p99 | slowest | the loop at worst late |\n|---|---|---|---|---|---|")
    for name, (seconds, ticks) in (("idle", alone), ("while a night is under way", beside)):
        found = sorted(1000 * each for each in seconds)
        late = 1000 * ticks.ever().worst
        p99 = found[int(0.99 * len(found))]
        print(
            f"| {name} | {len(found):,} | {statistics.median(found):.1f} | {p99:.1f} | {found[-1]:.1f} | {late:.0f} |"
        )
    print(f"\nThe night: {night.outcome} after {night.seconds:.0f} s.")
    report = night.report or {}
    print(f"Verdict: {report.get('verdict')}")
    print(f"Seconds a phase: {report.get('seconds')}")


if __name__ == "__main__":
    main()
