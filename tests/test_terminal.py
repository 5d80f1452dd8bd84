"""What a typed line means, and what a reply looks like."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from bot.commands import COMMANDS
from bot.commands.near import REST
from bot.commands.titles import joined, split
from bot.messages import Choice, Language, Reply, Value
from bot.terminal import plain, rendered
from bot.typed import parse, unfinished
from bot.wording import Wording
from recommender.catalog import Game
from recommender.reasons import Because
from recommender.recommend import Pick

HADES = Game(1145360, "Hades", ("Roguelike",), price=24.99, year=2020, positive=97, negative=3)
RECOMMEND = next(command for command in COMMANDS if command.name == "recommend")


def drawn(reply: Reply, width: int = 80, *, colours: bool = False, store_url: str = "https://store.example") -> str:
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=colours, color_system="truecolor" if colours else None)
    console.print(rendered(reply, Wording(Language.EN), store_url))
    return screen.getvalue()


@pytest.mark.parametrize(
    ("line", "command", "options"),
    [
        ("/recommend 76561197960265729", "recommend", {"steam": "76561197960265729"}),
        ("/RECOMMEND ann  Tag: roguelike", "recommend", {"steam": "ann", "tag": "roguelike"}),
        (
            "/recommend ann tag: rogue like max_price:10 since : 2018",
            "recommend",
            {"steam": "ann", "tag": "rogue like", "max_price": "10", "since": "2018"},
        ),
        (
            '/recommend games: "Hades, Celeste" mix:gems',
            "recommend",
            {"games": "Hades, Celeste", "mix": "gems"},
        ),
        (
            '/recommend games: "Papers, Please", Celeste',
            "recommend",
            {"games": '"Papers, Please", Celeste'},
        ),
        ("/recommend https://steamcommunity.com/id/x/", "recommend", {"steam": "https://steamcommunity.com/id/x/"}),
        ("/similar Deus Ex: Mankind", "similar", {"game": "Deus Ex: Mankind"}),
        ("/similar Tag: The Power of Paint", "similar", {"game": "Tag: The Power of Paint"}),
        ("/curate “souls like”", "curate", {"tag": "souls like"}),
        ('/recommend games: "Tag: The Power of Paint"', "recommend", {"games": "Tag: The Power of Paint"}),
        ("/similar Rogue's Ledger", "similar", {"game": "Rogue's Ledger"}),
        ("Hades, Celeste tag: horror", "recommend", {"games": "Hades, Celeste", "tag": "horror"}),
        ("/curate tag: a tag: b", "curate", {"tag": "b"}),
        ("/privacy now", "privacy", {}),
        ("/help", "help", {}),
        ("  ", "help", {}),
        ("/recomend ann tag: x", "recomend", {REST: "ann", "tag": "x"}),
        ("/", "", {}),
    ],
)
def test_a_line_means(line: str, command: str, options: dict[str, Value]) -> None:
    spoken = parse(line, COMMANDS)

    assert (spoken.command, spoken.options) == (command, options)


@given(st.text(max_size=80) | st.text('/recommend tag:"“” games, ', max_size=80))
def test_any_line_means_something(line: str) -> None:
    spoken = parse(line, COMMANDS)

    assert all(isinstance(value, str) for value in spoken.options.values())


@given(st.lists(st.text("ab,'é: -", min_size=1).map(str.strip).filter(bool), max_size=6))
def test_titles_survive_being_joined_and_split(titles: list[str]) -> None:
    assert split(joined(titles)) == titles


@pytest.mark.parametrize(
    ("rest", "option", "value"),
    [
        ("", "steam", ""),
        ("an", "steam", "an"),
        ("ann tag: rogu", "tag", "rogu"),
        ("ann tag:", "tag", ""),
        ('games: "Hades, Cel', "games", "Hades, Cel"),
    ],
)
def test_what_is_being_typed(rest: str, option: str, value: str) -> None:
    found, so_far = unfinished(rest, RECOMMEND)

    assert found is not None
    assert (found.name, so_far) == (option, value)


def test_a_card_has_the_title_the_facts_the_reason_and_the_link() -> None:
    pick = Pick(HADES, 1.0, (Because(Game(1, "Bastion"), 600, 1.0),))

    assert [line.rstrip() for line in drawn(Reply("Picked for you:", (pick,), note="A note.")).splitlines()] == [
        "Picked for you:",
        "",
        "1 Hades",
        "  $24.99 · 2020 · Roguelike · 97 % of 100 reviews",
        "  because 10 h in Bastion",
        "  https://store.example/app/1145360/",
        "",
        "A note.",
        "",
    ]


@pytest.mark.parametrize("title", ["[Redacted]", "[bold red]Loud[/]", "[/]", "\\[x]", ":smile:", "[link=x]y", "{0}"])
def test_titles_mean_nothing_but_themselves(title: str) -> None:
    reply = Reply(f"About {title}", (Pick(Game(7, title), 1.0),), (Choice(title, "help"),), note=title)

    assert drawn(reply).count(title) == 4


def test_control_characters_never_reach_the_screen() -> None:
    shown = drawn(Reply("\x1b[2Jwiped\x07\x9b1m\u202egnirts"))

    assert "wiped" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_lines_of_the_text_stay_lines() -> None:
    assert plain("a\nb").plain == "a\nb"


@pytest.mark.parametrize("width", [30, 60, 120])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    long = Game(7, "구름 위의 아주 긴 제목 " * 6, ("Exploration", "Roguelike", "Base Building"), price=9.99, year=2020)
    shown = drawn(Reply("word " * 60, (Pick(long, 1.0), Pick(HADES, 1.0)), note="note " * 40), width)

    assert max(cell_len(line) for line in shown.splitlines()) <= width


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    reply = Reply("text", (Pick(HADES, 1.0),))

    assert "\x1b[" in drawn(reply, colours=True)
    assert "\x1b" not in drawn(reply)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = drawn(Reply("text", (Pick(HADES, 1.0),)), colours=True)

    assert not re.search(r"\x1b\[[0-9;]*3[0-8]", shown)


def test_choices_are_numbered_from_one() -> None:
    choices = tuple(Choice(f"choice {n}", "help") for n in range(1, 12))
    lines = drawn(Reply("Did you mean:", choices=choices)).splitlines()
    numbers = [int(line.split()[0]) for line in lines if "choice" in line]

    assert numbers == list(range(1, 12))
    assert len({line.index("choice") for line in lines if "choice" in line}) == 1
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))


def test_the_store_address_may_end_in_a_slash() -> None:
    assert "https://s.example/app/1145360/" in drawn(Reply("", (Pick(HADES, 1.0),)), store_url="https://s.example/")
