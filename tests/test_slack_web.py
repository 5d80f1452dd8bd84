"""What Slack delivers over the web is signed: the rest is none of the bot's business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.hosting.serving import listening
from bot.slack.paths import EVENTS
from bot.slack.running import routes, run_by_web
from bot.web import web_app
from tests.fakes import PUBLIC
from tests.loopback_slack import LoopbackSlack
from tests.slack_world import World, on_slack


@asynccontextmanager
async def on_the_web(folder: Path) -> AsyncIterator[tuple[World, str]]:
    async with on_slack(folder, connected=False) as world:
        bot, stop = world.made(signing_secret=LoopbackSlack.signing_secret), asyncio.Event()
        async with listening(web_app(routes=routes(bot)), "127.0.0.1", 0) as address:
            running = asyncio.create_task(run_by_web(bot, stop))
            world.slack.deliver_to(f"{address}{EVENTS}")
            try:
                yield world, f"{address}{EVENTS}"
            finally:
                stop.set()
                await running


async def test_everything_comes_to_one_address(tmp_path: Path) -> None:
    async with on_the_web(tmp_path) as (world, _):
        command = await world.ann.slash(world.channel, "/recommend", PUBLIC)
        press = await command.press("▶️ Next")
        form = await world.ann.slash(world.channel, "/similar")
        typed = await form.type("ia:find:game", "ember")
        home = await world.ann.open_home()

    assert command.ephemeral
    assert "Picked for you" in command.text
    assert press.edits
    assert typed.options == ["Ember Depths"]
    assert home.status == 200


@pytest.mark.parametrize(("secret", "age"), [("forged" * 6, 0.0), (LoopbackSlack.signing_secret, 600.0)])
async def test_the_forged_and_the_stale_are_unauthorized(tmp_path: Path, secret: str, age: float) -> None:
    async with on_the_web(tmp_path) as (world, _):
        with world.slack.signing(secret, age=age):
            asked = world.ann.begin(world.channel, "/curate", "Puzzle")
            await asked.until(lambda one: one.status is not None)

    assert asked.status == 401
    assert asked.messages == []


async def test_the_unsigned_is_unauthorized_too(tmp_path: Path) -> None:
    async with on_the_web(tmp_path) as (world, address):
        answer = await world.session.post(address, data={"command": "/curate", "text": "Puzzle"})

    assert answer.status == 401


async def test_what_slack_sends_again_is_answered_once(tmp_path: Path) -> None:
    async with on_the_web(tmp_path) as (world, _):
        world.slack.double_next()
        asked = await world.ann.slash(world.channel, "/curate", "Puzzle")
        await asked.until(lambda one: len(one.acks) == 2)

    assert len(asked.messages) == 1
