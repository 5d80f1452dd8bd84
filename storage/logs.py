"""What was asked, what was shown, and how people took it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import delete, func, insert, select

from storage.database import Database, insert_new
from storage.schema import impressions, reactions, requests

OptionValue: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class RequestLog:
    """One command that somebody gave, and how it ended.

    `id` is unique and the caller's: logging the same one again changes nothing. `at` is aware. `options` must arrive
    cleaned: it never holds a Steam ID, whoever's it is. `picks` counts the games of the answer, `outcome` names how
    it ended ("answered", or the error), `model_version` is None where no model was asked.
    """

    id: str
    at: datetime
    platform: str
    person: str
    command: str
    options: Mapping[str, OptionValue]
    outcome: str
    latency_ms: int
    model_version: str | None = None
    picks: int = 0


@dataclass(frozen=True, slots=True)
class Impression:
    """A game that was shown; `position` counts from 1."""

    position: int
    app_id: int
    score: float


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody did about a game; `kind` is "hide", "unhide", "like" and the like, `id` the caller's and unique."""

    id: str
    at: datetime
    platform: str
    person: str
    app_id: int
    kind: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """`people` counts those who asked, one per platform."""

    requests: int
    impressions: int
    reactions: int
    people: int


class Logs:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, request: RequestLog, shown: Sequence[Impression]) -> None:
        """All of it or nothing; a request that is already there is left as it is."""
        row = asdict(request) | {"options": dict(request.options)}
        async with self._database.transaction() as connection:
            new = await connection.execute(insert_new(connection, requests).values(row))
            if new.rowcount and shown:
                await connection.execute(insert(impressions), [{"request_id": request.id, **asdict(i)} for i in shown])

    async def react(self, reaction: Reaction) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(insert_new(connection, reactions).values(asdict(reaction)))

    async def recent(self, limit: int) -> list[RequestLog]:
        """The newest first."""
        newest = select(requests).order_by(requests.c.at.desc(), requests.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [RequestLog(**row) for row in (await connection.execute(newest)).mappings()]

    async def counts(self) -> Counts:
        people = select(requests.c.platform, requests.c.person).distinct().subquery()
        tables = (requests, impressions, reactions, people)
        each = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
        async with self._database.reading() as connection:
            return Counts(*(await connection.execute(select(*each))).one())

    async def erase(self, platform: str, person: str) -> int:
        """Forgets what a person asked, was shown and did; says how many requests and reactions that were.

        Writes that a PatientLogs still holds come back afterwards: flush it first.
        """
        erased = 0
        async with self._database.transaction() as connection:
            for table in (requests, reactions):  # impressions go with their requests
                theirs = (table.c.platform == platform) & (table.c.person == person)
                erased += (await connection.execute(delete(table).where(theirs))).rowcount
        return erased
