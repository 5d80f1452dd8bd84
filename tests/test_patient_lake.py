"""Whatever fails, what is put comes to the lake once and in order, and whoever puts it never waits or hears of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import DatabaseUnavailable, SpoolError
from storage.lake.events import Event, Kind
from storage.lake.lake import Lake
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from tests.databases import KINDS, empty, locked, migrated, moved_away, sqlite_url
from tests.lake_process import event
from tests.test_spool import drained, files_of_at_most


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "indiean.db"


@pytest.fixture
async def lake(file: Path) -> AsyncIterator[Lake]:
    """On SQLite, and it waits for nothing longer than a twentieth of a second."""
    async with migrated(sqlite_url(file), patience=0.05) as database:
        yield Lake(database)


@asynccontextmanager
async def patient(lake: Lake, folder: Path, most: int = 500, capacity: int = 10_000) -> AsyncIterator[PatientLake]:
    """With a spool in that folder, which outlives it."""
    made = PatientLake(lake, Spool(folder / "spool"), Spool(folder / "aside"), every=0.01, most=most, capacity=capacity)
    yield made
    await made.close(within=0.5)


async def keys(lake: Lake) -> list[str]:
    return [stored.event.key for stored in await lake.after(0, 10_000)]


async def until_nothing_waits(patient: PatientLake) -> None:
    async with asyncio.timeout(10):
        while patient.waiting:  # noqa: ASYNC110  (nobody says so)
            await asyncio.sleep(0.01)


def every_line(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.jsonl"))


def names(numbers: Sequence[int]) -> list[str]:
    return [event(number).key for number in numbers]


class Counting(Lake):
    """How many events each batch has."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.batches: list[int] = []

    async def append(self, events: Sequence[Event]) -> int:
        new = await super().append(events)
        self.batches.append(len(events))
        return new


class CommitsUnheard(Counting):
    """A database whose connection breaks after each first commit, before anybody hears of it."""

    async def append(self, events: Sequence[Event]) -> int:
        new = await super().append(events)
        if len(self.batches) % 2:
            raise DatabaseUnavailable("the connection broke")
        return new


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_put_is_there_in_its_order(kind: str, tmp_path: Path) -> None:
    async with empty(kind, tmp_path) as url, migrated(url) as database, patient(Lake(database), tmp_path, 7) as putting:
        for number in range(40):
            putting.put(event(number))
        written = await putting.flush(5)
        found = await keys(Lake(database))

    assert written
    assert found == names(range(40))
    assert not (tmp_path / "spool").exists()


async def test_what_comes_together_is_written_together(lake: Lake, tmp_path: Path) -> None:
    counting = Counting(lake._database)
    async with patient(counting, tmp_path, most=50) as putting:
        for number in range(120):
            putting.put(event(number))
        await putting.flush(5)

    assert counting.batches == [50, 50, 20]


async def test_putting_waits_for_nothing(lake: Lake, file: Path, tmp_path: Path) -> None:
    """Nobody gets a turn between two events, though the database is locked."""
    async with patient(lake, tmp_path) as putting:
        with locked(file):
            others = asyncio.create_task(asyncio.sleep(0))
            for number in range(1000):
                putting.put(event(number))
            had_a_turn = others.done()
        await putting.flush(5)

    assert not had_a_turn
    assert len(await keys(lake)) == 1000


async def test_away_at_the_start_the_disk_has_it_and_afterwards_the_lake(
    lake: Lake, file: Path, tmp_path: Path
) -> None:
    async with patient(lake, tmp_path, most=3) as putting:
        with moved_away(file):
            for number in range(10):
                putting.put(event(number))
            await until_nothing_waits(putting)
            spooled = Spool(tmp_path / "spool").find(lambda _: True)
        written = await putting.flush(5)

    assert [one.key for one in spooled] == names(range(10))
    assert written
    assert await keys(lake) == names(range(10))
    assert list((tmp_path / "spool").glob("*.jsonl")) == []


async def test_away_in_the_middle_nothing_is_out_of_order_or_twice(lake: Lake, file: Path, tmp_path: Path) -> None:
    async with patient(lake, tmp_path, most=2) as putting:
        for rounds in range(4):
            putting.put(event(10 * rounds))
            await putting.flush(5)
            with moved_away(file):
                for number in range(1, 6):
                    putting.put(event(10 * rounds + number))
                await until_nothing_waits(putting)
            for number in range(6, 10):
                putting.put(event(10 * rounds + number))
        await putting.flush(5)

    assert await keys(lake) == names(range(40))
    assert putting.lost == 0


