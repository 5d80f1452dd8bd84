"""Of a workspace that takes the app out nothing is left, in the database or in memory, however late it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import Person
from bot.names import Names
from bot.slack.departures import FIRST_PAUSE, Departures, departure
from bot.slack.people import People
from storage.feedback import Feedback, Opinion
from tests import worlds
from tests.databases import moved_away
from tests.fakes import NOON, PUBLIC, open_place
from tests.slack_world import on_slack

AT = 1_700_000_000
AFTER = datetime.fromtimestamp(AT, UTC) + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("event", "when"),
    [
        ({"type": "app_uninstalled"}, AFTER),
        ({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0"]}}, AFTER),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}, None),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, None),
        ({"type": "tokens_revoked"}, None),
        ({"type": "app_home_opened"}, None),
    ],
)
def test_it_is_the_app_or_the_bot_s_token_that_goes(event: Mapping[str, object], when: datetime | None) -> None:
    assert departure({"type": "event_callback", "event_time": AT, "event": event}) == when


@pytest.mark.parametrize("body", [{}, {"type": "event_callback"}, {"command": "/help"}])
def test_what_is_no_event_is_no_departure(body: Mapping[str, object]) -> None:
    assert departure(body) is None


async def test_with_one_token_the_data_goes_all_the_same_and_the_operator_reads_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_slack(tmp_path) as world:
        await world.ann.slash(world.channel, "/recommend", PUBLIC)
        await world.ann.slash(world.channel, "/digest", "here")
        for told in world.ann.uninstall():
            await told.until_acked()
        await world.place.flush()
        counts = await world.place.logs.counts()
        digests = await world.place.desk.subscriptions.all()

    assert (counts.requests, counts.impressions) == (0, 0)
    assert digests == []
    assert caplog.text.count("the app was uninstalled") == 1


async def test_what_memory_holds_of_its_people_goes_and_of_others_stays(tmp_path: Path) -> None:
    async with on_slack(tmp_path) as world:
        ann, stranger = Person("slack", f"{world.ann.team.id}:{world.ann.id}"), Person("slack", "T2:U1")
        recents = world.place.desk.recents
        for person in (ann, stranger):
            recents.remember(person, worlds.library("Ember Depths"))
        await world.ann.uninstall()[1].until_acked()

    assert recents.library(ann) is None
    assert recents.library(stranger) is not None


def test_names_of_a_workspace_are_forgotten() -> None:
    names = Names()
    names.meet({"T1:U1": "ann", "T12:U1": "bob"})
    names.forget("T1:")

    assert dict(names.meet({})) == {"T12:U1": "bob"}


async def test_people_are_kept_apart_by_workspace_and_forgotten_with_it(tmp_path: Path) -> None:
    """The same id is somebody else elsewhere."""
    async with on_slack(tmp_path) as world:
        people, client = People(), AsyncWebClient(world.slack.bot_token, world.slack.url, session=world.session)
        await people.of(client, "T1", world.ann.id)
        asked = world.slack.api.counted["users.info"]
        await people.of(client, "T2", world.ann.id)
        apart = world.slack.api.counted["users.info"]
        people.forget("T1")
        await people.of(client, "T2", world.ann.id)
        kept = world.slack.api.counted["users.info"]
        await people.of(client, "T1", world.ann.id)

    assert (apart - asked, kept - apart, world.slack.api.counted["users.info"] - kept) == (1, 0, 1)


async def test_while_the_database_is_away_it_is_tried_again_with_longer_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    may, tired = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            tired.set()
            await may.wait()

    async with open_place(tmp_path) as place:
        await Feedback(place.database).toggle("slack", "T1:U1", 10, Opinion.LIKE, NOON)
        departures = Departures(place.desk, lambda _: None, sleep=sleep)
        before = asyncio.all_tasks()
        with moved_away(tmp_path / "indiean.sqlite"):
            done = [await departures.gone("T1", AFTER), await departures.gone("T1", AFTER)]
            await tired.wait()
        may.set()
        await asyncio.wait(asyncio.all_tasks() - before, timeout=20.0)
        left = await Feedback(place.database).of("slack", "T1:U1")
        await departures.close()

    assert done == [False, False]
    assert slept == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert left == {}
    assert "1 of feedback" in caplog.text


async def test_who_ends_before_it_is_done_says_of_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_place(tmp_path) as place:
        departures = Departures(place.desk, lambda _: None)
        with moved_away(tmp_path / "indiean.sqlite"):
            await departures.gone("T1", AFTER)
            await departures.close()

    assert "still there: T1" in caplog.text
