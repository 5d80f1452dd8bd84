"""The database waits, fails and recovers as it says, and never tells its password."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from storage.database import Database, insert_new
from storage.database_url import driver_url
from storage.driver_errors import translated
from storage.errors import DatabaseError, DatabaseUnavailable
from storage.schema import feedback, impressions
from tests.databases import KINDS, NOON, locked, migrated, moved_away, ready, sqlite_url

LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], uri=True)
print(connection.execute("SELECT count(*) FROM feedback").fetchone()[0])
connection.close()
"""
PASSWORD = "hunter2-s3cret"  # noqa: S105  (it opens nothing)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "indiean.db"


@contextmanager
def no_writing(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write to read-only folders")
        yield
    finally:
        folder.chmod(0o755)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    with no_writing(tmp_path):
        yield tmp_path


@pytest.fixture
def holiday_pictures(file: Path) -> Path:
    file.write_bytes(b"holiday pictures, not a database" * 100)
    return file


@pytest.fixture
async def impatient(file: Path) -> AsyncIterator[Database]:
    """On SQLite, and it waits for nothing longer than a twentieth of a second."""
    async with migrated(sqlite_url(file), patience=0.05) as ready:
        yield ready


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def back_up(file: Path, to: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")


def restore(backup: Path, to: Path) -> None:
    for log in to.parent.glob(f"{to.name}-*"):
        log.unlink()
    backup.replace(to)


async def hide(database: Database, app_id: int, since: datetime = NOON) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            insert(feedback).values(platform="discord", person="ada", app_id=app_id, opinion="hide", since=since)
        )


async def hide_many(database: Database, count: int) -> None:
    for app_id in range(count):
        await hide(database, app_id)


async def hidden(database: Database) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(feedback)) or 0)


