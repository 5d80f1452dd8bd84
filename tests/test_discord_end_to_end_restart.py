"""The bot as a process on a loopback Discord: killed, started again, asked to end in the middle of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.presses import Deed
from tests.bot_process import COLLECTOR, FARMER, FIGHTER, gone
from tests.discord_process import Stage, lit, staged, titles
from tests.loopback_discord import Exchange
from tests.loopback_discord.messages import Button, Message
from tests.processes import running


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def there(answers: list[Exchange]) -> list[tuple[Exchange, Message, Button]]:
    """Every button that opens no address, as it stood there before any was pressed."""
    return [
        (answer, message, button)
        for answer in answers
        for message in answer.messages
        for button in message.buttons
        if button.custom_id
    ]


def deed(button: Button) -> Deed:
    return Deed(str(button.custom_id).split(":")[1])


async def test_a_process_that_is_killed_loses_no_button(stage: Stage) -> None:
    channel = stage.discord.channel()
    ann, jin, bob = (
        stage.discord.member("ann", manager=True),
        stage.discord.member("jin", "ko"),
        stage.discord.member("bob"),
    )
    async with stage.serving() as process:
        for member, player in ((ann, COLLECTOR), (bob, FARMER)):
            await member.slash(channel, "link", steam=player)
        answers = [
            await ann.slash(channel, "recommend"),
            await jin.slash(channel, "recommend", steam=FIGHTER),
            await ann.slash(channel, "recommend", games="The Hollow House, Dicebound"),
            await jin.slash(channel, "curate", tag="로그라이크"),
            await ann.slash(channel, "similar", game="The Hollow House"),
            await ann.slash(channel, "together", **{"with": bob}),
            await jin.slash(channel, "curate", tag="roguelik"),
            await jin.slash(channel, "recommend"),
        ]
        turned = await answers[3].press("다음")
        answers.append(await answers[1].press("공유"))
        await ann.slash(channel, "digest here")
        answers.append(await (await ann.slash(channel, "digest preview")).until_followed_up())
        await stage.written([*answers[:3], *answers[4:], turned])
        process.kill()
        await process.wait()
    async with stage.serving():
        pressed = [
            (button, await answer.press_on(message, button).until_answered())
            for answer, message, button in there(answers)
        ]

    assert {deed(button) for button, _ in pressed} == set(Deed)
    assert [(button.name, gone(one.text)) for button, one in pressed if gone(one.text)] == []
    assert stage.discord.refused == []
    assert stage.secrets_told() == []


async def test_opinions_and_pages_are_as_they_were_after_a_restart(stage: Stage) -> None:
    ann, channel = stage.discord.member("ann"), stage.discord.channel()
    async with stage.serving() as process:
        answer = await ann.slash(channel, "curate", tag="Roguelike")
        first = titles(answer.messages[0])
        await answer.press("Hide", 0)
        turned = await answer.press("Next")
        second = titles(answer.messages[0])
        await stage.written([answer, turned])
        process.kill()
        await process.wait()
    async with stage.serving():
        await answer.press("Next")
        third = titles(answer.messages[0])
        await answer.press("Back")
        again = titles(answer.messages[0])
        await answer.press("Back")
        back = titles(answer.messages[0])
        await answer.press("Like", 0)

    assert len({*first, *second, *third}) == len(first) + len(second) + len(third) == 9
    assert again == second
    assert back == first[1:]
    assert lit(answer.messages[0]) == ["Like"]


async def test_a_restart_forgives_nobody_who_asks_too_much(tmp_path: Path) -> None:
    async with staged(tmp_path, member_per_minute="3") as stage:
        ann, bob, channel = stage.discord.member("ann"), stage.discord.member("bob"), stage.discord.channel()
        async with stage.serving() as process:
            answers = [await ann.slash(channel, "curate", tag="Horror") for _ in range(3)]
            slowed = await answers[0].press("Like", 0)
            await stage.written(answers)
            process.kill()
            await process.wait()
        async with stage.serving():
            still, other = await ann.slash(channel, "help"), await bob.slash(channel, "curate", tag="Horror")

        assert [titles(one.messages[0]) != [] for one in answers] == [True] * 3
        for one in (slowed, still):
            assert one.ephemeral
            assert "Please try again in" in one.text
        assert titles(other.messages[0])
        assert stage.discord.refused == []


async def test_what_is_under_way_is_answered_before_the_process_ends(stage: Stage) -> None:
    ann, bob, channel = stage.discord.member("ann"), stage.discord.member("bob"), stage.discord.channel()
    async with stage.serving() as process:
        stage.steam.delay = 1.5
        asked = ann.begin(channel, "recommend", steam=FIGHTER)
        await stage.discord.until(lambda: stage.steam.asked("GetOwnedGames"))
        process.terminate()
        await stage.discord.until(lambda: "SIGTERM" in stage.log)
        late = bob.begin(channel, "curate", tag="Horror")
        await asked.until_answered()
        status = await asyncio.wait_for(process.wait(), 10)

    assert len(titles(asked.messages[0])) == 3
    assert "restarting" in late.text
    assert late.ephemeral
    assert status == 0
    assert "0 answers were cut off" in stage.log
    assert stage.discord.refused == []
    assert stage.secrets_told() == []


async def test_a_start_that_fails_is_tried_again(stage: Stage) -> None:
    stage.discord.fail_next("GET /users/@me", 403)  # as what stands before Discord answers in a bad moment
    async with stage.serving():
        answer = await stage.discord.member("ann").slash(stage.discord.channel(), "curate", tag="Horror")

    assert titles(answer.messages[0])
    assert "Discord starts again in 1 s" in stage.log
    assert stage.secrets_told() == []


async def test_a_token_that_is_reset_while_the_bot_runs_ends_it_with_a_sentence(stage: Stage) -> None:
    async with stage.serving() as process:
        await stage.discord.member("ann").slash(stage.discord.channel(), "privacy")
        old, stage.discord.world.token = stage.discord.token, "another"
        await stage.discord.disconnect(4000)
        status = await asyncio.wait_for(process.wait(), 30)

    assert status == 1
    assert "Reset Token" in stage.log.splitlines()[-1]
    assert old not in stage.log


async def test_a_bot_that_is_still_logging_in_ends_when_it_is_told_to(stage: Stage) -> None:
    stage.discord.slow_next("GET /users/@me", 60)
    async with running("bot", "serve", env=stage.settings, log=stage.file, folder=stage.home) as process:
        await stage.discord.until(lambda: stage.discord.rest.counted["GET /users/@me"])
        process.terminate()
        status = await asyncio.wait_for(process.wait(), 10)

    assert status == 0
    assert "Traceback" not in stage.log
