"""A version opened so that its first answer takes no longer than the next."""

from __future__ import annotations

import asyncio

from recommender.engine import Engine
from recommender.registry import Registry
from recommender.served import Served


def opened(registry: Registry, version: str) -> Served:
    """Blocks. Raises NoModel, DamagedModel, OSError."""
    served = registry.open(version)
    served.prepare()
    return served


async def at_hand(registry: Registry, engine: Engine, version: str) -> Served:
    """What answers already is not opened anew: it may have learned since. Raises as `opened` does."""
    found = engine.service.of(version)
    return found if found is not None else await asyncio.to_thread(opened, registry, version)
