"""The end of what is logged: requests, the games they showed, events and runs of jobs are deleted once they are old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.lake.lake import Lake
from storage.runs import Runs
from storage.schema import impressions, requests

BATCH = 500
"""Requests a transaction: 80 ms on either database, on a busy machine, for which nobody else writes to SQLite."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted: everything `before` a moment, which is None where everything is kept for ever."""

    before: datetime | None
    requests: int = 0
    impressions: int = 0
    events: int = 0
    runs: int = 0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


async def prune(database: Database, now: datetime, days: int, told: int = 0, batch: int = BATCH) -> Pruned:
    """Deletes what is older than so many days, `days` 0 nothing; what is exactly that old stays.

    The oldest first, in transactions of `batch` rows: whatever ends it half-way, the next call goes on there. Only
    what is old when it begins is deleted; of the lake whole days (UTC), and no event beyond `told`, the last that the
    warehouse has heard. Opinions, reactions, accounts and digests end when the person says so.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`; the batches before are deleted.
    """
    if not days:
        return Pruned(None)
    before = now - timedelta(days=days)
    found = Pruned(before)
    while True:
        async with database.transaction() as connection:
            ids = await _oldest(connection, before, batch)
            shown = await connection.execute(delete(impressions).where(impressions.c.request_id.in_(ids)))
            old = await connection.execute(delete(requests).where(requests.c.id.in_(ids)))
        if not ids:
            break
        found = replace(found, requests=found.requests + old.rowcount, impressions=found.impressions + shown.rowcount)
    lake = Lake(database)
    while removed := await lake.prune(before.date(), told, batch):
        found = replace(found, events=found.events + removed)
    runs = Runs(database)
    while removed := await runs.prune(before, batch):
        found = replace(found, runs=found.runs + removed)
    return found


async def _oldest(connection: AsyncConnection, before: datetime, most: int) -> Sequence[str]:
    oldest = select(requests.c.id).where(requests.c.at < before).order_by(requests.c.at).limit(most)
    return (await connection.scalars(oldest)).all()
