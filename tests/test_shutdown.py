"""Asked to stop, the bot answers what is under way, says meanwhile that it is not ready, and is gone within 30 s."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot import app
from bot.discord import running as on_discord
from bot.discord.payloads import command_payloads
from bot.hosting import farewell, serving
from bot.slack import app as slack_app
from bot.slack import running as on_slack
from bot.slack.running import run_by_socket
from tests import discord_process, slack_process, slack_world
from tests.bot_process import FIGHTER, until
from tests.loopback_discord import LoopbackDiscord
from tests.loopback_discord.commands import overwrite
from tests.test_serving import ROOT, free_port

SLOW = 3.0
"""Seconds that Steam takes: long enough to look around meanwhile."""
HOST = 30.0
"""Seconds after which a host kills."""


@dataclass
class Both:
    """A bot on Discord and Slack, with a web server."""

    slack: slack_process.Stage
    discord: LoopbackDiscord
    port: int

    async def ask(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            return await client.get(path)

    async def until_missing(self, *names: str) -> None:
        """Waits until /readyz says that these are missing, and nothing else."""
        async with asyncio.timeout(HOST):
            while (await self.ask("/readyz")).json()["missing"].keys() != set(names):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.02)


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with staged(tmp_path) as stage:
        yield stage


@asynccontextmanager
async def staged(home: Path) -> AsyncIterator[Both]:
    port = free_port()
    async with LoopbackDiscord() as discord:
        settings = discord_process.settings_of(discord) | {"web_port": str(port), "log_format": "json"}
        async with slack_process.staged(home, **settings) as slack:
            overwrite(discord.world, {"application": discord.world.application_id}, command_payloads())
            yield Both(slack, discord, port)


async def test_both_chats_are_answered_before_the_process_ends_and_nobody_is_sent_there_meanwhile(both: Both) -> None:
    ann, dana = both.slack.slack.member("ann"), both.discord.member("dana")
    here, there = both.slack.slack.channel(), both.discord.channel()
    async with both.slack.serving() as process:
        await both.until_missing()
        numbers = (await both.ask("/metrics")).text
        both.slack.steam.delay = SLOW
        asked, said = ann.begin(here, "/recommend", FIGHTER), dana.begin(there, "recommend", steam=FIGHTER)
        await both.discord.until(lambda: said.deferred)
        process.terminate()
        told = time.monotonic()
        await both.discord.until(lambda: "SIGTERM" in both.slack.log)
        leaving, alive = await both.ask("/readyz"), await both.ask("/healthz")
        await asked.until_answered()
        await said.until_answered()
        status = await asyncio.wait_for(process.wait(), HOST)
        took = time.monotonic() - told

    assert len(slack_process.shown(asked)) == len(discord_process.titles(said.messages[0])) == 3
    assert (leaving.status_code, leaving.json()["missing"]) == (503, {"process": "shutting down"})
    assert alive.status_code == 200
    assert status == 0
    assert took < HOST
    assert re.search(r'indiean_platform_connected\{platform="slack"\} 1.0', numbers)
    assert both.slack.log.count("0 answers were cut off") == 2
    assert all(line.startswith("{") for line in both.slack.log.splitlines())
    assert both.slack.told([both.discord.token]) == both.slack.secrets_told() == []


async def test_a_chat_that_is_cut_off_is_missing_until_it_is_back(both: Both) -> None:
    async with both.slack.serving():
        await both.until_missing()
        async with both.discord.away():
            await both.until_missing("discord")
        await both.until_missing()

    assert "Traceback" not in both.slack.log


async def test_a_socket_that_is_cut_is_known_at_the_next_ping(tmp_path: Path) -> None:
    connected, stop = asyncio.Event(), asyncio.Event()
    async with slack_world.on_slack(tmp_path, connected=False) as world, asyncio.timeout(HOST):
        run = run_by_socket(world.made(), world.slack.app_token, stop, ping=0.05, connected=connected)
        running = asyncio.create_task(run)
        await connected.wait()
        world.slack.fail_next("apps.connections.open", 503, times=2)
        await world.slack.disconnect(None)
        await until(lambda: not connected.is_set())
        await connected.wait()
        stop.set()
        await running


def test_the_longest_that_each_step_may_take_adds_up_to_less_than_the_last_resort() -> None:
    """Jobs end beside the chats; logs give up a write that is under way, the lake goes to the disk."""
    chats = max(on_discord.DRAIN, on_slack.DRAIN + slack_app.REFUSING)
    web, logs, lake = 2 * serving.CLOSE, 2 * app.GRACE, app.GRACE

    assert chats < serving.DRAIN
    assert serving.DRAIN + serving.LEAVE + web + logs + lake < farewell.LIMIT < HOST


HELD = """
import threading, time
from bot.hosting.farewell import last_resort

last_resort({limit})
threading.Thread(target=time.sleep, args=({seconds},), name="training").start()
print("everything else is done", flush=True)
"""


def ended(limit: float, seconds: float) -> tuple[int, str, float]:
    began = time.monotonic()
    program = HELD.format(limit=limit, seconds=seconds)
    done = subprocess.run(  # noqa: S603 - our own interpreter, and nothing that anybody typed
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=HOST, check=False
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def test_a_thread_that_nothing_ends_does_not_keep_the_process_and_is_named() -> None:
    status, said, took = ended(limit=0.5, seconds=60)

    assert status == 1
    assert "everything else is done" in said
    assert "Timeout" in said
    assert 'threading.py"' in said
    assert took < HOST


def test_who_ends_in_time_ends_well() -> None:
    assert ended(limit=HOST, seconds=0.1)[:2] == (0, "everything else is done\n")
