"""What runs until it is told to stop: every chat that is set up, kept up, and the web server beside them."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from bot.errors import NoAddress, PlatformRefused

log = logging.getLogger(__name__)

DRAIN = 17.0
"""Seconds to answer what is under way, and to leave the chats."""
LEAVE = 2.0
"""Seconds after that for those to end who are told to leave it."""
CLOSE = 1.0
"""Seconds that the web server waits for its requests, and again for those that it has cut off."""
LONGEST_PAUSE = 300.0
QUIET = 600.0
"""Seconds without a break after which the next one is taken for the first."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Platform:
    """A chat that the bot is in. `run` connects, answers until the event is set, answers what is under way, returns.

    What it raises is taken for a break that may pass, but for PlatformRefused. `routes` are where it is delivered to
    over the web. `connected` is set by `run` while people are heard there.
    """

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]
    routes: Sequence[web.RouteDef] = ()
    connected: asyncio.Event = field(default_factory=asyncio.Event)


async def serve(
    platforms: Sequence[Platform],
    stop: asyncio.Event,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = asyncio.sleep,
    drain: float = DRAIN,
) -> None:
    """Runs all platforms until `stop` is set, then for at most `drain` seconds more. Clock and sleep are in seconds.

    Raises:
        PlatformRefused: one of them is refused for good. The others are stopped as well, so that it is noticed.
    """
    kept = [asyncio.create_task(_kept_up(each, stop, clock, sleep), name=each.name) for each in platforms]
    try:
        with _told(stop) as stopping:
            await asyncio.wait([stopping, *kept], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        await _ended(kept, drain)
    ended = (task for task in kept if task.done() and not task.cancelled())
    refusals = [refusal for task in ended if (refusal := task.exception())]
    if refusals:
        raise refusals[0]


def pause_after(pause: float, ran: float) -> float:
    """Seconds before a platform starts again that `ran` seconds after a `pause`: doubling, anew after a quiet time."""
    return 1.0 if ran >= QUIET or not pause else min(2 * pause, LONGEST_PAUSE)


async def sleep_unless(stop: asyncio.Event, seconds: float, sleep: Sleep = asyncio.sleep) -> None:
    """A sleep that ends early when it is time to stop."""
    asleep = asyncio.ensure_future(sleep(seconds))
    try:
        with _told(stop) as stopping:
            await asyncio.wait([asleep, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        asleep.cancel()


@contextmanager
def stopped_by_signals(stop: asyncio.Event, told_to: Callable[[], None] = lambda: None) -> Iterator[None]:
    """The first SIGTERM or SIGINT calls `told_to` and sets the event; the next one ends the process at once.

    It does so as if nobody had listened, so that nothing of ours can be in the way.
    """
    loop = asyncio.get_running_loop()

    def ignored_no_more() -> None:
        for each in SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    def told(number: signal.Signals) -> None:
        log.info("%s: finishing what is under way, within %g s; once more ends it at once", number.name, DRAIN)
        told_to()
        stop.set()
        ignored_no_more()

    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each in SIGNALS:
        loop.add_signal_handler(each, told, each)
    try:
        yield
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """The address that a web server answers on, while it does; nothing of its requests is logged.

    Raises:
        NoAddress: it cannot listen there.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise NoAddress(
                f"the web server cannot listen on {host}:{port} ({why}): set INDIEAN_WEB_HOST and INDIEAN_WEB_PORT to "
                "an address that is free, or INDIEAN_WEB_PORT to 0 to do without"
            ) from error
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _kept_up(platform: Platform, stop: asyncio.Event, clock: Callable[[], float], sleep: Sleep) -> None:
    pause = 0.0
    while not stop.is_set():
        began = clock()
        try:
            await platform.run(stop)
        except PlatformRefused:
            raise
        except Exception:  # whatever breaks one connection, the next may hold
            log.exception("%s broke off", platform.name)
        finally:
            platform.connected.clear()
        if stop.is_set():
            return
        pause = pause_after(pause, clock() - began)
        log.warning("%s starts again in %g s", platform.name, pause)
        await sleep_unless(stop, pause, sleep)


async def _ended(tasks: Sequence[asyncio.Task[None]], drain: float) -> None:
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=drain)
    for task in late:
        log.error("%s did not finish within %g s and is cut off", task.get_name(), drain)
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=LEAVE)


@contextmanager
def _told(stop: asyncio.Event) -> Iterator[asyncio.Task[bool]]:
    waiting = asyncio.create_task(stop.wait(), name="told to stop")
    try:
        yield waiting
    finally:
        waiting.cancel()
