"""What Slack's payloads mean, read without a Slack."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.commands import COMMANDS
from bot.messages import Language
from bot.presses import Deed, Press
from bot.slack.heard import Heard, command_said, games_in, heard, key_of, linked_app, plain, press_in
from bot.slack.people import Profile, profile_of
from tests import worlds

SLASH = {
    "command": "/curate",
    "text": "roguelike",
    "team_id": "T1",
    "enterprise_id": "E1",
    "channel_id": "C1",
    "channel_name": "games",
    "user_id": "U1",
    "user_name": "ann",
    "response_url": "https://hooks.slack.com/commands/T1/1/x",
    "trigger_id": "1.2.abc",
}
PRESSED: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "ann", "name": "ann", "team_id": "T1"},
    "team": {"id": "T1", "domain": "x"},
    "container": {"type": "message", "message_ts": "17.1", "channel_id": "C1", "is_ephemeral": False},
    "channel": {"id": "C1", "name": "games"},
    "message": {"ts": "17.1", "blocks": [{"type": "divider"}]},
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
    "trigger_id": "1.2.abd",
}


def test_who_gives_a_command_where() -> None:
    one = heard(SLASH)

    assert (one.person.platform, one.person.id, one.name) == ("slack", "T1:U1", "ann")
    assert (one.channel, one.direct, one.ephemeral) == ("C1", False, False)


def test_who_presses_what() -> None:
    one = heard(PRESSED)

    assert (one.person.id, one.channel, one.message) == ("T1:U1", "C1", "17.1")
    assert one.blocks == [{"type": "divider"}]


def test_an_ephemeral_message_shows_nobody_its_blocks() -> None:
    container = PRESSED["container"] | {"is_ephemeral": True}
    one = heard({**PRESSED, "container": container, "message": None})

    assert (one.ephemeral, one.message, one.blocks) == (True, "17.1", None)


def test_who_opens_the_home_tab() -> None:
    event = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"}
    one = heard({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event})

    assert (one.person.id, one.channel, one.direct) == ("T1:U1", "D1", True)


def test_an_app_of_a_whole_organisation_belongs_to_no_team() -> None:
    one = heard({**PRESSED, "team": None, "enterprise": {"id": "E1"}})

    assert one.team == "E1"


def test_the_same_delivery_has_the_same_key_which_fits_a_button() -> None:
    keys = [key_of(body) for body in (SLASH, {**SLASH, "token": "new"}, {**SLASH, "trigger_id": "1.2.abe"})]

    assert keys[0] == keys[1] != keys[2]
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_a_response_url_is_not_in_sight() -> None:
    assert "hooks" not in repr(heard(SLASH))
    assert Heard("k", "T", "U").person.id == "T:U"


@pytest.mark.parametrize(
    ("command", "text", "name", "options"),
    [
        ("/curate", "roguelike", "curate", {"tag": "roguelike"}),
        ("/digest", "here day: friday hour: 9", "digest here", {"day": "friday", "hour": "9"}),
        ("/help", "", "help", {}),
        ("/indiean", "", "help", {}),
        ("/indiean", "curate roguelike", "curate", {"tag": "roguelike"}),
        ("/indiean", "/digest here hour: 9", "digest here", {"hour": "9"}),
        ("/indiean", "nonsense", "nonsense", {}),
        ("/similar", "Tom &amp; Jerry &lt;3", "similar", {"game": "Tom & Jerry <3"}),
        (
            "/recommend",
            "<https://steamcommunity.com/id/ann>",
            "recommend",
            {"steam": "https://steamcommunity.com/id/ann"},
        ),
        ("/recommend", "games: Dicebound, “Ember, Depths”", "recommend", {"games": "Dicebound, “Ember, Depths”"}),
        ("/together", "<@U2|bob> <@W3>", "together", {"with": "T1:U2 T1:W3"}),
        ("/together", "with: <@U2|bob>,<@W3> tag: Puzzle", "together", {"with": "T1:U2 T1:W3", "tag": "Puzzle"}),
    ],
)
def test_a_typed_command(command: str, text: str, name: str, options: dict[str, str]) -> None:
    said = command_said(command, text, COMMANDS, "T1")

    assert (said.command, dict(said.options)) == (name, options)


def test_who_is_mentioned_is_told_by_id_and_name() -> None:
    said = command_said("/together", "<@U2|bob> <@W3>", COMMANDS, "T1")

    assert dict(said.mentioned) == {"U2": "bob", "W3": ""}


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("<#C1|general>", "#general"),
        ("<!here>", "@here"),
        ("<https://a.example/?x=1&amp;y=2|a.example>", "https://a.example/?x=1&y=2"),
        ("<http://hades.gg|hades.gg>", "http://hades.gg"),
        ("a &lt;b&gt;", "a <b>"),
        ("<@U1|ann>", "<@U1|ann>"),
    ],
)
def test_what_slack_made_of_the_text_is_undone(sent: str, typed: str) -> None:
    assert plain(sent) == typed


def test_a_press_is_in_a_button_or_in_a_menu() -> None:
    press = Press(Deed.HIDE, "answer", 7)

    assert press_in({"value": press.code}) == press
    assert press_in({"type": "overflow", "selected_option": {"value": press.code}}) == press
    assert press_in({"type": "button", "action_id": "ia:link"}) is None
    assert press_in({"value": "somebody else's"}) is None


@pytest.mark.parametrize(
    ("address", "app_id"),
    [
        ("https://store.steampowered.com/app/620/Portal_2/", 620),
        ("https://store.steampowered.com/app/620?l=korean&amp;x=1", 620),
        ("https://store.steampowered.com/agecheck/app/620/", 620),
        ("https://store.steampowered.com/sub/620/", None),
        ("https://store.steampowered.com.evil.example/app/620/", None),
        ("https://steamcommunity.com/app/620", None),
    ],
)
def test_pages_of_the_store(address: str, app_id: int | None) -> None:
    assert linked_app(address) == app_id


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Ember Depths", ["Ember Depths"]),
        ("dicebound", ["Dicebound"]),
        ("has anybody finished Ember Depths or Dicebound yet?", ["Ember Depths", "Dicebound"]),
        ("nothing of the kind", []),
    ],
)
def test_games_that_a_message_speaks_of(text: str, titles: list[str]) -> None:
    found = games_in(text, worlds.served().catalog)

    assert [game.title for game in found] == titles


def test_a_link_to_the_store_is_a_game() -> None:
    game = worlds.game("Ember Depths")
    found = games_in(f"look: <https://store.steampowered.com/app/{game.app_id}/> !", worlds.served().catalog)

    assert [one.title for one in found] == ["Ember Depths"]


@pytest.mark.parametrize(
    ("told", "profile"),
    [
        ({"locale": "ko-KR", "profile": {"display_name": "지영"}}, Profile("지영", Language.KO, full=True)),
        ({"locale": "en-US", "real_name": "Ann Lee", "name": "ann"}, Profile("Ann Lee", Language.EN, full=True)),
        ({"name": "guest", "is_ultra_restricted": True}, Profile("guest", Language.EN, full=False)),
    ],
)
def test_who_somebody_is(told: dict[str, object], profile: Profile) -> None:
    assert profile_of(told) == profile
