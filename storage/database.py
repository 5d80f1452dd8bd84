"""One database, SQLite or Postgres: its engine, its transactions, its tables brought up to date."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, ColumnElement, Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storage.database_url import driver_url, shown, sqlite_file
from storage.driver_errors import translating
from storage.errors import DatabaseError, DatabaseUnavailable
from storage.redaction import keep_values_out_of_logs

_READ = ("BEGIN",)
_WRITE = ("BEGIN IMMEDIATE",)  # a deferred transaction that turns to writing fails at once instead of waiting its turn
_MIGRATE = ("PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE")  # or rebuilding a table deletes the rows that refer to it

_ALEMBIC = threading.Lock()  # Alembic keeps the migration in progress in module globals


class Database:
    """The operational store. One a process: `migrate` before the first use, `close` at the end.

    `url` is `sqlite:///relative/file.db`, `sqlite:////absolute/file.db`, `postgresql://...` or `postgres://...`, its
    parts percent-encoded where they hold `%`, `?`, `@`, `:` or `/` that are not the URL's own.
    `patience` is how many seconds a statement waits for a lock, for a free connection or for Postgres to answer. On
    Postgres a statement may take twice that in all before the server cancels it, and a transaction that stands idle
    for four times that is ended there, so that a process that hangs blocks nobody for long.
    `connections` is how many Postgres sees at most.

    A failure of the database leaves this class as one of two errors: DatabaseUnavailable where another try may
    succeed (no connection, locked, disk full, file gone, read-only, deadlock), DatabaseError where somebody has to
    act first (damaged file, refused login, tables missing or older than this code). Bugs are left alone and arrive
    as SQLAlchemy raises them: a broken constraint, a parameter of the wrong type, SQL that does not parse. Neither
    kind tells the password or the values of a statement.

    On SQLite a commit survives the end of the process; the last ones may be lost when the machine loses power
    (write-ahead log with synchronous=NORMAL, https://sqlite.org/pragma.html#pragma_synchronous).
    """

    def __init__(self, url: str, *, patience: float = 5.0, connections: int = 10) -> None:
        """Connects to nothing yet.

        Raises:
            DatabaseError: the URL cannot be read or names another kind of database.
        """
        self._url = driver_url(url)
        self._engine = _engine(self._url, patience, connections)

    def __repr__(self) -> str:
        return f"<Database {shown(self._url)}>"

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Reads and writes that happen together or not at all; the body holds statements only.

        Raises:
            DatabaseUnavailable, DatabaseError: see the class.
        """
        return _begun(self._engine, _WRITE)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """The same for reads alone: on SQLite they wait for no writer."""
        return _begun(self._engine, _READ)

    async def migrate(self, *, patience: float = 60.0) -> None:
        """Brings the tables up to this code, from nothing (file and folder included) or from an older version.

        Processes may do it at once: one works, the others wait up to `patience` seconds and find it done.

        Raises:
            DatabaseError: also where the tables are newer than this code.
        """
        config = migrations()
        config.attributes.update(url=self._url, patience=patience)
        await asyncio.to_thread(_upgrade, config)

    async def ping(self) -> None:
        """Returns where it answers and its tables are there.

        Raises:
            DatabaseUnavailable, DatabaseError: see the class.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT version_num FROM alembic_version"))

    async def close(self) -> None:
        await self._engine.dispose()


def migrations() -> Config:
    """What Alembic needs to know; its `attributes` take a sync `connection`, or a `url` and a `patience`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


@asynccontextmanager
async def migrating(url: URL, patience: float) -> AsyncIterator[AsyncConnection]:
    """A transaction that may change tables, on an engine of its own; the only place that makes a SQLite file.

    It waits `patience` seconds for a lock, and works for as long as that takes: a large table is rewritten slowly.
    """
    if url.get_backend_name() == "sqlite":
        _make_file(sqlite_file(url))
        engine = _sqlite(url, patience)
    else:
        engine = postgres_engine(url, patience, connections=1, statement=None)
    try:
        async with _begun(engine, _MIGRATE) as connection:
            yield connection
    finally:
        await engine.dispose()


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can be told what to do where a key is already there."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table)


def insert_new(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that passes over a row whose key is already there; `rowcount` says how many were new."""
    return insert_into(connection, table).on_conflict_do_nothing()


def insert_or_replace(
    connection: AsyncConnection,
    table: Table,
    row: Mapping[str, object],
    *,
    where: ColumnElement[bool] | None = None,
) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that overwrites the row of the same key, if any and if `where` holds for it; `rowcount` is 1 or 0."""
    key = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in key}
    return insert_into(connection, table).values(row).on_conflict_do_update(index_elements=key, set_=rest, where=where)


def _upgrade(config: Config) -> None:
    try:
        with _ALEMBIC:
            command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseError(f"the tables cannot be brought up to date: {error}") from error


def _make_file(file: Path) -> None:
    """SQLite takes an empty file for an empty database."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()  # which opens no file that is there: see _connects
    except OSError as error:
        raise DatabaseUnavailable(f"the database file cannot be made: {error}") from error


@asynccontextmanager
async def _begun(engine: AsyncEngine, begin: tuple[str, ...]) -> AsyncIterator[AsyncConnection]:
    with translating():
        async with engine.connect() as connection:
            await connection.execution_options(sqlite_begin=begin)
            async with connection.begin():
                yield connection


def _engine(url: URL, patience: float, connections: int) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return postgres_engine(url, patience, connections, statement=2 * patience)
    return _sqlite(url, patience)


def postgres_engine(
    url: URL, patience: float, connections: int, statement: float | None, more: Mapping[str, str] | None = None
) -> AsyncEngine:
    """`statement` seconds are what one may take, None for as long as it needs; `more` are settings of the server's.

    The server cancels it. We only give up beside it a second later, for a server that no longer speaks.
    """
    seconds = {
        "lock_timeout": patience,
        "statement_timeout": statement or 0,  # no limit
        "idle_in_transaction_session_timeout": 4 * patience,
    }
    habits = {
        "timeout": patience,
        "command_timeout": statement and statement + 1,
        "server_settings": {name: f"{value * 1000:.0f}ms" for name, value in seconds.items()} | dict(more or {}),
    }
    return create_async_engine(
        url,
        connect_args=habits,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _sqlite(url: URL, patience: float) -> AsyncEngine:
    keep_values_out_of_logs()
    habits = {"timeout": patience, "isolation_level": None}  # SQLite's busy_timeout; and no BEGIN of the driver's own
    engine = create_async_engine(url, connect_args=habits, pool_timeout=patience, hide_parameters=True)
    _SqliteHabits(sqlite_file(url)).on(engine)
    return engine


class _SqliteHabits:
    """What every connection to the SQLite file does on its own."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def on(self, engine: AsyncEngine) -> None:
        event.listen(engine.sync_engine, "do_connect", self._connects)
        event.listen(engine.sync_engine, "connect", self._connected)
        event.listen(engine.sync_engine, "checkout", self._checked_out)
        event.listen(engine.sync_engine, "begin", self._begins)

    def _connects(self, *_: object) -> None:
        """Says why the file cannot be opened, which SQLite does not; and the driver leaves a thread where it cannot.

        Without opening it: POSIX drops all locks of a process on a file when it closes any descriptor of that file, and
        then another process takes the write-ahead log away (https://sqlite.org/howtocorrupt.html, 2.2).
        """
        if stat.S_ISDIR(self._file.stat().st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self._file))
        if not os.access(self._file, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._file))

    def _connected(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        entry.info["inode"] = self._inode()

    def _checked_out(
        self, _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        """Written to a file that was deleted or replaced, rows would vanish without an error."""
        if entry.info["inode"] != self._inode():
            raise DisconnectionError("the database file was moved away")

    def _begins(self, connection: Connection) -> None:
        for statement in connection.get_execution_options()["sqlite_begin"]:
            connection.exec_driver_sql(statement)

    def _inode(self) -> int | None:
        try:
            return self._file.stat().st_ino
        except OSError:
            return None
