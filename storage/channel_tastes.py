"""What the people of a channel play and think of games, without saying who they are; and what is liked of late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from sqlalchemy import ColumnElement, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from recommender.crowd import Taste
from recommender.library import Library
from recommender.weekly import Rise
from storage.database import Database
from storage.feedback import Opinion, counted_in
from storage.lake.events import Kind
from storage.logs import NOBODY, SLOWED
from storage.schema import feedback, lake_events, reactions, requests

MOST = 100
"""People of one channel, those who were there last: their taste is that of the others, too."""
WEEK = timedelta(weeks=1)
WEEKS_BEFORE = 4


class ChannelTastes:
    """Reads only what is here already: opinions, and the libraries that Steam told of when their owners last asked.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_channel(self, platform: str, server: str | None, channel: str, since: datetime) -> list[Taste]:
        """Of everybody who asked there at `since` or later, or reacted to what was shown there; in no telling order.

        Nobody is among them of whom nothing is known.
        """
        there = (requests.c.server == server) & (requests.c.channel == channel)
        return await self._of(platform, there, since)

    async def of_server(self, platform: str, server: str, since: datetime) -> list[Taste]:
        """The same in all channels of the server."""
        return await self._of(platform, requests.c.server == server, since)

    async def likes(self, now: datetime) -> dict[int, Rise]:
        """By app id, of the games that anybody came to like within the last seven days, on whatever platform."""
        async with self._database.reading() as connection:
            lately = await _liked(connection, now - WEEK, now)
            earlier = await _liked(connection, now - (1 + WEEKS_BEFORE) * WEEK, now - WEEK)
        return {app_id: Rise(people, earlier.get(app_id, 0) / WEEKS_BEFORE) for app_id, people in lately.items()}

    async def _of(self, platform: str, there: ColumnElement[bool], since: datetime) -> list[Taste]:
        async with self._database.reading() as connection:
            people = await _people(connection, platform, there, since)
            libraries = await _libraries(connection, platform, people)
            opinions = await _opinions(connection, platform, people)
        tastes = (_taste(libraries.get(one, {}), opinions.get(one, {})) for one in people)
        known = [taste for taste in tastes if len(taste.library)]
        return sorted(
            known, key=lambda taste: sorted(taste.library.minutes)
        )  # by their games: not by who was there last


async def _people(
    connection: AsyncConnection, platform: str, there: ColumnElement[bool], since: datetime
) -> Sequence[str]:
    """Those who were there last, MOST at most; the digests themselves are asked for by nobody."""
    here = (requests.c.platform == platform) & there
    asked = select(requests.c.person, requests.c.at).where(
        here, requests.c.at >= since, requests.c.outcome != SLOWED, requests.c.person != NOBODY
    )
    reacted = (
        select(reactions.c.person, reactions.c.at)
        .join(requests, requests.c.id == reactions.c.request_id)
        .where(here, reactions.c.platform == platform, reactions.c.at >= since)
    )
    there_then = union_all(asked, reacted).subquery()
    last = select(there_then.c.person).group_by(there_then.c.person).order_by(func.max(there_then.c.at).desc())
    return (await connection.scalars(last.limit(MOST))).all()


async def _libraries(connection: AsyncConnection, platform: str, people: Sequence[str]) -> dict[str, dict[int, int]]:
    """The newest of each: what was told before is older, not more."""
    theirs = (lake_events.c.platform == platform) & lake_events.c.person.in_(people)
    newest = (
        select(func.max(lake_events.c.seq))
        .where(theirs, lake_events.c.kind == Kind.LIBRARY)
        .group_by(lake_events.c.person)
    )
    newest_rows = await connection.execute(
        select(lake_events.c.person, lake_events.c.payload).where(lake_events.c.seq.in_(newest))
    )
    return {row.person: dict(row.payload["games"]) for row in newest_rows}


async def _opinions(connection: AsyncConnection, platform: str, people: Sequence[str]) -> dict[str, dict[int, Opinion]]:
    theirs = (feedback.c.platform == platform) & feedback.c.person.in_(people)
    rows = await connection.execute(select(feedback).where(theirs).order_by(feedback.c.person))
    return {
        person: {row.app_id: Opinion(row.opinion) for row in of} for person, of in groupby(rows, attrgetter("person"))
    }


def _taste(library: Mapping[int, int], opinions: Mapping[int, Opinion]) -> Taste:
    hidden = frozenset(app_id for app_id, opinion in opinions.items() if opinion is Opinion.HIDE)
    return Taste(counted_in(Library(library), opinions), hidden)


async def _liked(connection: AsyncConnection, since: datetime, until: datetime) -> dict[int, int]:
    """How many people, by app id: an opinion is one a person, however often it was taken back and given again."""
    between = (feedback.c.since >= since) & (feedback.c.since < until)
    these = select(feedback.c.app_id, func.count()).where(feedback.c.opinion == Opinion.LIKE, between)
    rows = await connection.execute(these.group_by(feedback.c.app_id))
    return {row.app_id: row[1] for row in rows}