async def test_a_moment_comes_back_the_same_and_in_utc(database: Database) -> None:
    in_seoul = datetime(2024, 5, 17, 21, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    await hide(database, 1, in_seoul)
    async with database.reading() as connection:
        back = await connection.scalar(select(feedback.c.since))

    assert back == in_seoul
    assert back.tzinfo is UTC


async def test_moments_compare_as_moments_wherever_they_were_written(database: Database) -> None:
    await hide(database, 1, datetime(2024, 5, 17, 12, 30, tzinfo=UTC))
    later = datetime(2024, 5, 17, 21, 0, tzinfo=timezone(timedelta(hours=9)))  # 12:00 UTC
    async with database.reading() as connection:
        found = await connection.scalar(select(feedback.c.app_id).where(feedback.c.since > later))

    assert found == 1


async def test_a_naive_moment_is_refused_as_the_bug_it_is(database: Database) -> None:
    with pytest.raises(StatementError) as refused:
        await hide(database, 1, datetime(2024, 5, 17))  # noqa: DTZ001  (the naive one is the point)

    assert isinstance(refused.value.orig, ValueError)


async def test_a_transaction_happens_wholly_or_not_at_all(database: Database) -> None:
    async def fail_after_writing() -> None:
        async with database.transaction() as connection:
            await connection.execute(
                insert(feedback).values(platform="discord", person="ada", app_id=1, opinion="hide", since=NOON)
            )
            raise KeyError("a bug in the body")

    with pytest.raises(KeyError, match="a bug in the body"):
        await fail_after_writing()

    assert await hidden(database) == 0


async def test_a_cancelled_transaction_leaves_nothing_behind_and_blocks_nobody(database: Database) -> None:
    written = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as connection:
            await connection.execute(
                insert(feedback).values(platform="discord", person="ada", app_id=1, opinion="hide", since=NOON)
            )
            written.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await written.wait()
    task.cancel()
    await asyncio.wait({task})
    await hide(database, 2)

    assert await hidden(database) == 1


async def test_writers_at_the_same_time_wait_for_each_other(database: Database) -> None:
    async def read_then_write(app_id: int) -> None:
        async with database.transaction() as connection:
            await connection.scalar(select(func.count()).select_from(feedback))
            await connection.execute(
                insert_new(connection, feedback).values(
                    platform="discord", person="ada", app_id=app_id // 2, opinion="hide", since=NOON
                )
            )

    await asyncio.gather(*(read_then_write(i) for i in range(24)))

    assert await hidden(database) == 12


async def test_a_broken_constraint_is_a_bug_and_left_alone(database: Database) -> None:
    async def show_without_a_request() -> None:
        async with database.transaction() as connection:
            await connection.execute(insert(impressions).values(request_id="ada", position=1, app_id=1, score=0.5))

    with pytest.raises(IntegrityError) as refused:
        await show_without_a_request()

    assert "impressions" in str(refused.value)
    assert "ada" not in str(refused.value)


async def test_a_missing_table_says_that_the_tables_are_not_there(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("DROP TABLE feedback"))

    with pytest.raises(DatabaseError, match="the tables are missing or older than this code"):
        await hidden(database)


async def test_a_ping_finds_what_answers_and_has_its_tables(database: Database) -> None:
    await database.ping()
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE alembic_version RENAME TO elsewhere"))
    try:
        with pytest.raises(DatabaseError, match="tables"):
            await database.ping()
    finally:
        async with database.transaction() as connection:
            await connection.execute(text("ALTER TABLE elsewhere RENAME TO alembic_version"))


async def test_a_missing_column_says_that_the_tables_are_older(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE feedback RENAME COLUMN since TO until"))

    with pytest.raises(DatabaseError, match="the tables are missing or older than this code"):
        await hide(database, 1)


async def test_sql_that_does_not_parse_is_a_bug_and_left_alone(database: Database) -> None:
    async def stammer() -> None:
        async with database.reading() as connection:
            await connection.execute(text("SELEC 1"))

    with pytest.raises(StatementError, match="SELEC"):
        await stammer()


class Refusal(Exception):
    """What the drivers' errors carry."""

    sqlstate = ""


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("08006", DatabaseUnavailable),  # connection failure
        ("53100", DatabaseUnavailable),  # disk full
        ("53300", DatabaseUnavailable),  # too many connections
        ("57P03", DatabaseUnavailable),  # cannot connect now
        ("58030", DatabaseUnavailable),  # input or output error
        ("25006", DatabaseUnavailable),  # read only
        ("40001", DatabaseUnavailable),  # serialisation failure
        ("40P01", DatabaseUnavailable),  # deadlock
        ("55P03", DatabaseUnavailable),  # lock not available
        ("57014", DatabaseUnavailable),  # cancelled, by a time-out or by somebody
        ("25P03", DatabaseUnavailable),  # idle in a transaction for too long
        ("28P01", DatabaseError),  # wrong password
        ("3D000", DatabaseError),  # no such database
        ("42501", DatabaseError),  # not permitted
        ("XX001", DatabaseError),  # damaged
        ("42P01", DatabaseError),  # no such table
        ("42703", DatabaseError),  # no such column
        ("42601", None),  # syntax
        ("23505", None),  # unique
        ("22003", None),  # out of range
        ("", None),
    ],
)
def test_what_postgres_refuses_is_told_apart_by_its_code(state: str, meaning: type[DatabaseError] | None) -> None:
    refusal = Refusal("so it is")
    refusal.sqlstate = state
    known = translated(DBAPIError("SELECT", {}, refusal))

    assert (type(known) if known else None) is meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, DatabaseUnavailable),
        (sqlite3.SQLITE_LOCKED, DatabaseUnavailable),
        (sqlite3.SQLITE_READONLY_DIRECTORY, DatabaseUnavailable),
        (sqlite3.SQLITE_IOERR_WRITE, DatabaseUnavailable),
        (sqlite3.SQLITE_FULL, DatabaseUnavailable),
        (sqlite3.SQLITE_CANTOPEN, DatabaseUnavailable),
        (sqlite3.SQLITE_CORRUPT_INDEX, DatabaseError),
        (sqlite3.SQLITE_NOTADB, DatabaseError),
        (sqlite3.SQLITE_AUTH, DatabaseError),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, None),
        (sqlite3.SQLITE_ERROR, None),
        (sqlite3.SQLITE_MISUSE, None),
    ],
)
def test_what_sqlite_refuses_is_told_apart_by_its_code(code: int, meaning: type[DatabaseError] | None) -> None:
    refusal = sqlite3.OperationalError("so it is")
    refusal.sqlite_errorcode = code
    known = translated(DBAPIError("SELECT", {}, refusal))

    assert (type(known) if known else None) is meaning


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 1), ("busy_timeout", 50)]
)
async def test_sqlite_is_set_up_for_several_writers(impatient: Database, pragma: str, value: object) -> None:
    async with impatient.reading() as connection:
        found = await connection.scalar(text(f"PRAGMA {pragma}"))

    assert found == value


