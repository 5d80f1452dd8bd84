"""Empty databases of each kind, and the ways they fail."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from storage.database import Database

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
KINDS = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.skipif(not POSTGRES, reason="set TEST_POSTGRES_URL to run on Postgres")),
]
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{quote(str(file))}"


@asynccontextmanager
async def empty(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a database without tables, which is gone afterwards."""
    if kind == "sqlite":
        yield sqlite_url(folder / "store" / "indiean.db")
        return
    name = f"test_{uuid4().hex}"
    await administer(f"CREATE DATABASE {name}")
    try:
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        await administer(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def migrated(url: str, patience: float = 5.0) -> AsyncIterator[Database]:
    database = Database(url, patience=patience)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


async def administer(statement: str) -> None:
    connection = await asyncpg.connect(POSTGRES.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
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
