"""The bot as a process on a loopback Slack: killed, started again, asked to end; alone and with Discord beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.discord.payloads import command_payloads
from bot.presses import Deed, pressed
from tests import discord_process
from tests.bot_process import COLLECTOR, FARMER, FIGHTER, gone
from tests.loopback_discord import LoopbackDiscord
from tests.loopback_discord.commands import overwrite
from tests.loopback_slack import Exchange, Message
from tests.loopback_slack.messages import Element
from tests.loopback_slack.refusals import Payload
from tests.slack_process import Stage, shown, staged, staged_on_the_web

MODES = {"socket": staged, "web": staged_on_the_web}
Pressable = tuple[Exchange, Message, Element, Payload]


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def there(answers: list[Exchange]) -> list[Pressable]:
    """Every button and every entry of a menu, as it stood there before any was pressed."""
    return [
        (answer, message, element, said)
        for answer in answers
        for message in answer.messages
        for element in message.elements
        for said in _presses(element)
    ]


def _presses(element: Element) -> list[Payload]:
    if element.kind == "overflow":
        return [{"selected_option": option} for option in element.options]
    return [] if "url" in element.said else [{"value": element.said["value"]}]


def code(said: Payload) -> str:
    return str(said.get("value") or said["selected_option"]["value"])


def deed(said: Payload) -> Deed | None:
    press = pressed(code(said))
    return press.deed if press else None


async def test_a_process_that_is_killed_loses_no_button(stage: Stage) -> None:
    channel = stage.slack.channel()
    ann, jin, bob = stage.slack.member("ann"), stage.slack.member("jin", "ko-KR"), stage.slack.member("bob")
    async with stage.serving() as process:
        for member, player in ((ann, COLLECTOR), (bob, FARMER)):
            await member.slash(channel, "/link", player)
        answers = [
            await ann.slash(channel, "/recommend"),
            await jin.slash(channel, "/recommend", FIGHTER),
            await ann.slash(channel, "/recommend", "games: The Hollow House, Dicebound"),
            await jin.slash(channel, "/curate", "로그라이크"),
            await ann.slash(channel, "/similar", "The Hollow House"),
            await ann.slash(channel, "/together", bob.mention),
            await jin.slash(channel, "/curate", "roguelik"),
            await jin.slash(channel, "/recommend"),
        ]
        turned = await answers[3].press("▶️ 다음")
        await ann.slash(channel, "/digest", "here")
        answers.append(await ann.slash(channel, "/digest", "preview"))
        await stage.written([*answers[:3], *answers[4:], turned])
        process.kill()
        await process.wait()
    async with stage.serving():
        answered = []
        for answer, message, element, said in there(answers):
            one = await answer.member.touch(answer.channel, message, element, said).until_answered()
            answered.append((said, one))

    assert {deed(said) for said, _ in answered} == set(Deed)
    assert [(code(said), gone(one.text)) for said, one in answered if gone(one.text)] == []
    assert stage.slack.refused == []
    assert stage.slack.warnings == []
    assert stage.secrets_told() == []


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_under_way_is_answered_before_the_process_ends(tmp_path: Path, mode: str) -> None:
    async with MODES[mode](tmp_path) as stage:
        ann, bob, channel = stage.slack.member("ann"), stage.slack.member("bob"), stage.slack.channel()
        async with stage.serving() as process:
            stage.steam.delay = 1.5
            asked = ann.begin(channel, "/recommend", FIGHTER)
            await stage.slack.until(lambda: stage.steam.asked("GetOwnedGames"))
            process.terminate()
            await stage.slack.until(lambda: "SIGTERM" in stage.log)
            late = await bob.slash(channel, "/curate", "Horror")
            await asked.until_answered()
            status = await asyncio.wait_for(process.wait(), 10)

        assert len(shown(asked)) == 3
        assert "restarting" in late.text
        assert late.ephemeral
        assert status == 0
        assert "0 answers were cut off" in stage.log
        assert "Traceback" not in stage.log
        assert stage.slack.refused == []
        assert stage.secrets_told() == []


async def test_a_refused_app_token_is_one_sentence_and_status_1(stage: Stage) -> None:
    status, said = await stage.indiean("serve", slack_app_token="xapp-of-nobody")  # noqa: S106 - nobody's

    assert status == 1
    assert "set INDIEAN_SLACK_APP_TOKEN to it" in said
    assert "Traceback" not in said
    assert "xapp-of-nobody" not in said


async def test_discord_and_slack_are_answered_by_one_process_also_after_a_bad_start(tmp_path: Path) -> None:
    async with LoopbackDiscord() as discord, staged(tmp_path, **discord_process.settings_of(discord)) as stage:
        overwrite(discord.world, {"application": discord.world.application_id}, command_payloads())
        stage.slack.fail_next("auth.test", 503)
        async with stage.serving():
            await discord.ready()
            ann, dana = stage.slack.member("ann"), discord.member("dana")
            here, there = stage.slack.channel(), discord.channel()
            said, asked = ann.begin(here, "/curate", "Horror"), dana.begin(there, "curate", tag="Horror")
            await said.until_answered()
            await asked.until_answered()

        assert shown(said) == discord_process.titles(asked.messages[0])
        assert "Slack starts again in 1 s" in stage.log
        assert "everything under way is done" in stage.log
        assert (stage.slack.refused, discord.refused) == ([], [])
        assert stage.told([discord.token]) == stage.secrets_told() == []


@pytest.mark.parametrize("refusing", ["Discord", "Slack"])
async def test_where_one_of_two_refuses_its_token_all_ends_with_its_sentence(tmp_path: Path, refusing: str) -> None:
    """So that it is noticed: a bot that is missing in one chat looks well to whoever runs it."""
    wrong = {"discord_token": "A1.B2.c3"} if refusing == "Discord" else {"slack_bot_token": "xoxb-of-nobody"}
    async with LoopbackDiscord() as discord, staged(tmp_path, **discord_process.settings_of(discord)) as stage:
        status, said = await stage.indiean("serve", **wrong)

    assert status == 1
    assert f"INDIEAN_{next(iter(wrong)).upper()}" in said.split("ERROR")[-1]
    assert "Traceback" not in said
