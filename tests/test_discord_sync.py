"""`indiean discord sync`: sends the commands when they have changed, and says in a sentence what keeps it from that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.__main__ import run
from bot.discord.payloads import command_payloads
from tests.little_discord import TOKEN, LittleDiscord


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", TOKEN)
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # given back afterwards
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)


@pytest.fixture
def discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleDiscord]:
    with LittleDiscord().running_in_thread() as server:
        monkeypatch.setenv("INDIEAN_DISCORD_API_URL", server.url)
        yield server


def test_all_commands_are_sent_once(discord: LittleDiscord, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["discord", "sync"]) == 0
    assert f"{len(command_payloads())} commands sent" in capsys.readouterr().out
    assert run(["discord", "sync"]) == 0
    assert "Nothing changed" in capsys.readouterr().out
    assert discord.sent == [command_payloads()]


def test_force_sends_them_again(discord: LittleDiscord, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["discord", "sync"]) == 0
    assert run(["discord", "sync", "--force"]) == 0

    assert capsys.readouterr().out.count("commands sent") == 2
    assert len(discord.sent) == 2


def test_without_a_token_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("INDIEAN_DISCORD_TOKEN")

    assert run(["discord", "sync"]) == 1
    assert "INDIEAN_DISCORD_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, {"message": "401: Unauthorized", "code": 0}, "Reset Token"),
        (429, {"message": "You are being rate limited.", "retry_after": 3.5, "global": False}, "slow down"),
        (503, {"message": "away", "code": 0}, "HTTP 503"),
        (200, {"hello": "I am not Discord"}, "INDIEAN_DISCORD_API_URL"),
        (400, {"message": "Invalid Form Body", "code": 50035}, "Invalid Form Body"),
    ],
)
def test_what_discord_refuses_is_one_sentence(
    discord: LittleDiscord,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: dict[str, object],
    sentence: str,
) -> None:
    discord.status, discord.body = status, body

    assert run(["discord", "sync"]) == 1
    said = capsys.readouterr()
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
    assert TOKEN not in said.err + said.out


def test_a_discord_that_is_away_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_DISCORD_API_URL", "http://127.0.0.1:9/api/v10")

    assert run(["discord", "sync"]) == 1
    assert "cannot be reached" in capsys.readouterr().err
