"""Logging that no reply has to wait for, and that a failing database only delays."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from storage.errors import DatabaseError
from storage.logs import Asked, Click, Impression, Logs, Reaction, RequestLog

log = logging.getLogger(__name__)


class PatientLogs:
    """Logs behind a queue: the one place where a failing database is kept from the person who asked.

    Soft, because an answer without its log line is worth more than none: `record`, `react` and `click` return at once
    and never fail. One background task writes in order; while the database fails it tries the same write again, after
    0.1 s at first and 30 s at most, and as writing is idempotent none is doubled. What can be lost: what is queued when
    the process ends without `close` or `close` runs out of time; the newest once `capacity` writes are queued; a write
    that the database refuses for what it says (a bug), as no number of tries would mend it. Each is logged; `lost`
    counts the last two.

    Needs a running event loop from the first write on. `sleep` is given seconds.
    """

    def __init__(
        self, logs: Logs, *, capacity: int = 10_000, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._logs = logs
        self._capacity = capacity
        self._sleep = sleep
        self._queue: deque[Callable[[], Awaitable[None]]] = deque()
        self._drainer: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._done = 0
        self._progress = asyncio.Event()
        self._closed = False
        self._overflows = False
        self._lost = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def lost(self) -> int:
        return self._lost

    def record(self, request: RequestLog, shown: Sequence[Impression]) -> None:
        self._put(partial(self._logs.record, request, tuple(shown)))

    def react(self, reaction: Reaction) -> None:
        self._put(partial(self._logs.react, reaction))

    def click(self, click: Click, heard: Callable[[Click, Asked], None]) -> None:
        """`heard` is told of one that counts once it is written, with who asked for the answer."""
        self._put(partial(self._click, click, heard))

    async def _click(self, click: Click, heard: Callable[[Click, Asked], None]) -> None:
        asked = await self._logs.click(click)
        if asked is not None:
            heard(click, asked)

    async def flush(self, within: float) -> bool:
        """Tries at once and several times a second for `within` seconds; True if all that was given before is written.

        What is given meanwhile is not waited for.
        """
        loop = asyncio.get_running_loop()
        until, due = loop.time() + within, self._done + len(self._queue)
        while self._done < due and (left := until - loop.time()) > 0:
            if self._nap is not None:
                self._nap.cancel()
            self._running()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._progress.wait(), min(left, 0.25))
        return self._done >= due

    async def close(self, within: float = 5.0) -> int:
        """Takes no more and writes what it can within that many seconds; the number of writes left undone."""
        self._closed = True
        await self.flush(within)
        if self._drainer is not None and not self._drainer.done():
            self._drainer.cancel()
            await asyncio.wait({self._drainer}, timeout=within)
        if self._queue:
            log.error("closed with %d log writes undone", len(self._queue))
        return len(self._queue)

    def _put(self, write: Callable[[], Awaitable[None]]) -> None:
        if self._closed or len(self._queue) >= self._capacity:
            self._drop()
            return
        self._queue.append(write)
        self._running()

    def _drop(self) -> None:
        self._lost += 1
        if not self._overflows:
            self._overflows = True
            log.error("%d log writes are waiting: new ones are dropped", len(self._queue))

    def _running(self) -> asyncio.Task[None]:
        if self._drainer is None or self._drainer.done():
            self._drainer = asyncio.create_task(self._drain(), name="log writes")
        return self._drainer

    async def _drain(self) -> None:
        while self._queue:
            await self._write(self._queue[0])
            self._queue.popleft()  # only now: a cancelled write is still the first in the queue
            self._done += 1
            self._progress.set()  # wakes who waits now
            self._progress.clear()
        if self._overflows:
            self._overflows = False
            log.warning("log writes have caught up, %d were lost so far", self._lost)

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        for tries, pause in enumerate(_pauses()):
            try:
                await write()
            except DatabaseError as error:
                if tries == 0:
                    log.warning("log writes wait for the database: %s", error)
                await self._rest(pause)
            except Exception:  # whatever it is, the writes behind it must not stay behind it
                self._lost += 1
                log.exception("a log write was refused and is lost")
                return
            else:
                if tries:
                    log.info("the database takes log writes again after %d tries", tries + 1)
                return

    async def _rest(self, seconds: float) -> None:
        """A sleep that `flush` can cut short."""
        self._nap = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({self._nap})
        finally:
            self._nap.cancel()


def _pauses() -> Iterator[float]:
    """Seconds between tries, without end: the queue's capacity is the bound."""
    pause = 0.1
    while True:
        yield pause
        pause = min(pause * 2, 30.0)
