"""Every event is in the lake once, in the order of the commits, in the partition of its day, until it is old."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, event, text

from recommender.library import Library
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.lake import lake as lake_module
from storage.lake.days import AHEAD, BEHIND, PREFIX
from storage.lake.events import ALL, Event, Kind, asked, erased, library_read, player_of, reacted
from storage.lake.lake import Lake, forget
from storage.logs import Impression, Reaction, RequestLog
from storage.personal_data import PersonalData
from tests.databases import KINDS, NOON, administer, empty, migrated

TODAY = NOON
DAY = timedelta(days=1)


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with migrated(url) as ready:
        yield ready


@pytest.fixture
def lake(database: Database) -> Lake:
    return Lake(database, clock=lambda: TODAY)


@pytest.fixture
async def on_postgres(tmp_path: Path) -> AsyncIterator[Database]:
    async with empty("postgres", tmp_path) as url, migrated(url) as ready:
        yield ready


def click(number: int, at: datetime = NOON, person: str = "ada") -> Event:
    return Event(f"click:{number}", Kind.CLICK, at, 1, {"app_id": number}, "discord", person)


async def keys(lake: Lake) -> list[str]:
    return [stored.event.key for stored in await lake.after(0, 10_000)]


async def partitions(database: Database) -> list[str]:
    names = text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'lake\\_events\\_%' ORDER BY 1")
    async with database.reading() as connection:
        return [name.removeprefix(PREFIX) for name in await connection.scalars(names)]


async def test_an_event_comes_back_as_it_was_given(lake: Lake) -> None:
    request = RequestLog("r1", NOON, "discord", "ada", "recommend", {"mix": "gems"}, "answered", 12, "v1", 1, "s", "c")
    given = [
        asked(request, request.options, [Impression(1, 620, 0.5)]),
        reacted(Reaction("x1", NOON, "discord", "ada", 620, "like", "r1")),
        library_read("discord", "ada", Library({620: 90, 10: 0}), NOON),
        click(1),
        Event("rows:1", Kind.ROWS, NOON, 1, {"rows": 3}, body=b"\0ARROW\xff"),
        erased("discord", "bob", ALL, NOON),
        Event("말", Kind.CLICK, NOON, 2, {"deep": [{"a": None, "b": [1.5, True]}], "text": "한국어 \0 \ud800"}),
    ]
    new = await lake.append(given)
    stored = await lake.after(0, 100)

    assert new == len(given)
    assert [one.event for one in stored] == given
    assert [one.seq for one in stored] == list(range(1, len(given) + 1))
    assert {one.arrived for one in stored} == {TODAY}


async def test_what_a_request_says_is_enough_to_learn_from_it(lake: Lake) -> None:
    request = RequestLog("r1", NOON, "discord", "ada", "curate", {"tag": "Cozy"}, "answered", 9, "v7", 1, page=2)

    assert asked(request, request.options, [Impression(1, 620, 0.5)]).payload == {
        "id": "r1",
        "command": "curate",
        "options": {"tag": "Cozy"},
        "outcome": "answered",
        "latency_ms": 9,
        "model": "v7",
        "server": None,
        "channel": None,
        "root": None,
        "page": 2,
        "shown": [{"position": 1, "app_id": 620, "score": 0.5, "version": None}],
    }


async def test_the_same_event_is_there_once_however_often_it_is_delivered(lake: Lake) -> None:
    first = await lake.append([click(1), click(2), click(1)])
    again = await lake.append([click(2), click(3), click(1)])

    assert (first, again) == (2, 1)
    assert await keys(lake) == ["click:1", "click:2", "click:3"]
    assert await lake.last() == 3


async def test_more_than_a_statement_takes_is_one_transaction(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "CHUNK", 3)
    await lake.append([click(2), click(7)])
    new = await lake.append([click(number) for number in range(10)])

    assert new == 8
    assert [stored.seq for stored in await lake.after(0, 100)] == list(range(1, 11))
    assert sorted(await keys(lake)) == [f"click:{number}" for number in range(10)]


async def test_nothing_is_appended_where_one_event_is_refused(lake: Lake) -> None:
    naive = click(2, NOON.replace(tzinfo=None))
    with pytest.raises(Exception, match="time zone"):
        await lake.append([click(1), naive])

    assert await keys(lake) == []
    assert await lake.last() == 0


async def test_reading_goes_on_after_what_was_read(lake: Lake) -> None:
    await lake.append([click(number) for number in range(5)])
    first = await lake.after(0, 2)
    rest = await lake.after(first[-1].seq, 100)

    assert [stored.seq for stored in (*first, *rest)] == [1, 2, 3, 4, 5]
    assert await lake.after(rest[-1].seq, 100) == []


async def test_a_reading_holds_only_so_many_bytes_and_one_event_at_least(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_module, "AT_ONCE", 100)
    await lake.append([replace(click(number), body=b"x" * size) for number, size in enumerate((500, 60, 40, 1))])
    readings, seq = [], 0
    while found := await lake.after(seq, 10):
        readings.append([stored.event.key for stored in found])
        seq = found[-1].seq

    assert readings == [["click:0"], ["click:1", "click:2"], ["click:3"]]


async def test_an_empty_lake_is_at_zero(lake: Lake) -> None:
    assert (await lake.last(), await lake.counts(), await lake.after(0, 10)) == (0, {}, [])
    assert await lake.append([]) == 0


async def test_events_are_counted_by_kind(lake: Lake) -> None:
    await lake.append([click(1), click(2), erased("discord", "ada", ALL, NOON)])

    assert await lake.counts() == {Kind.CLICK: 2, Kind.ERASED: 1}


async def test_no_number_is_given_twice_even_after_all_was_erased(lake: Lake, database: Database) -> None:
    await lake.append([click(1), click(2)])
    await PersonalData(database).erase("discord", "ada", NOON)
    seen = await lake.last()
    await lake.append([click(1)])

    assert [stored.seq for stored in await lake.after(seen, 10)] == [seen + 1]


async def test_a_reader_who_polls_while_several_write_sees_no_gap_filled_later(url: str, lake: Lake) -> None:
    writers = [Database(url) for _ in range(4)]
    seen: list[int] = []

    async def write(database: Database, by: int) -> None:
        for batch in range(8):
            await Lake(database).append([click(1000 * by + 10 * batch + n) for n in range(5)])

    async def read() -> None:
        while len(seen) < 4 * 8 * 5:
            seen.extend(stored.seq for stored in await lake.after(seen[-1] if seen else 0, 7))
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await asyncio.gather(read(), *(write(database, by) for by, database in enumerate(writers)))
    for database in writers:
        await database.close()

    assert seen == list(range(1, 4 * 8 * 5 + 1))


async def test_a_batch_waits_until_the_one_before_it_is_committed_or_undone(url: str, database: Database) -> None:
    other = Database(url)
    async with database.transaction() as connection:
        await lake_module.add(connection, [click(1)], TODAY)
        appending = asyncio.create_task(Lake(other).append([click(2)]))
        await asyncio.wait({appending}, timeout=0.3)
        waited = not appending.done()
        await connection.rollback()
    await appending
    stored = await Lake(database).after(0, 10)
    await other.close()

    assert waited
    assert [(one.seq, one.event.key) for one in stored] == [(1, "click:2")]


async def test_cut_off_before_the_commit_nothing_is_there_and_the_second_try_brings_it_once(
    on_postgres: Database,
) -> None:
    lake, cuts = Lake(on_postgres), 0

    def cut(connection: Connection) -> None:
        nonlocal cuts
        cuts += 1
        if cuts == 1:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            in_a_thread(lambda: asyncio.run(administer(f"SELECT pg_terminate_backend({pid})")))

    event.listen(on_postgres._engine.sync_engine, "commit", cut)
    with pytest.raises(DatabaseUnavailable):
        await lake.append([click(1), click(2)])
    event.remove(on_postgres._engine.sync_engine, "commit", cut)
    after_the_cut = await keys(lake)
    await lake.append([click(1), click(2)])

    assert after_the_cut == []
    assert await keys(lake) == ["click:1", "click:2"]


def in_a_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(timeout=10)


async def test_each_day_has_a_partition_of_its_own(on_postgres: Database) -> None:
    lake = Lake(on_postgres, clock=lambda: TODAY)
    midnight = NOON.replace(hour=0)
    await lake.append([click(1, midnight - timedelta(microseconds=1)), click(2, midnight), click(3, NOON)])
    await lake.append([click(4, NOON), click(5, NOON + DAY)])

    assert await partitions(on_postgres) == ["20240516", "20240517", "20240518", "default"]
    assert await keys(lake) == [f"click:{number}" for number in range(1, 6)]


async def test_days_far_from_today_share_the_default_partition(on_postgres: Database) -> None:
    lake = Lake(on_postgres, clock=lambda: TODAY)
    far = [
        NOON - BEHIND - DAY,
        NOON + AHEAD + DAY,
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC),
    ]
    await lake.append([click(number, at) for number, at in enumerate(far)])
    again = await lake.append([click(number, at) for number, at in enumerate(far)])

    assert again == 0
    assert await partitions(on_postgres) == ["default"]


async def test_a_day_that_was_far_when_its_first_event_came_is_no_trouble_once_it_is_today(
    on_postgres: Database,
) -> None:
    then = NOON + timedelta(days=400)
    await Lake(on_postgres, clock=lambda: NOON).append([click(1, then)])
    later = Lake(on_postgres, clock=lambda: then)
    new = await later.append([click(1, then), click(2, then), click(3, then + DAY)])

    assert new == 2
    assert await partitions(on_postgres) == ["20250622", "default"]
    assert await keys(later) == ["click:1", "click:2", "click:3"]


async def test_a_clock_that_steps_back_and_forth_costs_nothing(lake: Lake) -> None:
    """Order is of arrival: an event from before stands behind one from after, each in its own day."""
    moments = [NOON, NOON + timedelta(days=700), NOON - timedelta(days=700), NOON + timedelta(seconds=1)]
    await lake.append([click(number, at) for number, at in enumerate(moments)])

    assert [stored.event.at for stored in await lake.after(0, 10)] == moments


async def test_old_days_are_pruned_and_no_other(lake: Lake) -> None:
    days = (-400, -40, -2, -1, 0)
    await lake.append([click(number, NOON + number * DAY) for number in days])
    before = (NOON - DAY).date()
    removed = 0
    while some := await lake.prune(before, 99, most=1):
        removed += some

    assert removed == 3
    assert await keys(lake) == ["click:-1", "click:0"]


async def test_pruning_drops_partitions_whole(on_postgres: Database) -> None:
    lake = Lake(on_postgres, clock=lambda: TODAY)
    await lake.append([click(number, NOON - (number % 3) * DAY) for number in range(30)])
    removed = await lake.prune((NOON - DAY).date(), 99, most=1)

    assert removed == 10
    assert await partitions(on_postgres) == ["20240516", "20240517", "default"]


async def test_after_pruning_the_numbers_go_on(lake: Lake) -> None:
    await lake.append([click(1, NOON - 9 * DAY)])
    await lake.prune(NOON.date(), 99, most=10)
    await lake.append([click(2)])

    assert [stored.seq for stored in await lake.after(0, 10)] == [2]


async def test_forgetting_leaves_the_word_for_whoever_has_copied_it(lake: Lake, database: Database) -> None:
    await lake.append([click(1), click(2, person="bob")])
    removed = await PersonalData(database).erase("discord", "ada", NOON)
    left = [stored.event for stored in await lake.after(0, 10)]

    assert removed == {"lake_events": 1}
    assert [one.kind for one in left] == [Kind.CLICK, Kind.ERASED]
    assert left[1].payload == {"player": player_of("discord", "ada"), "kinds": sorted(Kind)}
    assert (left[1].platform, left[1].person) == (None, None)
    assert "ada" not in f"{left[1].key} {left[1].payload}"


async def test_what_is_forgotten_of_one_kind_leaves_the_others(lake: Lake, database: Database) -> None:
    await lake.append([click(1), library_read("discord", "ada", Library({620: 9}), NOON)])
    async with database.transaction() as connection:
        removed = await forget(connection, "discord", "ada", NOON, frozenset({Kind.LIBRARY}))
    left = [stored.event for stored in await lake.after(0, 10)]

    assert removed == 1
    assert [one.kind for one in left] == [Kind.CLICK, Kind.ERASED]
    assert left[1].payload["kinds"] == ["library"]


async def test_erasing_and_appending_at_once_wait_for_each_other_and_do_not_lock_up(
    url: str, lake: Lake, database: Database
) -> None:
    """On Postgres the first event of a day wants the whole table for itself."""
    other = Database(url)
    await lake.append([click(number, NOON - number * DAY) for number in range(5)])
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(PersonalData(other).erase("discord", "ada", NOON + timedelta(seconds=n)) for n in range(5)),
            *(lake.append([click(n, NOON - n * DAY, "bob")]) for n in range(10, 20)),
        )
    await other.close()

    assert await lake.counts() == {Kind.CLICK: 10, Kind.ERASED: 5}


def test_a_pseudonym_is_the_same_at_any_time_and_another_on_another_platform() -> None:
    assert player_of("discord", "ada") == player_of("discord", "ada") == "bot-0e2952c0e0cd67177ab34ff20402af3c"
    assert len({player_of("discord", "ada"), player_of("slack", "ada"), player_of("discorda", "da")}) == 3


def test_a_library_is_one_event_a_day_until_it_says_something_else() -> None:
    first = library_read("discord", "ada", Library({620: 90, 10: 0}), NOON)
    same = library_read("discord", "ada", Library({10: 0, 620: 90}), NOON + timedelta(hours=11))
    others = [
        library_read("discord", "ada", Library({620: 91, 10: 0}), NOON),
        library_read("discord", "bob", Library({620: 90, 10: 0}), NOON),
        library_read("discord", "ada", Library({620: 90, 10: 0}), NOON + DAY),
    ]

    assert first.key == same.key
    assert len({first.key, *(one.key for one in others)}) == 4


def test_an_event_does_not_show_whom_it_is_about() -> None:
    secret = uuid4().hex

    assert secret not in repr(Event("k", Kind.CLICK, NOON, 1, {"x": secret}, "discord", secret, secret.encode()))
