"""What does the work of each job of the timetable, and what it needs opened for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from bot.settings import Settings
from bot.warehouse import open_warehouse
from jobs.catalog_refresh import RefreshReport, refresh_catalog
from jobs.errors import WorkRefused
from jobs.training import Progress
from jobs.work import Skipped, Work
from recommender.registry import Registry
from storage.errors import SteamKeyRefused
from storage.steam.store import SteamStore

GET_A_KEY = "get one at https://steamcommunity.com/dev/apikey and set INDIEAN_STEAM_API_KEY to it"
NO_KEY = f"Steam lists its games only to whoever has a key: {GET_A_KEY}"


def works(settings: Settings, now: Callable[[], datetime]) -> Mapping[str, Work]:
    """By the names of `jobs.timetable`; each opens what it needs when it runs, and closes it."""
    return {
        "catalog": partial(_catalog, settings, now),
    }


async def _catalog(settings: Settings, now: Callable[[], datetime], progress: Progress) -> RefreshReport | Skipped:
    if settings.steam_api_key is None:
        return Skipped(NO_KEY)
    return await refreshed(settings, now(), progress)


async def refreshed(settings: Settings, now: datetime, progress: Progress, limit: int | None = None) -> RefreshReport:
    """The catalogue as the store has it; see `refresh_catalog`.

    Raises:
        WorkRefused: Steam will not have the key.
    """
    registry = Registry(settings.models)
    warehouse = await asyncio.to_thread(open_warehouse, settings)
    with warehouse:
        async with SteamStore(str(settings.steam_api_url), settings.steam_api_key) as store:
            try:
                return await refresh_catalog(store, warehouse, registry, now=now, limit=limit, progress=progress)
            except SteamKeyRefused as refused:
                raise WorkRefused(f"Steam refuses the key ({refused}): {GET_A_KEY}") from None
