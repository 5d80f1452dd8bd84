"""What does the work of each job of the timetable, and what it needs opened for it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from bot.hosting.engines import Engines
from bot.settings import Settings
from bot.warehouse import open_warehouse
from jobs.catalog_refresh import RefreshReport, refresh_catalog
from jobs.digest import Books, send_digests
from jobs.digest_contents import Sources
from jobs.digest_report import DigestsReport
from jobs.drifting import Drift, drift_of
from jobs.errors import WorkRefused
from jobs.nightly import NightlyReport, NightlySettings, nightly
from jobs.patience import when_free
from jobs.sending import Sender
from jobs.training import Progress, players
from jobs.work import Skipped, Work
from recommender.errors import NoModel, RecommenderError
from recommender.interactions import Interactions
from recommender.online import OnlineMeasures
from recommender.registry import Registry
from storage.channel_tastes import ChannelTastes
from storage.database import Database
from storage.digests import Digests
from storage.errors import SteamKeyRefused, StorageError
from storage.fitted_rows import FittedRows
from storage.lake.lake import Lake
from storage.logs import Logs
from storage.measures import online
from storage.runs import Outcome, Runs
from storage.steam.store import SteamStore
from storage.subscriptions import Subscriptions

log = logging.getLogger(__name__)

GET_A_KEY = "get one at https://steamcommunity.com/dev/apikey and set INDIEAN_STEAM_API_KEY to it"
NO_KEY = f"Steam lists its games only to whoever has a key: {GET_A_KEY}"
CANDIDATE = (sys.executable, "-m", "bot", "train", "--candidate", "--piped", "--json", "--yes")
"""The child process of a night."""
DAYS = 7
"""Of what people did with the picks."""
NIGHTS = 30
"""Earlier nights that a report shows."""


@dataclass(frozen=True)
class Tools:
    """What all works share. `learns` says whether the engine is one that learns in place."""

    settings: Settings
    database: Database
    engines: Engines
    senders: Mapping[str, Sender]
    replica: str
    now: Callable[[], datetime]
    learns: bool = False


def works(tools: Tools) -> Mapping[str, Work]:
    """By the names of `jobs.timetable`."""
    return {
        "catalog": partial(_catalog, tools),
        "nightly": partial(_nightly, tools),
        "digests": partial(_digests, tools),
    }


async def _catalog(tools: Tools, progress: Progress) -> RefreshReport | Skipped:
    if tools.settings.steam_api_key is None:
        return Skipped(NO_KEY)
    return await refreshed(tools.settings, tools.now(), progress)


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


async def _nightly(tools: Tools, progress: Progress) -> NightlyReport:
    settings = tools.settings
    return await nightly(
        tools.database,
        partial(open_warehouse, settings),
        Registry(settings.models),
        NightlySettings(settings.training(), CANDIDATE, settings.retention_days, settings.keep_models),
        now=tools.now,
        rng=np.random.default_rng(),
        earlier=await _earlier(Runs(tools.database)),
        online=await _online(tools),
        drift=partial(_drift, tools),
        progress=progress,
    )


async def _earlier(runs: Runs) -> list[Mapping[str, object]]:
    """What earlier nights reported, the latest last."""
    found = await runs.recent(2 * NIGHTS, "nightly")
    reports = [run.report for run in found if run.outcome is Outcome.DONE and run.report]
    return reports[:NIGHTS][::-1]


async def _online(tools: Tools) -> OnlineMeasures:
    """Of a week, a version that brought a catalogue only counted as the model whose matrix it shares."""
    registry = Registry(tools.settings.models)
    running = await asyncio.to_thread(registry.experiments.readable)
    models = await asyncio.to_thread(registry.shared)
    return await online(tools.database, tools.now(), DAYS, experiment=running, models=models)


async def _drift(tools: Tools) -> Drift | None:
    """Soft: a night is not given up because nobody could measure how the day went."""
    if not tools.learns:
        return None
    try:
        served = (await tools.engines()).served
        base = Registry(tools.settings.models).card(served.version).base
        interactions, own = await asyncio.to_thread(_players, tools.settings)
        return await drift_of(served, base, FittedRows(tools.database), interactions, own, np.random.default_rng())
    except (RecommenderError, StorageError) as trouble:
        log.warning("how far learning in place has come is not known: %s", trouble)
        return None


def _players(settings: Settings) -> tuple[Interactions, dict[str, int]]:
    with when_free(partial(open_warehouse, settings, read_only=True)) as warehouse:
        return players(warehouse, settings.training())


async def _digests(tools: Tools, progress: Progress) -> DigestsReport | Skipped:
    database = tools.database
    try:
        engine = await tools.engines()
    except NoModel as none:
        return Skipped(str(none))
    sources = Sources(engine, Digests(database), ChannelTastes(database))
    books = Books(Subscriptions(database), Logs(database), Lake(database))
    return await send_digests(sources, books, tools.senders, now=tools.now, replica=tools.replica, progress=progress)
