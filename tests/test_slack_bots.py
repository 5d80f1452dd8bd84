"""Whose token it is, is asked once in a while, is not waited for too long, and is forgotten with the workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.oauth.installation_store import Bot

from bot.slack import bots as module
from bot.slack.bots import AGAIN, FRESH, Bots
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.slack_installs import SlackInstalls
from tests.databases import empty, migrated, moved_away
from tests.fakes import Clock
from tests.test_slack_store import CLIENT, MOMENT, installation


class Counted(SlackInstalls):
    """Counts how often it is asked, and answers once it may."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, CLIENT)
        self.asked = 0
        self.bug: Exception | None = None
        self.may = asyncio.Event()
        self.may.set()
        self.begun = asyncio.Event()

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        self.asked += 1
        self.begun.set()
        found = await super().async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )
        await self.may.wait()
        if self.bug is not None:
            raise self.bug
        return found


@dataclass
class World:
    installs: Counted
    bots: Bots
    clock: Clock
    file: Path

    async def token(self, team: str = "T1") -> str | None:
        found = await self.bots(context=AsyncBoltContext(), enterprise_id=None, team_id=team, user_id=None)
        return None if found is None else found.bot_token


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with empty("sqlite", tmp_path) as url, migrated(url) as database:
        installs, clock = Counted(database), Clock()
        await installs.async_save(installation())
        bots = Bots(installs, clock=clock, patience=0.1)
        yield World(installs, bots, clock, tmp_path / "store" / "indiean.db")
        await bots.close()


async def test_it_is_asked_once_for_all_deliveries_of_a_minute(world: World) -> None:
    tokens = {await world.token() for _ in range(5)}
    world.clock.forward(FRESH)
    await world.token()

    assert tokens == {"xoxb-1"}
    assert world.installs.asked == 2


async def test_those_who_ask_at_once_share_one_look(world: World) -> None:
    tokens = await asyncio.gather(*(world.token() for _ in range(5)))

    assert set(tokens) == {"xoxb-1"}
    assert world.installs.asked == 1


async def test_where_it_is_not_installed_is_found_out_each_time(world: World) -> None:
    before = await world.token("T2")
    await world.installs.async_save(installation("T2", "xoxb-2"))

    assert (before, await world.token("T2")) == (None, "xoxb-2")


async def test_a_slow_database_is_not_waited_for_and_its_answer_serves_the_next(world: World) -> None:
    world.installs.may.clear()
    with pytest.raises(DatabaseUnavailable, match=r"0\.1 s"):
        await world.token()
    world.installs.may.set()
    token = await world.token()

    assert (token, world.installs.asked) == ("xoxb-1", 1)


async def test_an_old_token_serves_where_the_database_is_away_and_it_is_not_asked_each_time(world: World) -> None:
    await world.token()
    world.clock.forward(FRESH)
    with moved_away(world.file):
        tokens = {await world.token() for _ in range(5)}
    asked = world.installs.asked
    world.clock.forward(AGAIN)
    await world.token()

    assert (tokens, asked, world.installs.asked) == ({"xoxb-1"}, 2, 3)


async def test_where_the_database_is_away_nobody_is_said_to_have_left(world: World) -> None:
    with moved_away(world.file), pytest.raises(DatabaseUnavailable):
        await world.token()

    assert await world.token() == "xoxb-1"


async def test_a_look_that_breaks_is_not_remembered(world: World) -> None:
    world.installs.bug = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await world.token()
    world.installs.bug = None

    assert await world.token() == "xoxb-1"


async def test_who_uninstalls_has_no_token_at_once(world: World) -> None:
    before = await world.token()
    await world.bots.uninstall("T1", MOMENT + timedelta(seconds=1))

    assert (before, await world.token()) == ("xoxb-1", None)


async def test_what_was_read_before_somebody_left_is_not_kept(world: World) -> None:
    world.installs.may.clear()
    asking = asyncio.create_task(world.token())
    await world.installs.begun.wait()
    await world.bots.uninstall("T1", MOMENT + timedelta(seconds=1))
    world.installs.may.set()
    await asyncio.gather(asking, return_exceptions=True)

    assert await world.token() is None


async def test_only_so_many_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    await world.installs.async_save(installation("T2", "xoxb-2"))
    tokens = [await world.token(team) for team in ("T1", "T2", "T1")]

    assert tokens == ["xoxb-1", "xoxb-2", "xoxb-1"]
    assert world.installs.asked == 3
    assert repr(world.bots) == "Bots(1 of 1)"
