"""The catalogue as the store has it today: what changed since the last run, what is gone, and a version that knows it.

The warehouse keeps two watermarks beside the rows: the moment up to which all changes were heard, and how far the pass
under way has come. Rows and watermark move in one transaction, so a run that ends anywhere is gone on with by the next.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa

from jobs.training import Progress
from recommender.catalog import Game
from recommender.registry import Registry
from storage.delta import Delta, Rejected
from storage.errors import SteamError, SteamRateLimited, SteamUnavailable, WarehouseBusy
from storage.steam.items import BATCH
from storage.steam.store import SteamStore
from storage.steam.store_answers import Told
from storage.warehouse import STORE_GAMES, Warehouse

HEARD, UNDER_WAY = "steam store", "steam store, under way"
"""The names of the two watermarks: a moment in unix seconds; a moment and an app id, see `Pass.mark`."""
IDS = 2**31
"""More than any app id."""
COMMIT = 20 * BATCH
"""Games a transaction: half a minute of questions."""
OVERLAP = timedelta(hours=1)
"""What is heard of twice, in case our clock and Steam's list are not of one mind."""
SOURCE = "steam store"


@dataclass(frozen=True, slots=True)
class Pass:
    """One way through the list of what changed after `since`, which began at `began` and has come to app `after`."""

    since: int
    began: int
    after: int = 0

    @property
    def mark(self) -> int:
        """The place as one number, which only grows, from pass to pass too."""
        return self.began * IDS + self.after


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """`listed` apps changed since the last run, as Steam says; that came to `new`, `changed` and `delisted` games.

    `rejected` were answered otherwise than Steam documents and left out. `version` is what was published, None where
    the catalogue is as it was or there is no model yet. `stopped` says why the run ended early; where it did, or where
    a limit did not let it come to the `end`, the next one goes on.
    """

    listed: int
    new: int
    changed: int
    delisted: int
    rejected: int
    calls: int
    seconds: float
    version: str | None
    end: bool
    stopped: str | None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def next_pass(heard: int, mark: int, now: datetime) -> Pass:
    """The pass under way if there is one, else one for all that changed since the last began."""
    began, after = divmod(mark, IDS)
    if began > heard:
        return Pass(heard, began, after)
    return Pass(heard, max(int((now - OVERLAP).timestamp()), heard + 1))


def gone(catalogue: Iterable[Game], listed: set[int]) -> list[int]:
    """Games that were for sale when last heard of, and that the store lists no more."""
    return [game.app_id for game in catalogue if game.for_sale and game.app_id not in listed]


def differences(before: Mapping[int, Game], after: Mapping[int, Game]) -> tuple[int, int, int]:
    """How many games are new, are changed otherwise than by being delisted, and are newly delisted."""
    known = [(before[app_id], game) for app_id, game in after.items() if app_id in before]
    delisted = sum(new.delisted and not old.delisted for old, new in known)
    changed = sum(old != new for old, new in known) - delisted
    return len(after) - len(known), changed, delisted


async def refresh_catalog(
    store: SteamStore,
    warehouse: Warehouse,
    registry: Registry,
    *,
    now: datetime,
    limit: int | None = None,
    commit: int = COMMIT,
    progress: Progress = lambda *_: None,
) -> RefreshReport:
    """Hears what changed, loads it, and puts the version in service again with the new catalogue.

    `limit` is the most games it asks about, `commit` how many are loaded in one transaction. A Steam that is away or
    asks for a long pause ends it early; what was heard until then is loaded and published all the same.

    Raises:
        SteamKeyMissing, SteamKeyRefused: nothing can be heard.
        WarehouseError: the warehouse cannot be written, or another refresh is under way.
        NoModel: there are versions, and all of them are damaged.
    """
    began = time.perf_counter()
    before = await asyncio.to_thread(_catalogue, warehouse)
    run = _Run(store, warehouse, now, progress, commit, IDS if limit is None else limit)
    end, stopped = False, None
    try:
        end = await run.hear_changes() and await run.hear_of_the_gone()
    except (SteamRateLimited, SteamUnavailable) as trouble:
        stopped = _sentence(trouble)
    progress("publish", 0, 0)
    after = await asyncio.to_thread(_catalogue, warehouse)
    version = await asyncio.to_thread(_published, registry, after.values(), now)
    seconds = time.perf_counter() - began
    new, changed, delisted = differences(before, after)
    return RefreshReport(run.listed, new, changed, delisted, run.rejected, store.calls, seconds, version, end, stopped)


