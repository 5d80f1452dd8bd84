"""A town whose people talk to the bot: their lake, the warehouse and the models behind it, and replicas that answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.export import export
from jobs.fitting import keep_fitted
from jobs.learner import Learner
from jobs.training import TrainingSettings, TrainReport, train
from recommender.device import Device
from recommender.engine import Engine
from recommender.interactions import Floats, Weighting
from recommender.library import Library
from recommender.linear import Linear, LinearSettings
from recommender.registry import Registry
from recommender.served import Served
from storage.accounts import Accounts
from storage.database import Database
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.fitted_rows import FittedRows
from storage.lake.events import Event, library_read, reacted
from storage.lake.lake import Lake
from storage.logs import Reaction
from storage.personal_data import PersonalData
from storage.steam.ids import FIRST, SteamID
from tests import worlds
from tests.databases import NOON, ready
from tests.stocked_store import import_world
from tests.warehouses import Owned, own

PLAYED = Weighting(played=0.5)
SETTINGS = TrainingSettings(
    LinearSettings(l2=5.0, dropout=0.0, weighting=PLAYED), min_games=3, device=Device.CPU, opinions=True
)
PLATFORM = "discord"
ROGUE, FARM, HORROR, PUZZLE = ([worlds.game(title).app_id for title in worlds.THEMES[theme]] for theme in worlds.THEMES)


@dataclass
class Town:
    database: Database
    warehouse: DuckDBWarehouse
    registry: Registry
    settings: TrainingSettings = SETTINGS
    moments: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def lake(self) -> Lake:
        return Lake(self.database)

    @property
    def kept(self) -> FittedRows:
        return FittedRows(self.database)

    def now(self) -> datetime:
        """Each time a second later."""
        return NOON + timedelta(seconds=next(self.moments))

    async def reads_library(self, person: str, games: Mapping[int, int]) -> None:
        await self.lake.append([library_read(PLATFORM, person, Library(games), self.now())])

    async def says(self, person: str, opinion: str, *app_ids: int) -> None:
        events = [self.reaction(person, opinion, app_id) for app_id in app_ids]
        await self.lake.append(events)

    def reaction(self, person: str, opinion: str, app_id: int) -> Event:
        at = self.now()
        return reacted(Reaction(f"{person} {at.isoformat()}", at, PLATFORM, person, app_id, opinion))

    async def is_forgotten(self, person: str) -> None:
        await PersonalData(self.database).erase(PLATFORM, person, self.now())

    async def unlinks(self, person: str) -> None:
        accounts = Accounts(self.database)
        await accounts.link(PLATFORM, person, SteamID(FIRST + 1), "said", self.now())
        await accounts.unlink(PLATFORM, person, self.now())

    async def export(self) -> None:
        await export(self.lake, self.warehouse, now=self.now)

    async def fit(self, *, keep: bool = True) -> TrainReport:
        """As a night does: what the lake has, into the warehouse, into a version in service."""
        await self.export()
        name = await self.lake.name()
        heard = (name, self.warehouse.watermark(name))
        report = await asyncio.to_thread(
            train, self.warehouse, self.registry, self.settings, now=self.now(), measured=False, heard=heard
        )
        if keep:
            await keep_fitted(self.kept, report.card, report.fitting, self.registry.versions())
        return report

    def replica(self) -> Replica:
        engine = Engine(self.registry.open_current())
        return Replica(engine, Learner(engine, self.lake, self.kept, self.registry.card))

    async def refitted(self) -> Served:
        """What a night would publish now, of another registry and with nothing kept."""
        await self.export()
        with_all = Registry(Path(self.registry._root) / "refitted")
        train(self.warehouse, with_all, self.settings, now=self.now(), measured=False)
        return with_all.open_current()


@dataclass
class Replica:
    engine: Engine
    learner: Learner

    async def catch_up(self) -> None:
        for _ in range(1000):
            if await self.learner.catch_up():
                return
        raise AssertionError("it never got to the end of the lake")

    def close(self) -> None:
        self.engine.close()


@asynccontextmanager
async def open_town(kind: str, folder: Path) -> AsyncIterator[Town]:
    with DuckDBWarehouse(folder / "warehouse.duckdb") as warehouse:
        import_world(warehouse)
        own(warehouse, *imported())
        async with ready(kind, folder) as database:
            yield Town(database, warehouse, Registry(folder / "models"))


def imported() -> list[Owned]:
    """The players of the small world, of whom no chat has heard."""
    rows = worlds.interactions().minutes.tocoo()
    app_ids = worlds.interactions().items.app_ids
    cells = zip(rows.row.tolist(), rows.col.tolist(), rows.data.tolist(), strict=True)
    return [Owned(f"7656 {player}", int(app_ids[position]), minutes) for player, position, minutes in cells]


def matrix(served: Served) -> Floats:
    assert isinstance(served.scorer, Linear)
    return served.scorer.inverse


def far_apart(learned: Served, refitted: Served) -> float:
    """‖P' - P‖/‖P‖ over the games of both, which are all of either."""
    order = _places(learned, refitted)
    expected = matrix(refitted)[np.ix_(order, order)]
    return float(np.linalg.norm(matrix(learned) - expected) / np.linalg.norm(expected))


def counted_alike(learned: Served, refitted: Served) -> bool:
    """Whether each game has as many players."""
    return np.array_equal(learned.scorer.items.players, refitted.scorer.items.players[_places(learned, refitted)])


def _places(learned: Served, refitted: Served) -> NDArray[np.int64]:
    ours, theirs = learned.scorer.items.app_ids.tolist(), refitted.scorer.items
    assert set(ours) == set(theirs.app_ids.tolist()), "the models are of other games"
    return theirs.positions(ours)
