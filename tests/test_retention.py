"""What was asked is deleted once it is older than its days, bit by bit, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection

from storage.accounts import Accounts
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.feedback import Feedback, Opinion
from storage.lake.events import reacted
from storage.lake.lake import Lake
from storage.logs import Counts, Impression, Logs
from storage.personal_data import PersonalData
from storage.retention import Pruned, prune
from storage.subscriptions import Subscriptions
from tests.databases import KINDS, NOON, ready
from tests.test_logs import SHOWN, asked, liked
from tests.test_personal_data import live

DAYS = 365
LIMIT = NOON - timedelta(days=DAYS)
INSTANT = timedelta(microseconds=1)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


async def log(database: Database, *moments: datetime) -> None:
    for number, at in enumerate(moments):
        await Logs(database).record(replace(asked(number), at=at), SHOWN)


async def left(database: Database) -> list[datetime]:
    return [request.at for request in await Logs(database).recent(100)][::-1]


@contextmanager
def breaking_off(database: Database, at: int) -> Iterator[None]:
    """The connection breaks instead of commit number `at`."""
    commits = iter(range(1, at + 1))

    def commit(_: Connection) -> None:
        if next(commits) == at:
            raise ConnectionResetError("somebody pulled the plug")

    event.listen(database._engine.sync_engine, "commit", commit)
    yield
    event.remove(database._engine.sync_engine, "commit", commit)


async def test_what_is_exactly_that_old_stays_and_what_is_an_instant_older_goes(database: Database) -> None:
    await log(database, LIMIT - INSTANT, LIMIT, NOON)
    pruned = await prune(database, NOON, DAYS)

    assert pruned == Pruned(LIMIT, requests=1, impressions=2)
    assert await left(database) == [LIMIT, NOON]


async def test_the_games_that_were_shown_go_with_their_requests_and_no_others(database: Database) -> None:
    await log(database, LIMIT - INSTANT, NOON)
    await prune(database, NOON, DAYS)

    assert await Logs(database).counts() == Counts(requests=1, impressions=2, reactions=0, people=1)
    assert await Logs(database).shown_before("request-1", 1) == {shown.app_id for shown in SHOWN}


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 6, 7])
async def test_it_is_all_gone_however_it_is_divided(database: Database, batch: int) -> None:
    await log(database, *(LIMIT - timedelta(days=day) for day in range(1, 7)), NOON)
    pruned = await prune(database, NOON, DAYS, batch=batch)

    assert pruned == Pruned(LIMIT, requests=6, impressions=12)
    assert await left(database) == [NOON]


async def test_no_days_keep_everything_for_ever(database: Database) -> None:
    await log(database, NOON - timedelta(days=10_000))
    pruned = await prune(database, NOON, 0)

    assert pruned == Pruned(None)
    assert await left(database) == [NOON - timedelta(days=10_000)]


async def test_pruning_again_finds_nothing_more(database: Database) -> None:
    await log(database, LIMIT - INSTANT, NOON)
    await prune(database, NOON, DAYS)

    assert await prune(database, NOON, DAYS) == Pruned(LIMIT)


async def test_broken_off_it_has_deleted_the_oldest_and_goes_on_there(database: Database) -> None:
    moments = [LIMIT - timedelta(days=day) for day in (5, 4, 3, 2, 1)]
    await log(database, *moments)
    with breaking_off(database, at=2), pytest.raises(DatabaseUnavailable, match="plug"):
        await prune(database, NOON, DAYS, batch=2)
    after = await left(database)
    pruned = await prune(database, NOON, DAYS, batch=2)

    assert after == moments[2:]
    assert pruned == Pruned(LIMIT, requests=3, impressions=6)
    assert await left(database) == []


async def test_after_the_clock_was_set_back_nothing_young_is_deleted(database: Database) -> None:
    await log(database, LIMIT, NOON)
    await prune(database, NOON - timedelta(days=1), DAYS)

    assert await left(database) == [LIMIT, NOON]


async def test_what_people_said_of_games_accounts_and_digests_stay(database: Database) -> None:
    await live(database, "ada", 1)
    before = await PersonalData(database).of("discord", "ada")
    await prune(database, NOON + timedelta(days=1000), DAYS)
    after = await PersonalData(database).of("discord", "ada")

    assert before.keys() - after.keys() == {"requests", "impressions"}
    assert after == {name: rows for name, rows in before.items() if name in after}
    assert await Feedback(database).of("discord", "ada") == {10: Opinion.LIKE}
    assert await Accounts(database).of("discord", "ada") is not None
    assert len(await Subscriptions(database).all()) == 1


async def test_a_later_page_outlives_its_answer_and_is_found_as_itself(database: Database) -> None:
    logs = Logs(database)
    await logs.record(replace(asked(1), at=LIMIT - INSTANT), SHOWN)
    second = replace(asked(2), at=LIMIT, root="request-1", page=2)
    await logs.record(second, (Impression(1, 30, 0.5),))
    await prune(database, NOON, DAYS)
    found = await logs.page("request-1", 2)

    assert await logs.page("request-1", 1) is None
    assert found is not None
    assert found.request == second
    assert await logs.shown_before("request-1", 2) == {30}


async def test_of_the_lake_only_what_the_warehouse_has_heard_goes(database: Database) -> None:
    lake = Lake(database)
    old = NOON - timedelta(days=DAYS + 2)
    await lake.append([reacted(replace(liked(number), at=old)) for number in (1, 2, 3)])
    await lake.append([reacted(liked(4))])
    first = await prune(database, NOON, DAYS, told=2)
    second = await prune(database, NOON, DAYS, told=4, batch=1)

    assert (first.events, second.events) == (2, 1)
    assert [stored.seq for stored in await lake.after(0, 10)] == [4]