async def test_missing_folders_are_made_whatever_they_are_called(tmp_path: Path) -> None:
    async with migrated(sqlite_url(tmp_path / "a" / "100%20 #1?" / "indiean.db")) as database:
        await hide(database, 1)

        assert await hidden(database) == 1

    assert names(tmp_path / "a") == {"100%20 #1?"}
    assert names(tmp_path / "a" / "100%20 #1?") == {"indiean.db"}


async def test_another_process_that_comes_and_goes_takes_nothing_away(tmp_path: Path) -> None:
    file = tmp_path / "indiean.db"
    look = [sys.executable, "-c", LOOK, f"file:{file}?mode=rw"]
    async with migrated(sqlite_url(file)) as database:
        await hide(database, 0)
        await asyncio.gather(*(hide(database, app_id) for app_id in range(1, 4)))  # while the first connection is open
        before = await asyncio.to_thread(subprocess.check_output, look, text=True)
        await hide(database, 4)
        after = await asyncio.to_thread(subprocess.check_output, look, text=True)

    assert (before.strip(), after.strip()) == ("4", "5")


async def test_a_folder_that_cannot_be_made_is_reported_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    database = Database(sqlite_url(tmp_path / "taken" / "indiean.db"))

    with pytest.raises(DatabaseUnavailable, match="file cannot be made"):
        await database.migrate()


async def test_a_folder_in_the_place_of_the_file_is_reported_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "indiean.db").mkdir()
    database = Database(sqlite_url(tmp_path / "indiean.db"))

    with pytest.raises(DatabaseUnavailable, match="Is a directory"):
        await database.migrate()


async def test_a_read_only_folder_is_reported_as_unavailable(read_only: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="Permission denied"):
        await Database(sqlite_url(read_only / "indiean.db")).migrate()


async def test_a_folder_that_becomes_read_only_is_reported_as_unavailable_until_it_is_not(
    impatient: Database, file: Path
) -> None:
    await impatient.close()
    with no_writing(file.parent), pytest.raises(DatabaseUnavailable):
        await hide(impatient, 1)
    await hide(impatient, 2)

    assert await hidden(impatient) == 1


async def test_before_the_first_migration_there_is_no_database_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="No such file"):
        await hidden(Database(sqlite_url(tmp_path / "indiean.db")))

    assert names(tmp_path) == set()


async def test_a_file_that_is_no_database_needs_somebody_to_act(holiday_pictures: Path) -> None:
    with pytest.raises(DatabaseError, match="not a database") as refused:
        await Database(sqlite_url(holiday_pictures)).migrate()

    assert not isinstance(refused.value, DatabaseUnavailable)


async def test_a_locked_database_can_be_read_and_is_written_once_the_lock_is_gone(
    impatient: Database, file: Path
) -> None:
    with locked(file):
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await hide(impatient, 1)
        during = await hidden(impatient)
    await hide(impatient, 1)

    assert during == 0
    assert await hidden(impatient) == 1


async def test_migrating_waits_no_longer_than_it_was_told(impatient: Database, file: Path) -> None:
    with locked(file), pytest.raises(DatabaseUnavailable, match="locked"):
        await impatient.migrate(patience=0.05)


