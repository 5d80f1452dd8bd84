"""A server that goes takes everything of its people along, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Table, func, insert, select, true

from storage.database import Database
from storage.lake.events import Kind, player_of
from storage.lake.events import asked as asked_event
from storage.lake.lake import Lake
from storage.logs import Impression, Logs
from storage.schema import digest_channels, metadata
from storage.server_data import ServerData
from storage.subscriptions import Subscriptions
from tests.databases import KINDS, NOON, empty, migrated
from tests.test_logs import asked
from tests.test_personal_data import OF_NOBODY, cell
from tests.test_subscriptions import LOBBY

TEAM = "T1"
OTHERS = [("slack", "T2", "T2:U1"), ("slack", "T12", "T12:U1"), ("slack", "t1", "t1:U1"), ("discord", "T1", "T1:U1")]
"""Another workspace, two whose ids look alike, and another platform."""


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with empty(request.param, tmp_path) as url, migrated(url) as ready:
        yield ready


async def fill(database: Database, platform: str, server: str, person: str) -> None:
    """One row about that person in every table that has rows about people."""
    told = {"platform": platform, "server": server, "player": player_of(platform, person)}
    async with database.transaction() as connection:
        for table in metadata.sorted_tables:
            if table.name not in OF_NOBODY - {"digests"}:
                row = {column.name: told.get(column.name, cell(table, column, person)) for column in table.c}
                await connection.execute(insert(table).values(row))


def whose(table: Table) -> ColumnElement[Any]:
    named = [table.c[name] for name in ("person", "player") if name in table.c]
    return named[0] if named else true()


async def rows(database: Database) -> dict[str, int]:
    """Those about somebody: the word to forget a pseudonym is about nobody."""
    counts = {
        table.name: select(func.count()).select_from(table).where(whose(table).is_not(None))
        for table in metadata.sorted_tables
        if table.name not in OF_NOBODY - {"digests"}
    }
    async with database.reading() as connection:
        return {name: (await connection.execute(counted)).scalar_one() for name, counted in counts.items()}


async def test_of_every_table_the_rows_of_its_people_go(database: Database) -> None:
    await fill(database, "slack", TEAM, "T1:U1")
    before = await rows(database)
    erased = await ServerData(database).erase("slack", TEAM, NOON)

    assert erased == {name: count for name, count in before.items() if name != "fitted_rows"}  # which lose their names
    assert set((await rows(database)).values()) == {0}


@pytest.mark.parametrize(("platform", "server", "person"), OTHERS)
async def test_nobody_else_loses_anything(database: Database, platform: str, server: str, person: str) -> None:
    await fill(database, platform, server, person)
    before = await rows(database)
    erased = await ServerData(database).erase("slack", TEAM, NOON)

    assert erased == {}
    assert await rows(database) == before


async def test_what_a_stranger_asked_there_goes_with_what_was_shown(database: Database) -> None:
    logs = Logs(database)
    await logs.record(replace(asked(1, "T2:U9"), platform="slack", server=TEAM), (Impression(1, 10, 0.5),))
    await logs.record(replace(asked(2, "T2:U9"), platform="slack", server="T2"), (Impression(1, 10, 0.5),))
    erased = await ServerData(database).erase("slack", TEAM, NOON)

    assert erased == {"requests": 1, "impressions": 1}
    assert await logs.answer("request-2") is not None


async def test_a_digest_elsewhere_that_they_asked_for_stays_without_their_name(database: Database) -> None:
    shared = replace(LOBBY, platform="slack", server="T2", by="T1:U1")
    await Subscriptions(database).keep(shared)
    await ServerData(database).erase("slack", TEAM, NOON)
    async with database.reading() as connection:
        left = (await connection.execute(select(digest_channels.c.server, digest_channels.c.by))).one()

    assert tuple(left) == ("T2", "")


async def test_the_readers_of_the_lake_hear_whom_to_forget_there(database: Database) -> None:
    for number, person in enumerate(("T1:U1", "T2:U1"), 1):
        await Logs(database).record(replace(asked(number, person), platform="slack"), ())
    await ServerData(database).erase("slack", TEAM, NOON)
    said = [stored.event for stored in await Lake(database).after(0, 10) if stored.event.kind is Kind.ERASED]

    assert [event.payload["player"] for event in said] == [player_of("slack", "T1:U1")]


async def test_what_others_asked_there_leaves_the_lake_too(database: Database) -> None:
    asked_there = replace(asked(1, "T2:U9"), platform="slack", server=TEAM)
    events = [asked_event(request, {}, ()) for request in (asked_there, replace(asked_there, id="2", server="T2"))]
    await Lake(database).append(events)
    await ServerData(database).erase("slack", TEAM, NOON)

    assert [stored.event.key for stored in await Lake(database).after(0, 10)] == ["request:2"]


async def test_twice_does_no_harm(database: Database) -> None:
    await fill(database, "slack", TEAM, "T1:U1")
    await ServerData(database).erase("slack", TEAM, NOON)

    assert await ServerData(database).erase("slack", TEAM, NOON) == {}
