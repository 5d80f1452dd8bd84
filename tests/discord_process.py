"""The bot as its users run it: a process of its own between a Discord and a Steam on loopback, on the small world."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.discord.payloads import command_payloads
from bot.settings import PREFIX, Settings
from recommender.registry import Registry
from tests import worlds
from tests.discord_screen import Part, plain, screen, walk
from tests.loopback_discord import Exchange, LoopbackDiscord
from tests.loopback_discord.commands import overwrite
from tests.loopback_discord.components import BUTTON, TEXT, THUMBNAIL
from tests.loopback_discord.messages import Message
from tests.loopback_discord.processes import running
from tests.loopback_steam import LoopbackSteam

FIGHTER, FARMER, COLLECTOR, HIDING, PATIENT = (str(76561197960265728 + number) for number in range(101, 106))
"""Steam players: of roguelikes and horror, of farming, of roguelikes alone, one who hides the games, and one more."""

LIT = 3
"""The style of a button that is green."""
COVERED = tuple(worlds.game(title) for title in ("Ember Depths", "Dicebound", "Drowned Chapel"))
"""Games that have a cover in the store."""

_MOMENT = re.compile(r"(The next one comes on |다음 소식: ).*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PERSONAL = re.compile(r"7656119\d{10}|steamcommunity\.com/(?:id|profiles)/\w")


@dataclass
class Stage:
    """`settings` are the bot's environment, `home` its folder; `log` is what all its processes have written so far."""

    discord: LoopbackDiscord
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
    async def serving(self, within: float = 30.0) -> AsyncIterator[Process]:
        """`indiean serve`, logged in; more than once in a row is a restart."""
        before = len(self.discord.gateway.identified)
        async with running("bot", "serve", env=self.settings, log=self.file, folder=self.home) as process:
            await self.discord.until(
                lambda: (
                    process.returncode is not None
                    or (len(self.discord.gateway.identified) > before and self.discord.gateway.ready)
                ),
                within,
            )
            assert process.returncode is None, f"the bot did not log in:\n{self.log}"
            yield process

    async def indiean(self, *arguments: str, **changed: str) -> tuple[int, str]:
        """Runs a command of the operator's, some settings changed: its exit status and all that it printed."""
        said = self.home / "command.log"
        said.unlink(missing_ok=True)
        settings = self.settings | _environment(changed, changed)
        async with running("bot", *arguments, env=settings, log=said, folder=self.home) as process:
            status = await asyncio.wait_for(process.wait(), 30)
        return status, " ".join(said.read_text("utf-8").split())

    async def written(self, exchanges: Iterable[Exchange]) -> None:
        """Waits until the log lines of what was asked are in the database, which is a moment after the answer."""
        ids = [exchange.interaction["id"] for exchange in exchanges]
        await self.discord.until(lambda: self._rows(ids) == len(ids))

    def _rows(self, ids: list[str]) -> int:
        known = ",".join("?" * len(ids))
        with closing(sqlite3.connect(f"file:{self.home / 'indiean.sqlite'}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute(f"select count(*) from requests where id in ({known})", ids).fetchone()  # noqa: S608
        return int(count)

    def secrets_told(self) -> list[str]:
        """Tokens, keys and profiles that stand in the log, though none may."""
        secret = [self.discord.token, self.steam.key, *(exchange.token for exchange in self.discord.exchanges)]
        return [one for one in secret if one in self.log] + _PERSONAL.findall(self.log)


@asynccontextmanager
async def staged(home: Path, *, sync: bool = True, **settings: str) -> AsyncIterator[Stage]:
    """Published, configured, and with `sync` the commands registered; the bot itself is still to be started."""
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
    async with LoopbackSteam() as steam, LoopbackDiscord() as discord:
        _populate(steam)
        steam.prompt.add("GetItems")  # a slow Steam is to be slow about players alone
        if sync:
            overwrite(discord.world, {"application": discord.world.application_id}, command_payloads())
        wanted = {
            "home": str(home),
            "discord_token": discord.token,
            "discord_api_url": discord.url,
            "discord_gateway_url": discord.gateway_url,
            "steam_api_url": steam.url,
            "steam_api_key": steam.key,
            "web_port": "0",
            "member_per_minute": "1000",
            "server_per_minute": "1000",
        } | settings
        yield Stage(discord, steam, _environment(wanted, Settings.model_fields), home)


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


def seen(exchange: Exchange) -> str:
    """What a person sees of an answer on a phone, with every date taken out of it."""
    drawn = [screen(_timeless(one.body.components), ephemeral=one.ephemeral) for one in exchange.messages]
    return _DATE.sub("YYYY-MM-DD", "\n".join(drawn))


def _timeless(components: Iterable[Part]) -> list[Part]:
    return [
        {name: _MOMENT.sub(r"\1…", value) if name == "content" else _deeper(value) for name, value in part.items()}
        for part in components
    ]


def _deeper(value: Any) -> Any:
    return _timeless(value) if isinstance(value, list) and value and "type" in value[0] else value


def titles(message: Message) -> list[str]:
    """The games whose cards are shown, from the first to the last."""
    lines = [plain(part["content"]) for part in walk(message.body.components) if part["type"] == TEXT]
    known = {game.title for game in worlds.GAMES}
    return [line for text in lines for line in text.splitlines() if line in known]


def lit(message: Message) -> list[str]:
    return [part["label"] for part in walk(message.body.components) if part["type"] == BUTTON and part["style"] == LIT]


def pictures(message: Message) -> int:
    return sum(part["type"] == THUMBNAIL for part in walk(message.body.components))
