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
from storage.schema import feedback, reactions
from tests.databases import KINDS, NOON, ready

HADES = 1145360
CELESTE = 504230


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


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


async def test_another_opinion_takes_the_place_of_the_first(database: Database) -> None:
    opinions = Feedback(database)
    holds = [
        await opinions.toggle("discord", "ada", HADES, opinion, NOON)
        for opinion in (Opinion.LIKE, Opinion.OWN, Opinion.HIDE)
    ]

    assert holds == [True, True, True]
    assert await opinions.of("discord", "ada") == {HADES: Opinion.HIDE}


@pytest.mark.parametrize(
    ("opinion", "kinds"),
    [(Opinion.HIDE, ["hide", "unhide"]), (Opinion.LIKE, ["like", "unlike"]), (Opinion.OWN, ["own", "disown"])],
)
async def test_taking_an_opinion_back_is_a_reaction_of_its_own(
    database: Database, opinion: Opinion, kinds: list[str]
) -> None:
    opinions = Feedback(database)
    for second in range(2):
        await opinions.toggle("discord", "ada", HADES, opinion, NOON + timedelta(seconds=second))

    assert await opinions.of("discord", "ada") == {}
    assert [kind for kind, _ in await logged(database)] == kinds


async def test_an_opinion_that_replaces_another_is_one_reaction(database: Database) -> None:
    opinions = Feedback(database)
    for second, opinion in enumerate((Opinion.LIKE, Opinion.OWN)):
        await opinions.toggle("discord", "ada", HADES, opinion, NOON + timedelta(seconds=second))

    assert [kind for kind, _ in await logged(database)] == ["like", "own"]


async def test_a_reaction_says_under_which_answer_it_was_given(database: Database) -> None:
    await Feedback(database).toggle("discord", "ada", HADES, Opinion.LIKE, NOON, "request-1")

    assert await logged(database) == [("like", "request-1")]


async def test_an_opinion_is_as_old_as_its_last_change(database: Database) -> None:
    opinions = Feedback(database)
    for minute, opinion in enumerate((Opinion.LIKE, Opinion.OWN)):
        await opinions.toggle("discord", "ada", HADES, opinion, NOON + timedelta(minutes=minute))
    async with database.reading() as connection:
        since = await connection.scalar(select(feedback.c.since))

    assert since == NOON + timedelta(minutes=1)


async def test_different_opinions_at_the_same_time_leave_one(database: Database) -> None:
    opinions = Feedback(database)
    await asyncio.gather(*(opinions.toggle("discord", "ada", HADES, opinion, NOON) for opinion in Opinion))

    assert len(await opinions.of("discord", "ada")) == 1
    assert sorted(kind for kind, _ in await logged(database)) == ["hide", "like", "own"]


async def logged(database: Database) -> list[tuple[str, str | None]]:
    async with database.reading() as connection:
        rows = await connection.execute(select(reactions.c.kind, reactions.c.request_id).order_by(reactions.c.at))
        return [(row.kind, row.request_id) for row in rows]
