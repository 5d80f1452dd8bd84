"""A workspace on the Slack on loopback with the bot in it: two members, and a channel for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import aiohttp

from bot.commands import COMMANDS
from bot.commands.command import Command
from bot.commands.recents import Recents
from bot.shop import Shop
from bot.slack.app import SlackBot, web_client
from bot.slack.running import run_by_socket
from tests.fakes import NOON, Place, open_place
from tests.loopback_slack import Channel, LoopbackSlack, Member


class Hands:
    """The moment that a clock set by hand shows."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@dataclass
class World:
    """`bot` is the one that is connected now."""

    place: Place
    slack: LoopbackSlack
    channel: Channel
    ann: Member
    bob: Member
    hands: Hands
    shop: Shop
    session: aiohttp.ClientSession
    bot: SlackBot
    stop: asyncio.Event
    running: asyncio.Task[None] | None = None

    def made(self, *, signing_secret: str = "") -> SlackBot:
        """A bot that remembers nothing but what is in the database."""
        desk = replace(self.place.desk, recents=Recents())
        client = web_client(self.slack.bot_token, self.slack.url, self.session)
        return SlackBot(desk, client, self.shop, self.hands, signing_secret)

    async def start(self) -> None:
        self.stop = asyncio.Event()
        self.running = asyncio.create_task(run_by_socket(self.bot, self.slack.app_token, self.stop, ping=0.2))
        connected = asyncio.create_task(self.slack.connected())
        await asyncio.wait({self.running, connected}, return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if self.running.done():
            await self.running

    async def leave(self) -> None:
        if self.running is not None:
            self.stop.set()
            await self.running
            self.running = None

    async def restart(self) -> None:
        """What is not in the database is gone."""
        await self.leave()
        await self.place.flush()
        self.bot = self.made()
        await self.start()


@asynccontextmanager
async def on_slack(
    folder: Path,
    commands: tuple[Command, ...] = COMMANDS,
    shop: Shop = Shop(),  # noqa: B008 - frozen
    slack: LoopbackSlack | None = None,
    *,
    connected: bool = True,
) -> AsyncIterator[World]:
    """Nothing was refused in it in the end."""
    async with (
        open_place(folder, commands=commands) as place,
        slack or LoopbackSlack(between_posts=0.0) as loopback,
        aiohttp.ClientSession() as session,
    ):
        hands = Hands()
        bot = SlackBot(place.desk, web_client(loopback.bot_token, loopback.url, session), shop, hands)
        channel, ann, bob = loopback.channel(), loopback.member("ann"), loopback.member("bob")
        world = World(place, loopback, channel, ann, bob, hands, shop, session, bot, asyncio.Event())
        if connected:
            await world.start()
        try:
            yield world
        finally:
            await world.leave()
            await place.flush()
        assert loopback.refused == []
        assert loopback.warnings == []
