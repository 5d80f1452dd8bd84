"""Everything that is kept of a server and its people, where their ids say which server they are of: erased as one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.fitted_rows import unname
from storage.lake.events import ALL, erased, player_of
from storage.lake.lake import add, note_removed, take_turn
from storage.schema import clicks, digest_channels, impressions, lake_events, metadata, player_facts, requests


class ServerData:
    """A table with a column `person` is about people, one with `server` about a server: a new one needs no line here.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, platform: str, server: str, now: datetime) -> dict[str, int]:
        """Forgets it all or nothing; says how many rows of which table that were, without those that had none.

        Its people are those whose id begins with `SERVER:`. Writes that a PatientLogs still holds come back
        afterwards: flush it first; and let the PatientLake forget, too. What is left is the word to the lake's readers
        to forget some pseudonyms.
        """
        removed = {}
        async with self._database.transaction() as connection:
            await take_turn(connection)
            people = await _people(connection, platform, server)
            for table, theirs in _about(platform, server).items():
                removed[table.name] = (await connection.execute(delete(table).where(theirs))).rowcount
            await note_removed(connection, removed[lake_events.name])
            await add(connection, [erased(platform, person, ALL, now) for person in people], now)
            removed[player_facts.name] = await unname(connection, [player_of(platform, person) for person in people])
            made = (digest_channels.c.platform == platform) & _of(digest_channels.c.by, server)
            await connection.execute(update(digest_channels).where(made).values(by=""))
        return {name: rows for name, rows in removed.items() if rows}


async def _people(connection: AsyncConnection, platform: str, server: str) -> list[str]:
    """Those of whom there is anything."""
    tables = [table for table in metadata.sorted_tables if "person" in table.c]
    each = [select(table.c.person).where(table.c.platform == platform, _of(table.c.person, server)) for table in tables]
    return sorted(await connection.scalars(union(*each)))


def _about(platform: str, server: str) -> dict[Table, ColumnElement[bool]]:
    """How to find the rows, table by table; those that refer to others first, as they must be erased first."""
    found: dict[Table, ColumnElement[bool]] = {}
    for table in metadata.sorted_tables:
        whose = [_of(table.c.person, server)] if "person" in table.c else []
        where = [table.c.server == server] if "server" in table.c else []
        if table is lake_events:
            where = [table.c.payload["server"].as_string() == server]
        if whose or where:
            found[table] = (table.c.platform == platform) & or_(*whose, *where)
    asked = select(requests.c.id).where(found[requests])
    return {table: table.c.request_id.in_(asked) for table in (clicks, impressions)} | found


def _of(person: ColumnElement[str], server: str) -> ColumnElement[bool]:
    """Not by LIKE, for which small and capital letters are the same on SQLite."""
    beginning = f"{server}:"
    return func.substr(person, 1, len(beginning)) == beginning
