"""The lake that no reply has to wait for: events go to it in batches, by way of the disk while the database is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from functools import partial
from itertools import islice
from typing import TypeVar

from storage.errors import DatabaseError, EventRefused, SpoolError
from storage.lake.events import ALL, Event, Kind
from storage.lake.lake import Lake
from storage.lake.lines import line_of
from storage.lake.spool import Spool

log = logging.getLogger(__name__)

LONGEST_SAID = 10_000
"""Characters that are kept of what could not be taken."""
PATIENCE = 5.0
"""Seconds to wait for another process that has the spool: it may be delivering to a slow database."""

_T = TypeVar("_T")


class PatientLake:
    """Soft, because an answer without its event is worth more than none: `put` returns at once and never fails.

    One background task writes what has gathered for `every` seconds, or `most` events, as one batch: 200 keep the event
    loop for 25 ms at worst, on a busy machine. While the database
    fails the batches go to the `spool`, and after 0.1 s at first and 30 s at most the database is tried again; once it
    is back the spool is delivered before anything newer, what an earlier process left there too. As equal keys are one
    event, none is doubled, whatever was cut off where.

    What can be lost: the last `every` seconds when the process is killed, or more where the spool cannot be written
    either; the newest once `capacity` events wait in memory. An event that cannot be kept for what it says is put
    `aside`, shortened, with the reason, and nobody tries it again. Each is logged; `lost` counts them.

    `clock` is in seconds and never runs backwards. Needs a running event loop.
    """

    def __init__(
        self,
        lake: Lake,
        spool: Spool,
        aside: Spool,
        *,
        capacity: int = 10_000,
        every: float = 0.5,
        most: int = 200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lake, self._spool, self._aside = lake, spool, aside
        self._capacity, self._every, self._most, self._clock = capacity, every, most, clock
        self._queue: deque[Event] = deque()
        self._behind = False
        self._turn = asyncio.Lock()  # held for each round: who has it knows that no batch is under way
        self._drainer: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._progress = asyncio.Event()
        self._outage = _Outage(clock)
        self._done = self._lost = self._hurried = 0
        self._closed = False
        self._smooth = True
        self._told: set[str] = set()

    @property
    def waiting(self) -> int:
        """In memory alone."""
        return len(self._queue)

    def spooled(self) -> int:
        """Bytes on the disk, which this reads; those put aside are not among them.

        Raises:
            SpoolError: the folder cannot be read.
        """
        return self._spool.size()

    @property
    def lost(self) -> int:
        return self._lost

    def start(self) -> None:
        """Delivers what an earlier process has left, without waiting for the first event."""
        self._look_behind()
        if self._behind:
            self._running()

    def put(self, event: Event) -> None:
        if self._closed or len(self._queue) >= self._capacity:
            self._lost += 1
            self._tell_once("no more events for the lake are taken", f"{len(self._queue)} are waiting")
            return
        self._queue.append(event)
        if len(self._queue) == self._most:
            self._wake()
        self._running()

    async def flush(self, within: float) -> bool:
        """Tries at once and several times a second for `within` seconds; True if the lake has all that was put before.

        What is put meanwhile is not waited for.
        """
        loop = asyncio.get_running_loop()
        until, due = loop.time() + within, self._done + len(self._queue)
        self._look_behind()
        self._hurried += 1
        try:
            while (self._done < due or self._behind) and (left := until - loop.time()) > 0:
                self._outage.try_now()
                self._wake()
                self._running()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._progress.wait(), min(left, 0.25))
        finally:
            self._hurried -= 1
        return self._done >= due and not self._behind

    async def of(self, platform: str, person: str) -> list[Event]:
        """What is about them and not in the lake yet, or never will be, the oldest first.

        Raises:
            SpoolError: the files cannot be read, or another process has them for too long.
        """
        theirs = partial(_theirs, platform, person, ALL)
        async with self._between_rounds():
            found: list[Event] = []
            for spool in self._used():
                async with self._holding(spool):
                    found += await _to_the_end(partial(spool.find, theirs))
            return [*found, *filter(theirs, self._queue)]

    async def forget(self, platform: str, person: str, kinds: frozenset[Kind] = ALL) -> int:
        """Drops what is about them and not in the lake yet, in memory and on the disk; how many events that were.

        Raises:
            SpoolError: as `of`; some may be dropped already.
        """
        return await self._drop(partial(_theirs, platform, person, kinds))

    async def forget_server(self, platform: str, server: str) -> int:
        """The same of all who are of a server, or asked there: people whose id begins with `SERVER:`.

        Raises:
            SpoolError: as `of`; some may be dropped already.
        """
        return await self._drop(partial(_of_server, platform, server))

    async def _drop(self, theirs: Callable[[Event], bool]) -> int:
        async with self._between_rounds():
            kept = [event for event in self._queue if not theirs(event)]
            dropped = len(self._queue) - len(kept)
            self._done += dropped
            self._queue = deque(kept)
            for spool in self._used():
                async with self._holding(spool):
                    dropped += await _to_the_end(partial(spool.erase, theirs))
            return dropped

    async def close(self, within: float = 5.0) -> int:
        """Takes no more, and leaves to the spool what the lake does not take in so many seconds; how many are lost."""
        self._closed = True
        if not self._outage.lasts:
            await self.flush(within)
        if self._drainer is not None and not self._drainer.done():
            self._drainer.cancel()
            await asyncio.wait({self._drainer})
        good, refused = await _to_the_end(partial(_sorted_out, list(self._queue)))
        await self._put_aside(refused)
        try:
            await self._spool_lines(good)
        except SpoolError as error:
            self._lost += len(good)
            self._tell_once(f"closed with {len(good)} events for the lake undone", error)
            return len(good)
        return 0

    def _running(self) -> None:
        if self._drainer is None or self._drainer.done():
            self._drainer = asyncio.create_task(self._drain(), name="lake")

    async def _drain(self) -> None:
        while self._queue or self._behind:
            if not self._smooth or (len(self._queue) < self._most and (self._outage.lasts or not self._behind)):
                await self._rest()
            async with self._turn:
                await self._round()
            self._progress.set()  # wakes who waits now
            self._progress.clear()

    async def _round(self) -> None:
        self._smooth = True
        batch = list(islice(self._queue, self._most))
        good, refused = await _to_the_end(partial(_sorted_out, batch))
        try:
            await self._write(good)
        except SpoolError as error:
            self._tell_once("events wait in memory, as the spool cannot take them either", error)
        else:
            await self._put_aside(refused)
            for _ in batch:
                self._queue.popleft()  # only now: what a cancelled round had is still in the queue
            self._done += len(batch)
        self._look_behind()
        if self._smooth:
            self._told.clear()

    async def _write(self, good: Sequence[tuple[Event, bytes]]) -> None:
        """To the lake if the spool is empty by then, else behind what is there."""
        if self._outage.over:
            try:
                if await self._delivered():
                    await self._append([event for event, _ in good])
                    self._outage.ended()
                    return
            except DatabaseError as away:
                self._outage.goes_on(away)
        await self._spool_lines(good)

    async def _delivered(self) -> bool:
        """Delivers the oldest file of the spool; True if there is no more, or none to be had: then it comes later."""
        try:
            if not self._spool.waiting():
                return True
            async with self._holding(self._spool):
                segment = await _to_the_end(self._spool.oldest)
                if segment is not None:
                    await self._append(segment.events)
                    self._outage.ended()
                    self._tell_of_half_lines(segment.broken)
                    await _to_the_end(partial(self._spool.remove, segment))
            return not self._spool.waiting()
        except SpoolError as error:
            self._tell_once("what is in the spool is not delivered for now", error)
            return True

    async def _append(self, events: Sequence[Event]) -> None:
        """Raises DatabaseError; what the database refuses for what it says is found by halves and put aside."""
        try:
            await self._lake.append(events)
        except DatabaseError:
            raise
        except Exception as refused:  # noqa: BLE001  (whatever it is, the events behind it must not stay behind it)
            if len(events) == 1:
                await self._put_aside([(events[0], f"the database refuses it ({type(refused).__name__})")])
                return
            half = len(events) // 2
            await self._append(events[:half])
            await self._append(events[half:])

    async def _spool_lines(self, good: Sequence[tuple[Event, bytes]]) -> None:
        if good:
            async with self._holding(self._spool):
                await _to_the_end(partial(self._spool.add, [line for _, line in good]))

    async def _put_aside(self, refused: Sequence[tuple[Event, str]]) -> None:
        for event, why in refused:
            self._lost += 1
            log.error("an event of the kind %s is set aside: %s", event.kind, why)
            try:
                async with self._holding(self._aside):
                    await _to_the_end(partial(self._aside.add, [line_of(_shortened(event, why))]))
            except (SpoolError, EventRefused) as error:
                self._tell_once("an event that should be set aside is lost", error)

    def _tell_of_half_lines(self, broken: int) -> None:
        if broken:
            self._lost += broken
            log.warning("%d events in the spool were half written when a process ended, and are left out", broken)

    def _look_behind(self) -> None:
        try:
            self._behind = self._spool.waiting()
        except SpoolError as error:
            self._behind = False
            self._tell_once("the spool cannot be read", error)

    def _used(self) -> list[Spool]:
        return [spool for spool in (self._spool, self._aside) if spool.waiting()]

    def _tell_once(self, trouble: str, why: object) -> None:
        """Until a round goes smoothly again."""
        self._smooth = False
        if trouble not in self._told:
            self._told.add(trouble)
            log.error("%s: %s", trouble, why)

    @asynccontextmanager
    async def _between_rounds(self) -> AsyncIterator[None]:
        """No batch is under way."""
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await self._turn.acquire()
        except TimeoutError:
            raise SpoolError("the database takes too long over a batch") from None
        try:
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def _holding(self, spool: Spool) -> AsyncIterator[None]:
        until = self._clock() + PATIENCE
        while (let_go := spool.hold()) is None:
            if self._clock() >= until:
                raise SpoolError("another process has it for too long")
            await asyncio.sleep(0.02)
        try:
            yield
        finally:
            let_go()

    async def _rest(self) -> None:
        """A sleep that can be cut short."""
        if self._hurried:
            await asyncio.sleep(0.01 if self._outage.lasts or not self._smooth else 0)
            return
        self._nap = asyncio.ensure_future(asyncio.sleep(self._every))
        try:
            await asyncio.wait({self._nap})
        finally:
            self._nap.cancel()

    def _wake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()


class _Outage:
    """When the database is worth a try, and what is said of it: its beginning and its end, once each."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pauses: Iterator[float] | None = None
        self._until = float("-inf")

    @property
    def lasts(self) -> bool:
        return self._pauses is not None

    @property
    def over(self) -> bool:
        """Perhaps."""
        return self._clock() >= self._until

    def try_now(self) -> None:
        self._until = float("-inf")

    def goes_on(self, away: DatabaseError) -> None:
        if self._pauses is None:
            self._pauses = _pauses()
            log.warning("events for the lake go to the disk until the database is back: %s", away)
        self._until = self._clock() + next(self._pauses)

    def ended(self) -> None:
        if self._pauses is not None:
            self._pauses = None
            log.info("the database takes events again")


