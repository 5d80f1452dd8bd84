"""How the bot is told, over Socket Mode or by HTTP, and what comes of it if it says nothing in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from tests.loopback_slack.acting import acknowledge
from tests.loopback_slack.exchange import EVENT, Exchange
from tests.loopback_slack.http_delivery import HttpDelivery
from tests.loopback_slack.refusals import Payload, Refusal
from tests.loopback_slack.socket_mode import SocketMode
from tests.loopback_slack.world import World

AGAIN_AFTER = (0.0, 60.0, 300.0)


class Delivery:
    """`again_after` are the seconds before each new try of an event that was not acknowledged.

    The next `doubled` exchanges are delivered twice, as Slack does after an acknowledgement that got lost.
    """

    def __init__(self, world: World, again_after: tuple[float, ...] = AGAIN_AFTER) -> None:
        self.world = world
        self.again_after = again_after
        self.doubled = 0
        self.socket = SocketMode(world, self._acknowledge)
        self.http = HttpDelivery()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[Exchange, asyncio.TimerHandle] = {}

    def deliver(self, exchange: Exchange) -> None:
        self._send(exchange, 0)
        if self.doubled:
            self.doubled -= 1
            self._send(exchange, 1)

    def _send(self, exchange: Exchange, attempt: int) -> None:
        if self.http.url is None:
            self.socket.send(exchange, attempt)
        else:
            task = asyncio.ensure_future(self._post(exchange, attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self.http.genuine:
            self._after(self.world.first_response, exchange, lambda: self._late(exchange, attempt))

    def _after(self, seconds: float, exchange: Exchange, then: Callable[[], None]) -> None:
        if exchange in self._timers:
            self._timers[exchange].cancel()
        self._timers[exchange] = asyncio.get_running_loop().call_later(seconds, then)

    async def _post(self, exchange: Exchange, attempt: int) -> None:
        try:
            status, body = await self.http.post(exchange, attempt)
        except (aiohttp.ClientError, TimeoutError):
            return
        exchange.responded(status)
        if status == 200:
            self._acknowledge(exchange, body)

    def _acknowledge(self, exchange: Exchange, body: Payload | None) -> None:
        if exchange in self._timers:
            self._timers.pop(exchange).cancel()
        acknowledge(self.world, exchange, body)

    def _late(self, exchange: Exchange, attempt: int) -> None:
        """An event is told again, of anything else the person reads that the app did not respond."""
        del self._timers[exchange]
        if exchange.kind == EVENT and attempt < len(self.again_after):
            self._after(self.again_after[attempt], exchange, lambda: self._send(exchange, attempt + 1))
        else:
            self.world.refuse(f"ack of {exchange.what}", Refusal("operation_timeout"))

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()
        await self.http.close()
