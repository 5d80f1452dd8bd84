"""A server that goes takes everything of its people along, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from storage.database import Database
from storage.logs import Impression, Logs
from storage.schema import digest_channels, metadata
from storage.server_data import ServerData
from storage.subscriptions import Subscriptions
from tests.databases import KINDS, empty, migrated
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
    told = {"platform": platform, "server": server}
    async with database.transaction() as connection:
        for table in metadata.sorted_tables:
            if table.name not in OF_NOBODY:
                row = {column.name: told.get(column.name, cell(table, column, person)) for column in table.c}
                await connection.execute(insert(table).values(row))


async def rows(database: Database) -> dict[str, int]:
    async with database.reading() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
            if table.name not in OF_NOBODY
        }


async def test_of_every_table_the_rows_of_its_people_go(database: Database) -> None:
    await fill(database, "slack", TEAM, "T1:U1")
    before = await rows(database)
    erased = await ServerData(database).erase("slack", TEAM)

    assert erased == before
    assert set((await rows(database)).values()) == {0}


@pytest.mark.parametrize(("platform", "server", "person"), OTHERS)
async def test_nobody_else_loses_anything(database: Database, platform: str, server: str, person: str) -> None:
    await fill(database, platform, server, person)
    before = await rows(database)
    erased = await ServerData(database).erase("slack", TEAM)

    assert erased == {}
    assert await rows(database) == before


async def test_what_a_stranger_asked_there_goes_with_what_was_shown(database: Database) -> None:
    logs = Logs(database)
    await logs.record(replace(asked(1, "T2:U9"), platform="slack", server=TEAM), (Impression(1, 10, 0.5),))
    await logs.record(replace(asked(2, "T2:U9"), platform="slack", server="T2"), (Impression(1, 10, 0.5),))
    erased = await ServerData(database).erase("slack", TEAM)

    assert erased == {"requests": 1, "impressions": 1}
    assert await logs.answer("request-2") is not None


async def test_a_digest_elsewhere_that_they_asked_for_stays_without_their_name(database: Database) -> None:
    shared = replace(LOBBY, platform="slack", server="T2", by="T1:U1")
    await Subscriptions(database).keep(shared)
    await ServerData(database).erase("slack", TEAM)
    async with database.reading() as connection:
        left = (await connection.execute(select(digest_channels.c.server, digest_channels.c.by))).one()

    assert tuple(left) == ("T2", "")


async def test_twice_does_no_harm(database: Database) -> None:
    await fill(database, "slack", TEAM, "T1:U1")
    await ServerData(database).erase("slack", TEAM)

    assert await ServerData(database).erase("slack", TEAM) == {}
