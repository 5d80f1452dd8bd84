"""How late the event loop is: a tick now and then that knows when it should have come, and says when it came late."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

log = logging.getLogger(__name__)

EVERY = 0.02
"""Seconds between ticks: what holds the loop up is seen but for these, and looking takes less than 1 % of a core."""
LATE = 0.1
"""Seconds that a tick may be late without a word: people begin to feel that they wait."""
SILENCE = 60.0
"""Seconds between two words about it."""
FINEST, LONGEST = 0.001, 5.0
"""Seconds: how exact a quantile is, and from where on all is one."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds that ticks came late; `p99` is what 99 of 100 did not exceed, to a millisecond."""

    worst: float = 0.0
    p99: float = 0.0
    ticks: int = 0

    def __str__(self) -> str:
        return f"at worst {1000 * self.worst:.0f} ms late, p99 {1000 * self.p99:.0f} ms, over {self.ticks:,} ticks"


@dataclass(frozen=True, slots=True)
class Histogram:
    """`within` counts the ticks that came at most so late, for each bound; `total` is the seconds of all `ticks`."""

    within: tuple[int, ...]
    ticks: int
    total: float


class _Tally:
    """As many counters whatever there is to count."""

    def __init__(self) -> None:
        self._counts = [0] * (round(LONGEST / FINEST) + 1)
        self._worst, self._ticks, self._sum = 0.0, 0, 0.0

    def add(self, late: float) -> None:
        self._counts[min(math.ceil(late / FINEST), len(self._counts) - 1)] += 1
        self._worst, self._ticks, self._sum = max(self._worst, late), self._ticks + 1, self._sum + late

    def lateness(self) -> Lateness:
        beyond, at = self._ticks // 100, len(self._counts)
        while beyond >= 0 and at > 0:
            at -= 1
            beyond -= self._counts[at]
        return Lateness(self._worst, min(at * FINEST, self._worst), self._ticks)

    def histogram(self, bounds: Sequence[float]) -> Histogram:
        within = tuple(sum(self._counts[: round(bound / FINEST) + 1]) for bound in bounds)
        return Histogram(within, self._ticks, self._sum)


class Ticks:
    """`clock` and `sleep` are in seconds; the clock never runs backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._ever, self._since, self._unsaid = _Tally(), _Tally(), 0.0
        self._said = -math.inf

    async def run(self) -> None:
        """For ever; warns of a tick that was late, and at most once in a while."""
        while True:
            due = self._clock() + EVERY
            await self._sleep(EVERY)
            self._came(max(self._clock() - due, 0.0))

    def lately(self) -> Lateness:
        """Since this was last asked."""
        since, self._since = self._since, _Tally()
        return since.lateness()

    def ever(self) -> Lateness:
        return self._ever.lateness()

    def histogram(self, bounds: Sequence[float]) -> Histogram:
        """Of all ticks ever; `bounds` are in seconds, below `LONGEST`, exact to a millisecond."""
        return self._ever.histogram(bounds)

    def _came(self, late: float) -> None:
        self._ever.add(late)
        self._since.add(late)
        if late > LATE:
            self._unsaid = max(self._unsaid, late)
        if self._unsaid and self._clock() - self._said >= SILENCE:
            log.warning("the event loop was %.0f ms late, and whoever asked waited as long", 1000 * self._unsaid)
            self._said, self._unsaid = self._clock(), 0.0


@asynccontextmanager
async def ticking(ticks: Ticks) -> AsyncIterator[None]:
    """Ticks within the block, and says in the end how it went."""
    task = asyncio.create_task(ticks.run(), name="ticks")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        log.info("the event loop was %s", ticks.ever())
