"""An opinion of a game holds until it is taken back, is one at a time, and leaves a reaction in the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.schema import reactions
from tests.databases import KINDS, NOON, empty, migrated

HADES = 1145360
CELESTE = 504230


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with empty(request.param, tmp_path) as url, migrated(url) as ready:
        yield ready


async def test_hiding_a_game_twice_shows_it_again(database: Database) -> None:
    opinions = Feedback(database)
    now_hidden = [
        await opinions.toggle("discord", "ada", app_id, Opinion.HIDE, NOON) for app_id in (HADES, CELESTE, HADES)
    ]

    assert now_hidden == [True, True, False]
    assert await opinions.of("discord", "ada") == {CELESTE: Opinion.HIDE}


async def test_what_one_person_hides_the_others_see(database: Database) -> None:
    opinions = Feedback(database)
    await opinions.toggle("discord", "ada", HADES, Opinion.HIDE, NOON)

    assert await opinions.of("discord", "grace") == {}
    assert await opinions.of("slack", "ada") == {}


async def test_each_toggle_leaves_a_reaction(database: Database) -> None:
    opinions = Feedback(database)
    for second in range(3):
        await opinions.toggle("discord", "ada", HADES, Opinion.HIDE, NOON + timedelta(seconds=second))
    async with database.reading() as connection:
        kinds = await connection.scalars(select(reactions.c.kind).order_by(reactions.c.at))

    assert list(kinds) == ["hide", "unhide", "hide"]


async def test_clicks_at_the_same_time_agree_with_what_is_kept(database: Database) -> None:
    opinions = Feedback(database)
    await asyncio.gather(*(opinions.toggle("discord", "ada", HADES, Opinion.HIDE, NOON) for _ in range(7)))
    async with database.reading() as connection:
        kinds = list(await connection.scalars(select(reactions.c.kind)))

    assert kinds.count("hide") - kinds.count("unhide") == len(await opinions.of("discord", "ada"))
