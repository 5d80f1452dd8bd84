"""Empty databases of each kind, and the ways they fail."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from storage.database import Database
from storage.schema import metadata
from tests import postgres_server

POSTGRES = "TEST_POSTGRES_URL"
"""The variable that names a server which may make databases; without it the run has one of its own."""
KEEPER = "INDIEAN_TEST_POSTGRES_KEEPER"
"""The port of who keeps that one, for all processes of the run."""
KINDS = ["sqlite", "postgres"]
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"


@cache
def postgres() -> str:
    """The URL of a server; a test that asks where there is none is skipped."""
    if given := os.environ.get(POSTGRES):
        return given.replace("+asyncpg", "")
    try:
        return postgres_server.ask(int(os.environ[KEEPER]))
    except postgres_server.NoServer as none:
        pytest.skip(str(none))


@asynccontextmanager
async def empty(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    if kind == "sqlite":
        yield sqlite_url(folder / "store" / "indiean.db")
        return
    with _borrowed(_without_tables, await _any(_without_tables)) as name:
        await administer(NO_TABLES, name)
        yield _of(name)


@asynccontextmanager
async def ready(kind: str, folder: Path, patience: float = 5.0) -> AsyncIterator[Database]:
    """One with tables, of which none has a row."""
    if kind == "sqlite":
        async with migrated(sqlite_url(folder / "store" / "indiean.db"), patience) as database:
            yield database
        return
    with _borrowed(_with_tables, await _any(_with_tables)) as name:
        await _clear(name)
        async with opened(_of(name), patience) as database:
            yield database


@asynccontextmanager
async def opened(url: str, patience: float = 5.0) -> AsyncIterator[Database]:
    database = Database(url, patience=patience)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def migrated(url: str, patience: float = 5.0) -> AsyncIterator[Database]:
    async with opened(url, patience) as database:
        await database.migrate()
        yield database


# Databases on Postgres are lent to one test after another and cleared before each: making one takes 0.1 s, and as much
# to drop it. Every process has its own.
_with_tables: list[str] = []
_without_tables: list[str] = []
_shapes: dict[str, str] = {}
"""By database, what its tables looked like when they were new."""

ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
"""
NO_TABLES = f"{ALONE} DROP SCHEMA public CASCADE; CREATE SCHEMA public"
NO_ROWS = ALONE + "".join(f"{table.delete()};" for table in reversed(metadata.sorted_tables))
SHAPE = """
SELECT md5(string_agg(concat_ws(' ', relname, attname, atttypid, attnotnull), ',' ORDER BY relname, attnum))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
"""


async def _any(free: list[str]) -> str:
    if free:
        return free.pop()
    name = f"test_{uuid4().hex}"
    await administer(f"CREATE DATABASE {name} TEMPLATE template0")
    return name


@contextmanager
def _borrowed(free: list[str], name: str) -> Iterator[str]:
    try:
        yield name
    finally:
        free.append(name)


async def _clear(name: str) -> None:
    """A test may have changed the tables themselves: then they are made anew."""
    if name in _shapes and await administer(SHAPE, name) == _shapes[name]:
        await administer(NO_ROWS, name)
        return
    await administer(NO_TABLES, name)
    async with migrated(_of(name)):
        _shapes[name] = await administer(SHAPE, name)


def drop_databases() -> None:
    """At the end of a process: a server that was there before us keeps nothing of ours."""
    for name in (*_with_tables, *_without_tables):
        asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


def _of(database: str) -> str:
    return make_url(postgres()).set(database=database).render_as_string(hide_password=False)


async def administer(statement: str, database: str | None = None) -> str:
    """Past everything that is tested; several statements may stand in one, and a single one's value is the answer."""
    connection = await asyncpg.connect(_of(database) if database else postgres())
    try:
        if ";" in statement:
            return str(await connection.execute(statement))
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another connection is in the middle of writing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def moved_away(file: Path) -> Iterator[None]:
    """Somebody renames the database and later names it back."""
    kept = file.rename(file.with_name("kept.db"))
    yield
    kept.rename(file)