def _pauses() -> Iterator[float]:
    """Seconds between tries, without end."""
    pause = 0.1
    while True:
        yield pause
        pause = min(pause * 2, 30.0)


def _theirs(platform: str, person: str, kinds: frozenset[Kind], event: Event) -> bool:
    return event.about(platform, person) and event.kind in kinds


def _of_server(platform: str, server: str, event: Event) -> bool:
    whose = (event.person or "").startswith(f"{server}:") or event.payload.get("server") == server
    return event.platform == platform and whose


def _sorted_out(events: Sequence[Event]) -> tuple[list[tuple[Event, bytes]], list[tuple[Event, str]]]:
    """Those that can be kept with their lines, and those that cannot with the reason."""
    good: list[tuple[Event, bytes]] = []
    refused: list[tuple[Event, str]] = []
    for event in events:
        try:
            good.append((event, line_of(event)))
        except EventRefused as error:
            refused.append((event, str(error)))
    return good, refused


def _shortened(event: Event, why: str) -> Event:
    """What can be kept of it to look at, still known as theirs whom it is about."""
    said = {"refused": why, "payload": repr(event.payload)[:LONGEST_SAID]}
    at = event.at if event.at.utcoffset() is not None else event.at.replace(tzinfo=UTC)
    key, platform, person = (_readable(text) for text in (event.key, event.platform, event.person))
    return Event(key or "", event.kind, at, event.schema, said, platform, person)


def _readable(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "").encode(errors="replace").decode()


async def _to_the_end(call: Callable[[], _T]) -> _T:
    """In a thread, and over before anybody goes on: a thread that writes cannot be called back."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
