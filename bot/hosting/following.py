"""The engine follows the registry: a version that is put in service answers within half a minute, without a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bot.hosting.garbage import kept_for_long
from recommender.engine import Engine
from recommender.errors import DamagedModel, NoModel
from recommender.registry import Registry
from recommender.served import Served

log = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks; one look reads a file of a few lines."""


@asynccontextmanager
async def following(
    registry: Registry,
    engine: Engine,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    swapped: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """While it is open. `sleep` is in seconds, `swapped` is told after each swap."""
    follower = asyncio.create_task(_follow(registry, engine, sleep, swapped), name="following the registry")
    try:
        yield
    finally:
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower


async def _follow(
    registry: Registry, engine: Engine, sleep: Callable[[float], Awaitable[None]], swapped: Callable[[], None]
) -> None:
    refused: str | None = None
    while True:
        await sleep(EVERY)
        before = engine.served.version
        try:
            refused = await _look(registry, engine, refused)
        except OSError as trouble:
            log.warning("whether there is a newer model is not known: %s", trouble)
        if engine.served.version != before:
            swapped()


async def _look(registry: Registry, engine: Engine, refused: str | None) -> str | None:
    """Swaps where another version is in service than answers; says which version was refused, so that it is once."""
    try:
        version = await asyncio.to_thread(registry.current)
    except NoModel:  # what answers was opened before, and answers on
        return refused
    if version in (engine.served.version, refused):
        return refused
    try:
        served = await asyncio.to_thread(opened, registry, version)
    except (DamagedModel, NoModel) as damage:
        log.warning("model %s is refused, %s answers on: %s", version, engine.served.version, damage)
        return version
    log.info("model %s answers from now on, instead of %s", version, engine.served.version)
    engine.swap(served)
    return None


def opened(registry: Registry, version: str) -> Served:
    with kept_for_long():
        served = registry.open(version)
        served.prepare()
    return served
