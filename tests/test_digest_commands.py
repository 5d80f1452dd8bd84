"""A channel's digest, as those who manage the channel set it up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.dispatch import dispatch
from bot.messages import Language, Outcome, Person, Request, Value
from bot.messages import Place as Where
from jobs.digest_contents import contents
from jobs.digest_times import next_due
from storage.digests import Slot
from storage.subscriptions import Subscription
from tests.digest_world import FRIDAY, newsroom
from tests.fakes import NOON, Place, open_place, request

DANA = Person("discord", "dana")
CHANNEL = Where(server="server", channel="channel", manageable=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


def asked(command: str, where: Where = CHANNEL, language: Language = Language.EN, **options: Value) -> Request:
    return replace(request(command, **options), person=DANA, place=where, language=language)


async def kept(place: Place) -> Subscription | None:
    return await place.desk.subscriptions.of("discord", "channel")


async def test_without_options_it_comes_on_fridays_at_six_in_the_askers_language(place: Place) -> None:
    reply = await dispatch(asked("digest here", language=Language.KO), place.desk)

    assert await kept(place) == Subscription(
        "discord", "channel", "server", 4, 18, "UTC", (), "ko", adult=False, by="dana", since=NOON
    )
    assert "매주 금요일 18:00 (UTC)" in reply.text
    assert "다음 소식: 5월 22일 금요일 18:00" in reply.text


async def test_every_option_is_kept_and_said_back(place: Place) -> None:
    options: dict[str, Value] = {
        "day": "Monday",
        "hour": 9,
        "zone": "seoul",
        "tags": "horror,puzzle , Horror",
        "language": "ko",
    }
    grown_up = replace(CHANNEL, adult_ok=True)
    reply = await dispatch(replace(asked("digest here", grown_up), options=options), place.desk)

    assert await kept(place) == Subscription(
        "discord",
        "channel",
        "server",
        0,
        9,
        "Asia/Seoul",
        ("Horror", "Puzzle"),
        "ko",
        adult=True,
        by="dana",
        since=NOON,
    )
    assert "every Monday at 09:00 (Asia/Seoul), the best of Horror, Puzzle, in Korean" in reply.text
    assert "The next one comes on Monday, 18 May, 09:00." in reply.text


async def test_set_up_again_it_is_changed(place: Place) -> None:
    await dispatch(asked("digest here", tags="horror"), place.desk)
    await dispatch(asked("digest here", day="sunday"), place.desk)

    assert [(digest.weekday, digest.tags) for digest in await place.desk.subscriptions.all()] == [(6, ())]


@pytest.mark.parametrize("command", ["digest here", "digest preview", "digest stop"])
async def test_it_is_up_to_those_who_manage_the_channel(place: Place, command: str) -> None:
    await dispatch(asked("digest here"), place.desk)
    theirs = asked(command, replace(CHANNEL, manageable=False))
    reply = await dispatch(replace(theirs, options=_other_day(command)), place.desk)

    assert reply.outcome is Outcome.REFUSED
    assert "those who may manage this channel" in reply.text
    assert await place.desk.subscriptions.all() == [await kept(place)]


@pytest.mark.parametrize("command", ["digest here", "digest preview", "digest stop"])
async def test_where_there_is_no_channel_there_is_no_digest(place: Place, command: str) -> None:
    reply = await dispatch(asked(command, Where(manageable=True)), place.desk)

    assert reply.outcome is Outcome.REFUSED
    assert await place.desk.subscriptions.all() == []


async def test_a_slip_in_a_zone_becomes_choices_that_keep_the_rest(place: Place) -> None:
    reply = await dispatch(asked("digest here", zone="Europe/Berlim", tags="horror"), place.desk)

    assert reply.outcome is Outcome.NEAR_MISS
    assert reply.choices[0].command == "digest here"
    assert reply.choices[0].options == {"zone": "Europe/Berlin", "tags": "horror"}
    assert await kept(place) is None


async def test_a_zone_like_no_other_is_refused(place: Place) -> None:
    reply = await dispatch(asked("digest here", zone="@@@"), place.desk)

    assert reply.outcome is Outcome.REFUSED
    assert "Asia/Seoul" in reply.text


async def test_a_slip_in_a_tag_becomes_choices_that_keep_the_other_tags(place: Place) -> None:
    reply = await dispatch(asked("digest here", tags="puzzle, horor, roguelike"), place.desk)

    assert reply.choices[0].options == {"tags": "puzzle, Horror, roguelike"}
    assert await kept(place) is None


async def test_there_are_not_more_themes_than_games(place: Place) -> None:
    reply = await dispatch(asked("digest here", tags="horror,puzzle,roguelike,farming sim,action,indie"), place.desk)

    assert "at most 5" in reply.text
    assert await kept(place) is None


async def test_an_hour_of_the_day_it_has_to_be(place: Place) -> None:
    reply = await dispatch(asked("digest here", hour=24), place.desk)

    assert reply.text == "hour is 23 or less."


async def test_the_preview_shows_the_digest_in_its_own_language(place: Place) -> None:
    options: dict[str, Value] = {"language": "ko", "tags": "horror, puzzle"}
    await dispatch(replace(asked("digest here"), options=options), place.desk)
    reply = await dispatch(asked("digest preview"), place.desk)

    assert reply.language is Language.KO
    assert reply.text == "이번 주 인디 게임:"
    assert [pick.game.tags[0] for pick in reply.picks] == ["Horror", "Puzzle"] * 3
    assert set(reply.reasons.values()) == {"공포 대표작", "퍼즐 대표작"}
    assert "The next one comes on Friday, 22 May, 18:00" in (reply.note or "")
    assert reply.private


async def test_the_preview_shows_no_games_for_adults_once_the_channel_is_for_all(place: Place) -> None:
    grown_up = replace(CHANNEL, adult_ok=True)
    await dispatch(asked("digest here", grown_up, tags="sexual content, horror"), place.desk)
    before = await dispatch(asked("digest preview", grown_up), place.desk)
    after = await dispatch(asked("digest preview"), place.desk)

    assert "Velvet Nights" in {pick.game.title for pick in before.picks}
    assert len(after.picks) == 6
    assert "Velvet Nights" not in {pick.game.title for pick in after.picks}


async def test_the_preview_says_when_there_are_too_few_games_for_a_digest(place: Place) -> None:
    await dispatch(asked("digest here", tags="sexual content"), place.desk)
    reply = await dispatch(asked("digest preview"), place.desk)

    assert reply.picks == ()
    assert "would be empty" in reply.text
    assert "The next one comes on" in (reply.note or "")


async def test_after_one_came_this_week_the_next_is_said_to_come_the_week_after(place: Place) -> None:
    slot = Slot("discord", "channel", "2026-W20")
    claim = await place.desk.digests.claim(slot, "server", NOON, timedelta(minutes=4), "here", "answer")
    assert claim is not None
    await place.desk.digests.sent(claim, "message", NOON)
    reply = await dispatch(asked("digest here", day="sunday", hour=18), place.desk)

    assert "The next one comes on Sunday, 24 May, 18:00." in reply.text


async def test_the_preview_shows_what_comes(tmp_path: Path) -> None:
    """But for the hour at which it comes: nobody has to have asked for anything in between."""
    async with newsroom(tmp_path) as room:
        one = await room.subscribe("terminal", "console", None)
        due = next_due(one, FRIDAY - timedelta(hours=1))
        before = await contents(room.sources, one, due.week, FRIDAY - timedelta(hours=1), adult=False)
        await room.run()
        (row,) = [entry for entry in await room.books.logs.recent(9) if entry.command == "digest"]
        answer = await room.books.logs.answer(row.id)

    assert answer is not None
    assert [shown.app_id for shown in answer.shown] == [one.pick.game.app_id for one in before.features]
    assert all(one.pick.game.title in room.console.getvalue() for one in before.features)


async def test_without_a_digest_the_preview_says_how_to_have_one(place: Place) -> None:
    reply = await dispatch(asked("digest preview"), place.desk)
    (choice,) = reply.choices
    await dispatch(replace(asked(choice.command), options=choice.options), place.desk)

    assert "/digest here" in reply.text
    assert await kept(place) is not None


async def test_it_stops_once(place: Place) -> None:
    await dispatch(asked("digest here"), place.desk)
    first = await dispatch(asked("digest stop"), place.desk)
    second = await dispatch(asked("digest stop"), place.desk)

    assert first.text.startswith("Stopped")
    assert "has no digest" in second.text
    assert await kept(place) is None


def _other_day(command: str) -> dict[str, Value]:
    return {"day": "monday"} if command == "digest here" else {}
