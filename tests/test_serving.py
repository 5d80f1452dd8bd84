"""The bot while it serves: kept up, stopped in good order, and never faster than Discord likes."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import discord
import httpx
import pytest
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import AnyHttpUrl, SecretStr

from bot.__main__ import run
from bot.cli.serve import serving
from bot.commands.command import Desk
from bot.discord.starts import (
    FREE,
    LOOK_BACK,
    SessionLimit,
    Starts,
    ask_limit,
    careful,
    final,
    pause_before,
)
from bot.errors import NoAddress, PlatformRefused
from bot.hosting.serving import LONGEST_PAUSE, Platform, listening, pause_after, serve, sleep_unless
from bot.settings import Settings
from recommender.registry import Registry
from tests import worlds
from tests.fakes import ANN, NOON, Clock
from tests.little_discord import LittleDiscord

ROOT = Path(__file__).parents[1]
WITHIN = 20.0
"""Seconds after which a test that waits for something has failed."""


class Chat:
    """A platform that breaks as often as it is told to, then answers until it is stopped."""

    def __init__(self, stop: asyncio.Event, *breaks: Exception, lasts: float = 0.0, clock: Clock | None = None) -> None:
        self._stop, self._breaks = stop, list(breaks)
        self._lasts, self._clock = lasts, clock or Clock()
        self.starts = 0

    async def run(self, stop: asyncio.Event) -> None:
        self.starts += 1
        self._clock.forward(self._lasts)
        if self._breaks:
            raise self._breaks.pop(0)
        self._stop.set()
        await stop.wait()


class Naps:
    """A sleep that takes no time and is remembered."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.mark.parametrize(("pause", "ran", "next_pause"), [(0, 0, 1), (1, 5, 2), (256, 5, 300), (300, 599, 300)])
def test_each_break_doubles_the_pause(pause: float, ran: float, next_pause: float) -> None:
    assert pause_after(pause, ran) == next_pause


def test_after_ten_quiet_minutes_a_break_is_the_first_again() -> None:
    assert pause_after(LONGEST_PAUSE, 600) == 1


async def test_a_platform_that_breaks_off_is_started_again_and_the_reason_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, naps, clock = asyncio.Event(), Naps(), Clock()
    chat = Chat(stop, OSError("away"), ValueError("odd"), OSError("away"), lasts=9, clock=clock)
    await serve([Platform("Chat", chat.run)], stop, clock=clock, sleep=naps)

    assert chat.starts == 4
    assert naps.taken == [1, 2, 4]
    assert caplog.text.count("Chat broke off") == 3
    assert "ValueError: odd" in caplog.text


async def test_a_platform_that_just_ends_is_started_again() -> None:
    stop, naps = asyncio.Event(), Naps()
    ends = iter([False, True])

    async def run(_: asyncio.Event) -> None:
        if next(ends):
            stop.set()

    await serve([Platform("Chat", run)], stop, clock=Clock(), sleep=naps)

    assert naps.taken == [1]


async def test_a_final_refusal_ends_it_all_and_says_why() -> None:
    stop = asyncio.Event()
    told: list[str] = []

    async def other(stop: asyncio.Event) -> None:
        await stop.wait()
        told.append("finished")

    async def refused(_: asyncio.Event) -> None:
        raise PlatformRefused("reset the token")

    with pytest.raises(PlatformRefused, match="reset the token"):
        await serve([Platform("Other", other), Platform("Refused", refused)], stop)
    assert told == ["finished"]


async def test_what_is_under_way_is_finished_and_what_takes_too_long_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = asyncio.Event()
    finished: list[str] = []

    async def quick(stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0)
        finished.append("quick")

    async def endless(stop: asyncio.Event) -> None:
        stop.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(WITHIN):
        await serve([Platform("Quick", quick), Platform("Endless", endless)], stop, drain=0.05)

    assert finished == ["quick"]
    assert "Endless did not finish" in caplog.text


