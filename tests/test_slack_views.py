"""Forms ask for what a command takes, and the Home tab says what is known of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.commands import COMMANDS
from bot.commands.command import Command
from bot.completions import Completion
from bot.messages import Language, Origin
from bot.presses import Deed, Press, pressed
from bot.shop import Look
from bot.slack.forms import SEARCHES, form, found, given, searched
from bot.slack.home import Home, home
from bot.wording import Wording
from recommender.recommend import Pick
from storage.accounts import Account
from storage.steam.ids import SteamID
from storage.subscriptions import Subscription
from tests import worlds
from tests.fakes import NOON
from tests.pictures import TextPicture
from tests.slack_limits import broken, broken_view, travels
from tests.slack_screen import walk, window

STORE = "https://store.steampowered.com"
NAMED: Mapping[str, Command] = {command.name: command for command in COMMANDS}
FORMS = {
    "games": Press(Deed.ASK, "recommend", 0, "games"),
    "steam": Press(Deed.ASK, "link", 0, "steam"),
    **{name: Press(Deed.ASK, name) for name in SEARCHES},
}

PICKS = tuple(Pick(worlds.game(title), 0.5, players=12) for title in worlds.THEMES["Roguelike"][:7])
DIGEST = Subscription("slack", "C0FFEE", "T1", 4, 18, "Asia/Seoul", ("Puzzle", "Horror"), "ko", False, "U1", NOON)
HOMES = {
    "new": Home(),
    "known": Home(
        Account(SteamID(76561197960265729), "said", NOON),
        PICKS,
        Origin("1"),
        (DIGEST, replace(DIGEST, channel="C1", tags=(), weekday=0, language="en")),
    ),
}

State = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""The values of a view that was sent, as Slack's API has them."""


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextPicture)


def look(language: Language = Language.EN) -> Look:
    covers = {pick.game.app_id: "https://covers.example/1.jpg" for pick in PICKS}
    return Look(Wording(language), STORE, covers)


def asked(press: Press, language: Language = Language.EN, carried: str = "") -> dict[str, Any]:
    return form(press, NAMED[press.answer], Wording(language), carried)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", FORMS)
def test_a_form_looks_as_it_did(name: str, language: Language, picture: SnapshotAssertion) -> None:
    shown = asked(FORMS[name], language)

    assert broken_view(shown) == []
    assert travels(shown)
    assert window(shown) == picture


def test_a_form_says_what_it_was_for_and_what_it_carries() -> None:
    shown = asked(FORMS["steam"], carried="C1")

    assert (pressed(shown["callback_id"]), shown["private_metadata"]) == (FORMS["steam"], "C1")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("games", ["multi_external_select"]),
        ("steam", ["plain_text_input"]),
        ("curate", ["external_select", "number_input", "number_input", "static_select"]),
        ("similar", ["external_select"]),
    ],
)
def test_what_the_catalogue_completes_is_searched(name: str, kinds: list[str]) -> None:
    shown = asked(FORMS[name])

    assert [block["element"]["type"] for block in shown["blocks"]] == kinds
    assert [searched(block["element"]["action_id"]) for block in shown["blocks"]] == [
        block["block_id"] for block in shown["blocks"]
    ]


def test_only_what_a_command_needs_has_to_be_given() -> None:
    optional = {block["block_id"]: block["optional"] for block in asked(FORMS["curate"])["blocks"]}

    assert optional == {"tag": False, "max_price": True, "since": True, "mix": True}


def test_what_somebody_types_elsewhere_is_none_of_a_forms_options() -> None:
    assert searched("ia:like:1") is None


def chosen(value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": value}, "value": value}


def test_what_a_form_was_sent_with_are_options() -> None:
    values: State = {
        "tag": {"ia:find:tag": {"type": "external_select", "selected_option": chosen("Roguelike")}},
        "max_price": {"ia:find:max_price": {"type": "number_input", "value": "20"}},
        "since": {"ia:find:since": {"type": "number_input", "value": None}},
        "mix": {"ia:find:mix": {"type": "static_select", "selected_option": None}},
    }
    titles = [chosen('"Me, Myself"'), chosen("Dicebound")]
    listed: State = {"games": {"ia:find:games": {"type": "multi_external_select", "selected_options": titles}}}
    typed: State = {"steam": {"ia:find:steam": {"type": "plain_text_input", "value": "ann"}}}

    assert given(values) == {"tag": "Roguelike", "max_price": "20"}
    assert given(listed) == {"games": '"Me, Myself", Dicebound'}
    assert given(typed) == {"steam": "ann"}


COMPLETION = st.builds(Completion, st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))


@for_any(st.lists(COMPLETION, min_size=1, max_size=25))
def test_completions_of_any_kind_can_be_chosen_from(completions: list[Completion]) -> None:
    offered = found(completions)

    assert broken([offered]) == []
    assert [part["value"] for part in walk(offered) if "value" in part] == [one.value for one in completions]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", HOMES)
def test_the_home_tab_looks_as_it_did(name: str, language: Language, picture: SnapshotAssertion) -> None:
    shown = home(HOMES[name], look(language))

    assert window(shown) == picture


def test_the_home_tab_opens_the_forms() -> None:
    presses = [pressed(part["value"]) for part in walk(home(Home(), look())) if "value" in part]

    assert presses == [FORMS["curate"], FORMS["similar"], FORMS["steam"]]


def test_a_game_shown_twice_stands_there_once() -> None:
    shown = home(Home(picks=PICKS[:2] * 2, origin=Origin("1")), look())

    assert broken_view(shown) == []
    assert len([part for part in walk(shown) if part.get("type") == "image"]) == 2


@for_any(st.integers(0, 60), st.integers(0, 60), st.text(max_size=300), st.sampled_from(Language))
def test_no_home_tab_is_more_than_slack_takes(picks: int, digests: int, tag: str, language: Language) -> None:
    many = [replace(PICKS[0], game=replace(PICKS[0].game, app_id=at)) for at in range(1, picks + 1)]
    seen = Home(picks=many, origin=Origin("1"), digests=[replace(DIGEST, tags=(tag,) * 5)] * digests)

    assert broken_view(home(seen, look(language))) == []
