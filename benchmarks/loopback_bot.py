"""The bot as a process of its own beside a Steam on loopback: the model in service, players from the warehouse."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from bot.settings import Settings
from bot.warehouse import open_warehouse
from recommender.catalog import Catalog
from recommender.registry import Registry
from tests.bot_process import until
from tests.loopback_steam import LoopbackSteam
from tests.processes import running

FIRST = 76561197960265728
UNLIMITED = "1000000"
THEMES, FAMOUS = 40, 1000
COMING_UP = 60.0
LOWEST = 19
"""The nice value of work that is to leave the processor to everybody else."""

_TICKS = re.compile(r"the event loop was at worst (\d+) ms late, p99 (\d+) ms")


@dataclass(frozen=True)
class Saying:
    """One command with its options, as somebody types it."""

    command: str
    options: dict[str, object]


@dataclass
class Home:
    """`sayings` goes on for ever: personal and public commands in turn, each about another player, theme or game.

    So does `titles`. `settings` are the bot's environment, `log` is where its processes write.
    """

    sayings: Iterator[Saying]
    titles: Iterator[str]
    settings: dict[str, str]
    log: Path
    operators: Settings

    @asynccontextmanager
    async def started(self, up: Callable[[], object]) -> AsyncIterator[Process]:
        """The bot, once it is `up`; more than once in a row is a restart."""
        async with running("bot", "serve", env=self.settings, log=self.log) as process:
            await self._up(process, up)
            yield process

    async def _up(self, process: Process, up: Callable[[], object]) -> None:
        """Raises SystemExit where the bot ends before it is there."""
        with suppress(AssertionError):
            await until(lambda: process.returncode is not None or up(), COMING_UP)
        if process.returncode is not None or not up():
            raise SystemExit(f"the bot did not come up:\n{self.log.read_text()[-2000:]}")

    async def ran(self, *arguments: str) -> None:
        """A command of the operator's. Raises SystemExit where it fails."""
        async with running("bot", *arguments, env=self.settings, log=self.log) as process:
            if await asyncio.wait_for(process.wait(), COMING_UP):
                raise SystemExit(f"{' '.join(arguments)} failed:\n{self.log.read_text()[-2000:]}")

    @asynccontextmanager
    async def training(self) -> AsyncIterator[Process]:
        """`indiean train` on all the data, in a home of its own and at the lowest priority; it ends with the block."""
        with tempfile.TemporaryDirectory() as folder:
            await asyncio.to_thread(shutil.copy, self.operators.warehouse_file, folder)
            settings, log = {"INDIEAN_HOME": folder}, Path(folder) / "train.log"
            async with running("bot", "train", env=settings, log=log, nice=LOWEST) as process:
                yield process
                if process.returncode:
                    raise SystemExit(f"the training failed:\n{log.read_text()[-2000:]}")

    def ticks(self) -> tuple[int, int]:
        """Milliseconds that the event loop of the process that ended last was late: at worst, and p99."""
        worst, p99 = _TICKS.findall(self.log.read_text("utf-8"))[-1]
        return int(worst), int(p99)


@asynccontextmanager
async def at_home(settings: Settings, count: int, chat: dict[str, str]) -> AsyncIterator[Home]:
    """Players and commands; the bot itself is still to be started. What it writes down is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        async with LoopbackSteam() as steam:
            libraries = list(_libraries(settings, count))
            for number, games in enumerate(libraries, 1):
                steam.add_player(str(FIRST + number), games)
            (Path(folder) / "models").symlink_to(settings.models.resolve())
            catalog = Registry(settings.models).open_current().catalog
            sayings, titles = _sayings(catalog, libraries), _titles(catalog)
            bot = _environment(steam, Path(folder)) | {f"INDIEAN_{name.upper()}": said for name, said in chat.items()}
            yield Home(sayings, titles, bot, Path(folder) / "bot.log", settings)


def _environment(steam: LoopbackSteam, folder: Path) -> dict[str, str]:
    return {
        "INDIEAN_HOME": str(folder),
        "INDIEAN_STEAM_API_URL": steam.url,
        "INDIEAN_STEAM_API_KEY": steam.key,
        "INDIEAN_WEB_PORT": "0",
        "INDIEAN_MEMBER_PER_MINUTE": UNLIMITED,
        "INDIEAN_SERVER_PER_MINUTE": UNLIMITED,
    }


def _libraries(settings: Settings, count: int) -> Iterator[dict[int, int]]:
    """Real players, drawn at random: minutes by app id."""
    with open_warehouse(settings, read_only=True) as warehouse:
        columns = warehouse.training_interactions(settings.min_games, settings.min_players)
    order = np.argsort(columns.players, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(columns.players))))
    chosen = np.random.default_rng(0).choice(len(bounds) - 1, min(count, len(bounds) - 1), replace=False)
    for player in chosen:
        rows = order[bounds[player] : bounds[player + 1]]
        yield dict(zip(columns.app_ids[rows].tolist(), columns.minutes[rows].tolist(), strict=True))


def _titles(catalog: Catalog) -> Iterator[str]:
    return cycle([game.title for game in islice(catalog, FAMOUS) if not game.adult])


def _sayings(catalog: Catalog, libraries: list[dict[int, int]]) -> Iterator[Saying]:
    themes, titles = cycle(catalog.tags[:THEMES]), _titles(catalog)
    players = cycle(range(1, len(libraries) + 1))
    while True:
        for player in (next(players), next(players)):
            yield Saying("recommend", {"steam": str(FIRST + player)})
        yield Saying("curate", {"tag": next(themes)})
        yield Saying("similar", {"game": next(titles)})


@contextmanager
def without_settings() -> Iterator[None]:
    """What the operator has set for the real bot must not reach this one."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("INDIEAN_")}
    try:
        yield
    finally:
        os.environ.update(kept)


def resident(pid: int) -> float:
    """Megabytes of a process that are in memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