async def test_a_stop_does_not_wait_for_the_pause_between_two_starts() -> None:
    stop = asyncio.Event()

    async def broken(_: asyncio.Event) -> None:
        asyncio.get_running_loop().call_later(0.01, stop.set)
        raise OSError

    async with asyncio.timeout(WITHIN):
        await serve([Platform("Broken", broken)], stop, sleep=lambda _: asyncio.sleep(3600))

    assert stop.is_set()


async def test_a_sleep_ends_by_itself_too() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(WITHIN):
        await sleep_unless(stop, 0.001)

    assert not stop.is_set()


async def test_the_web_server_answers_while_it_is_open_and_refuses_a_taken_address() -> None:
    app = web.Application()
    app.router.add_get("/healthz", _well)
    async with listening(app, "127.0.0.1", 0) as address, httpx.AsyncClient() as client:
        answer = await client.get(f"{address}/healthz")
        with pytest.raises(NoAddress, match="INDIEAN_WEB_PORT"):
            async with listening(web.Application(), "127.0.0.1", int(address.rpartition(":")[2])):
                pass

    assert answer.text == "well"


async def _well(_: web.Request) -> web.Response:
    return web.Response(text="well")


MINUTES = timedelta(minutes=1)
DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("starts", "pause"), [(0, 0), (FREE - 1, 0), (FREE, 1), (FREE + 1, 2), (FREE + 8, 256), (FREE + 9, 300), (500, 300)]
)
def test_after_five_starts_in_an_hour_each_waits_twice_as_long(starts: int, pause: float) -> None:
    assert pause_before(starts, None) == pause


@pytest.mark.parametrize(("remaining", "pause"), [(1000, 0), (51, 0), (50, DAY / 51), (1, DAY / 2), (0, DAY)])
def test_few_starts_that_are_left_are_spread_over_the_time_until_there_are_more(remaining: int, pause: float) -> None:
    assert pause_before(0, SessionLimit(1000, remaining, DAY)) == pytest.approx(pause)


def test_a_process_that_dies_at_once_and_is_started_in_a_loop_stays_far_below_what_discord_allows() -> None:
    now, starts = 0.0, [0.0]
    while now < DAY and len(starts) < 1001:
        lately = sum(now - LOOK_BACK.total_seconds() < start for start in starts)
        now += 1 + pause_before(lately, None)
        starts.append(now)

    assert 100 < len(starts) < 400


def test_starts_are_remembered_for_an_hour_across_processes(tmp_path: Path) -> None:
    file = tmp_path / "home" / "starts"
    Starts(file).add(NOON - 61 * MINUTES)
    Starts(file).add(NOON - 5 * MINUTES)
    Starts(file).add(NOON)

    assert Starts(file).read(NOON) == [NOON - 5 * MINUTES, NOON]
    assert len(file.read_text().split()) == 2


@pytest.mark.parametrize("content", ["nonsense", "2026-05-17T12:00:00", "\0\0"])
def test_a_damaged_memory_of_starts_is_none_and_is_written_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "starts"
    file.write_text(content)
    starts = Starts(file)

    assert starts.read(NOON) == []
    starts.add(NOON)
    assert starts.read(NOON) == [NOON]


