"""One message a second a channel, as Slack wants it: whoever posts waits for the channel's turn."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

EVERY = 1.0
"""Seconds; https://docs.slack.dev/apis/web-api/rate-limits names one message a second for chat.postMessage."""


@dataclass
class _Line:
    """Those who wait for one channel or speak in it now; the lock lets them in in the order in which they came."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    people: int = 0


class Pace:
    """For all that one process posts, in however many workspaces: ids of channels are Slack's own.

    Remembers the channels in which somebody waits or has spoken within the last `every` seconds, and no others.
    """

    def __init__(
        self,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._every, self._clock, self._sleep = every, clock, sleep
        self._lines: dict[str, _Line] = {}
        self._free: OrderedDict[str, float] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many channels."""
        return len(self._lines.keys() | self._free.keys())

    @asynccontextmanager
    async def turn(self, channel: str) -> AsyncIterator[None]:
        """In the block one message may be sent to the channel; the next has its turn a while after the block.

        Not after its beginning: a message that was long on its way would arrive too shortly before the next.
        """
        line = self._lines.setdefault(channel, _Line())
        line.people += 1
        try:
            async with line.lock:
                await self._wait(channel)
                try:
                    yield
                finally:
                    self._spoke(channel)
        finally:
            line.people -= 1
            if not line.people:
                del self._lines[channel]

    async def _wait(self, channel: str) -> None:
        while (left := self._free.get(channel, 0.0) - self._clock()) > 0:
            await self._sleep(left)

    def _spoke(self, channel: str) -> None:
        now = self._clock()
        self._free[channel] = now + self._every
        self._free.move_to_end(channel)
        while self._free and next(iter(self._free.values())) <= now:
            self._free.popitem(last=False)
