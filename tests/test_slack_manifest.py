"""The app's description for Slack: what ships is what the table of commands makes, and what Slack takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.__main__ import run
from bot.commands import COMMANDS
from bot.messages import Language
from bot.slack.manifest import manifest, shipped, slash_names, wanted_names
from bot.slack.scopes import SCOPES
from bot.wording import Wording

EVENTS, REDIRECT = "https://bot.example/slack/events", "https://bot.example/slack/oauth_redirect"


def described(language: Language = Language.EN, events: str | None = None, redirect: str | None = None) -> Any:
    return manifest(Wording(language), events, redirect)


def test_what_ships_is_what_the_table_of_commands_makes() -> None:
    """After a change of the table or its texts: `indiean slack manifest > bot/slack/manifest.json`."""
    assert shipped() == described()


def test_every_command_is_there_and_a_group_once() -> None:
    names = slash_names(described())

    assert names == wanted_names() == {command.name.split()[0] for command in COMMANDS} | {"indiean"}


@pytest.mark.parametrize("language", Language)
def test_nothing_is_longer_than_slack_takes(language: Language) -> None:
    """As https://docs.slack.dev/reference/app-manifest has it."""
    app = described(language, EVENTS, REDIRECT)
    display, features = app["display_information"], app["features"]

    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 174 <= len(display["long_description"]) <= 4000
    assert len(features["slash_commands"]) <= 50
    for command in features["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command.get("usage_hint", "")) <= 1000
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150


def test_by_a_socket_no_address_is_named() -> None:
    app = described()

    assert app["settings"]["socket_mode_enabled"] is True
    assert "https://" not in json.dumps([app["settings"], app["oauth_config"]])


def test_over_the_web_everything_goes_to_one_address() -> None:
    app = described(Language.EN, EVENTS, REDIRECT)
    settings = app["settings"]

    assert settings["socket_mode_enabled"] is False
    assert {command["url"] for command in app["features"]["slash_commands"]} == {EVENTS}
    assert settings["event_subscriptions"]["request_url"] == EVENTS
    assert settings["interactivity"] == {
        "is_enabled": True,
        "request_url": EVENTS,
        "message_menu_options_url": EVENTS,
    }
    assert app["oauth_config"] == {"scopes": {"bot": list(SCOPES)}, "redirect_urls": [REDIRECT]}


def test_the_command_prints_what_can_be_pasted(bare_environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["slack", "manifest"]) == 0
    assert json.loads(capsys.readouterr().out) == shipped()


def test_it_speaks_the_language_that_is_set(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_LANGUAGE", "ko")
    run(["slack", "manifest"])

    assert json.loads(capsys.readouterr().out) == described(Language.KO)


def test_over_the_web_it_wants_a_public_address(
    bare_environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["slack", "manifest", "--web"]) == 1
    assert "INDIEAN_PUBLIC_URL" in " ".join(capsys.readouterr().err.split())

    monkeypatch.setenv("INDIEAN_PUBLIC_URL", "https://bot.example")
    assert run(["slack", "manifest", "--web"]) == 0
    assert EVENTS in capsys.readouterr().out
