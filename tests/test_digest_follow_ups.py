"""A digest in its channel's words, and its buttons, for anybody there and after a restart."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from bot.digests import reason, reply_to_nobody
from bot.dispatch import dispatch
from bot.messages import Language, Outcome, Person, Reply
from bot.terminal_sender import TerminalSender
from bot.wording import Wording
from jobs.digest import Books, send_digests
from jobs.digest_contents import Sources
from recommender.recommend import Pick
from recommender.weekly import Feature, Part
from storage.channel_tastes import ChannelTastes
from storage.lake.lake import Lake
from storage.logs import Impression
from storage.subscriptions import Subscription
from tests.digest_world import FRIDAY, NEWS, Hands, features, letter
from tests.fakes import Place, open_place, request

EN, KO = Wording(Language.EN), Wording(Language.KO)
BOB = Person("terminal", "bob")
NEW, OLD = NEWS[0], NEWS[3]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def sent(place: Place, tags: tuple[str, ...] = ()) -> tuple[str, tuple[Impression, ...]]:
    """The answer id of a digest that stands in the channel `console`, and what it shows."""
    desk, hands = place.desk, Hands()
    since = hands() - timedelta(hours=1)
    one = Subscription("terminal", "console", None, 4, 18, "UTC", tags, "en", adult=False, by="", since=since)
    await desk.subscriptions.keep(one)
    sources = Sources(desk.engine, desk.digests, desk.tastes)
    books = Books(desk.subscriptions, place.logs, Lake(place.database))
    sender = TerminalSender(Console(file=io.StringIO()))
    await send_digests(sources, books, {"terminal": sender}, now=hands, replica="one")
    (row,) = [one for one in await place.logs.recent(9) if one.command == "digest"]
    answer = await place.logs.answer(row.id)
    assert answer is not None
    return row.id, answer.shown


async def press(place: Place, deed: str, answer: str, number: int) -> Reply:
    asked = request(deed, answer=answer, number=number, subject="")
    return await dispatch(replace(asked, person=BOB, at=FRIDAY), place.desk)


async def test_anybody_may_like_a_game_of_it_and_is_then_one_of_the_channel_s_people(place: Place) -> None:
    answer, shown = await sent(place)
    liked = await press(place, "like", answer, shown[0].app_id)
    tastes = await ChannelTastes(place.database).of_channel("terminal", None, "console", FRIDAY - timedelta(days=9))

    assert liked.toggled
    assert [sorted(taste.library.minutes) for taste in tastes] == [[shown[0].app_id]]


async def test_why_says_what_is_known_of_a_game_that_no_library_speaks_for(place: Place) -> None:
    answer, shown = await sent(place, tags=("Puzzle",))
    why = await press(place, "why_this", answer, shown[0].app_id)

    assert why.outcome is Outcome.ANSWERED
    assert "of the players I learned from own" in why.text


async def test_more_like_it_and_hiding_it_work_as_under_any_answer(place: Place) -> None:
    answer, shown = await sent(place)
    more = await press(place, "more_like", answer, shown[0].app_id)
    hidden = await press(place, "hide_this", answer, shown[0].app_id)

    assert more.picks
    assert hidden.toggled


async def test_nobody_turns_its_pages(place: Place) -> None:
    answer, _ = await sent(place)
    turned = await press(place, "next", answer, 1)

    assert turned.outcome is not Outcome.ANSWERED
    assert turned.picks == ()


def one(part: Part, pick: Pick | None = None, people: int = 0, tags: tuple[str, ...] = ()) -> Feature:
    return Feature(pick or Pick(NEW, 1.0), part, people, tags)


@pytest.mark.parametrize(
    ("feature", "english", "korean"),
    [
        (
            one(Part.RISING, people=12),
            "rising: 12 people came to like it this week",
            "인기 상승: 이번 주에 12명이 좋아요를 눌렀어요",
        ),
        (one(Part.NEW), "new this month", "이번 달 신작"),
        (one(Part.NEW, Pick(OLD, 1.0)), "new: out since February 2026", "신작: 2026년 2월 출시"),
        (
            one(Part.NEW, tags=("Horror",)),
            "new this month; fits what people here like: Horror",
            "이번 달 신작, 여기 분들의 취향: 공포",
        ),
        (
            one(Part.TASTE, tags=("Horror", "Puzzle")),
            "fits what people here like: Horror, Puzzle",
            "여기 분들의 취향: 공포, 퍼즐",
        ),
        (one(Part.TASTE), "fits what people here like", "여기 분들의 취향에 맞아요"),
        (one(Part.THEME, tags=("Horror",)), "among the best of Horror", "공포 대표작"),
        (one(Part.POPULAR, Pick(NEW, 1.0, players=9)), "owned by 9 of the players I learned from", None),
    ],
)
def test_each_card_says_why_it_is_there(feature: Feature, english: str, korean: str | None) -> None:
    assert reason(feature, EN, FRIDAY.date()) == english
    assert korean is None or reason(feature, KO, date(2026, 5, 22)) == korean


def test_it_is_in_the_language_of_its_channel_and_for_all_there() -> None:
    made = letter("discord", "1")
    korean = replace(made, subscription=replace(made.subscription, language="ko"))
    reply = reply_to_nobody(korean)

    assert reply.text == "이번 주 인디 게임:"
    assert not reply.private
    assert len(reply.reasons) == len(reply.picks) == len(features().features)
