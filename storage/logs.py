"""What was asked, what was shown, and how people took it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import TypeAlias, TypedDict

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from recommender.recommend import Pick
from storage.database import Database, insert_new
from storage.schema import clicks, impressions, reactions, requests

OptionValue: TypeAlias = str | int | float | bool | None
SLOWED = "slowed"
"""The outcome of a request that came too soon: it was not worked on, so it does not count as one."""

NOBODY = ""
"""The person of what was shown unasked: a digest."""
AGAIN = timedelta(minutes=1)
"""A link that is opened again so soon was opened once: a second press, or a page that was loaded anew."""


class Offered(TypedDict):
    """A follow-up that an answer offered."""

    label: str
    command: str
    options: Mapping[str, OptionValue]


@dataclass(frozen=True, slots=True)
class RequestLog:
    """One command that somebody gave, and how it ended.

    `id` is unique and the caller's: logging the same one again changes nothing. `at` is aware. `options` and `choices`
    must arrive cleaned: they never hold a Steam ID, whoever's it is. `picks` counts the games of the answer, `outcome`
    names how it ended ("answered", or the error), `model_version` is None where no model was asked. `server` is None
    in a direct message. `page` counts from 1; a later page has as `root` the id of the answer that it belongs to.
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
    server: str | None = None
    channel: str | None = None
    root: str | None = None
    page: int = 1
    choices: Sequence[Offered] = ()


@dataclass(frozen=True, slots=True)
class Impression:
    """A game that was shown; `position` counts from 1, `version` is the model's where a list has picks of two."""

    position: int
    app_id: int
    score: float
    version: str | None = None


