"""Of several that stand one leads, until it resigns, ends or is cut off; then another does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.election import AdvisoryLock, Election, FileLock, election
from storage.errors import DatabaseUnavailable
from tests.databases import KINDS, administer, empty, sqlite_url


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty(request.param, tmp_path) as ready:
        yield ready


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[str]:
    async with empty("postgres", tmp_path) as ready:
        yield ready


@pytest.fixture
async def candidates(url: str) -> AsyncIterator[list[Election]]:
    made = [election(url) for _ in range(3)]
    yield made
    for one in made:
        await one.resign()


def database(url: str) -> str:
    return url.rpartition("/")[2]


HOLDERS = """
SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def cut_off(url: str) -> None:
    """As when the server restarts or the network goes: the leader's session ends."""
    assert await administer(HOLDERS, database(url)) == "True"


async def leaders(candidates: list[Election]) -> list[int]:
    return [at for at, one in enumerate(candidates) if await one.leads()]


async def test_one_leads_and_goes_on_leading(candidates: list[Election]) -> None:
    assert await leaders(candidates) == [0]
    assert await leaders(candidates[::-1]) == [2]


async def test_all_that_stand_at_once_are_not_elected_together(candidates: list[Election]) -> None:
    for _ in range(5):
        assert sum(await asyncio.gather(*(one.leads() for one in candidates))) == 1


async def test_after_the_leader_has_resigned_another_leads_and_it_may_stand_again(candidates: list[Election]) -> None:
    await candidates[0].leads()
    await candidates[0].resign()

    assert await leaders(candidates[1:]) == [0]
    assert not await candidates[0].leads()
    await candidates[1].resign()
    assert await candidates[0].leads()


async def test_whoever_was_cut_off_knows_at_the_next_look_and_nobody_leads_beside_the_new_one(postgres: str) -> None:
    first, second = AdvisoryLock(postgres), AdvisoryLock(postgres)
    try:
        assert await first.leads()
        await cut_off(postgres)
        assert await second.leads()
        with pytest.raises(DatabaseUnavailable):
            await first.leads()
        assert not await first.leads()
        await second.resign()
        assert await first.leads()
    finally:
        await first.resign()
        await second.resign()


async def test_a_leader_that_hangs_is_cut_off_by_the_server(postgres: str) -> None:
    hangs, other = AdvisoryLock(postgres, silence=0.3), AdvisoryLock(postgres)
    try:
        assert await hangs.leads()
        assert not await other.leads()
        led = [await other.leads()]
        while not led[-1] and len(led) < 100:
            await asyncio.sleep(0.05)
            led.append(await other.leads())
        assert led[-1]
    finally:
        await hangs.resign()
        await other.resign()


async def test_the_election_is_of_one_database(postgres: str, tmp_path: Path) -> None:
    async with empty("postgres", tmp_path) as elsewhere:
        here, there = AdvisoryLock(postgres), AdvisoryLock(elsewhere)
        try:
            assert await here.leads()
            assert await there.leads()
        finally:
            await here.resign()
            await there.resign()


async def test_whoever_stands_holds_one_connection_and_none_in_a_transaction(postgres: str) -> None:
    here = AdvisoryLock(postgres)
    open_ones = (
        "SELECT array_agg(state) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    try:
        for _ in range(3):
            await here.leads()
        assert await administer(open_ones, database(postgres)) == "['idle']"
    finally:
        await here.resign()


async def test_a_server_that_is_away_elects_nobody() -> None:
    lock = AdvisoryLock("postgresql://me:pw@127.0.0.1:9/indiean")

    with pytest.raises(DatabaseUnavailable):
        await lock.leads()
    await lock.resign()


async def test_a_lock_file_that_was_moved_away_no_longer_makes_a_leader(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "leader"), FileLock(tmp_path / "leader")
    assert await first.leads()
    (tmp_path / "leader").unlink()

    assert await second.leads()
    assert not await first.leads()
    assert not await first.leads()
    await second.resign()
    assert await first.leads()
    await first.resign()


async def test_a_lock_file_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "leader").mkdir()

    with pytest.raises(DatabaseUnavailable, match="leader cannot be had"):
        await FileLock(tmp_path / "leader").leads()


async def test_the_lock_of_sqlite_is_a_file_beside_it_and_the_database_works_meanwhile(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "new folder" / "indiean.sqlite")
    lock = election(url)
    assert await lock.leads()
    database = Database(url)
    await database.migrate()
    await database.close()

    assert (tmp_path / "new folder" / "indiean.sqlite.leader").exists()
    await lock.resign()
