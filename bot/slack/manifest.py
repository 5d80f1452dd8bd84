"""The app as Slack wants it described: made from the table of commands, and as the file that ships with the bot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from itertools import groupby

from bot.commands import COMMANDS
from bot.commands.command import Command
from bot.slack.heard import EVERY
from bot.slack.scopes import SCOPES
from bot.wording import Wording

FILE = "manifest.json"
STORE_DOMAIN = "store.steampowered.com"
EVENTS = ("app_home_opened", "app_uninstalled", "link_shared", "tokens_revoked")
COLOR = "#1b2838"


def manifest(
    words: Wording,
    events_url: str | None = None,
    redirect_url: str | None = None,
    commands: Iterable[Command] = COMMANDS,
) -> dict[str, object]:
    """What to paste under "Create New App > From a manifest": https://docs.slack.dev/reference/app-manifest.

    `events_url` is where Slack delivers to, a socket without one; `redirect_url` is where workspaces that install
    the bot come back to, and none do without one. Slack shows the same words to everybody.
    """
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "IndieAn",
            "description": words.say("slack.app.about"),
            "long_description": words.say("slack.app.long"),
            "background_color": COLOR,
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "IndieAn", "always_online": True},
            "shortcuts": [
                {
                    "name": words.say("slack.app.shortcut"),
                    "type": "message",
                    "callback_id": "games_like_this",
                    "description": words.say("slack.app.shortcut_about"),
                }
            ],
            "slash_commands": [command | _at("url", events_url) for command in _slash_commands(commands, words)],
            "unfurl_domains": [STORE_DOMAIN],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}} | ({"redirect_urls": [redirect_url]} if redirect_url else {}),
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)} | _at("request_url", events_url),
            "interactivity": {"is_enabled": True}
            | _at("request_url", events_url)
            | _at("message_menu_options_url", events_url),
            "org_deploy_enabled": False,
            "socket_mode_enabled": events_url is None,
            "token_rotation_enabled": False,
        },
    }


def shipped() -> dict[str, object]:
    """The file beside this one: in English, for one workspace, by a socket."""
    file = resources.files("bot.slack") / FILE
    described: dict[str, object] = json.loads(file.read_text("utf-8"))
    return described


def written(described: Mapping[str, object]) -> str:
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def slash_names(described: Mapping[str, object]) -> set[str]:
    """The commands that a manifest has, without their slashes."""
    features = described.get("features")
    named = features.get("slash_commands", []) if isinstance(features, Mapping) else []
    return {str(command["command"]).lstrip("/") for command in named}


def wanted_names(commands: Iterable[Command] = COMMANDS) -> set[str]:
    """The commands that a manifest has to have: a group is one, as Slack knows no words after the first."""
    return {EVERY, *(command.name.split()[0] for command in commands)}


def _at(name: str, url: str | None) -> dict[str, str]:
    return {name: url} if url else {}


def _slash_commands(commands: Iterable[Command], words: Wording) -> Iterator[dict[str, object]]:
    for name, group in groupby(commands, lambda command: command.name.split()[0]):
        alike = list(group)
        about = words.say(f"command.{name}.about" if alike[0].name == name else f"group.{name}")
        yield _slash(name, about, _hint(name, alike, words))
    yield _slash(EVERY, words.say("slack.app.every"), words.say("slack.app.every_hint"))


def _slash(name: str, about: str, hint: str) -> dict[str, object]:
    """Escaped, so that people who are mentioned come with their ids."""
    return {"command": f"/{name}", "description": about, "should_escape": True} | ({"usage_hint": hint} if hint else {})


def _hint(name: str, commands: list[Command], words: Wording) -> str:
    """What may follow: the example of the command without its name, or the words of the group."""
    if commands[0].name != name:
        return " | ".join(command.name.removeprefix(f"{name} ") for command in commands)
    return words.say(f"command.{name}.example").removeprefix(f"/{name}").strip()
