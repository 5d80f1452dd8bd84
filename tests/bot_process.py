"""The bot as its users run it: a process of its own beside a Steam on loopback, on the small world."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.messages import Language
from bot.settings import PREFIX, Settings
from bot.wording import Wording
from recommender.registry import Registry
from tests import worlds
from tests.loopback_steam import LoopbackSteam
from tests.processes import running

FIGHTER, FARMER, COLLECTOR, HIDING, PATIENT = (str(76561197960265728 + number) for number in range(101, 106))
"""Steam players: of roguelikes and horror, of farming, of roguelikes alone, one who hides the games, and one more."""
COVERED = tuple(worlds.game(title) for title in ("Ember Depths", "Dicebound", "Drowned Chapel"))
"""Games that have a cover in the store."""
GONE = ("refused.answer_gone", "refused.game_gone", "platform.old_button", "slowed", "failed")
"""Sentences that are an answer, and yet none."""

MOMENT = re.compile(r"(The next one comes on |다음 소식: ).*")
_PERSONAL = re.compile(r"7656119\d{10}|steamcommunity\.com/(?:id|profiles)/\w")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass
class Stage:
    """`settings` are the bot's environment, `home` its folder; `log` is what all its processes have written so far."""

    steam: LoopbackSteam
    settings: dict[str, str]
    home: Path

    @property
    def log(self) -> str:
        return self.file.read_text("utf-8") if self.file.exists() else ""

    @property
    def file(self) -> Path:
        return self.home / "bot.log"

    @asynccontextmanager
    async def started(self) -> AsyncIterator[Process]:
        """`indiean serve`, which may not be anywhere yet; more than once in a row is a restart."""
        async with running("bot", "serve", env=self.settings, log=self.file, folder=self.home) as process:
            yield process

    async def until_up(self, process: Process, up: Callable[[], object], within: float) -> None:
        """Waits until the bot is where people are. Raises AssertionError where it ends before."""
        await until(lambda: process.returncode is not None or up(), within)
        assert process.returncode is None, f"the bot did not come up:\n{self.log}"

    async def indiean(self, *arguments: str, **changed: str) -> tuple[int, str]:
        """Runs a command of the operator's, some settings changed: its exit status and all that it printed."""
        said = self.home / "command.log"
        said.unlink(missing_ok=True)
        settings = self.settings | _environment(changed, changed)
        async with running("bot", *arguments, env=settings, log=said, folder=self.home) as process:
            status = await asyncio.wait_for(process.wait(), 30)
        return status, " ".join(said.read_text("utf-8").split())

    async def logged(self, ids: list[str]) -> None:
        """Waits until requests are in the database, which is a moment after they are answered."""
        await until(lambda: self.rows(ids) == len(ids))

    def rows(self, ids: list[str]) -> int:
        known = ",".join("?" * len(ids))
        with closing(sqlite3.connect(f"file:{self.home / 'indiean.sqlite'}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute(f"select count(*) from requests where id in ({known})", ids).fetchone()  # noqa: S608
        return int(count)

    def told(self, secrets: Iterable[str]) -> list[str]:
        """Which of these, and of the profiles of people, stand in the log, though none may."""
        log = self.log
        return [one for one in (self.steam.key, *secrets) if one in log] + _PERSONAL.findall(log)


async def until(seen: Callable[[], object], within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not seen():
        assert time.monotonic() < deadline, f"it did not happen within {within:g} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def at_home(home: Path, **settings: str) -> AsyncIterator[Stage]:
    """Published and configured; the bot itself is still to be started."""
    Registry(home / "models").publish(
        worlds.model(),
        worlds.GAMES,
        created=datetime(2026, 5, 1, tzinfo=UTC),
        metrics={},
        fingerprint="the small world",
        synthetic=False,
        players=sum(worlds.PLAYERS.values()),
    )
    await asyncio.to_thread(os.sync)  # what was installed a moment ago must not hold the bot's database up
    async with LoopbackSteam() as steam:
        _populate(steam)
        steam.prompt.add("GetItems")  # a slow Steam is to be slow about players alone
        wanted = {
            "home": str(home),
            "steam_api_url": steam.url,
            "steam_api_key": steam.key,
            "web_port": "0",
            "jobs": "false",  # what is due at this hour would happen in the middle of a test
            "member_per_minute": "1000",
            "server_per_minute": "1000",
        } | settings
        yield Stage(steam, _environment(wanted, Settings.model_fields), home)


def gone(text: str) -> list[str]:
    """Which of those sentences it says, by their words up to the first variable part."""
    said = [(key, Wording(language).say(key, reference="§", seconds=0)) for key in GONE for language in Language]
    return [key for key, sentence in said if re.split("[§0]", sentence)[0] in text]


def dateless(drawn: str) -> str:
    return _DATE.sub("YYYY-MM-DD", drawn)


def _environment(wanted: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """What is not wanted is empty, whatever the operator who runs the tests has set."""
    return {PREFIX + name.upper(): wanted.get(name, "") for name in names}


def _populate(steam: LoopbackSteam) -> None:
    """Libraries whose picks and reasons never tie, so that they come in the same order on every processor."""
    mixed = {"Ash & Arrow": 3720, "Night Shift 3": 1080, "Cavern: Deeper": 300}
    fighting = {worlds.game(title).app_id: minutes for title, minutes in mixed.items()}
    steam.add_player(FIGHTER, fighting, vanity="fighter")
    steam.add_player(PATIENT, fighting)
    steam.add_player(FARMER, worlds.library(*worlds.THEMES["Farming Sim"][:7]).minutes)
    steam.add_player(COLLECTOR, worlds.library(*worlds.THEMES["Roguelike"][:7]).minutes)
    steam.add_player(HIDING, games_private=True)
    for game in COVERED:
        steam.add_cover(game.app_id)
