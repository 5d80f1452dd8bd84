"""What an application last took is remembered, one digest an application, through a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.schema import synced_commands
from storage.synced import Synced
from tests.databases import KINDS, NOON, ready


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


async def test_an_application_that_took_nothing_has_no_digest(database: Database) -> None:
    assert await Synced(database).get("discord:1") is None


async def test_the_last_digest_counts_for_its_application_alone(database: Database) -> None:
    synced = Synced(database)
    await synced.put("discord:1", "first", NOON)
    await synced.put("discord:2", "another", NOON)
    await synced.put("discord:1", "second", NOON + timedelta(hours=1))

    assert [await synced.get(f"discord:{number}") for number in (1, 2)] == ["second", "another"]


async def test_it_is_kept_when_that_was(database: Database) -> None:
    await Synced(database).put("discord:1", "first", NOON)
    await Synced(database).put("discord:1", "first", NOON + timedelta(hours=1))
    async with database.reading() as connection:
        at = await connection.scalar(select(synced_commands.c.at))

    assert at == NOON + timedelta(hours=1)
