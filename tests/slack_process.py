"""The bot as a process of its own between a Slack and a Steam on loopback, and what its people see."""

from __future__ import annotations

import re
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.slack.heard import key_of
from bot.slack.paths import EVENTS
from tests import bot_process, worlds
from tests.bot_process import MOMENT, at_home, dateless
from tests.loopback_slack import Exchange, LoopbackSlack, Message
from tests.slack_screen import Part, plain, screen, walk, window

_SENT_ONCE = re.compile(r"listening to Slack at /slack/events")


@dataclass
class Stage(bot_process.Stage):
    """`web` is where the bot is told by HTTP, None where it has a socket of its own."""

    slack: LoopbackSlack
    web: str | None = None

    @asynccontextmanager
    async def serving(self, within: float = 30.0) -> AsyncIterator[Process]:
        """`indiean serve`, listening; more than once in a row is a restart."""
        before = self._times_listening()
        async with self.started() as process:
            await self.until_up(process, lambda: self._times_listening() > before, within)
            yield process

    def _times_listening(self) -> int:
        return len(_SENT_ONCE.findall(self.log)) if self.web else self.slack.delivery.socket.opened

    async def written(self, exchanges: Iterable[Exchange]) -> None:
        """Waits until the log lines of what was asked are in the database, which is a moment after the answer."""
        await self.logged([key_of(exchange.payload) for exchange in exchanges])

    def secrets_told(self) -> list[str]:
        """Tokens, keys, addresses that answer and profiles that stand in the log, though none may."""
        tokens = [self.slack.bot_token, self.slack.app_token, self.slack.signing_secret]
        return self.told([*tokens, "/respond/", *self.slack.world.hooks, *self.slack.world.triggers])


@asynccontextmanager
async def staged(home: Path, **settings: str) -> AsyncIterator[Stage]:
    """Over a socket of the bot's own; the bot itself is still to be started."""
    async with LoopbackSlack(between_posts=0.0) as slack, at_home(home, **(settings_of(slack) | settings)) as bot:
        yield Stage(bot.steam, bot.settings, home, slack)


@asynccontextmanager
async def staged_on_the_web(home: Path, **settings: str) -> AsyncIterator[Stage]:
    """Over the bot's web server."""
    port = _free_port()
    by_web = {"slack_app_token": "", "slack_signing_secret": LoopbackSlack.signing_secret, "web_port": str(port)}
    async with staged(home, **(by_web | settings)) as stage:
        stage.web = f"http://127.0.0.1:{port}{EVENTS}"
        stage.slack.deliver_to(stage.web)
        yield stage


def settings_of(slack: LoopbackSlack) -> dict[str, str]:
    return {
        "slack_bot_token": slack.bot_token,
        "slack_app_token": slack.app_token,
        "slack_api_url": slack.url,
    }


def seen(exchange: Exchange) -> str:
    """What a person sees of an answer on a desktop, with every date taken out of it."""
    drawn = [screen(_timeless(one.body.blocks), ephemeral=one.ephemeral) for one in exchange.messages]
    drawn += [window(view.body) for view in exchange.views if view.open]
    return dateless("\n".join(drawn))


def _timeless(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: MOMENT.sub(r"\1…", one) if name == "text" and isinstance(one, str) else _timeless(one)
            for name, one in part.items()
        }
    return [_timeless(one) for one in part] if isinstance(part, list | tuple) else part


def titles(message: Message) -> list[str]:
    """The games whose cards are shown, from the first to the last."""
    texts = [plain(str(part["text"])) for part in walk(message.body.blocks) if part.get("type") == "mrkdwn"]
    known = {game.title for game in worlds.GAMES}
    return [line for text in texts for line in text.splitlines() if line in known]


def shown(exchange: Exchange) -> list[str]:
    return [title for message in exchange.messages for title in titles(message)]


def codes(blocks: Iterable[Part]) -> list[str]:
    """Of all that can be pressed or chosen, as it stands there."""
    return [str(part["value"]) for part in walk(list(blocks)) if str(part.get("value", "")).startswith("ia:")]


def pictures(message: Message) -> int:
    return sum(part.get("type") == "image" for part in walk(message.body.blocks))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
