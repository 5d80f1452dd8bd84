"""The prompt: what is completed, what a number means, and how one leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from bot.chat import Completions, chat, tour
from bot.commands import COMMANDS
from bot.completions import MOST
from bot.messages import Language
from recommender.engine import Engine
from tests import worlds
from tests.fakes import Place, open_place, terminal


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def talk(place: Place, typed: str, history: Path | None = None) -> str:
    """What the screen shows after these keys, which have to lead out of the chat."""
    heard, screen = terminal(place)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text(typed)
        await asyncio.wait_for(chat(heard, place.desk.engine, history), timeout=10)
    return screen.getvalue()


async def completed(typed: str, language: Language = Language.EN, *, adult_ok: bool = False) -> list[str]:
    engine = Engine(worlds.served())
    completions = Completions(COMMANDS, engine, language, adult_ok=adult_ok).get_completions_async(*_at_end(typed))
    found = [typed[: len(typed) + one.start_position] + one.text async for one in completions]
    engine.close()
    return found


def _at_end(typed: str) -> tuple[Document, CompleteEvent]:
    return Document(typed), CompleteEvent(text_inserted=True)


async def test_a_line_is_answered_and_control_d_leaves(place: Place) -> None:
    shown = await talk(place, "/curate horror\n\x04")

    assert shown.startswith("The best of Horror:")


@pytest.mark.parametrize("word", ["/quit", " /QUIT ", "/exit"])
async def test_quit_leaves(place: Place, word: str) -> None:
    assert await talk(place, f"{word}\n/help\n") == ""


async def test_control_c_drops_the_line_and_stays(place: Place) -> None:
    shown = await talk(place, "/curate hor\x03/privacy\n/quit\n")

    assert shown.startswith("Kept in the bot's database")


async def test_a_number_takes_a_choice_even_after_an_empty_line(place: Place) -> None:
    shown = await talk(place, "/similar statik\n\n1\n/quit\n")

    assert shown.count("Goes well with Static:") == 1


@pytest.mark.parametrize("number", ["0", "2", "99"])
async def test_a_number_without_a_choice_says_nothing(place: Place, number: str) -> None:
    alone = await talk(place, "/similar statik\n/quit\n")

    assert await talk(place, f"/similar statik\n{number}\n/quit\n") == alone


async def test_after_picks_a_number_means_nothing(place: Place) -> None:
    alone = await talk(place, "/similar static\n/quit\n")

    assert await talk(place, "/similar static\n1\n/quit\n") == alone


async def test_a_choice_that_asks_begins_the_next_line(place: Place) -> None:
    shown = await talk(place, "/recommend\n1\nStatic\n/quit\n")

    assert "Because of Static:" in shown


async def test_a_begun_line_can_be_dropped(place: Place) -> None:
    shown = await talk(place, "/recommend\n1\n\x03/help\n/quit\n")

    assert "/privacy – what is kept about you" in shown


async def test_a_button_is_pressed_by_its_name_even_after_other_answers(place: Place) -> None:
    shown = await talk(place, "/curate horror\n/like 1\n/help\n/next\n/quit\n")

    assert "The Hollow House counts as a game you like" in shown
    assert "Page 2 · The best of Horror:" in shown


async def test_after_picks_the_chat_says_what_may_be_pressed(place: Place) -> None:
    shown = await talk(place, "/curate horror\n/like 1\n/quit\n")

    assert shown.count("/next turns the page") == 1


async def test_history_outlives_the_chat(place: Place, tmp_path: Path) -> None:
    history = tmp_path / "new folder" / "history"
    await talk(place, "/curate horror\n/quit\n", history)
    again = await talk(place, "\x1b[A\x1b[A\n/quit\n", history)  # up, past /quit

    assert again.startswith("The best of Horror:")


async def test_a_tour_shows_what_was_said_before_each_answer(place: Place) -> None:
    heard, screen = terminal(place)
    await tour(["/similar statik", "1"], heard)

    lines = screen.getvalue().splitlines()
    said = [line for line in lines if line.startswith("> ")]
    assert said == ["> /similar statik", "> 1"]
    assert lines[lines.index("> 1") + 1] == "Goes well with Static:"


async def test_commands_are_completed() -> None:
    assert await completed("/") == [f"/{command.name} " for command in COMMANDS]
    assert await completed("/re") == ["/recommend "]
    assert await completed("") == await completed("/")


async def test_options_are_completed_once_each() -> None:
    assert await completed("/recommend ann ma") == ["/recommend ann max_price: "]
    assert "/curate horror since: 2014 since: " not in await completed("/curate horror since: 2014 ")


async def test_tags_are_completed() -> None:
    assert await completed("/curate rog") == ["/curate Roguelike"]
    assert await completed("/recommend ann tag: hor") == ["/recommend ann tag: Horror"]


async def test_choices_are_completed() -> None:
    assert (await completed("/curate horror mix: "))[:3] == [
        f"/curate horror mix: {mix}" for mix in ("gems", "balanced", "hits")
    ]


async def test_titles_are_completed_after_each_comma() -> None:
    assert await completed("/similar last l") == ["/similar Last Lantern"]
    assert await completed("Static, last l") == ["Static, Last Lantern"]
    assert (await completed("/recommend games: Static, tess"))[0] == "/recommend games: Static, Tessera"


async def test_no_more_are_offered_than_anybody_reads() -> None:
    assert len(await completed("/similar ")) <= MOST + len(COMMANDS)


async def test_zones_days_and_lists_of_tags_are_completed() -> None:
    assert await completed("/digest here zone: seo") == ["/digest here zone: Asia/Seoul"]
    assert "/digest here day: friday" in await completed("/digest here day: fri")
    assert await completed("/digest here tags: Horror, puz") == ["/digest here tags: Horror, Puzzle"]


async def test_tags_are_completed_by_their_korean_names() -> None:
    assert await completed("/curate 공ㅍ", Language.KO) == ["/curate Horror"]
    assert await completed("/curate 농장", Language.EN) == ["/curate Farming Sim"]


async def test_an_opening_quote_does_not_keep_a_title_from_being_completed() -> None:
    assert await completed('/similar "last l') == ['/similar "Last Lantern']


async def test_adult_titles_are_not_offered() -> None:
    assert await completed("/similar velvet") == []
    assert await completed("/similar velvet", adult_ok=True) == ["/similar Velvet Nights"]


async def test_an_unknown_command_completes_to_nothing() -> None:
    assert await completed("/xyzzy hor") == []
