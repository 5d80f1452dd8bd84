"""Equal questions asked at once share one asking, and its answer for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

KEPT = 512
"""Answers kept of each kind: some 10 MB of libraries of usual size."""

_T = TypeVar("_T")
_K = TypeVar("_K")


class Flights(Generic[_K, _T]):
    """Answers kept for a while, and questions under way: who asks the same again waits for the answer to come."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._kept: OrderedDict[_K, tuple[float, _T]] = OrderedDict()  # the oldest first
        self._flights: dict[_K, asyncio.Task[_T]] = {}

    async def get(self, key: _K, ask: Callable[[], Awaitable[_T]], keep: Callable[[_T], bool] = lambda _: True) -> _T:
        self._drop_expired()
        if key in self._kept:
            return self._kept[key][1]
        if key not in self._flights:
            self._flights[key] = asyncio.create_task(self._fly(key, ask, keep))
            self._flights[key].add_done_callback(_noticed)
        # Shielded: the others still wait when one who waits is cancelled.
        return await asyncio.shield(self._flights[key])

    def drop(self, unwanted: Callable[[_K, _T], bool]) -> None:
        for key in [key for key, (_, answer) in self._kept.items() if unwanted(key, answer)]:
            del self._kept[key]

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._flights.clear()
        self._kept.clear()

    async def _fly(self, key: _K, ask: Callable[[], Awaitable[_T]], keep: Callable[[_T], bool]) -> _T:
        try:
            answer = await ask()
        finally:
            self._flights.pop(key, None)
        if keep(answer):
            self._kept[key] = (self._clock() + self._seconds, answer)
            self._drop_expired()
        return answer

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._kept and (len(self._kept) > KEPT or next(iter(self._kept.values()))[0] <= now):
            self._kept.popitem(last=False)


def _noticed(flight: asyncio.Task[_T]) -> None:
    # Without this, a refusal that everybody has stopped waiting for is logged as an error nobody caught.
    if not flight.cancelled():
        flight.exception()
