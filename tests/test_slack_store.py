"""The bots of workspaces and the secrets of those on the way to Slack, as they stand in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Installation
from sqlalchemy import func, select

from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.schema import slack_bots, slack_oauth_states
from storage.slack_installs import STATE_SECONDS, SlackInstalls, SlackStates
from tests.databases import KINDS, empty, migrated, moved_away

MOMENT = datetime(2026, 11, 25, 12, 0, 0, 500_000, tzinfo=UTC)
CLIENT = "1000000000.1000000000"


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with empty(request.param, tmp_path) as url, migrated(url) as ready:
        yield ready


def installation(team: str = "T1", token: str = "xoxb-1", at: datetime = MOMENT) -> Installation:  # noqa: S107
    return Installation(
        app_id="A1",
        team_id=team,
        team_name="Guests",
        bot_token=token,
        bot_id="B1",
        bot_user_id="U0",
        bot_scopes="chat:write,commands",
        user_id="U-of-who-installed",
        user_token="xoxp-of-who-installed",  # noqa: S106
        installed_at=at.timestamp(),
    )


async def token(installs: SlackInstalls, team: str = "T1") -> str | None:
    bot = await installs.async_find_bot(enterprise_id=None, team_id=team)
    return None if bot is None else bot.bot_token


async def cells(database: Database) -> list[str]:
    async with database.reading() as connection:
        return [str(cell) for row in await connection.execute(select(slack_bots)) for cell in row]


async def test_a_bot_is_found_by_its_workspace(database: Database) -> None:
    installs = SlackInstalls(database, CLIENT)
    await installs.async_save(installation())
    bot = await installs.async_find_bot(enterprise_id=None, team_id="T1")

    assert bot is not None
    assert (bot.bot_token, bot.bot_id, bot.bot_scopes) == ("xoxb-1", "B1", ["chat:write", "commands"])
    assert bot.installed_at == MOMENT.timestamp()
    assert await token(installs, "T2") is None
    assert await token(SlackInstalls(database, "2.2")) is None


async def test_nothing_about_who_installed_it_is_kept(database: Database) -> None:
    await SlackInstalls(database, CLIENT).async_save(installation())

    assert [cell for cell in await cells(database) if "who-installed" in cell] == []


async def test_installed_again_the_earlier_token_is_gone(database: Database) -> None:
    installs = SlackInstalls(database, CLIENT)
    await installs.async_save(installation("T2"))
    await installs.async_save(installation())
    await installs.async_save(installation(token="xoxb-2", at=MOMENT + timedelta(days=1)))  # noqa: S106

    assert (await token(installs), await token(installs, "T2")) == ("xoxb-2", "xoxb-1")
    assert (await cells(database)).count("xoxb-1") == 1


async def test_of_an_earlier_departure_the_new_bot_hears_nothing(database: Database) -> None:
    installs = SlackInstalls(database, CLIENT)
    await installs.async_save(installation())
    early = await installs.forget("T1", MOMENT - timedelta(seconds=1))
    kept = await token(installs)
    late = await installs.forget("T1", MOMENT + timedelta(seconds=1))

    assert (early, kept) == (False, "xoxb-1")
    assert (late, await token(installs)) == (True, None)


async def test_a_state_is_good_once(database: Database) -> None:
    states = SlackStates(database)
    state = await states.async_issue()

    assert [await states.async_consume(one) for one in ("forged", state, state)] == [False, True, False]


async def test_a_state_is_good_for_some_minutes_and_then_forgotten(database: Database) -> None:
    state = await SlackStates(database).async_issue()
    later = datetime.now(UTC) + timedelta(seconds=STATE_SECONDS)
    states = SlackStates(database, now=lambda: later)
    await states.async_issue()
    async with database.reading() as connection:
        left = (await connection.execute(select(func.count()).select_from(slack_oauth_states))).scalar_one()

    assert left == 1
    assert not await states.async_consume(state)


async def test_who_begins_again_and_again_fills_no_database(database: Database) -> None:
    states = SlackStates(database, most=3)
    issued = [await states.async_issue() for _ in range(5)]

    assert [await states.async_consume(state) for state in issued] == [False, False, True, True, True]


async def test_a_database_that_is_away_is_an_error_of_ours_and_no_wrong_answer(tmp_path: Path) -> None:
    async with empty("sqlite", tmp_path) as url, migrated(url) as database:
        installs = SlackInstalls(database, CLIENT)
        state = await installs.states.async_issue()
        with moved_away(tmp_path / "store" / "indiean.db"):
            for call in (
                token(installs),
                installs.async_save(installation()),
                installs.forget("T1", MOMENT),
                installs.states.async_issue(),
                installs.states.async_consume(state),
            ):
                with pytest.raises(DatabaseUnavailable):
                    await call

        assert await installs.states.async_consume(state)


def test_a_token_is_in_no_repr(tmp_path: Path) -> None:
    installs = SlackInstalls(Database(f"sqlite:///{tmp_path}/x.db"), CLIENT)

    assert repr(installs) == f"SlackInstalls({CLIENT})"
