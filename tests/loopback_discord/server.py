"""A Discord on 127.0.0.1, as the bot meets it and as people use it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self

from aiohttp import web

from tests.loopback_discord.exchange import Exchange
from tests.loopback_discord.faults import VIA, Fault, Faults, rate_limited
from tests.loopback_discord.gateway import Gateway
from tests.loopback_discord.messages import Message
from tests.loopback_discord.people import Member
from tests.loopback_discord.refusals import Payload
from tests.loopback_discord.rest import PREFIX, Rest
from tests.loopback_discord.world import Channel, Guild, Refused, Where, World, snowflake

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAwMA.GloopB.loopback-token-of-no-real-bot"  # noqa: S105 - opens nothing but this


class LoopbackDiscord:
    """`async with LoopbackDiscord() as discord`; `url`, `gateway_url` and `token` are what to configure.

    `first_response` and `token_life` are Discord's 3 seconds and 15 minutes, `patience` is how long people wait for an
    answer that was begun, `heartbeat` the seconds between beats. `refused` is all that the bot did wrong: a test of
    the bot ends with it empty.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        first_response: float = 3.0,
        token_life: float = 900.0,
        patience: float = 15.0,
        heartbeat: float = 41.25,
    ) -> None:
        self.world = World(token, first_response, token_life, patience)
        self.gateway = Gateway(self.world, heartbeat)
        self.world.dispatch = self.gateway.dispatch
        self.faults = Faults()
        self.rest = Rest(self.world, self.faults)
        self.home = self.guild("Home of Indies")
        self._port = 0

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/"

    @property
    def refused(self) -> list[Refused]:
        return self.world.refused

    @property
    def commands(self) -> dict[str, Payload]:
        """The slash commands that are registered, by name."""
        return {name: command for (kind, name), command in self.world.commands.items() if kind == 1}

    @property
    def exchanges(self) -> list[Exchange]:
        return list(self.world.exchanges.values())

    def guild(self, name: str, locale: str = "en-US", *, installed: bool = True) -> Guild:
        """One that is not `installed` has never invited the bot: only people's own installs reach it there."""
        guild = Guild(snowflake(), name, locale, installed)
        self.world.guilds.append(guild)
        if installed:
            self.gateway.dispatch("GUILD_CREATE", self.world.guild_payload(guild))
        return guild

    def channel(
        self, where: Where = "guild", *, name: str = "indies", nsfw: bool = False, guild: Guild | None = None
    ) -> Channel:
        """A text channel of a server (of `home`, unless another is given), the bot's own DM, or other people's."""
        home = (guild or self.home) if where == "guild" else None
        channel = Channel(snowflake(), where, name, nsfw, home)
        self.world.channels[channel.id] = channel
        if home is not None:
            home.channels.append(channel)
            if home.installed:
                self.gateway.dispatch("CHANNEL_CREATE", channel.payload())
        return channel

    def changed(
        self, channel: Channel, *, nsfw: bool | None = None, writable: bool = True, readable: bool = True
    ) -> Channel:
        """The same channel after somebody has changed its settings, such as `nsfw`, or what the bot may do there."""
        changed = replace(channel, nsfw=channel.nsfw if nsfw is None else nsfw, writable=writable, readable=readable)
        self.world.channels[channel.id] = changed
        if channel.guild is not None:
            channel.guild.channels[channel.guild.channels.index(channel)] = changed
            if channel.guild.installed:
                self.gateway.dispatch("CHANNEL_UPDATE", changed.payload())
        return changed

    def removed(self, channel: Channel) -> None:
        """Somebody deletes the channel."""
        del self.world.channels[channel.id]
        if channel.guild is not None:
            channel.guild.channels.remove(channel)
            if channel.guild.installed:
                self.gateway.dispatch("CHANNEL_DELETE", channel.payload())

    def thread(self, parent: Channel, *, name: str = "about one game") -> Channel:
        """A public thread of a server's channel."""
        assert parent.guild is not None, "only channels of servers have threads"
        thread = Channel(snowflake(), "guild", name, parent.nsfw, parent.guild, parent=parent)
        self.world.channels[thread.id] = thread
        parent.guild.threads.append(thread)
        if parent.guild.installed:
            self.gateway.dispatch("THREAD_CREATE", thread.payload() | {"newly_created": True})
        return thread

    def member(self, name: str, locale: str = "en-US", *, manager: bool = False, installed: bool = False) -> Member:
        return Member(self.world, name, snowflake(), locale, manager, installed)

    def posted(self, channel: Channel) -> list[Message]:
        """What stands in a channel without having been asked for, oldest first."""
        found = [one for one in self.world.messages.values() if one.metadata is None and not one.deleted]
        return [one for one in found if one.channel_id == channel.id]

    def forget(self, exchange: Exchange) -> None:
        """Lets go of it and its messages, for those who go on for long; what is under way is not to be forgotten."""
        self.world.exchanges.pop(exchange.token, None)
        for message in exchange.messages:
            self.world.messages.pop(message.id, None)

    async def ready(self, within: float = 30.0) -> None:
        """Waits until a bot is logged in and connected."""
        await self.until(lambda: self.gateway.ready, within)

    async def until(self, seen: Callable[[], object], within: float = 15.0) -> None:
        """Waits until something about the gateway's connections or commands can be seen."""
        deadline = time.monotonic() + within
        while not seen():
            if time.monotonic() > deadline:
                refused = "; ".join(map(str, self.refused)) or "nothing"
                raise AssertionError(f"it did not happen within {within:g} s; refused: {refused}")
            await asyncio.sleep(0.01)

    def fail_next(
        self,
        pattern: str,
        status: int,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        *,
        retry_after: float = 0.1,
        everywhere: bool = False,
        after: bool = False,
    ) -> None:
        """Answers the next requests that fit ("POST /channels") with a status alone; a 429 says when to come back.

        A 429 of `everywhere` is of the limit that all routes have in common; `after` as in `drop_next`.
        """
        fault = Fault(pattern, status, VIA, {"message": f"{status}: Error", "code": 0}, times, after=after)
        if status == 429:
            fault = rate_limited(pattern, retry_after, times, everywhere=everywhere)
        fault.headers = {**fault.headers, **(headers or {})}
        self.faults.coming.append(fault)

    def drop_next(self, pattern: str, times: int = 1, *, after: bool = False) -> None:
        """Cuts the connection of the next requests that fit; with `after` they were done, and only nobody heard."""
        self.faults.coming.append(Fault(pattern, times=times, drops=True, after=after))

    def slow_next(self, pattern: str, seconds: float, times: int = 1) -> None:
        self.faults.coming.append(Fault(pattern, times=times, seconds=seconds))

    async def disconnect(self, code: int | None = 4000) -> None:
        """Ends the bot's gateway connection, with a close code or, for None, by cutting the line."""
        await self.gateway.disconnect(code)

    @asynccontextmanager
    async def away(self, code: int | None = 4000) -> AsyncIterator[None]:
        """Disconnects, and lets nobody in until the block ends: what happens in it is missed, and told on RESUME."""
        self.gateway.open.clear()
        try:
            await self.gateway.disconnect(code)
            yield
        finally:
            self.gateway.open.set()

    async def __aenter__(self) -> Self:
        application = self.rest.application()
        application.router.add_get("/", self.gateway.serve)
        application.router.add_get("/resume/", self.gateway.serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.gateway.url = self.rest.gateway_url = self.gateway_url
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gateway.open.set()
        await self.gateway.disconnect(1001)
        await self._runner.cleanup()