async def test_a_commit_that_nobody_heard_of_is_not_doubled(lake: Lake, tmp_path: Path) -> None:
    unheard = CommitsUnheard(lake._database)
    async with patient(unheard, tmp_path, most=4) as putting:
        for number in range(20):
            putting.put(event(number))
        await putting.flush(5)

    assert await keys(lake) == names(range(20))


async def test_what_an_earlier_process_left_comes_first_and_without_being_asked_for(
    lake: Lake, file: Path, tmp_path: Path
) -> None:
    with moved_away(file):
        async with patient(lake, tmp_path) as earlier:
            for number in range(3):
                earlier.put(event(number))
    async with patient(lake, tmp_path) as later:
        later.start()
        async with asyncio.timeout(5):
            while len(await keys(lake)) < 3:  # noqa: ASYNC110  (nobody says so)
                await asyncio.sleep(0.01)
        later.put(event(3))
        await later.flush(5)

    assert await keys(lake) == names(range(4))


async def test_closing_writes_what_is_left(lake: Lake, tmp_path: Path) -> None:
    async with patient(lake, tmp_path) as putting:
        for number in range(10):
            putting.put(event(number))

    assert await keys(lake) == names(range(10))


async def test_closing_without_a_database_ends_in_time_and_leaves_it_to_the_disk(
    lake: Lake, file: Path, tmp_path: Path
) -> None:
    putting = PatientLake(lake, Spool(tmp_path / "spool"), Spool(tmp_path / "aside"))
    with locked(file):
        for number in range(4):
            putting.put(event(number))
        async with asyncio.timeout(3):
            lost = await putting.close(within=0.2)

    assert lost == 0
    assert drained(Spool(tmp_path / "spool")) == [event(number) for number in range(4)]


async def test_after_closing_nothing_is_taken(lake: Lake, tmp_path: Path) -> None:
    async with patient(lake, tmp_path) as putting:
        await putting.close()
        putting.put(event(1))

    assert putting.lost == 1
    assert await keys(lake) == []


