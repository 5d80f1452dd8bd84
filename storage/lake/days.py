"""The days of the lake as partitions, on Postgres: made when the first event of a day comes, dropped whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PREFIX = "lake_events_"
DEFAULT = f"{PREFIX}default"
BEHIND, AHEAD = timedelta(days=60), timedelta(days=1)
"""How far from today a day may be to have a partition: a clock that is wrong by years makes none."""


def no_partition(name: str | None, kind: str, _: object) -> bool:
    """What Alembic has to compare with the schema (its `include_name`): the whole table, and not its parts."""
    return kind != "table" or name is None or not name.startswith(PREFIX)


async def make_partitions(connection: AsyncConnection, days: Iterable[date], today: date) -> None:
    """For each of these days that has none; what is far from today goes to the default one.

    So does a day that has rows there already, from when it was far: Postgres would not move them.
    """
    for day in sorted(days):
        if today - BEHIND <= day <= today + AHEAD and await _wanting(connection, day):
            ends = day + timedelta(days=1)
            await connection.execute(
                text(f"CREATE TABLE {_name(day)} PARTITION OF lake_events FOR VALUES FROM ('{day}') TO ('{ends}')")
            )


async def drop_partitions(connection: AsyncConnection, before: date, told: int) -> int:
    """Those of days before that one without an event beyond `told`; how many rows they had."""
    rows = 0
    for name, day in await _partitions(connection):
        if day < before:
            counted = await connection.execute(text(f"SELECT count(*), coalesce(max(seq), 0) FROM {name}"))  # noqa: S608
            events, last = counted.one()
            if last <= told:
                rows += events
                await connection.execute(text(f"DROP TABLE {name}"))
    return rows


async def _wanting(connection: AsyncConnection, day: date) -> bool:
    found = text(
        f"SELECT to_regclass('{_name(day)}') IS NULL AND NOT EXISTS (SELECT FROM {DEFAULT} WHERE day = '{day}')"  # noqa: S608
    )
    return bool(await connection.scalar(found))


async def _partitions(connection: AsyncConnection) -> list[tuple[str, date]]:
    """With the day of each; without the default one."""
    children = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'lake_events'::regclass")
    names = [name for name in await connection.scalars(children) if not name.endswith(DEFAULT)]
    return [(name, datetime.strptime(name[-8:], "%Y%m%d").date()) for name in names]  # noqa: DTZ007  (a day alone)


def _name(day: date) -> str:
    return f"{PREFIX}{day:%Y%m%d}"
