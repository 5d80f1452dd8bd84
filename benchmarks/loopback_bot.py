"""The bot as a process of its own between a Discord and a Steam on loopback, with players from the warehouse."""

from __future__ import annotations

import asyncio
import os
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from bot.settings import Settings
from bot.warehouse import open_warehouse
from recommender.catalog import Catalog
from recommender.registry import Registry
from tests.loopback_discord import Channel, Exchange, LoopbackDiscord, Member
from tests.loopback_discord.processes import running
from tests.loopback_steam import LoopbackSteam

FIRST = 76561197960265728
UNLIMITED = "1000000"
THEMES, FAMOUS = 40, 1000


@dataclass(frozen=True)
class Saying:
    """One command with its options, as somebody types it."""

    command: str
    options: dict[str, object]


@dataclass
class Stage:
    """`sayings` goes on for ever: personal and public commands in turn, each about another player, theme or game.

    So does `titles`.
    """

    discord: LoopbackDiscord
    members: list[Member]
    channels: list[Channel]
    sayings: Iterator[Saying]
    titles: Iterator[str]
    bot: dict[str, str]
    log: Path
    turn: int = 0

    def begin(self) -> Exchange:
        """The next member gives the next command."""
        self.turn += 1
        member = self.members[self.turn % len(self.members)]
        saying = next(self.sayings)
        return member.begin(self.channels[self.turn % len(self.channels)], saying.command, **saying.options)

    async def type(self) -> Exchange:
        """The next member types one letter more of a title."""
        self.turn += 1
        member, title = self.members[self.turn % len(self.members)], next(self.titles)
        channel = self.channels[self.turn % len(self.channels)]
        return await member.autocomplete(channel, "similar", "game", title[: 1 + self.turn % len(title)])

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        """The bot, logged in; more than once in a row is a restart."""
        before = len(self.discord.gateway.identified)
        async with running("bot", "serve", env=self.bot, log=self.log) as process:
            await self._up(process, before)
            yield process

    async def _up(self, process: Process, before: int) -> None:
        """Raises SystemExit where the bot ends before it is there."""
        ended = asyncio.create_task(process.wait())
        there = asyncio.create_task(self.discord.until(lambda: self._identified(before), 60))
        await asyncio.wait({ended, there}, return_when=asyncio.FIRST_COMPLETED)
        up = there.done() and there.exception() is None
        for task in (ended, there):
            task.cancel()
        if not up:
            raise SystemExit(f"the bot did not log in:\n{self.log.read_text()[-2000:]}")

    def _identified(self, before: int) -> bool:
        return len(self.discord.gateway.identified) > before and self.discord.gateway.ready


@asynccontextmanager
async def staged(settings: Settings, count: int) -> AsyncIterator[Stage]:
    """Servers, players and commands; the bot itself is still to be started. What it writes down is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        async with LoopbackSteam() as steam, LoopbackDiscord(patience=30.0) as discord:
            libraries = list(_libraries(settings, count))
            for number, games in enumerate(libraries, 1):
                steam.add_player(str(FIRST + number), games)
            members = [discord.member(f"m{number}", ("en-US", "ko")[number % 2]) for number in range(count)]
            channels = [discord.channel(), discord.channel(), discord.channel("dm")]
            (Path(folder) / "models").symlink_to(settings.models.resolve())
            bot = _environment(discord, steam, Path(folder))
            log = Path(folder) / "bot.log"
            async with running("bot", "discord", "sync", env=bot, log=log) as sync:
                if await asyncio.wait_for(sync.wait(), 60):
                    raise SystemExit(f"the commands were not registered:\n{log.read_text()[-2000:]}")
            catalog = Registry(settings.models).open_current().catalog
            yield Stage(discord, members, channels, _sayings(catalog, libraries), _titles(catalog), bot, log)


def _environment(discord: LoopbackDiscord, steam: LoopbackSteam, folder: Path) -> dict[str, str]:
    return {
        "INDIEAN_HOME": str(folder),
        "INDIEAN_DISCORD_TOKEN": discord.token,
        "INDIEAN_DISCORD_API_URL": discord.url,
        "INDIEAN_DISCORD_GATEWAY_URL": discord.gateway_url,
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
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(columns.players)) + 1, [len(columns)]))
    chosen = np.random.default_rng(0).choice(len(bounds) - 1, min(count, len(bounds) - 1), replace=False)
    for player in chosen:
        rows = slice(bounds[player], bounds[player + 1])
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
