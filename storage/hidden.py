"""The games that somebody does not want to see again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, insert, select

from storage.database import Database, insert_new
from storage.logs import Reaction
from storage.schema import hidden_games, reactions


class HiddenGames:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, platform: str, person: str) -> frozenset[int]:
        theirs = (hidden_games.c.platform == platform) & (hidden_games.c.person == person)
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(select(hidden_games.c.app_id).where(theirs)))

    async def toggle(self, platform: str, person: str, app_id: int, now: datetime) -> bool:
        """Hides the game or shows it again, and logs that as a reaction of the moment `now`; True if now hidden.

        Of two clicks that hide at the very same moment one counts, and both are told that the game is hidden.
        """
        row = {"platform": platform, "person": person, "app_id": app_id}
        this = (
            (hidden_games.c.platform == platform)
            & (hidden_games.c.person == person)
            & (hidden_games.c.app_id == app_id)
        )
        async with self._database.transaction() as connection:
            shown = (await connection.execute(delete(hidden_games).where(this))).rowcount > 0
            if not shown:
                new = await connection.execute(insert_new(connection, hidden_games).values(**row, since=now))
                if not new.rowcount:
                    return True
            reaction = Reaction(uuid4().hex, now, platform, person, app_id, "unhide" if shown else "hide")
            await connection.execute(insert(reactions).values(asdict(reaction)))
        return not shown

    async def erase(self, platform: str, person: str) -> int:
        """Forgets what a person hid; says how many games that were."""
        theirs = (hidden_games.c.platform == platform) & (hidden_games.c.person == person)
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(hidden_games).where(theirs))).rowcount
