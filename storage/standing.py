"""How the tables of a database stand to this code, without making or changing any."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.database import Database, migrations
from storage.database_url import driver_url, sqlite_file
from storage.errors import DatabaseUnavailable


class Standing(StrEnum):
    """`empty` has no tables yet, `older` is brought up to date at the next start, `newer` is refused."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


async def standing(url: str, *, patience: float = 5.0) -> Standing:
    """A SQLite file that is not there yet counts as empty where it can be made.

    Raises:
        DatabaseUnavailable, DatabaseError: as `Database` does.
    """
    address = driver_url(url)
    if address.get_backend_name() == "sqlite" and not os.access(file := sqlite_file(address), os.F_OK):
        _require_room(file.parent)
        return Standing.EMPTY
    database = Database(url, patience=patience)
    try:
        async with database.reading() as connection:
            revision = await connection.run_sync(_revision)
    finally:
        await database.close()
    return _compared(revision, ScriptDirectory.from_config(migrations()))


def obstacle(folder: Path) -> Path | None:
    """What keeps us from writing into a folder, which need not be there yet; None where nothing does."""
    there = next((each for each in (folder, *folder.parents) if os.access(each, os.F_OK)), folder)
    return None if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else there


def _require_room(folder: Path) -> None:
    if (there := obstacle(folder)) is not None:
        raise DatabaseUnavailable(f"the database file cannot be made because of {there}")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _compared(revision: str | None, known: ScriptDirectory) -> Standing:
    if revision is None:
        return Standing.EMPTY
    if revision == known.get_current_head():
        return Standing.CURRENT
    return Standing.OLDER if revision in {each.revision for each in known.walk_revisions()} else Standing.NEWER
