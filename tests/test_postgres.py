"""What only a server can do to us: it refuses, waits, cancels, hangs up, fills up, stops and comes back."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import insert, text

from bot.app import running
from bot.dispatch import dispatch
from bot.settings import Settings
from storage.database import Database
from storage.database_url import driver_url
from storage.errors import DatabaseError, DatabaseUnavailable
from storage.logs import Counts, Logs
from storage.patient_logs import PatientLogs
from storage.schema import feedback
from tests import worlds
from tests.databases import NOON, administer, empty, migrated, opened
from tests.fakes import request as asked_for
from tests.postgres_server import Cluster, NoServer, cluster
from tests.test_database import PASSWORD, hidden, hide
from tests.test_logs import SHOWN, Sleeps, asked, liked

BRIEFLY = 0.5
"""Seconds of patience, where a test waits for all of them."""
UNMEASURED = 30.0
"""Seconds that nothing here takes, unless it hangs."""


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[str]:
    async with empty("postgres", tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def small() -> Iterator[Cluster]:
    """A server of our own with five connections for us, which may be stopped without harm to the other tests."""
    try:
        with cluster({"max_connections": "8", "superuser_reserved_connections": "3"}) as made:
            yield made
    except NoServer as none:
        pytest.skip(str(none))


@asynccontextmanager
async def somebody_else(url: str) -> AsyncIterator[asyncpg.Connection]:
    other = await asyncpg.connect(url)
    try:
        yield other
    finally:
        await other.close()


async def new_on(server: Cluster) -> str:
    """The URL of an empty database there."""
    name = f"test_{uuid4().hex}"
    async with somebody_else(server.url) as other:
        await other.execute(f"CREATE DATABASE {name}")
    return driver_url(server.url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


@asynccontextmanager
async def stopped(server: Cluster) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


async def until(url: str, happens: str) -> None:
    """Asks the server until the answer of this SELECT is true: what it does tells nobody when it is done."""
    async with asyncio.timeout(UNMEASURED), somebody_else(url) as other:
        while not await other.fetchval(happens):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def nobody(what: str) -> str:
    """True while there is no such session on this database, besides the one that asks."""
    return f"""
    SELECT NOT EXISTS (
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {what}
    )
    """  # noqa: S608  (our own words)


Done = TypeVar("Done")
HIDDEN = 7
OPINION = {"platform": "discord", "person": "ada", "app_id": HIDDEN, "opinion": "hide", "since": NOON}


async def counts(database: Database) -> Counts:
    return await Logs(database).counts()


async def patiently(url: str, do: Callable[[Database], Awaitable[Done]]) -> Done:
    """By somebody who has the time that a busy machine takes."""
    async with opened(url, UNMEASURED) as database:
        return await do(database)


async def run(database: Database, statement: str) -> None:
    async with database.reading() as connection:
        await connection.execute(text(statement))


async def test_a_refused_login_needs_somebody_to_act_and_does_not_tell_the_password(postgres: str) -> None:
    wrong = Database(driver_url(postgres).set(password=PASSWORD).render_as_string(hide_password=False))
    with pytest.raises(DatabaseError) as refused:
        await hidden(wrong)
    await wrong.close()

    assert not isinstance(refused.value, DatabaseUnavailable)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


async def test_a_postgres_database_of_another_name_needs_somebody_to_act(postgres: str) -> None:
    absent = Database(driver_url(postgres).set(database="absent").render_as_string(hide_password=False))

    with pytest.raises(DatabaseError, match="does not exist") as refused:
        await hidden(absent)
    await absent.close()

    assert not isinstance(refused.value, DatabaseUnavailable)


async def test_a_postgres_that_drops_us_half_way_took_nothing_and_is_used_again(postgres: str) -> None:
    async with migrated(postgres) as database:

        async def dropped_half_way() -> None:
            async with database.transaction() as connection:
                await connection.execute(
                    insert(feedback).values(platform="discord", person="ada", app_id=1, opinion="hide", since=NOON)
                )
                mine = await connection.scalar(text("SELECT pg_backend_pid()"))
                await administer(f"SELECT pg_terminate_backend({mine})")
                await connection.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            await dropped_half_way()
        await hide(database, 2)

        assert await hidden(database) == 1


async def test_a_postgres_that_restarted_between_two_transactions_is_not_noticed(postgres: str) -> None:
    async with migrated(postgres) as database:
        await hide(database, 1)
        name = driver_url(postgres).database
        await administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608  (our own name)

        assert await hidden(database) == 1


async def test_a_statement_that_takes_too_long_is_cancelled_on_the_server(postgres: str) -> None:
    async with migrated(postgres, patience=BRIEFLY) as database:
        with pytest.raises(DatabaseUnavailable, match=r"statement timeout; .*raise INDIEAN_DATABASE_PATIENCE"):
            await run(database, "SELECT pg_sleep(60)")
        await until(postgres, nobody("state = 'active'"))

        assert await patiently(postgres, hidden) == 0


async def test_a_statement_whose_caller_gives_up_is_cancelled_on_the_server(postgres: str) -> None:
    async with migrated(postgres, patience=UNMEASURED) as database:
        task = asyncio.create_task(run(database, "SELECT pg_sleep(60)"))
        await until(postgres, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        task.cancel()
        await asyncio.wait({task})
        await until(postgres, nobody("wait_event = 'PgSleep'"))

        assert await hidden(database) == 0


async def test_a_lock_that_somebody_holds_is_waited_for_no_longer_than_the_patience(postgres: str) -> None:
    async with migrated(postgres, patience=BRIEFLY) as database:
        async with somebody_else(postgres) as other, other.transaction():
            await other.execute("LOCK TABLE feedback")
            with pytest.raises(DatabaseUnavailable, match="lock timeout; look for the session that holds the lock"):
                await hide(database, 1)
        await hide(database, 1)

        assert await patiently(postgres, hidden) == 1


async def test_who_stands_idle_in_a_transaction_is_put_out_and_blocks_nobody(postgres: str) -> None:
    async with migrated(postgres, patience=BRIEFLY) as database:

        async def fall_asleep() -> None:
            async with database.transaction() as connection:
                await connection.execute(insert(feedback).values(OPINION))
                await until(postgres, nobody("state = 'idle in transaction'"))
                await connection.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable, match="the connection to the database broke"):
            await fall_asleep()
        await patiently(postgres, lambda other: hide(other, HIDDEN))

        assert await patiently(postgres, hidden) == 1


async def test_no_more_connections_are_made_than_the_setting_says(postgres: str) -> None:
    async with migrated(postgres):
        pass
    database = Database(postgres, patience=BRIEFLY, connections=2)
    async with AsyncExitStack() as all_of_them:
        for _ in range(2):
            await all_of_them.enter_async_context(database.reading())
        with pytest.raises(DatabaseUnavailable, match="every connection to the database is in use"):
            await hidden(database)

    assert await hidden(database) == 0
    await database.close()


async def test_a_server_without_a_free_connection_is_unavailable_and_says_what_to_do(small: Cluster) -> None:
    url = await new_on(small)
    async with migrated(url) as database:
        await database.close()
        async with AsyncExitStack() as all_of_them:
            with suppress(asyncpg.TooManyConnectionsError):
                while True:
                    await all_of_them.enter_async_context(somebody_else(url))
            with pytest.raises(DatabaseUnavailable, match="lower INDIEAN_DATABASE_CONNECTIONS"):
                await hidden(database)
        await until(url, nobody("true"))

        assert await hidden(database) == 0


async def test_a_server_that_stops_and_starts_again_is_used_again(small: Cluster) -> None:
    async with migrated(await new_on(small)) as database:
        await hide(database, 1)
        async with stopped(small):
            with pytest.raises(DatabaseUnavailable):
                await hide(database, 2)
        await hide(database, 3)

        assert await hidden(database) == 2


async def test_a_server_that_stops_during_a_transaction_keeps_nothing_of_it(small: Cluster) -> None:
    async with migrated(await new_on(small)) as database:

        async def stop_half_way() -> None:
            async with database.transaction() as connection:
                await connection.execute(insert(feedback).values(OPINION))
                await asyncio.to_thread(small.stop)
                await connection.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable, match="the connection to the database broke"):
            await stop_half_way()
        await asyncio.to_thread(small.start)

        assert await hidden(database) == 0


async def test_log_lines_wait_out_a_server_that_is_down_and_are_there_once(
    small: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "storage")
    url = await new_on(small)
    async with migrated(url, patience=BRIEFLY) as database:
        sleeps = Sleeps()
        logs = PatientLogs(Logs(database), sleep=sleeps)
        logs.record(asked(0), SHOWN)
        await logs.flush(UNMEASURED)
        async with stopped(small):
            for number in (1, 2):
                logs.record(asked(number), SHOWN)
                logs.react(liked(number))
            await sleeps.reached(3)
        written = await logs.flush(UNMEASURED)

        assert written
        assert await patiently(url, counts) == Counts(requests=3, impressions=6, reactions=2, people=1)
        assert logs.lost == 0
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_log_lines_wait_for_a_lock_and_are_there_once(postgres: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "storage")
    async with migrated(postgres, patience=BRIEFLY) as database:
        sleeps = Sleeps()
        logs = PatientLogs(Logs(database), sleep=sleeps)
        async with somebody_else(postgres) as other, other.transaction():
            await other.execute("LOCK TABLE requests, reactions")
            logs.record(asked(1), SHOWN)
            logs.react(liked(1))
            await sleeps.reached(3)
        written = await logs.flush(UNMEASURED)

        assert written
        assert await patiently(postgres, counts) == Counts(requests=1, impressions=2, reactions=1, people=1)
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


NO_SPACE = """
CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_space BEFORE INSERT ON impressions EXECUTE FUNCTION no_space()
"""
"""The server's own refusal, without filling its disk."""


