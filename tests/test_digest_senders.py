"""Which senders there are, and who speaks for which workspace."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from bot.hosting.senders import senders
from bot.settings import Settings
from bot.slack.clients import Clients
from storage.database import Database
from storage.slack_installs import SlackInstalls
from tests.databases import ready
from tests.digest_world import Hands
from tests.loopback_slack import LoopbackSlack
from tests.test_slack_store import CLIENT, installation


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with ready("sqlite", tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("given", "console", "there"),
    [
        ({}, None, set()),
        ({"discord_token": SecretStr("x")}, None, {"discord"}),
        ({"slack_bot_token": SecretStr("xoxb-x")}, Console(file=io.StringIO()), {"slack", "terminal"}),
    ],
)
async def test_what_is_set_up_is_sent_to(
    tmp_path: Path, given: dict[str, SecretStr], console: Console | None, there: set[str]
) -> None:
    settings = Settings(home=tmp_path).model_copy(update=given)
    async with senders(settings, None, Hands(), console) as found:
        assert found.keys() == there


async def test_without_installations_the_operator_s_token_speaks_everywhere() -> None:
    client = await Clients("http://127.0.0.1:1/api/", "xoxb-own", None)("T1")

    assert client is not None
    assert client.token == "xoxb-own"  # noqa: S105 - opens nothing


async def test_a_workspace_is_spoken_to_with_its_own_token_also_one_of_an_organisation(database: Database) -> None:
    installs = SlackInstalls(database, CLIENT)
    await installs.async_save(installation())
    grid = installation()
    grid.team_id, grid.enterprise_id, grid.bot_token = "T2", "E1", "xoxb-grid"
    await installs.async_save(grid)
    clients = Clients("http://127.0.0.1:1/api/", None, installs)
    one, other, nobody = [await clients(team) for team in (installation().team_id, "T2", "T3")]

    assert one is not None
    assert one.token == installation().bot_token
    assert other is not None
    assert other.token == "xoxb-grid"  # noqa: S105
    assert nobody is None


async def test_the_operator_s_token_speaks_for_its_own_workspace_alone(database: Database) -> None:
    async with LoopbackSlack() as slack:
        clients = Clients(slack.url, slack.bot_token, SlackInstalls(database, CLIENT))
        home, elsewhere = await clients(slack.home.id), await clients("T9")

    assert home is not None
    assert elsewhere is None
