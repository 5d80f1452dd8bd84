"""`indiean doctor` on Slack's side: what is not as it should be is told with the way to mend it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.hosting.doctor.examination import examine
from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.hosting.doctor.slack import of_manifest, of_scopes, of_slack_token
from bot.messages import Language
from bot.settings import read_settings
from bot.slack.manifest import manifest, shipped, wanted_names
from bot.wording import Wording
from tests.loopback_slack import LoopbackSlack

EN = Wording(Language.EN)
AWAY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("STEAM", "DISCORD", "SLACK"):
        monkeypatch.setenv(f"INDIEAN_{service}_API_URL", AWAY)


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack() as slack:
        monkeypatch.setenv("INDIEAN_SLACK_API_URL", slack.url)
        monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("INDIEAN_SLACK_APP_TOKEN", slack.app_token)
        yield slack


async def found() -> dict[Check, Finding]:
    """What the doctor says, looking at the settings of the environment."""
    return {finding.check: finding for finding in await examine(read_settings(), EN, patience=5.0)}


async def test_where_all_is_well_on_slack_discord_is_not_missed(slack: LoopbackSlack) -> None:
    said = await found()

    assert {check: said[check].state for check in Check if check in said and check.startswith("slack")} == {
        Check.SLACK: State.OK,
        Check.SLACK_WAY: State.OK,
        Check.SLACK_SCOPES: State.OK,
        Check.SLACK_MANIFEST: State.OK,
        Check.SLACK_STATUS: State.OFF,
    }
    assert "Home of Indies" in said[Check.SLACK].sentence
    assert said[Check.DISCORD].state is State.OFF


async def test_who_has_no_chat_at_all_misses_one_and_hears_of_both() -> None:
    said = await found()

    assert (said[Check.DISCORD].state, said[Check.SLACK].state) == (State.MISSING, State.OFF)
    assert "indiean slack manifest" in said[Check.SLACK].sentence


async def test_a_refused_token_is_broken_and_not_said(slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", "xoxb-of-another-app")
    said = await found()

    assert said[Check.SLACK].state is State.BROKEN
    assert "invalid_auth" in said[Check.SLACK].sentence
    assert "xoxb" not in said[Check.SLACK].sentence
    assert Check.SLACK_SCOPES not in said


async def test_a_refused_app_token_is_broken(slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_APP_TOKEN", "xapp-of-another-app")
    said = await found()

    assert said[Check.SLACK_WAY].state is State.BROKEN
    assert "connections:write" in said[Check.SLACK_WAY].sentence


async def test_scopes_that_are_missing_are_named(slack: LoopbackSlack) -> None:
    slack.home.scopes -= {"files:write", "links:write"}
    said = await found()

    assert said[Check.SLACK_SCOPES].state is State.BROKEN
    assert "files:write, links:write" in said[Check.SLACK_SCOPES].sentence


async def test_a_slack_that_cannot_be_reached_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("INDIEAN_SLACK_APP_TOKEN", "xapp-1")
    said = await found()

    assert said[Check.SLACK].state is said[Check.SLACK_WAY].state is State.BROKEN
    assert "ConnectError" in said[Check.SLACK].sentence


async def test_over_the_web_the_address_is_named(slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INDIEAN_SLACK_APP_TOKEN")
    monkeypatch.setenv("INDIEAN_SLACK_SIGNING_SECRET", slack.signing_secret)
    nowhere = (await found())[Check.SLACK_WAY]
    monkeypatch.setenv("INDIEAN_PUBLIC_URL", "https://bot.example/indiean/")
    somewhere = (await found())[Check.SLACK_WAY]

    assert (nowhere.state, "INDIEAN_PUBLIC_URL" in nowhere.sentence) == (State.BROKEN, True)
    assert somewhere.state is State.OK
    assert "https://bot.example/indiean/slack/events" in somewhere.sentence


async def test_a_token_without_a_way_to_hear_is_half_a_bot(
    slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INDIEAN_SLACK_APP_TOKEN")
    said = await found()

    assert said[Check.SLACK].state is State.OK
    assert said[Check.SLACK_WAY].state is State.MISSING


async def test_on_discord_a_token_of_slack_s_alone_is_for_reports(
    slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INDIEAN_SLACK_APP_TOKEN")
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", "A1.B2")
    said = await found()

    assert (said[Check.SLACK].state, said[Check.SLACK_WAY].state) == (State.OK, State.OFF)


async def test_where_any_workspace_may_install_it_the_page_is_named(
    slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INDIEAN_SLACK_BOT_TOKEN")
    monkeypatch.setenv("INDIEAN_SLACK_CLIENT_ID", slack.client_id)
    monkeypatch.setenv("INDIEAN_SLACK_CLIENT_SECRET", slack.client_secret)
    monkeypatch.setenv("INDIEAN_PUBLIC_URL", "https://bot.example")
    said = await found()

    assert (said[Check.SLACK].state, "https://bot.example/slack/install" in said[Check.SLACK].sentence) == (
        State.OK,
        True,
    )


@pytest.mark.parametrize("token", [True, False])
async def test_the_channel_for_reports_wants_a_token(
    slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch, *, token: bool
) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_STATUS_CHANNEL", "C0123456789")
    if not token:
        monkeypatch.delenv("INDIEAN_SLACK_BOT_TOKEN")
        monkeypatch.delenv("INDIEAN_SLACK_APP_TOKEN")
    status = (await found()).get(Check.SLACK_STATUS)

    assert status is not None
    assert status.state is (State.OK if token else State.WARNING)


def test_a_manifest_without_a_command_that_the_bot_has_names_it() -> None:
    wanted = wanted_names()

    assert of_manifest(shipped(), wanted, EN).state is State.OK
    other = of_manifest(manifest(EN, commands=()), wanted, EN)
    assert other.state is State.BROKEN
    assert "/curate" in other.sentence


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), Answer(200, b"[]"), Answer(502), Answer(None, why="Away")])
def test_nonsense_is_no_answer(answer: Answer) -> None:
    assert of_slack_token(answer, EN).state is State.BROKEN
    assert of_scopes(answer, EN) == []
