"""Whose taste a channel's is: of those who asked there or reacted to what stood there, named nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from recommender.crowd import Taste
from recommender.library import Library
from recommender.weekly import Rise
from storage.accounts import Accounts
from storage.channel_tastes import MOST, ChannelTastes
from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.lake.events import library_read
from storage.lake.lake import Lake
from storage.logs import Logs, RequestLog
from storage.personal_data import PersonalData
from storage.steam.ids import FIRST, SteamID
from tests.databases import KINDS, NOON, ready

SINCE = NOON - timedelta(days=180)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


async def ask(
    database: Database,
    person: str,
    channel: str = "games",
    server: str | None = "guild",
    days: int = 1,
    outcome: str = "answered",
) -> str:
    answer = uuid4().hex
    at = NOON - timedelta(days=days)
    row = RequestLog(answer, at, "discord", person, "recommend", {}, outcome, 5, server=server, channel=channel)
    await Logs(database).record(row, ())
    return answer


async def own(database: Database, person: str, *app_ids: int, days: int = 1) -> None:
    library = Library(dict.fromkeys(app_ids, 60))
    await Lake(database).append([library_read("discord", person, library, NOON - timedelta(days=days))])


async def like(database: Database, person: str, app_id: int, days: float = 1, answer: str | None = None) -> None:
    at = NOON - timedelta(days=days)
    await Feedback(database).toggle("discord", person, app_id, Opinion.LIKE, at, answer)


async def of_channel(database: Database, channel: str = "games", server: str | None = "guild") -> list[Taste]:
    return await ChannelTastes(database).of_channel("discord", server, channel, SINCE)


async def test_who_asked_there_is_heard_with_library_and_opinions(database: Database) -> None:
    await ask(database, "ada")
    await own(database, "ada", 10, 20)
    await like(database, "ada", 30)
    await Feedback(database).toggle("discord", "ada", 40, Opinion.HIDE, NOON)
    (taste,) = await of_channel(database)

    assert taste == Taste(Library({10: 60, 20: 60, 30: 0}, frozenset({30})), frozenset({40}))


async def test_who_reacted_to_what_stood_there_is_heard(database: Database) -> None:
    answer = await ask(database, "")
    await like(database, "grace", 10, answer=answer)

    assert [sorted(taste.library.minutes) for taste in await of_channel(database)] == [[10]]


async def test_who_was_elsewhere_or_long_ago_or_was_slowed_is_not(database: Database) -> None:
    for person in ("ada", "grace", "alan", "mary"):
        await own(database, person, 10)
    await ask(database, "ada", channel="other")
    await ask(database, "grace", days=200)
    await ask(database, "alan", outcome="slowed")
    await ask(database, "mary", server="another")

    assert await of_channel(database) == []
    assert len(await ChannelTastes(database).of_server("discord", "guild", SINCE)) == 1


async def test_a_conversation_without_a_server_is_a_channel_too(database: Database) -> None:
    await ask(database, "ada", channel="direct", server=None)
    await own(database, "ada", 10)

    assert len(await of_channel(database, "direct", None)) == 1


async def test_the_newest_library_counts_and_what_was_unlinked_does_not(database: Database) -> None:
    await ask(database, "ada")
    await own(database, "ada", 10, days=9)
    await own(database, "ada", 20, 30)
    before = await of_channel(database)
    await Accounts(database).link("discord", "ada", SteamID(FIRST + 1), "said", NOON)
    await Accounts(database).unlink("discord", "ada", NOON)

    assert [sorted(taste.library.minutes) for taste in before] == [[20, 30]]
    assert await of_channel(database) == []


async def test_who_was_forgotten_is_not_heard_any_more(database: Database) -> None:
    await ask(database, "ada")
    await own(database, "ada", 10)
    await like(database, "ada", 20)
    await PersonalData(database).erase("discord", "ada", NOON)

    assert await of_channel(database) == []
    assert await ChannelTastes(database).likes(NOON) == {}


async def test_nothing_in_it_names_anybody_nor_tells_who_was_there_last(database: Database) -> None:
    for at, person in enumerate(("ada", "grace", "alan")):
        await ask(database, person, days=at + 1)
        await own(database, person, 30 - 10 * at)
    tastes = await of_channel(database)

    assert [sorted(taste.library.minutes) for taste in tastes] == [[10], [20], [30]]
    assert not any(person in repr(tastes) for person in ("ada", "grace", "alan"))


async def test_of_very_many_those_who_were_there_last_are_heard(database: Database) -> None:
    for person in range(MOST + 5):
        await ask(database, f"p{person}", days=person + 1)
        await like(database, f"p{person}", 1000 + person)
    tastes = await of_channel(database)

    assert {app_id for taste in tastes for app_id in taste.library.minutes} == set(range(1000, 1000 + MOST))


async def test_likes_of_the_last_week_are_told_beside_those_of_a_week_before(database: Database) -> None:
    for person in range(6):
        await like(database, f"now {person}", 10, days=person + 0.5)
    for person in range(4):
        await like(database, f"then {person}", 10, days=10 + person)
    await like(database, "long ago", 10, days=40)
    await like(database, "only then", 20, days=10)

    assert await ChannelTastes(database).likes(NOON) == {10: Rise(6, 1.0)}


async def test_who_likes_a_game_again_and_again_counts_once(database: Database) -> None:
    for _ in range(5):
        await like(database, "ada", 10)

    assert await ChannelTastes(database).likes(NOON) == {10: Rise(1, 0.0)}