async def test_an_outage_is_told_once_and_so_is_its_end(
    lake: Lake, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "storage")
    async with patient(lake, tmp_path) as putting:
        with moved_away(file):
            for number in range(3):
                putting.put(event(number))
                await putting.flush(0.3)
        await putting.flush(5)

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_full_disk_is_told_once_and_costs_nothing_that_memory_can_hold(
    lake: Lake, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with patient(lake, tmp_path, most=2, capacity=5) as putting:
        with moved_away(file), files_of_at_most(100):
            for number in range(8):
                putting.put(event(number))
            for _ in range(5):
                await putting.flush(0.05)
            waiting, lost = putting.waiting, putting.lost
        await putting.flush(5)

    told = [record.getMessage() for record in caplog.records if "spool cannot take them" in record.getMessage()]
    assert (waiting, lost) == (5, 3)
    assert len(told) == 1
    assert await keys(lake) == names(range(5))


async def test_closing_on_a_full_disk_says_how_many_are_lost(
    lake: Lake, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    putting = PatientLake(lake, Spool(tmp_path / "spool"), Spool(tmp_path / "aside"))
    with moved_away(file), files_of_at_most(100):
        for number in range(3):
            putting.put(event(number))
        lost = await putting.close(within=0.1)

    assert (lost, putting.lost) == (3, 3)
    assert "closed with 3 events for the lake undone" in caplog.text


async def test_a_spool_folder_that_is_none_keeps_nothing_from_a_database_that_is_there(
    lake: Lake, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_text("holiday pictures")
    async with patient(lake, tmp_path) as putting:
        putting.put(event(1))
        await putting.flush(1)

    assert await keys(lake) == names([1])


POISONED = [
    replace(event(100), payload={"x": {1, 2}}),
    replace(event(101), key="a\0b"),
    replace(event(102), at=event(1).at.replace(tzinfo=None)),
    replace(event(103), body=b"x" * 17_000_000),
]


async def test_poisoned_events_are_set_aside_with_a_sentence_and_all_others_are_written(
    lake: Lake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with patient(lake, tmp_path) as putting:
        for number in range(6):
            putting.put(event(number))
            if number < len(POISONED):
                putting.put(POISONED[number])
        written = await putting.flush(5)

    told = [record.getMessage() for record in caplog.records if "set aside" in record.getMessage()]
    aside = drained(Spool(tmp_path / "aside"))
    assert written
    assert await keys(lake) == names(range(6))
    assert putting.lost == len(told) == 4
    assert "ada" not in caplog.text
    assert [(one.key, one.person) for one in aside] == [
        (poisoned.key.replace("\0", ""), "ada") for poisoned in POISONED
    ]
    assert aside[0].payload["refused"] == "its payload is not JSON (TypeError)"


class Refuses(Lake):
    """A database that does not take two events for what they say, wherever they stand in a batch."""

    async def append(self, events: Sequence[Event]) -> int:
        if {one.key for one in events} & set(names([3, 4])):
            raise ValueError("ada said something")
        return await super().append(events)


@pytest.mark.parametrize("through_the_spool", [False, True])
async def test_what_the_database_alone_refuses_is_found_among_the_others(
    lake: Lake, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, through_the_spool: bool
) -> None:
    if through_the_spool:
        with moved_away(file):
            async with patient(lake, tmp_path) as earlier:
                for number in range(9):
                    earlier.put(event(number))
    async with patient(Refuses(lake._database), tmp_path) as putting:
        for number in range(9):
            putting.put(event(number))
        written = await putting.flush(5)

    assert written
    assert await keys(lake) == names([0, 1, 2, 5, 6, 7, 8])
    assert {one.key for one in drained(Spool(tmp_path / "aside"))} == set(names([3, 4]))
    assert "ada" not in caplog.text


async def test_flush_does_not_wait_for_what_comes_after_it(lake: Lake, tmp_path: Path) -> None:
    async with patient(lake, tmp_path, most=5) as putting:
        putting.put(event(0))
        flushing = asyncio.create_task(putting.flush(5))
        await asyncio.sleep(0)
        for number in range(1, 200):
            putting.put(event(number))
        written = await flushing
        waiting = putting.waiting

    assert written
    assert waiting > 100


async def test_flush_says_that_it_is_not_done_while_the_database_is_away(
    lake: Lake, file: Path, tmp_path: Path
) -> None:
    async with patient(lake, tmp_path) as putting:
        with moved_away(file):
            putting.put(event(1))
            during = await putting.flush(0.2)
        after = await putting.flush(5)

    assert not during
    assert after


async def test_whoever_is_forgotten_is_gone_from_memory_and_disk_and_the_others_stay(
    lake: Lake, file: Path, tmp_path: Path
) -> None:
    async with patient(lake, tmp_path) as putting:
        with moved_away(file):
            for number in range(2):
                putting.put(event(number))
                putting.put(event(number, "bob"))
            putting.put(POISONED[0])
            await until_nothing_waits(putting)
            putting.put(event(7))
            known = await putting.of("discord", "ada")
            dropped = await putting.forget("discord", "ada")
            files = every_line(tmp_path)
        await putting.flush(5)

    assert [one.key for one in known] == names([0, 1, 100, 7])
    assert dropped == 4
    assert b"ada" not in files
    assert await keys(lake) == [event(number, "bob").key for number in range(2)]


async def test_only_the_kinds_that_are_named_are_forgotten(lake: Lake, file: Path, tmp_path: Path) -> None:
    async with patient(lake, tmp_path) as putting:
        with moved_away(file):
            putting.put(event(1))
            putting.put(replace(event(2), kind=Kind.LIBRARY))
            await until_nothing_waits(putting)
            await putting.forget("discord", "ada", frozenset({Kind.LIBRARY}))
        await putting.flush(5)

    assert await keys(lake) == names([1])


async def test_flush_counts_what_was_forgotten_as_done(lake: Lake, tmp_path: Path) -> None:
    async with patient(lake, tmp_path) as putting:
        putting.put(event(1))
        await putting.forget("discord", "ada")
        written = await putting.flush(5)

    assert written
    assert await keys(lake) == []


async def test_two_processes_share_a_home_and_deliver_each_event_once(lake: Lake, file: Path, tmp_path: Path) -> None:
    async with patient(lake, tmp_path, most=3) as one, patient(lake, tmp_path, most=3) as other:
        with moved_away(file):
            for number in range(20):
                one.put(event(2 * number))
                other.put(event(2 * number + 1))
            await until_nothing_waits(one)
            await until_nothing_waits(other)
        written = await asyncio.gather(one.flush(5), other.flush(5))

    assert all(written)
    assert sorted(await keys(lake)) == sorted(names(range(40)))


async def test_a_spool_that_another_process_never_lets_go_of_is_an_error_in_time(
    lake: Lake, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.lake.patient.PATIENCE", 0.1)
    with moved_away(file):
        async with patient(lake, tmp_path) as putting:
            putting.put(event(1))
            await until_nothing_waits(putting)
            let_go = Spool(tmp_path / "spool").hold()
            assert let_go is not None
            with pytest.raises(SpoolError, match="another process"):
                await putting.forget("discord", "ada")
            let_go()
