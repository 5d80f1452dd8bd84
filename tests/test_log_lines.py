"""The log of a serving bot: one line each, no secret, no Steam ID, and the libraries no louder than need be."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import discord
import httpx
import pytest

from bot.commands.command import Command, Desk
from bot.dispatch import dispatch
from bot.hosting.log_lines import LogFormat, logging_lines
from bot.messages import Outcome, Reply, Request
from bot.steam_waits import TimedLibraries
from tests import worlds
from tests.fakes import PUBLIC, open_place, request

TOKEN = "MTk4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"  # noqa: S105 - nobody's


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


def test_a_line_has_time_level_and_logger(log: io.StringIO) -> None:
    with logging_lines(log):
        logging.getLogger("bot.somewhere").info("/recommend answered in %d ms", 12)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO bot\.somewhere: /recommend answered in 12 ms\n", log.getvalue()
    )


def test_secrets_are_hidden_in_tracebacks_too(log: io.StringIO) -> None:
    with logging_lines(log, [TOKEN, ""]):
        logging.getLogger("bot").warning("logging in with %s", TOKEN)
        logging.getLogger("bot").error("it broke", exc_info=ValueError(f"Improper token {TOKEN}"))

    assert "Improper token [hidden]" in log.getvalue()
    assert TOKEN not in log.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        "https://api.steampowered.com/IPlayerService/GetOwnedGames/v1?format=json&key=s3cret",
        "POST https://discord.com/api/v10/webhooks/8138/s3cret/messages/@original responded with 429",
        "https://discord.com/api/v10/interactions/8138/s3cret/callback?with_response=1",
        "https://bot.example/discord/callback?code=s3cret&state=s3cret",
        "76561197960287930",
        "xoxb-17653672481-s3cret",
        "{'token': 'xapp-1-A0-s3cret'}",
        "refreshed to xoxe.xoxb-1-s3cret with xoxe-1-s3cret",
        "https://hooks.slack.com/commands/T0/8138/s3cret",
        "https://hooks.slack.com/actions/T0/8138/s3cret?x=1 was not found",
    ],
)
def test_what_lets_others_act_or_names_a_player_is_hidden(log: io.StringIO, said: str) -> None:
    with logging_lines(log):
        logging.getLogger("discord.http").warning("%s", said)

    assert "[hidden]" in log.getvalue()
    assert "s3cret" not in log.getvalue()
    assert "76561197960287930" not in log.getvalue()


async def test_libraries_that_log_whole_addresses_log_warnings_only(log: io.StringIO) -> None:
    with logging_lines(log):
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
            await client.get("https://api.steampowered.com/?steamid=1")
        logging.getLogger("aiohttp.access").info("GET /discord/callback")
        logging.getLogger("httpx").warning("worth a line")

    assert log.getvalue().endswith("WARNING httpx: worth a line\n")
    assert log.getvalue().count("\n") == 1


def test_nobody_is_warned_that_a_bot_that_writes_cannot_speak(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", True)  # it warns once a process
    with logging_lines(log):
        discord.Client(intents=discord.Intents(guilds=True))

    assert log.getvalue() == ""


async def test_a_request_is_one_line_that_names_nobody(log: io.StringIO, tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        with logging_lines(log):
            await place.ask("recommend", steam=PUBLIC)
            await place.ask("recommend", steam="roguefan")

    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert all("INFO bot.dispatch: /recommend on terminal: answered in" in line for line in lines)
    assert all(re.search(r" ms model=\S+ picks=5 page=1 request=[0-9a-f]{32}$", line) for line in lines)
    assert not any(word in log.getvalue() for word in (PUBLIC, "roguefan", "ann"))


async def test_as_json_a_request_is_one_object_with_each_thing_under_its_name(log: io.StringIO, tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        asked = request("recommend", steam=PUBLIC)
        desk = replace(place.desk, steam=TimedLibraries(place.desk.steam))
        with logging_lines(log, form=LogFormat.JSON):
            await dispatch(asked, desk)

    said = json.loads(log.getvalue())
    assert datetime.fromisoformat(said.pop("time")).utcoffset() == timedelta(0)
    assert said.pop("message").startswith("/recommend on terminal: answered in 0 ms")
    assert said == {
        "severity": "INFO",
        "logger": "bot.dispatch",
        "command": "recommend",
        "platform": "terminal",
        "outcome": "answered",
        "ms": 0,
        "model": worlds.served().version,
        "picks": 5,
        "page": 1,
        "steam_ms": 0,
        "request": asked.id,
    }


async def test_a_failure_carries_the_reference_that_was_shown_in_its_line_and_beside_its_traceback(
    log: io.StringIO, tmp_path: Path
) -> None:
    async def breaks(asked: Request, desk: Desk) -> Reply:
        raise ZeroDivisionError(f"{asked.command} {PUBLIC}")

    async with open_place(tmp_path, commands=(Command("oops", breaks),)) as place:
        with logging_lines(log, form=LogFormat.JSON):
            reply = await place.ask("oops")

    failure, canonical = map(json.loads, log.getvalue().splitlines())
    assert reply.outcome is Outcome.FAILED
    assert canonical["reference"] in reply.text
    assert failure["reference"] == canonical["reference"]
    assert failure["request"] == canonical["request"]
    assert "ZeroDivisionError: oops [hidden]" in failure["exception"]
    assert PUBLIC not in log.getvalue()


@pytest.mark.parametrize(
    "said", ['https://x/?key=s3cr"et', "https://x/?key=s3cret\\", 'a "top\nsecret" word', "한국어 s3cret-é"]
)
def test_in_json_what_is_hidden_breaks_no_line_and_hides_behind_no_escape(log: io.StringIO, said: str) -> None:
    with logging_lines(log, ["top\nsecret", "s3cret-é"], LogFormat.JSON):
        logging.getLogger("bot").warning("%s", said, extra={"fields": {"also": said, "count": 3}})

    (line,) = log.getvalue().splitlines()
    told = json.loads(line)
    assert "[hidden]" in told["message"]
    assert told["also"] == told["message"]
    assert told["count"] == 3
    assert not any(word in line for word in ("s3cr", "secret"))


async def test_what_nobody_caught_in_the_loop_is_logged(log: io.StringIO) -> None:
    async def breaks() -> None:
        raise ValueError("nobody caught it")

    with logging_lines(log):
        task = asyncio.create_task(breaks())
        await asyncio.wait([task])
        del task
        asyncio.get_running_loop().call_exception_handler({"message": "a callback broke"})

    assert "ERROR asyncio: Task exception was never retrieved" in log.getvalue()
    assert "nobody caught it" in log.getvalue()
    assert "a callback broke" in log.getvalue()


def test_afterwards_logging_is_as_it_was(log: io.StringIO) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    with logging_lines(log):
        pass

    assert (root.handlers, root.level) == before
