"""A file on its way into the warehouse by the lake: its rows are events first, and told to the warehouse at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import TypeVar

import pyarrow as pa

from jobs.export import Progress, export
from recommender.catalog import Game
from storage.lake.chunks import chunk_event
from storage.lake.lake import Lake
from storage.warehouse import Loaded, Warehouse

T = TypeVar("T")


class ThroughLake:
    """What `storage.importing` loads into. A file that breaks off leaves nothing in the lake.

    Its methods block and are called from a thread, as the lake lives on the `loop`.

    Raises (every method): as Lake and Warehouse do. What the lake has by then, the next export tells.
    """

    def __init__(
        self,
        lake: Lake,
        warehouse: Warehouse,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], datetime],
        progress: Progress = lambda *_: None,
    ) -> None:
        self._lake, self._warehouse, self._loop = lake, warehouse, loop
        self._now, self._progress = now, progress

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load("interactions", batches, source, now)

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load("games", batches, source, now)

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        return self._load("reviews", batches, source, now)

    def games(self) -> list[Game]:
        return self._warehouse.games()

    def _load(self, table: str, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        """All is read before the lake hears of it; compressed, a set of millions of rows takes some megabytes."""
        events = [chunk_event(table, batch, source, now) for batch in batches if batch.num_rows]
        self._wait(self._lake.append(events))
        report = self._wait(export(self._lake, self._warehouse, now=self._now, progress=self._progress))
        read = sum(int(str(event.payload["rows"])) for event in events)
        told = report.rows.get(table, Loaded())
        return Loaded(read, told.added, told.changed, told.repeated)

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
