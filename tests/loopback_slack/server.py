"""A Slack on 127.0.0.1, as the bot meets it and as people use it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

from aiohttp import web

from tests.loopback_slack import installing
from tests.loopback_slack.delivery import AGAIN_AFTER, Delivery
from tests.loopback_slack.exchange import Exchange
from tests.loopback_slack.faults import Fault, Faults, Posting, rate_limited
from tests.loopback_slack.http_delivery import SIGNING_SECRET
from tests.loopback_slack.messages import Message
from tests.loopback_slack.people import Member
from tests.loopback_slack.socket_mode import Reason
from tests.loopback_slack.web_api import APP_TOKEN, CLIENT_ID, CLIENT_SECRET, WebApi
from tests.loopback_slack.world import Channel, Refused, Team, Where, World, identity

BOT_TOKEN = "xoxb-loopback-token-of-no-real-bot"  # noqa: S105 - opens nothing but this


class LoopbackSlack:
    """`async with LoopbackSlack() as slack`; `url`, the tokens and the secrets are what to configure.

    `first_response` and `hook_life` are Slack's 3 seconds and 30 minutes, `patience` is how long people wait for an
    answer that was begun, `between_posts` the seconds that a channel needs between two messages. `refused` is all that
    the bot did wrong, `warnings` what Slack takes and people would not like: a test of the bot ends with both empty.
    """

    app_token = APP_TOKEN
    signing_secret = SIGNING_SECRET
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self,
        *,
        first_response: float = 3.0,
        hook_life: float = 1800.0,
        patience: float = 15.0,
        between_posts: float = 1.0,
        again_after: tuple[float, ...] = AGAIN_AFTER,
    ) -> None:
        self.world = World(first_response, hook_life, patience)
        self.faults = Faults()
        self.api = WebApi(self.world, self.faults, Posting(between_posts))
        self.delivery = Delivery(self.world, again_after)
        self.world.deliver = self.delivery.deliver
        self.api.connect = self.delivery.socket.ticket
        self.home = self.team("Home of Indies", BOT_TOKEN)
        self._port = 0

    @property
    def bot_token(self) -> str:
        """Of the home workspace."""
        return self.home.token

    @property
    def url(self) -> str:
        return f"{self.world.url}/api/"

    @property
    def refused(self) -> list[Refused]:
        return self.world.refused

    @property
    def warnings(self) -> list[str]:
        return self.world.warnings

    @property
    def broken_images(self) -> set[str]:
        """Addresses of pictures that cannot be fetched."""
        return self.world.broken_images

    @property
    def exchanges(self) -> list[Exchange]:
        return self.world.exchanges

    def team(self, name: str, token: str = "") -> Team:
        """A workspace; the app is not installed there unless a token is given."""
        team = Team(name, token=token)
        self.world.teams.append(team)
        return team

    def channel(
        self, where: Where = "channel", *, name: str = "indies", has_bot: bool = True, team: Team | None = None
    ) -> Channel:
        channel = Channel(team or self.home, name, where, has_bot)
        self.world.channels[channel.id] = channel
        return channel

    def direct(self, member: Member) -> Channel:
        """The conversation of a person and the bot."""
        return self.world.direct(member)

    def member(
        self,
        name: str,
        locale: str = "en-US",
        *,
        team: Team | None = None,
        tz: str = "Europe/Berlin",
        admin: bool = False,
    ) -> Member:
        member = Member(self.world, name, identity("U"), team or self.home, locale, tz, admin)
        self.world.members[member.id] = member
        return member

    def posted(self, channel: Channel) -> list[Message]:
        """What the bot said in a channel for all to see and what stands there now, oldest first."""
        self.world.settle()
        found = [one for one in self.world.messages.values() if one.channel == channel.id and not one.deleted]
        return [one for one in found if not one.ephemeral and one.user == channel.team.bot_user]

    def forget(self, exchange: Exchange) -> None:
        """Lets go of it and its messages, for those who go on for long; what is under way is not to be forgotten."""
        self.world.exchanges.remove(exchange)
        for message in exchange.led_to:
            self.world.messages.pop((message.channel, message.ts), None)
        for known in (self.world.hooks, self.world.triggers):
            for token in [token for token, one in known.items() if one.exchange is exchange]:
                del known[token]

    async def connected(self, within: float = 30.0) -> None:
        """Waits until a bot is connected by Socket Mode."""
        await self.until(lambda: self.delivery.socket.connections, within)

    async def until(self, seen: Callable[[], object], within: float = 15.0) -> None:
        """Waits until something can be seen."""
        deadline = time.monotonic() + within
        while not seen():
            if time.monotonic() > deadline:
                refused = "; ".join(map(str, self.refused)) or "nothing"
                raise AssertionError(f"it did not happen within {within:g} s; refused: {refused}")
            await asyncio.sleep(0.01)

    def fail_next(
        self, pattern: str, status: int = 200, times: int = 1, *, error: str = "internal_error", retry_after: float = 1
    ) -> None:
        """Answers the next requests that fit ("chat.postMessage") with an error; a 429 says when to come back."""
        fault = Fault(pattern, status, {}, {"ok": False, "error": error}, times)
        self.faults.coming.append(rate_limited(pattern, retry_after, times) if status == 429 else fault)

    def drop_next(self, pattern: str, times: int = 1, *, after: bool = False) -> None:
        """Cuts the connection of the next requests that fit; with `after` they were done, and only nobody heard."""
        self.faults.coming.append(Fault(pattern, times=times, drops=True, after=after))

    def slow_next(self, pattern: str, seconds: float, times: int = 1) -> None:
        self.faults.coming.append(Fault(pattern, times=times, seconds=seconds))

    def deliver_to(self, url: str | None) -> None:
        """Tells the bot by HTTP from now on, or by Socket Mode again for None."""
        self.delivery.http.url = url

    def double_next(self, times: int = 1) -> None:
        """Delivers the next things that people do twice."""
        self.delivery.doubled += times

    @contextmanager
    def signing(self, secret: str = SIGNING_SECRET, *, age: float = 0.0) -> Iterator[None]:
        """Signs with another secret, or as of some seconds ago, what is delivered by HTTP within the block."""
        http = self.delivery.http
        http.secret, http.age = secret, age
        try:
            yield
        finally:
            http.secret, http.age = SIGNING_SECRET, 0.0

    async def disconnect(self, reason: Reason | None = "refresh_requested") -> None:
        """Asks the bot to connect anew or, for None, cuts the line."""
        await self.delivery.socket.disconnect(reason)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Cuts the line, and lets nobody in until the block ends: what people do in it waits."""
        self.delivery.socket.shut = True
        await self.disconnect(None)
        await self.until(lambda: not self.delivery.socket.connections)
        try:
            yield
        finally:
            self.delivery.socket.shut = False

    async def install(
        self, member: Member, page: str, callback: str | None = None, *, deny: bool = False
    ) -> tuple[int, str]:
        """Installs the app in the member's workspace from the app's own page: status and text of where it ends."""
        return await installing.install(self.world, member, page, callback, deny=deny)

    async def __aenter__(self) -> Self:
        application = self.api.application()
        application.router.add_get("/socket", self.delivery.socket.serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.world.url = f"http://127.0.0.1:{self._port}"
        self.delivery.socket.url = f"ws://127.0.0.1:{self._port}/socket"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.delivery.socket.shut = False
        await self.delivery.close()
        await self._runner.cleanup()
