"""Everything that is kept about a person: shown to that person, or forgotten."""

from __future__ import annotations

import typing
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, Table, Text, cast, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.fitted_rows import unname
from storage.lake.events import ALL, Event, erased, player_of
from storage.lake.lake import add, note_removed, take_turn
from storage.schema import (
    UtcDateTime,
    clicks,
    digest_channels,
    fitted_rows,
    impressions,
    lake_events,
    metadata,
    player_facts,
    requests,
)

Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"] | None
"""What JSON can say; days and moments are ISO 8601, moments in UTC, bytes base64, too large numbers text."""

LARGEST_NUMBER = 2**53
"""Most readers of JSON round what is larger, Steam IDs among it (https://www.rfc-editor.org/rfc/rfc8259#section-6)."""

NAMING = (requests.c.options, requests.c.choices)
"""Where the ids of people may stand beside those of who asked: whom to pick for together."""


class PersonalData:
    """A table with a column `person` is about that person by itself: a new one needs no line here.

    What is learned of a person stands under a pseudonym.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, platform: str, person: str) -> dict[str, list[dict[str, Value]]]:
        """Their rows by the name of the table, the oldest first; a table without any is left out."""
        about = _about(platform, person) | {digest_channels: _made(platform, person), **_learned(platform, person)}
        async with self._database.reading() as connection:
            found = {
                table.name: [
                    {name: _plain(value) for name, value in row.items()}
                    for row in (await connection.execute(_oldest_first(table, theirs))).mappings()
                ]
                for table, theirs in about.items()
            }
        return {name: rows for name, rows in found.items() if rows}

    async def erase(self, platform: str, person: str, now: datetime) -> dict[str, int]:
        """Forgets it all or nothing; says how many rows of which table that were, without those that had none.

        A digest that they asked for stays the channel's, and no longer says who asked; what others asked stays, without
        the option that named this person. Writes that a PatientLogs still holds come back afterwards: flush it first;
        and let the PatientLake forget, too. What is left is the word to the lake's readers to forget a pseudonym, and,
        without a name, the rows to be taken out of models that were fitted on them.
        """
        removed = {}
        async with self._database.transaction() as connection:
            await take_turn(connection)
            for table, theirs in _about(platform, person).items():
                removed[table.name] = (await connection.execute(delete(table).where(theirs))).rowcount
            await note_removed(connection, removed[lake_events.name])
            await add(connection, [erased(platform, person, ALL, now)], now)
            removed[player_facts.name] = await unname(connection, [player_of(platform, person)])
            made = _made(platform, person)
            await connection.execute(update(digest_channels).where(made).values(by=""))
            await _unname(connection, platform, person)
        return {name: rows for name, rows in removed.items() if rows}


def row_of(event: Event) -> dict[str, Value]:
    """As it is shown once it is in the lake, but for its place there."""
    return {name: _plain(value) for name, value in {"day": event.day, **asdict(event)}.items()}


def plain_row(row: Mapping[str, object]) -> dict[str, Value]:
    """One of another store, in what JSON can say."""
    return {name: _plain(value) for name, value in row.items()}


def _about(platform: str, person: str) -> dict[Table, ColumnElement[bool]]:
    """How to find their rows, table by table; those that refer to others first, as they must be erased first."""
    asked = select(requests.c.id).where(requests.c.platform == platform, requests.c.person == person)
    found: dict[Table, ColumnElement[bool]] = {table: table.c.request_id.in_(asked) for table in (clicks, impressions)}
    for table in metadata.sorted_tables:
        if "person" in table.c:
            found[table] = (table.c.platform == platform) & (table.c.person == person)
    return found


async def _unname(connection: AsyncConnection, platform: str, person: str) -> None:
    """Takes out of what others asked, and of what they were offered, each option that has this person in it."""
    somewhere = or_(*(cast(column, Text).contains(person, autoescape=True) for column in NAMING))
    columns = (requests.c.id, *NAMING)
    for row in await connection.execute(select(*columns).where(requests.c.platform == platform, somewhere)):
        options = _without(person, row.options)
        choices = [{**choice, "options": _without(person, choice["options"])} for choice in row.choices]
        if (options, choices) != (row.options, row.choices):
            await connection.execute(
                update(requests).where(requests.c.id == row.id).values(options=options, choices=choices)
            )


def _without(person: str, options: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in options.items() if person not in str(value).split()}


def _learned(platform: str, person: str) -> dict[Table, ColumnElement[bool]]:
    player = player_of(platform, person)
    return {table: table.c.player == player for table in (player_facts, fitted_rows)}


def _made(platform: str, person: str) -> ColumnElement[bool]:
    return (digest_channels.c.platform == platform) & (digest_channels.c.by == person)


def _oldest_first(table: Table, theirs: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    moments = [column for column in table.c if isinstance(column.type, UtcDateTime)]
    return select(table).where(theirs).order_by(*moments, *table.primary_key)


def _plain(value: object) -> Value:
    if isinstance(value, date):  # a moment is one, too
        return value.isoformat()
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        return str(value)
    return b64encode(value).decode() if isinstance(value, bytes) else typing.cast("Value", value)