def test_a_start_that_cannot_be_written_down_goes_ahead(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    Starts(tmp_path / "file" / "starts").add(NOON)

    assert "not remembered" in caplog.text


async def _nothing_said() -> SessionLimit | None:
    return None


async def test_the_pause_comes_before_the_connection_and_the_start_is_noted(tmp_path: Path) -> None:
    starts, naps, stop = Starts(tmp_path / "starts"), Naps(), asyncio.Event()
    connected: list[list[float]] = []
    for _ in range(FREE + 2):
        starts.add(NOON)

    async def run(_: asyncio.Event) -> None:
        connected.append(list(naps.taken))

    await careful("Discord", run, _nothing_said, starts, now=lambda: NOON, sleep=naps).run(stop)

    assert connected == [[4.0]]
    assert len(starts.read(NOON)) == FREE + 3


async def test_told_to_stop_in_the_pause_nothing_is_connected(tmp_path: Path) -> None:
    stop = asyncio.Event()
    connected: list[str] = []

    async def run(_: asyncio.Event) -> None:
        connected.append("connected")

    async def none_left() -> SessionLimit:
        asyncio.get_running_loop().call_later(0.01, stop.set)
        return SessionLimit(1000, 0, DAY)

    async with asyncio.timeout(WITHIN):
        await careful("Discord", run, none_left, Starts(tmp_path / "starts"), now=lambda: NOON).run(stop)

    assert connected == []


def closed(code: int) -> discord.ConnectionClosed:
    class Socket:
        close_code = code

    return discord.ConnectionClosed(Socket(), shard_id=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (discord.LoginFailure("Improper token"), "Reset Token"),
        (closed(4004), "Reset Token"),
        (closed(4014), "intents"),
        (closed(4013), "intents"),
        (closed(4011), "shard"),
        (discord.PrivilegedIntentsRequired(None), "intents"),
    ],
)
async def test_what_no_other_try_would_mend_is_final(error: Exception, word: str, tmp_path: Path) -> None:
    async def run(_: asyncio.Event) -> None:
        raise error

    with pytest.raises(PlatformRefused, match=word):
        await careful("Discord", run, _nothing_said, Starts(tmp_path / "s"), now=lambda: NOON).run(asyncio.Event())


@pytest.mark.parametrize("error", [closed(4000), closed(1006), OSError("away")])
def test_what_may_pass_is_not_final(error: Exception) -> None:
    assert final(error) is None


async def _discord(answer: Callable[[web.Request], web.Response]) -> web.Application:
    async def bot(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/api/v10/gateway/bot", bot)
    return app


LIMIT = {"total": 1000, "remaining": 7, "reset_after": 14_400_000, "max_concurrency": 1}


@pytest.mark.parametrize(
    ("status", "body", "limit"),
    [
        (200, {"url": "wss://gateway", "shards": 1, "session_start_limit": LIMIT}, SessionLimit(1000, 7, 14_400.0)),
        (200, {"url": "wss://gateway"}, None),
        (200, ["nonsense"], None),
        (200, {"session_start_limit": LIMIT | {"reset_after": math.inf}}, None),
        (200, {"session_start_limit": LIMIT | {"remaining": "few"}}, None),
        (503, {}, None),
        (429, {"retry_after": 3}, None),
    ],
)
async def test_discord_is_asked_how_many_starts_are_left(status: int, body: object, limit: SessionLimit | None) -> None:
    tokens: list[str] = []

    def answer(request: web.Request) -> web.Response:
        tokens.append(request.headers["Authorization"])
        return web.json_response(body, status=status)

    async with listening(await _discord(answer), "127.0.0.1", 0) as address, httpx.AsyncClient() as client:
        said = await ask_limit(client, f"{address}/api/v10", "A1.B2")

    assert said == limit
    assert tokens == ["Bot A1.B2"]


async def test_a_refused_token_is_final_before_anything_is_connected() -> None:
    app = await _discord(lambda _: web.json_response({"message": "401: Unauthorized", "code": 0}, status=401))
    async with listening(app, "127.0.0.1", 0) as address, httpx.AsyncClient() as client:
        with pytest.raises(PlatformRefused, match="Reset Token") as refused:
            await ask_limit(client, f"{address}/api/v10", "A1.B2")

    assert "A1.B2" not in str(refused.value)


async def test_a_discord_that_is_away_is_left_to_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with httpx.AsyncClient() as client:
        assert await ask_limit(client, "http://127.0.0.1:9/api", "A1.B2") is None

    assert "ConnectError" in caplog.text


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def test_the_desk_of_a_serving_bot_slows_people_links_accounts_and_has_its_pages(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        web_port=free_port(),
        member_per_minute=1,
        discord_client_id="81384788765712384",
        discord_client_secret=SecretStr("s3cret"),
        public_url=AnyHttpUrl("http://localhost:8080"),
    )
    desks: list[Desk] = []
    pages: list[int] = []
    tasks: set[str] = set()

    @asynccontextmanager
    async def chats(_: Settings, desk: Desk) -> AsyncIterator[list[Platform]]:
        desks.append(desk)
        yield [Platform("Fake", look)]

    async def look(stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.web_port}") as client:
            tasks.update(task.get_name() for task in asyncio.all_tasks())
            pages.extend([(await client.get(path)).status_code for path in ("/healthz", "/discord/callback", "/")])
        signal.raise_signal(signal.SIGTERM)
        await stop.wait()

    async with asyncio.timeout(WITHIN):
        await serving(settings, worlds.served(), chats)

    assert pages == [200, 410, 404]
    assert {"following the registry", "learning in place", "the timetable"} <= tasks
    assert desks[0].connect is not None
    assert desks[0].cooldowns is not None
    assert desks[0].cooldowns.admit(ANN, None, NOON) is None
    assert desks[0].cooldowns.admit(ANN, None, NOON) is not None


async def test_a_process_that_is_not_to_run_jobs_keeps_no_timetable(tmp_path: Path) -> None:
    tasks: set[str] = set()

    @asynccontextmanager
    async def chats(_: Settings, desk: Desk) -> AsyncIterator[list[Platform]]:
        tasks.update(task.get_name() for task in asyncio.all_tasks())
        signal.raise_signal(signal.SIGTERM)
        yield []

    async with asyncio.timeout(WITHIN):
        await serving(Settings(home=tmp_path, web_port=0, jobs=False), worlds.served(), chats)

    assert "following the registry" in tasks
    assert "the timetable" not in tasks
    assert not (tmp_path / "indiean.sqlite.leader").exists()


def test_a_refused_token_ends_serve_with_status_1_and_the_way_to_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Registry(tmp_path / "models").publish(
        worlds.model(), worlds.catalog(), created=NOON, metrics={}, fingerprint="f", synthetic=False, players=9
    )
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # given back afterwards
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDIEAN_HOME", str(tmp_path))
    monkeypatch.setenv("INDIEAN_WEB_PORT", "0")
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", "A1.B2")
    with LittleDiscord().running_in_thread() as discord:
        monkeypatch.setenv("INDIEAN_DISCORD_API_URL", discord.url)
        status = run(["serve"])

    assert status == 1
    assert "Reset Token" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "discord_starts").exists()