class _Run:
    """What one run is made with, and what it counts; `left` is how many games it may still ask about."""

    def __init__(
        self, store: SteamStore, warehouse: Warehouse, now: datetime, progress: Progress, commit: int, left: int
    ) -> None:
        self._store, self._warehouse, self._now, self._progress = store, warehouse, now, progress
        self._commit, self.left = commit, left
        self.listed = self.rejected = 0

    async def hear_changes(self) -> bool:
        """Whether it came to the end of the list."""
        heard, mark = await asyncio.to_thread(self._watermarks)
        way = next_pass(heard, mark, self._now)
        app_ids = await self._listed("list of changes", way.after, way.since)
        self.listed = len(app_ids)
        async for part, told in self._told("changed games", app_ids):
            way = replace(way, after=part[-1])
            await self._take_in(UNDER_WAY, mark, way.mark, self._delta(told))
            mark = way.mark
        if self.left <= 0:
            return False
        await self._take_in(HEARD, heard, way.began, Delta(events=0))
        return True

    async def hear_of_the_gone(self) -> bool:
        """Whether it could ask about all of them."""
        listed = set(await self._listed("list of games", 0, 0))
        missing = gone((await asyncio.to_thread(_catalogue, self._warehouse)).values(), listed)
        async for _, told in self._told("games no longer listed", missing):
            batches = _table(told, self._now).to_batches()
            await asyncio.to_thread(self._warehouse.load_store_games, batches, SOURCE, self._now)
        return self.left > 0

    async def _listed(self, phase: str, after: int, since: int) -> list[int]:
        found: list[int] = []
        at: int | None = after
        while at is not None:
            self._progress(phase, len(found), 0)
            page = await self._store.listed(at, since)
            found += page.app_ids
            self.rejected += page.rejected
            at = page.last
        return found

    async def _told(self, phase: str, app_ids: Sequence[int]) -> AsyncIterator[tuple[Sequence[int], Told]]:
        """What the store says, a transaction's worth at a time, as long as there is something left to ask about."""
        for start in range(0, len(app_ids), self._commit):
            part = app_ids[start : start + min(self._commit, self.left)]
            if not part:
                return
            answers = []
            for at in range(0, len(part), BATCH):
                self._progress(phase, start + at, len(app_ids))
                answers.append(await self._store.details(part[at : at + BATCH]))
            self.left -= len(part)
            rejected = {app_id: why for each in answers for app_id, why in each.rejected.items()}
            self.rejected += len(rejected)
            yield part, Told([row for each in answers for row in each.rows], rejected)
        self._progress(phase, len(app_ids), len(app_ids))

    async def _take_in(self, lake: str, after: int, upto: int, delta: Delta) -> None:
        applied = await asyncio.to_thread(
            self._warehouse.apply, delta, lake=lake, after=after, upto=upto, now=self._now
        )
        if not applied.taken:
            raise WarehouseBusy("another refresh of the catalogue is under way: wait until it is done")

    def _watermarks(self) -> tuple[int, int]:
        return self._warehouse.watermark(HEARD), self._warehouse.watermark(UNDER_WAY)

    def _delta(self, told: Told) -> Delta:
        rejects = [Rejected(app_id, "games", why) for app_id, why in told.rejected.items()]
        return Delta(len(told.rows) + len(rejects), games=_table(told, self._now), rejects=rejects)


def _table(told: Told, seen: datetime) -> pa.Table:
    return pa.Table.from_pylist([{**row, "seen": seen} for row in told.rows], schema=STORE_GAMES)


def _catalogue(warehouse: Warehouse) -> dict[int, Game]:
    return {game.app_id: game for game in warehouse.games()}


def _published(registry: Registry, catalogue: Iterable[Game], now: datetime) -> str | None:
    """The version that has it now; None where nothing had to be published, or no model was trained yet."""
    if not registry.versions():
        return None
    card = registry.publish_catalog(catalogue, created=now)
    return None if card is None else card.version


def _sentence(trouble: SteamError) -> str:
    if isinstance(trouble, SteamRateLimited) and trouble.retry_after is not None:
        why = f"Steam asks for a pause of {math.ceil(trouble.retry_after / 60)} minutes"
    else:
        why = f"Steam does not answer as it should ({trouble})"
    return f"{why}: what was heard is kept, and the next run goes on from there"
