"""The engine follows the registry: what is put in service, or compared, answers within half a minute of that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bot.hosting.comparing import look_at_experiment
from bot.hosting.opening import at_hand
from recommender.engine import Engine
from recommender.errors import DamagedModel, NoModel
from recommender.registry import Registry

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
    """While it is open. `sleep` is in seconds, `swapped` is told after each swap.

    What is being compared already, is from the first answer on.
    """
    await _looked_at_experiment(registry, engine)
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
        await _looked_at_experiment(registry, engine)


async def _looked_at_experiment(registry: Registry, engine: Engine) -> None:
    try:
        await look_at_experiment(registry, engine)
    except OSError as trouble:
        log.warning("whether two models are being compared is not known: %s", trouble)


async def _look(registry: Registry, engine: Engine, refused: str | None) -> str | None:
    """Swaps where another version is in service than answers; says which version was refused, so that it is once."""
    try:
        version = await asyncio.to_thread(registry.current)
    except NoModel:  # what answers was opened before, and answers on
        return refused
    if version in (engine.served.version, refused):
        return refused
    try:
        served = await at_hand(registry, engine, version)
    except (DamagedModel, NoModel) as damage:
        log.warning("model %s is refused, %s answers on: %s", version, engine.served.version, damage)
        return version
    log.info("model %s answers from now on, instead of %s", version, engine.served.version)
    engine.swap(served)
    return None
