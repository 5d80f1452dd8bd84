"""The lake into the warehouse: what was not told yet, in deltas that are each taken in once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from storage.delta import Applied, Delta
from storage.errors import LakeBehind
from storage.lake.lake import Lake
from storage.lake.telling import delta_of
from storage.warehouse import Loaded, Warehouse

EVENTS = 2_000
"""Events a delta: enough that the merge is not felt, few enough to lie in memory."""

Progress = Callable[[int, int], None]
"""Told how many events of how many are in the warehouse."""


@dataclass(frozen=True)
class ExportReport:
    """The events after `after`, up to `upto`; `rows` by kind of row, `forgotten` rows that went, `rejected` by kind."""

    lake: str
    after: int
    upto: int
    deltas: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, Loaded] = field(default_factory=dict)
    forgotten: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


async def export(
    lake: Lake,
    warehouse: Warehouse,
    *,
    now: Callable[[], datetime],
    progress: Progress = lambda *_: None,
    events: int = EVENTS,
) -> ExportReport:
    """Repeat it whenever it was cut off: what was taken in is not told again.

    Raises:
        LakeBehind: the warehouse has more of this lake than there is of it.
        DatabaseError, WarehouseError: what was taken in until then stays.
    """
    name, last = await lake.name(), await lake.last()
    at = after = await asyncio.to_thread(warehouse.watermark, name)
    if last < after:
        raise LakeBehind(after, last)
    total = _Total()
    progress(0, last - after)
    while found := await lake.after(at, events):
        upto = found[-1].seq
        delta = await asyncio.to_thread(delta_of, found)
        applied = await asyncio.to_thread(warehouse.apply, delta, lake=name, after=at, upto=upto, now=now())
        if applied.taken:
            total.add(delta, applied, Counter(str(stored.event.kind) for stored in found))
        at = upto if applied.taken else max(applied.watermark, at)
        progress(min(at, last) - after, last - after)
    return ExportReport(
        name, after, at, total.deltas, dict(total.events), total.rows, dict(total.forgotten), dict(total.rejected)
    )


class _Total:
    """What the deltas came to so far."""

    def __init__(self) -> None:
        self.deltas = 0
        self.events: Counter[str] = Counter()
        self.rows: dict[str, Loaded] = {}
        self.forgotten: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()

    def add(self, delta: Delta, applied: Applied, events: Counter[str]) -> None:
        self.deltas += 1
        self.events += events
        self.forgotten.update(applied.forgotten)
        self.rejected.update(reject.kind for reject in delta.rejects)
        for kind, loaded in applied.rows.items():
            self.rows[kind] = self.rows.get(kind, Loaded()) + loaded