SERVES_A_FAKE = """
import asyncio, sys
from contextlib import asynccontextmanager
from bot.cli.serve import serving
from bot.hosting.log_lines import logging_lines
from bot.hosting.serving import Platform
from bot.settings import read_settings
from tests import worlds

async def run(stop):
    print("connected", flush=True)
    await stop.wait()
    print("told", flush=True)
    if sys.argv[1] == "endless":
        await asyncio.Event().wait()
    await asyncio.sleep(0.1)
    print("answered what was under way", flush=True)

@asynccontextmanager
async def chats(settings, desk):
    yield [Platform("Fake", run)]

settings = read_settings()
with logging_lines(sys.stderr):
    asyncio.run(serving(settings, worlds.served(), chats))
"""


@contextmanager
def serving_process(home: Path, manner: str) -> Iterator[subprocess.Popen[str]]:
    """A process that serves a fake chat and has connected."""
    environment = {
        "INDIEAN_HOME": str(home),
        "INDIEAN_WEB_PORT": "0",
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing that anybody typed
        [sys.executable, "-c", SERVES_A_FAKE, manner],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=WITHIN)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_when_what_is_under_way_is_answered(tmp_path: Path, sent: signal.Signals) -> None:
    with serving_process(tmp_path, "drains") as process:
        process.send_signal(sent)
        said, logged = process.communicate(timeout=WITHIN)

    assert process.returncode == 0, logged
    assert said == "told\nanswered what was under way\n"
    assert f"INFO bot.hosting.serving: {sent.name}" in logged


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_at_once(tmp_path: Path, sent: signal.Signals) -> None:
    with serving_process(tmp_path, "endless") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "told\n"
        process.send_signal(sent)

        assert process.wait(timeout=WITHIN) == -sent
