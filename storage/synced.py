"""Which commands an application last took, so that only changed ones are sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from storage.database import Database, insert_or_replace
from storage.schema import synced_commands


class Synced:
    """By name of the application. Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        """The digest of the commands that it took."""
        this = select(synced_commands.c.digest).where(synced_commands.c.name == name)
        async with self._database.reading() as connection:
            digest: str | None = await connection.scalar(this)
        return digest

    async def put(self, name: str, digest: str, now: datetime) -> None:
        row = {"name": name, "digest": digest, "at": now}
        async with self._database.transaction() as connection:
            await connection.execute(insert_or_replace(connection, synced_commands, row))
