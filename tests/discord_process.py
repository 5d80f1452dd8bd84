"""The bot as a process of its own between a Discord and a Steam on loopback, and what its people see."""

from __future__ import annotations

from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.discord.payloads import command_payloads
from tests import bot_process, worlds
from tests.bot_process import MOMENT, at_home, dateless
from tests.discord_screen import Part, plain, screen, walk
from tests.loopback_discord import Exchange, LoopbackDiscord
from tests.loopback_discord.commands import overwrite
from tests.loopback_discord.components import BUTTON, TEXT, THUMBNAIL
from tests.loopback_discord.messages import Message

LIT = 3
"""The style of a button that is green."""


@dataclass
class Stage(bot_process.Stage):
    discord: LoopbackDiscord

    @asynccontextmanager
    async def serving(self, within: float = 30.0) -> AsyncIterator[Process]:
        """`indiean serve`, logged in; more than once in a row is a restart."""
        gateway = self.discord.gateway
        before = len(gateway.identified)
        async with self.started() as process:
            await self.until_up(process, lambda: len(gateway.identified) > before and gateway.ready, within)
            yield process

    async def written(self, exchanges: Iterable[Exchange]) -> None:
        """Waits until the log lines of what was asked are in the database, which is a moment after the answer."""
        await self.logged([exchange.interaction["id"] for exchange in exchanges])

    def secrets_told(self) -> list[str]:
        """Tokens, keys and profiles that stand in the log, though none may."""
        return self.told([self.discord.token, *(exchange.token for exchange in self.discord.exchanges)])


@asynccontextmanager
async def staged(home: Path, *, sync: bool = True, **settings: str) -> AsyncIterator[Stage]:
    """With `sync` the commands are registered; the bot itself is still to be started."""
    async with LoopbackDiscord() as discord, at_home(home, **(settings_of(discord) | settings)) as bot:
        if sync:
            overwrite(discord.world, {"application": discord.world.application_id}, command_payloads())
        yield Stage(bot.steam, bot.settings, home, discord)


def settings_of(discord: LoopbackDiscord) -> dict[str, str]:
    return {
        "discord_token": discord.token,
        "discord_api_url": discord.url,
        "discord_gateway_url": discord.gateway_url,
    }


def seen(exchange: Exchange) -> str:
    """What a person sees of an answer on a phone, with every date taken out of it."""
    drawn = [screen(_timeless(one.body.components), ephemeral=one.ephemeral) for one in exchange.messages]
    return dateless("\n".join(drawn))


def _timeless(components: Iterable[Part]) -> list[Part]:
    return [
        {name: MOMENT.sub(r"\1…", value) if name == "content" else _deeper(value) for name, value in part.items()}
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