async def test_log_lines_wait_for_room_on_the_disk_and_are_there_once(
    postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with migrated(postgres) as database, somebody_else(postgres) as other:
        await other.execute(NO_SPACE)
        sleeps = Sleeps()
        logs = PatientLogs(Logs(database), sleep=sleeps)
        logs.record(asked(1), SHOWN)
        await sleeps.reached(3)
        during = await Logs(database).counts()
        await other.execute("DROP TRIGGER no_space ON impressions")
        written = await logs.flush(UNMEASURED)

        assert written
        assert during == Counts(0, 0, 0, 0)
        assert await Logs(database).counts() == Counts(requests=1, impressions=2, reactions=0, people=1)
        assert "No space left on device; make room on the server's disk" in caplog.text


KILL_WHO_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


async def test_a_write_whose_backend_is_killed_half_way_is_there_once(postgres: str) -> None:
    async with migrated(postgres) as database, somebody_else(postgres) as other:
        sleeps = Sleeps()
        logs = PatientLogs(Logs(database), sleep=sleeps)
        async with other.transaction():
            await other.execute("LOCK TABLE impressions")
            logs.record(asked(1), SHOWN)
            await until(postgres, KILL_WHO_WAITS)
            await sleeps.reached(1)
        written = await logs.flush(UNMEASURED)

        assert written
        assert await Logs(database).counts() == Counts(requests=1, impressions=2, reactions=0, people=1)


async def test_a_bot_that_starts_before_its_empty_database_answers_and_loses_nothing(
    small: Cluster, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr(await new_on(small)), database_patience=BRIEFLY)
    async with AsyncExitStack() as opening:
        async with stopped(small):
            desk = await opening.enter_async_context(running(settings, worlds.served(), again=0.05))
            reply = await dispatch(asked_for("curate", tag="horror"), desk)
        written = await desk.logs.flush(UNMEASURED)

        assert reply.picks
        assert written
        assert (await desk.past.counts()).requests == 1