async def test_a_full_disk_is_reported_as_unavailable_until_there_is_room(impatient: Database) -> None:
    def no_more_pages(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count=1")  # it cannot be less than there are
        cursor.close()

    event.listen(impatient._engine.sync_engine, "connect", no_more_pages)
    await impatient.close()
    with pytest.raises(DatabaseUnavailable, match="full"):
        await hide_many(impatient, 10_000)
    before = await hidden(impatient)
    event.remove(impatient._engine.sync_engine, "connect", no_more_pages)
    await impatient.close()
    await hide(impatient, 10_000)

    assert await hidden(impatient) == before + 1


async def test_a_file_that_disappears_is_noticed_and_welcome_back(impatient: Database, file: Path) -> None:
    await hide(impatient, 1)
    with moved_away(file):
        for failing in (hide(impatient, 2), hidden(impatient)):
            with pytest.raises(DatabaseUnavailable, match="No such file"):
                await failing
        left = names(file.parent)
    await hide(impatient, 3)

    assert file.name not in left
    assert await hidden(impatient) == 2


async def test_a_restored_backup_is_used_at_once(impatient: Database, file: Path, tmp_path: Path) -> None:
    await hide(impatient, 1)
    back_up(file, tmp_path / "backup.db")
    await hide(impatient, 2)
    restore(tmp_path / "backup.db", file)

    assert await hidden(impatient) == 1


async def test_when_every_connection_is_taken_the_next_is_told_so(impatient: Database) -> None:
    async with AsyncExitStack() as all_of_them:
        for _ in range(15):
            await all_of_them.enter_async_context(impatient.reading())
        with pytest.raises(DatabaseUnavailable, match="in use"):
            await hidden(impatient)

    assert await hidden(impatient) == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("postgres://ada:pw@db/indiean", "postgresql+asyncpg://ada:pw@db/indiean"),
        ("postgresql://ada:p%40w@db:6432/indiean", "postgresql+asyncpg://ada:p%40w@db:6432/indiean"),
        ("postgresql+asyncpg://db/indiean", "postgresql+asyncpg://db/indiean"),
        ("postgres://db/indiean?sslmode=require", "postgresql+asyncpg://db/indiean?ssl=require"),
    ],
)
def test_urls_as_people_write_them_name_the_asynchronous_driver(said: str, meant: str) -> None:
    assert driver_url(said).render_as_string(hide_password=False) == meant


def test_a_relative_sqlite_path_is_one_below_the_folder_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert repr(Database("sqlite:///data/x.db")) == f"<Database sqlite at {tmp_path}/data/x.db>"


@pytest.mark.parametrize(
    "said",
    [
        "",
        f"{PASSWORD}",
        f"postgres://ada:{PASSWORD}@db:port/indiean",
        f"postgres://ada:x@{PASSWORD}@db/indiean",
        f"mysql://ada:{PASSWORD}@db/indiean",
        f"sqlite://ada:{PASSWORD}@db/indiean",
        f"sqlite:///x.db?password={PASSWORD}",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_is_refused_is_not_repeated(said: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        Database(said)

    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


async def no_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    handled: list[asyncio.Task[None]] = []

    def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.append(asyncio.ensure_future(answer(reader, writer)))

    async with await asyncio.start_server(keep, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*handled)


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    async with listening(hang_up) as port:
        pass
    yield port


PLACES: dict[str, Callable[[], AbstractAsyncContextManager[int]]] = {
    "nobody listens": silent,
    "no answer": lambda: listening(no_answer),
    "hangs up": lambda: listening(hang_up),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_postgres_that_is_not_there_is_unavailable_and_the_password_is_not_told(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with PLACES[place]() as port:
        database = Database(f"postgres://ada:{PASSWORD}@127.0.0.1:{port}/indiean?sslmode=disable", patience=0.2)
        with pytest.raises(DatabaseUnavailable) as during_use:
            await hidden(database)
        with pytest.raises(DatabaseUnavailable) as during_migration:
            await database.migrate(patience=0.2)
        await database.close()
    told = [repr(database), caplog.text]
    told += ["".join(traceback.format_exception(error.value)) for error in (during_use, during_migration)]

    assert PASSWORD not in "".join(told)
