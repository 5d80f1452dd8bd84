"""Whether lake and warehouse tell the same: every event counted, every row where it belongs, every reject on record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from jobs.export import EVENTS, Progress
from storage.delta import KINDS, Delta, LedgerEntry
from storage.lake.lake import Lake, Tally
from storage.lake.telling import delta_of
from storage.warehouse import Counts, Warehouse


@dataclass(frozen=True)
class Side:
    """What one side has of the events up to the watermark; `rows` and `rejected` by kind."""

    events: int
    rows: Mapping[str, int]
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class Reconciled:
    """`pending` events are still to be told; `problems` has a sentence for each thing that does not add up."""

    lake: str
    tally: Tally
    watermark: int
    pending: int
    told: Side
    taken: Side
    replayed: Counts
    warehouse: Counts
    problems: Sequence[str] = field(default=())

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


async def reconcile(
    lake: Lake,
    warehouse: Warehouse,
    replay: Warehouse,
    *,
    now: Callable[[], datetime],
    progress: Progress = lambda *_: None,
) -> Reconciled:
    """Tells the lake once more, to the empty warehouse `replay`, and compares; changes neither lake nor warehouse.

    Raises:
        DatabaseError, WarehouseError: one of them cannot be read.
    """
    name, tally = await lake.name(), await lake.tally()
    watermark = await asyncio.to_thread(warehouse.watermark, name)
    told = await _replayed(lake, name, watermark, replay, now, progress)
    ledger = await asyncio.to_thread(warehouse.ledger, name)
    there, again = await asyncio.to_thread(warehouse.counts), await asyncio.to_thread(replay.counts)
    taken = _side(ledger)
    problems = [
        *_of_lake(tally),
        *_of_ledger(ledger, watermark),
        *_of_sides(told, taken, tally.removed),
        *_of_rows(again, there),
    ]
    pending = await lake.pending(watermark)
    return Reconciled(name, tally, watermark, pending, told, taken, again, there, problems)


async def _replayed(
    lake: Lake, name: str, upto: int, replay: Warehouse, now: Callable[[], datetime], progress: Progress
) -> Side:
    at, events, rows, rejected = 0, 0, Counter[str](), Counter[str]()
    while at < upto and (found := [one for one in await lake.after(at, EVENTS) if one.seq <= upto]):
        delta = await asyncio.to_thread(delta_of, found)
        await asyncio.to_thread(replay.apply, delta, lake=name, after=at, upto=found[-1].seq, now=now())
        at, events = found[-1].seq, events + len(found)
        rows.update(_rows(delta))
        rejected.update(reject.kind for reject in delta.rejects)
        progress(at, upto)
    return Side(events, dict(rows), dict(rejected))


def _rows(delta: Delta) -> Counter[str]:
    counted = Counter({kind: getattr(delta, kind).num_rows for kind in KINDS})
    counted["games"] += delta.catalogue.num_rows
    return counted


def _side(ledger: Sequence[LedgerEntry]) -> Side:
    rows, rejected = Counter[str](), Counter[str]()
    for entry in ledger:
        rows.update(entry.rows)
        rejected.update(entry.rejected)
    return Side(sum(entry.events for entry in ledger), dict(rows), dict(rejected))


def _of_lake(tally: Tally) -> Iterator[str]:
    if tally.events + tally.removed != tally.last:
        yield (
            f"the lake has had {tally.last:,} events and has {tally.events:,}, but {tally.removed:,} were pruned or "
            "forgotten: somebody else has changed the table lake_events"
        )


def _of_ledger(ledger: Sequence[LedgerEntry], watermark: int) -> Iterator[str]:
    ends = [0, *(entry.upto for entry in ledger)]
    if any(entry.after != end for entry, end in zip(ledger, ends, strict=False)):
        yield "the ledger of the warehouse has a gap: somebody else has changed the table ledger"
    if ends[-1] != watermark:
        yield f"the ledger of the warehouse ends at {ends[-1]:,} and its watermark stands at {watermark:,}"


def _of_sides(told: Side, taken: Side, removed: int) -> Iterator[str]:
    """What was removed from the lake after it was told stands in the ledger still, and nowhere else."""
    if not told.events <= taken.events <= told.events + removed:
        yield f"the lake has {told.events:,} of the events told, the warehouse has taken in {taken.events:,}"
    for what, lake, warehouse in (("rows of", told.rows, taken.rows), ("rejects of", told.rejected, taken.rejected)):
        for kind in sorted(lake.keys() | warehouse.keys()):
            of_lake, of_warehouse = lake.get(kind, 0), warehouse.get(kind, 0)
            if of_lake > of_warehouse or (of_lake < of_warehouse and not removed):
                yield f"the lake has {of_lake:,} {what} {kind}, the warehouse has taken in {of_warehouse:,}"


def _of_rows(again: Counts, there: Counts) -> Iterator[str]:
    """The warehouse may hold more, as the store and the sample world do not come by the lake."""
    for kind, count in asdict(again).items():
        has = asdict(there)[kind]
        if has < count:
            yield f"told once more, the lake comes to {count:,} {kind}, and the warehouse has {has:,}"
