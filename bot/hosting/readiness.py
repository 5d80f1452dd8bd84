"""Whether people are answered now: the database reachable, each chat connected, and nobody has asked us to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.hosting.serving import Platform
from storage.database import Database
from storage.errors import DatabaseError

PATIENCE = 2.0
"""Seconds for the database: what asks us gives up after some, too."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`missing` says of each thing that is not as it should be what is wrong with it, in words that tell no address."""

    model: str
    missing: Mapping[str, str]

    @property
    def ready(self) -> bool:
        return not self.missing

    def as_dict(self) -> dict[str, object]:
        return {"ready": self.ready, "model": self.model, "missing": dict(self.missing)}


class Ready:
    """Asked by whoever sends people here, or waits for a new version to be up.

    `model` names the version in service: the web server is there only once there is one.
    """

    def __init__(
        self,
        model: Callable[[], str],
        database: Database,
        platforms: Sequence[Platform],
        stop: asyncio.Event,
        patience: float = PATIENCE,
    ) -> None:
        self._model, self._database, self._platforms = model, database, platforms
        self._stop, self._patience = stop, patience

    async def look(self) -> Readiness:
        missing = {} if await self._reached() else {"database": "away"}
        missing |= {each.name.lower(): "not connected" for each in self._platforms if not each.connected.is_set()}
        if self._stop.is_set():
            missing["process"] = "shutting down"
        return Readiness(self._model(), missing)

    async def _reached(self) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                await self._database.ping()
        except (DatabaseError, TimeoutError):  # what waits for it says so in the log
            return False
        return True
