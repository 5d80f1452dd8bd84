"""The lake comes into the warehouse exactly once in effect, whatever cuts it off, and the counts of both add up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from jobs.export import ExportReport, export
from jobs.reconcile import Reconciled, reconcile
from jobs.through_lake import ThroughLake
from recommender.library import Library
from storage.database import Database
from storage.delta import Applied, Delta
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import LakeBehind, WarehouseBusy
from storage.lake.events import Event, Kind, library_read, player_of, reacted
from storage.lake.lake import Lake
from storage.logs import Reaction
from storage.personal_data import PersonalData
from storage.schema import lake_events
from storage.warehouse import INTERACTIONS, Warehouse
from tests.databases import KINDS, NOON, ready
from tests.warehouses import Owned, batch, catalogue, own, owned

ANN, BOB = player_of("discord", "ann"), player_of("discord", "bob")


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def lake(database: Database) -> Lake:
    return Lake(database, clock=lambda: NOON)


@pytest.fixture
def small(tmp_path: Path) -> Callable[[str], DuckDBWarehouse]:
    return lambda name: DuckDBWarehouse(tmp_path / f"{name}.duckdb")


def now() -> datetime:
    return NOON


def library(person: str, games: dict[int, int]) -> Event:
    return library_read("discord", person, Library(games), NOON)


def reaction(person: str, kind: str, app_id: int = 10) -> Event:
    return reacted(Reaction(f"{person}-{kind}-{app_id}", NOON, "discord", person, app_id, kind))


POISON = Event("poison", Kind.LIBRARY, NOON, 1, {"games": "all"}, "discord", "ann")
STORY = [library("ann", {10: 62, 20: 5}), reaction("bob", "like"), POISON, library("bob", {10: 3})]


async def told(lake: Lake, warehouse: Warehouse, events: int = 2_000) -> ExportReport:
    return await export(lake, warehouse, now=now, events=events)


async def checked(lake: Lake, warehouse: Warehouse, tmp_path: Path) -> Reconciled:
    with DuckDBWarehouse(tmp_path / "replay.duckdb") as replay:
        found = await reconcile(lake, warehouse, replay, now=now)
    (tmp_path / "replay.duckdb").unlink()
    return found


async def test_what_was_not_told_yet_is_told_and_counted(lake: Lake, small: Callable[[str], DuckDBWarehouse]) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        first, second = await told(lake, warehouse), await told(lake, warehouse)

        assert (first.after, first.upto, first.deltas) == (0, 4, 1)
        assert first.events == {"library": 3, "reaction": 1}
        assert (first.rows["interactions"].added, first.rows["feedback"].added) == (3, 1)
        assert first.rejected == {"library": 1}
        assert (second.after, second.upto, second.deltas, second.events) == (4, 4, 0, {})
        assert owned(warehouse) == sorted([Owned(ANN, 10, 62), Owned(ANN, 20, 5), Owned(BOB, 10, 3)])


async def test_a_long_lake_is_told_in_several_deltas(lake: Lake, small: Callable[[str], DuckDBWarehouse]) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        report = await told(lake, warehouse, events=1)

        assert (report.deltas, report.rows["interactions"].added) == (4, 3)
        assert [(entry.after, entry.upto) for entry in warehouse.ledger(report.lake)] == [(n, n + 1) for n in range(4)]


class Cut(Exception):
    """The process was killed here."""


class Breaking:
    """A warehouse behind which the process is killed before or after its nth delta was taken in."""

    def __init__(self, warehouse: Warehouse, at: int, *, after: bool) -> None:
        self._warehouse, self._left, self._after = warehouse, at, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._warehouse, name)

    def apply(self, delta: Delta, *, lake: str, after: int, upto: int, now: datetime) -> Applied:
        self._left -= 1
        if not self._left and not self._after:
            raise Cut
        applied = self._warehouse.apply(delta, lake=lake, after=after, upto=upto, now=now)
        if not self._left:
            raise Cut
        return applied


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_cut_off_at_any_delta_the_next_export_goes_on_and_nothing_is_twice(
    lake: Lake, small: Callable[[str], DuckDBWarehouse], tmp_path: Path, at: int, *, after: bool
) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        with pytest.raises(Cut):
            await export(lake, Breaking(warehouse, at, after=after), now=now, events=1)  # type: ignore[arg-type]
        await told(lake, warehouse, events=1)
        found = await checked(lake, warehouse, tmp_path)

        assert found.problems == []
        assert (found.taken.events, found.taken.rejected) == (4, {"library": 1})
        assert warehouse.counts().interactions == 3


async def test_two_exporters_at_once_tell_each_event_once(
    lake: Lake, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    await lake.append([library(f"player {n}", {10: n}) for n in range(40)])
    with small("warehouse") as warehouse:

        async def exporter() -> None:
            while True:
                try:
                    await told(lake, warehouse, events=3)
                except WarehouseBusy:
                    continue
                return

        await asyncio.gather(exporter(), exporter())
        found = await checked(lake, warehouse, tmp_path)

        assert found.problems == []
        assert (found.taken.events, found.taken.rows["interactions"]) == (40, 40)


async def test_who_is_forgotten_leaves_the_warehouse_with_the_next_export(
    lake: Lake, database: Database, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        await told(lake, warehouse)
        await PersonalData(database).erase("discord", "ann", NOON)
        report = await told(lake, warehouse)
        found = await checked(lake, warehouse, tmp_path)

        assert report.forgotten == {"interactions": 2, "feedback": 0}
        assert owned(warehouse) == [Owned(BOB, 10, 3)]
        assert found.problems == []
        assert (found.tally.last, found.tally.events, found.tally.removed) == (5, 3, 2)


async def test_each_lake_is_told_from_its_own_beginning(
    lake: Lake, tmp_path: Path, small: Callable[[str], DuckDBWarehouse]
) -> None:
    async with ready("sqlite", tmp_path / "other") as second:
        other = Lake(second)
        await lake.append(STORY[:1])
        await other.append(STORY[3:])
        with small("warehouse") as warehouse:
            await told(lake, warehouse)
            await told(other, warehouse)

            assert warehouse.counts().players == 2
            assert await lake.name() != await other.name()


async def test_a_lake_that_was_put_back_is_refused_until_it_is_told_anew(
    lake: Lake, database: Database, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    await lake.append(STORY[:2])
    with small("warehouse") as warehouse:
        name = await lake.name()
        warehouse.apply(Delta(events=9), lake=name, after=0, upto=9, now=NOON)
        with pytest.raises(LakeBehind, match="--from-start"):
            await told(lake, warehouse)
        await lake.rename()
        report = await told(lake, warehouse)

        assert (report.after, report.upto) == (0, 2)
        assert (await checked(lake, warehouse, tmp_path)).problems == []


async def test_what_vanished_from_the_lake_without_a_word_is_found(
    lake: Lake, database: Database, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        await told(lake, warehouse)
        async with database.transaction() as connection:
            await connection.execute(delete(lake_events).where(lake_events.c.seq == 2))
        (first, *_) = (await checked(lake, warehouse, tmp_path)).problems

        assert "lake_events" in first


@pytest.mark.parametrize(
    ("tampered", "word"),
    [
        ("DELETE FROM interactions WHERE app_id = 20", "interactions"),
        ("DELETE FROM feedback", "feedback"),
        ("DELETE FROM ledger WHERE after = 1", "ledger"),
        ("UPDATE watermarks SET upto = 3", "watermark"),
        ("UPDATE ledger SET interactions = interactions + 1 WHERE after = 0", "rows of interactions"),
    ],
)
async def test_what_is_not_in_the_warehouse_though_it_was_told_is_found(
    lake: Lake, small: Callable[[str], DuckDBWarehouse], tmp_path: Path, tampered: str, word: str
) -> None:
    await lake.append(STORY)
    with small("warehouse") as warehouse:
        await told(lake, warehouse, events=1)
        warehouse._database.execute(tampered)
        problems = (await checked(lake, warehouse, tmp_path)).problems

        assert any(word in problem for problem in problems), problems


async def test_what_is_pending_is_no_problem(
    lake: Lake, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    await lake.append(STORY[:2])
    with small("warehouse") as warehouse:
        own(warehouse, Owned("from elsewhere", 10))
        await told(lake, warehouse)
        await lake.append(STORY[2:])
        found = await checked(lake, warehouse, tmp_path)

        assert (found.pending, found.problems) == (2, [])


async def test_a_file_comes_into_the_warehouse_by_the_lake(
    lake: Lake, small: Callable[[str], DuckDBWarehouse], tmp_path: Path
) -> None:
    rows = [batch([Owned("a", 10, 7)], INTERACTIONS), batch([Owned("a", 10, 9), Owned("b", 20, 1)], INTERACTIONS)]
    with small("warehouse") as warehouse:
        through = ThroughLake(lake, warehouse, asyncio.get_running_loop(), now)
        first = await asyncio.to_thread(through.load_interactions, rows, "set", NOON)
        again = await asyncio.to_thread(through.load_interactions, rows, "set", NOON)

        assert (first.read, first.added, first.repeated) == (3, 2, 1)
        assert (again.read, again.added, again.changed) == (3, 0, 0)
        assert owned(warehouse) == [Owned("a", 10, 9), Owned("b", 20, 1)]
        assert (await lake.tally()).events == 2
        assert (await checked(lake, warehouse, tmp_path)).problems == []


async def test_a_file_that_breaks_off_leaves_nothing_in_the_lake(
    lake: Lake, small: Callable[[str], DuckDBWarehouse]
) -> None:
    def broken() -> object:
        yield batch([Owned("a", 10, 7)], INTERACTIONS)
        raise Cut

    with small("warehouse") as warehouse:
        catalogue(warehouse)
        through = ThroughLake(lake, warehouse, asyncio.get_running_loop(), now)
        with pytest.raises(Cut):
            await asyncio.to_thread(through.load_interactions, broken(), "set", NOON)  # type: ignore[arg-type]

        assert (await lake.tally()).events == 0
        assert warehouse.counts().interactions == 0


async def test_the_watermark_is_told_of_as_it_moves(lake: Lake, small: Callable[[str], DuckDBWarehouse]) -> None:
    await lake.append([replace(one, key=f"{at}") for at, one in enumerate(STORY)])
    seen: list[tuple[int, int]] = []
    with small("warehouse") as warehouse:
        await export(lake, warehouse, now=now, progress=lambda done, total: seen.append((done, total)), events=2)

    assert seen == [(0, 4), (2, 4), (4, 4)]
