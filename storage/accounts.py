"""Whose Steam account is whose, and the round trip through a browser that proves it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Row, delete, insert, select

from storage.database import Database, insert_or_replace
from storage.fitted_rows import unname
from storage.lake.events import Kind, player_of
from storage.lake.lake import forget
from storage.schema import link_states, linked_accounts
from storage.steam.ids import SteamID

LIBRARIES = frozenset({Kind.LIBRARY})

Source: TypeAlias = Literal["said", "discord"]
"""Whether the person typed it, or Discord vouches for it as a connection of theirs."""


@dataclass(frozen=True, slots=True)
class Account:
    steam: SteamID
    source: Source
    since: datetime


class Accounts:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, platform: str, person: str) -> Account | None:
        return (await self.of_many(platform, (person,))).get(person)

    async def of_many(self, platform: str, persons: Iterable[str]) -> dict[str, Account]:
        """By person; whoever linked none is absent."""
        theirs = select(linked_accounts).where(
            linked_accounts.c.platform == platform, linked_accounts.c.person.in_(set(persons))
        )
        async with self._database.reading() as connection:
            return {row.person: _account(row) for row in await connection.execute(theirs)}

    async def link(self, platform: str, person: str, steam: SteamID, source: Source, now: datetime) -> None:
        """In the place of the account that was linked before, if any."""
        row = {"platform": platform, "person": person, "steam": steam.value, "source": source, "since": now}
        async with self._database.transaction() as connection:
            await connection.execute(insert_or_replace(connection, linked_accounts, row))

    async def unlink(self, platform: str, person: str, now: datetime) -> Account | None:
        """What was there. With it goes what the lake has of its library, and what is learned from it."""
        theirs = (linked_accounts.c.platform == platform) & (linked_accounts.c.person == person)
        async with self._database.transaction() as connection:
            row = (await connection.execute(delete(linked_accounts).where(theirs).returning(linked_accounts))).first()
            if row is not None:
                await forget(connection, platform, person, now, LIBRARIES)
                await unname(connection, [player_of(platform, person)], LIBRARIES)
        return _account(row) if row is not None else None

    async def begin(self, platform: str, person: str, state_hash: str, now: datetime) -> None:
        """Notes who is sent to the browser. Only a hash of the secret is kept: reading this table opens nothing.

        Forgets all who left more than a day ago and never came back.
        """
        row = {"state_hash": state_hash, "platform": platform, "person": person, "at": now}
        async with self._database.transaction() as connection:
            await connection.execute(delete(link_states).where(link_states.c.at < now - timedelta(days=1)))
            await connection.execute(insert(link_states).values(row))

    async def finish(self, state_hash: str, now: datetime, within: timedelta) -> tuple[str, str] | None:
        """Platform and person of whoever comes back, once; None where nobody left, or longer than `within` ago.

        Forgets all who left too long ago.
        """
        expired = link_states.c.at < now - within
        this = link_states.c.state_hash == state_hash
        whose = delete(link_states).where(this).returning(link_states.c.platform, link_states.c.person)
        async with self._database.transaction() as connection:
            await connection.execute(delete(link_states).where(expired))
            row = (await connection.execute(whose)).first()
        return (row.platform, row.person) if row is not None else None


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(SteamID(row.steam), row.source, row.since)