def impressions_of(picks: Iterable[Pick]) -> list[Impression]:
    """In the order in which they were shown."""
    return [Impression(at, pick.game.app_id, pick.score, pick.version) for at, pick in enumerate(picks, 1)]


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """`shown` is in the order of the places."""

    request: RequestLog
    shown: tuple[Impression, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """That somebody asked, and where; `server` is None in a direct message."""

    platform: str
    person: str
    server: str | None
    at: datetime


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
class Click:
    """That somebody opened the link of a game that was shown at that position; nobody can say who."""

    request_id: str
    position: int
    app_id: int
    at: datetime


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
        row = _row(request)
        async with self._database.transaction() as connection:
            new = await connection.execute(insert_new(connection, requests).values(row))
            if new.rowcount and shown:
                await connection.execute(insert(impressions), [{"request_id": request.id, **asdict(i)} for i in shown])

    async def react(self, reaction: Reaction) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(insert_new(connection, reactions).values(asdict(reaction)))

    async def click(self, click: Click) -> Asked | None:
        """Who asked for the answer that the link is of; None where it does not count.

        It does where that very game was shown there and the link was not opened just before; the same click again
        counts, and is written once.
        """
        place = (impressions.c.request_id == click.request_id) & (impressions.c.position == click.position)
        whose = select(requests.c.platform, requests.c.person, requests.c.server, requests.c.at)
        shown = whose.join_from(requests, impressions).where(place, impressions.c.app_id == click.app_id)
        before = (clicks.c.request_id == click.request_id) & (clicks.c.position == click.position)
        lately = select(clicks.c.at).where(before, clicks.c.at > click.at - AGAIN, clicks.c.at != click.at).limit(1)
        locked = shown.with_for_update(of=impressions)  # so that of two at once one counts
        async with self._database.transaction() as connection:
            row = (await connection.execute(locked)).first()
            if row is None or (await connection.execute(lately)).first() is not None:
                return None
            await connection.execute(insert_new(connection, clicks).values(asdict(click)))
            return Asked(*row)

    async def recent(self, limit: int) -> list[RequestLog]:
        """The newest first."""
        newest = select(requests).order_by(requests.c.at.desc(), requests.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [_request(row) for row in (await connection.execute(newest)).mappings()]

    async def latest(self, platform: str, person: str, commands: Collection[str]) -> RequestLog | None:
        """The newest of these commands that showed this person something."""
        theirs = (requests.c.platform == platform) & (requests.c.person == person) & (requests.c.picks > 0)
        newest = select(requests).where(theirs, requests.c.command.in_(commands))
        async with self._database.reading() as connection:
            ordered = newest.order_by(requests.c.at.desc(), requests.c.id.desc()).limit(1)
            row = (await connection.execute(ordered)).mappings().first()
            return _request(row) if row is not None else None

    async def answer(self, request_id: str) -> PastAnswer | None:
        """To that request; None where it was never logged, is not yet, or was erased."""
        return await self._past(select(requests).where(requests.c.id == request_id))

    async def page(self, root: str, number: int, *, by: tuple[str, str] | None = None) -> PastAnswer | None:
        """A page of the answer `root`: number 1 is that answer itself, of any other the newest version counts.

        One that showed nothing, as it failed or nothing was left, is no version; with `by`, a platform and a person,
        nor is one that somebody else turned to.
        """
        if number == 1:
            return await self.answer(root)
        versions = select(requests).where(_later(root, by), requests.c.page == number)
        return await self._past(versions.order_by(requests.c.at.desc(), requests.c.id.desc()).limit(1))

    async def shown_before(self, root: str, page: int, *, by: tuple[str, str] | None = None) -> frozenset[int]:
        """The app ids on pages 1 to `page` of the answer `root`, of each page its newest version as in `page`."""
        first = requests.c.id == root
        later = and_(_later(root, by), requests.c.page.between(2, page))
        versions = (
            select(requests.c.page, requests.c.id).where(or_(first, later)).order_by(requests.c.at, requests.c.id)
        )
        async with self._database.reading() as connection:
            newest = {row.page: row.id for row in await connection.execute(versions)}
            shown = select(impressions.c.app_id).where(impressions.c.request_id.in_(newest.values()))
            return frozenset(await connection.scalars(shown))

    async def asked_since(self, moment: datetime, most: int = 100_000) -> list[Asked]:
        """Who asked at `moment` or later: the newest `most`, the oldest first; without those who were slowed down."""
        these = select(requests.c.platform, requests.c.person, requests.c.server, requests.c.at)
        these = these.where(requests.c.at >= moment, requests.c.outcome != SLOWED, requests.c.person != NOBODY)
        newest = these.order_by(requests.c.at.desc(), requests.c.id.desc()).limit(most)
        async with self._database.reading() as connection:
            return [Asked(*row) for row in await connection.execute(newest)][::-1]

    async def counts(self) -> Counts:
        asking = requests.c.person != NOBODY
        people = select(requests.c.platform, requests.c.person).where(asking).distinct().subquery()
        tables = (requests, impressions, reactions, people)
        each = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
        async with self._database.reading() as connection:
            return Counts(*(await connection.execute(select(*each))).one())

    async def _past(self, query: Select[tuple[object, ...]]) -> PastAnswer | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
            return PastAnswer(_request(row), await _shown(connection, row["id"])) if row is not None else None


def _later(root: str, by: tuple[str, str] | None) -> ColumnElement[bool]:
    """Pages of the answer `root` that showed something, to that person where one is named."""
    these = (requests.c.root == root) & (requests.c.picks > 0)
    if by is None:
        return these
    platform, person = by
    return these & (requests.c.platform == platform) & (requests.c.person == person)


async def _shown(connection: AsyncConnection, request_id: str) -> tuple[Impression, ...]:
    theirs = select(impressions).where(impressions.c.request_id == request_id).order_by(impressions.c.position)
    return tuple(
        Impression(row.position, row.app_id, row.score, row.version) for row in await connection.execute(theirs)
    )


def _row(request: RequestLog) -> dict[str, object]:
    row = {field.name: getattr(request, field.name) for field in fields(request)}
    choices = [{**choice, "options": dict(choice["options"])} for choice in request.choices]
    return row | {"options": dict(request.options), "choices": choices}


def _request(row: RowMapping) -> RequestLog:
    return RequestLog(**{**row, "choices": tuple(row["choices"])})
