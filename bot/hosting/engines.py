"""The engine that jobs ask: that of the bot in the same process, or one of their own where no bot answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.hosting.opening import opened
from recommender.engine import Engine
from recommender.registry import Registry

Engines = Callable[[], Awaitable[Engine]]
"""The engine with the model in service; raises NoModel where there is none."""


def of_the_bot(engine: Engine) -> Engines:
    async def find() -> Engine:
        return engine

    return find


@asynccontextmanager
async def of_its_own(registry: Registry) -> AsyncIterator[Engines]:
    """Opened when it is first asked for, and anew where another version is in service by then."""
    engine: Engine | None = None

    async def find() -> Engine:
        nonlocal engine
        version = await asyncio.to_thread(registry.current)
        if engine is None:
            engine = Engine(await asyncio.to_thread(opened, registry, version))
        elif engine.served.version != version:
            engine.swap(await asyncio.to_thread(opened, registry, version))
        return engine

    try:
        yield find
    finally:
        if engine is not None:
            engine.close()
