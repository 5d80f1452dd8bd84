"""Everything that is kept of a server and its people, where their ids say which server they are of: erased as one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update

from storage.database import Database
from storage.schema import digest_channels, impressions, metadata, requests


class ServerData:
    """A table with a column `person` is about people, one with `server` about a server: a new one needs no line here.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, platform: str, server: str) -> dict[str, int]:
        """Forgets it all or nothing; says how many rows of which table that were, without those that had none.

        Its people are those whose id begins with `SERVER:`. Writes that a PatientLogs still holds come back
        afterwards: flush it first.
        """
        erased = {}
        async with self._database.transaction() as connection:
            for table, theirs in _about(platform, server).items():
                erased[table.name] = (await connection.execute(delete(table).where(theirs))).rowcount
            made = (digest_channels.c.platform == platform) & _of(digest_channels.c.by, server)
            await connection.execute(update(digest_channels).where(made).values(by=""))
        return {name: rows for name, rows in erased.items() if rows}


def _about(platform: str, server: str) -> dict[Table, ColumnElement[bool]]:
    """How to find the rows, table by table; those that refer to others first, as they must be erased first."""
    found: dict[Table, ColumnElement[bool]] = {}
    for table in metadata.sorted_tables:
        whose = [_of(table.c.person, server)] if "person" in table.c else []
        where = [table.c.server == server] if "server" in table.c else []
        if whose or where:
            found[table] = (table.c.platform == platform) & or_(*whose, *where)
    return {impressions: impressions.c.request_id.in_(select(requests.c.id).where(found[requests]))} | found


def _of(person: ColumnElement[str], server: str) -> ColumnElement[bool]:
    """Not by LIKE, for which small and capital letters are the same on SQLite."""
    beginning = f"{server}:"
    return func.substr(person, 1, len(beginning)) == beginning
