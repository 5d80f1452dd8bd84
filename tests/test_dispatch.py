"""What every message goes through: names, rights, cooldowns, what buttons need, and what is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from pydantic import SecretStr

from bot.app import running
from bot.chat import Completions
from bot.commands import COMMANDS
from bot.commands.command import Command, Desk, Option
from bot.cooldowns import Cooldowns
from bot.dispatch import dispatch
from bot.messages import Choice, Outcome, Person, Reply, Request
from bot.messages import Place as Where
from bot.presses import subject_of
from bot.settings import Settings
from bot.typed import Spoken, parse
from tests import worlds
from tests.fakes import NOON, PUBLIC, Place, open_place, request

MINUTE = timedelta(minutes=1)
BOB = Person("terminal", "bob")
LOBBY = Where(server="den", channel="lobby")


async def echo(asked: Request, desk: Desk) -> Reply:
    del desk
    return Reply(f"{asked.command} {dict(asked.options)}")


GROUPED = (*COMMANDS, Command("water here", echo, (Option("day"), Option("tag"))), Command("water stop", echo))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


@pytest.fixture
async def grouped(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path, commands=GROUPED) as opened:
        yield opened


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"steam": PUBLIC}, subject_of(PUBLIC)),
        ({"steam": "STEAM_0:1:0"}, subject_of(PUBLIC)),
        ({"steam": f"https://steamcommunity.com/profiles/{PUBLIC}/"}, subject_of(PUBLIC)),
        ({"steam": "https://steamcommunity.com/id/roguefan"}, "~roguefan"),
        ({"games": PUBLIC}, subject_of(PUBLIC)),
        ({"games": "Static"}, ""),
        ({"steam": "Tessera, Static"}, ""),
    ],
)
async def test_buttons_know_whose_library_an_answer_is_about(
    place: Place, options: dict[str, str], subject: str
) -> None:
    asked = request("recommend", **options)
    reply = await dispatch(asked, place.desk)

    assert reply.origin is not None
    assert (reply.origin.answer, reply.origin.page, reply.origin.subject) == (asked.id, 1, subject)


@pytest.mark.parametrize(("shown", "more"), [(3, True), (6, True), (7, False)])
async def test_as_many_picks_as_were_asked_for_mean_more(place: Place, shown: int, *, more: bool) -> None:
    reply = await dispatch(replace(request("curate", tag="horror"), shown=shown), place.desk)

    assert reply.origin is not None
    assert reply.origin.more is more


async def test_choices_have_an_origin_and_mere_sentences_none(place: Place) -> None:
    near = await place.ask("similar", game="statik")
    mere = [await place.ask("help"), await place.ask("similar", game="Brand New Thing"), await place.ask("xyzzy")]

    assert near.origin is not None
    assert not near.origin.more
    assert [reply.origin for reply in mere] == [None, None, None]


async def test_the_place_and_the_choices_are_logged_without_profiles(place: Place) -> None:
    await dispatch(replace(request("recommend", steam=PUBLIC, since=2099, tag="horror"), place=LOBBY), place.desk)
    await place.flush()

    (logged,) = await place.logs.recent(1)
    assert (logged.server, logged.channel, logged.root, logged.page) == ("den", "lobby", None, 1)
    assert [(choice["command"], choice["options"]) for choice in logged.choices] == [("recommend", {"tag": "horror"})]


async def test_what_followed_an_unknown_command_is_not_kept_in_its_choices(place: Place) -> None:
    reply = await place.ask("simlar", text="roguefan")
    await place.flush()

    (logged,) = await place.logs.recent(1)
    assert [choice.options for choice in reply.choices] == [{"game": "roguefan"}]
    assert (logged.command, logged.options, list(logged.choices)) == ("unknown", {}, [])


async def test_who_asks_to_leave_no_trace_leaves_none(tmp_path: Path) -> None:
    async def quiet(asked: Request, desk: Desk) -> Reply:
        del asked, desk
        return Reply("gone", untraced=True)

    async with open_place(tmp_path, commands=(Command("quiet", quiet), Command("loud", echo))) as place:
        await place.ask("loud")
        await place.ask("quiet")
        await place.flush()
        logged = await place.logs.recent(10)

    assert [row.command for row in logged] == ["loud"]


@pytest.mark.parametrize("may", [True, False])
async def test_what_manages_a_channel_is_for_who_may(tmp_path: Path, *, may: bool) -> None:
    async with open_place(tmp_path, commands=(Command("paint", echo, manages=True),)) as place:
        reply = await dispatch(replace(request("paint"), place=Where(manageable=may)), place.desk)

    assert reply.outcome is (Outcome.ANSWERED if may else Outcome.REFUSED)
    assert may or "may manage this channel" in reply.text


async def test_a_choice_gives_nobody_rights(tmp_path: Path) -> None:
    async def offer(asked: Request, desk: Desk) -> Reply:
        del asked, desk
        return Reply("Paint it?", choices=(Choice("Yes", "paint"),))

    async with open_place(tmp_path, commands=(Command("offer", offer), Command("paint", echo, manages=True))) as place:
        offered = await place.ask("offer")
        assert offered.origin is not None
        reply = await place.ask("choose", answer=offered.origin.answer, number=0)

    assert reply.outcome is Outcome.REFUSED
    assert "may manage this channel" in reply.text


async def test_who_asks_too_often_is_told_for_how_long_to_wait(place: Place) -> None:
    desk = replace(place.desk, cooldowns=Cooldowns(2, 100, MINUTE))
    asked = [replace(request("curate", tag="horror"), at=NOON + timedelta(seconds=s)) for s in (0, 10, 20.5, 60)]
    replies = [await dispatch(one, desk) for one in asked]
    await place.flush()
    logged = await place.logs.recent(10)

    assert [reply.outcome for reply in replies] == [
        Outcome.ANSWERED,
        Outcome.ANSWERED,
        Outcome.SLOWED,
        Outcome.ANSWERED,
    ]
    assert "try again in 40 s" in replies[2].text
    assert (replies[2].private, replies[2].origin) == (True, None)
    assert sorted(row.outcome for row in logged) == ["answered"] * 3 + ["slowed"]


async def test_a_server_slows_all_of_its_members_and_nobody_elsewhere(place: Place) -> None:
    desk = replace(place.desk, cooldowns=Cooldowns(100, 1, MINUTE))
    here, there = replace(request("help"), place=LOBBY), replace(request("help"), id="2", person=BOB)
    replies = [await dispatch(one, desk) for one in (here, replace(there, place=LOBBY), there)]

    assert [reply.outcome for reply in replies] == [Outcome.ANSWERED, Outcome.SLOWED, Outcome.ANSWERED]


async def test_without_cooldowns_nobody_is_slowed(place: Place) -> None:
    replies = [await place.ask("help") for _ in range(50)]

    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}


async def test_a_restart_does_not_forget_who_asked_too_often(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    outcomes = []
    for _ in range(3):
        async with running(settings, worlds.served(), cooldowns=Cooldowns(2, 100, timedelta(days=1))) as desk:
            asked = replace(request("help"), at=datetime.now(UTC))
            outcomes.append((await dispatch(asked, desk)).outcome)

    assert outcomes == [Outcome.ANSWERED, Outcome.ANSWERED, Outcome.SLOWED]


async def test_a_database_that_is_away_slows_nobody(tmp_path: Path) -> None:
    nowhere = Settings(home=tmp_path, database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"))
    async with running(nowhere, worlds.served(), cooldowns=Cooldowns(1, 100, MINUTE)) as desk:
        replies = [await dispatch(request("help"), desk) for _ in range(2)]

    assert [reply.outcome for reply in replies] == [Outcome.ANSWERED, Outcome.SLOWED]


@pytest.mark.parametrize("said", ["water here", "WATER HERE", " Water  Here "])
async def test_a_name_of_two_words_is_one_command(grouped: Place, said: str) -> None:
    reply = await grouped.ask(said, day="friday")

    assert reply.text == "water here {'day': 'friday'}"


@pytest.mark.parametrize(
    ("line", "command", "options"),
    [
        ("/water here", "water here", {}),
        ("/water here day: friday", "water here", {"day": "friday"}),
        ("/Water  Here friday tag: horror", "water here", {"day": "friday", "tag": "horror"}),
        ("/water stop", "water stop", {}),
        ("/waterhere", "waterhere", {}),
        ("/water hereabouts", "water", {"text": "hereabouts"}),
    ],
)
def test_a_line_may_begin_with_a_name_of_two_words(line: str, command: str, options: dict[str, str]) -> None:
    assert parse(line, GROUPED) == Spoken(command, dict(options))


async def test_half_a_name_asks_which_command_is_meant(grouped: Place) -> None:
    alone = await grouped.ask("water")
    typo = await grouped.ask("water", text="hree friday")

    assert {choice.command for choice in alone.choices} == {"water here", "water stop"}
    assert typo.choices[0].command == "water here"
    assert typo.choices[0].options == {"day": "friday"}


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/wat", ["/water here ", "/water stop "]),
        ("/water", ["/water here ", "/water stop "]),
        ("/water s", ["/water stop "]),
        ("/water here d", ["/water here day: "]),
        ("/water here day: friday ", ["/water here day: friday tag: "]),
    ],
)
async def test_a_name_of_two_words_is_completed(grouped: Place, typed: str, completed: list[str]) -> None:
    completions = Completions(GROUPED, grouped.desk.engine)
    found = completions.get_completions_async(Document(typed), CompleteEvent(text_inserted=True))

    assert [typed[: len(typed) + one.start_position] + one.text async for one in found] == completed


@pytest.mark.parametrize("said", ["digest", "/Digest", " digest "])
async def test_help_lists_a_group(place: Place, said: str) -> None:
    lines = (await place.hand_over("help", {"command": said})).text.splitlines()

    assert [line.split(" ")[:2] for line in lines[:-1]] == [["/digest", name] for name in ("here", "preview", "stop")]


async def test_help_explains_a_command_of_a_group(place: Place) -> None:
    assert (await place.hand_over("help", {"command": "/digest  here"})).text.startswith("/digest here ")
