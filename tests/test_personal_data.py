"""A person sees all that is kept about them and nothing of anybody else, and what is erased is gone everywhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Double, LargeBinary, String, Table, insert, select
from sqlalchemy.types import TypeEngine

from storage.accounts import Accounts
from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.lake.events import player_of
from storage.logs import Counts, Impression, Logs, Offered
from storage.personal_data import PersonalData
from storage.schema import UtcDateTime, metadata
from storage.steam.ids import FIRST, SteamID
from storage.subscriptions import Subscriptions
from tests.databases import KINDS, NOON, ready
from tests.test_logs import asked, liked
from tests.test_subscriptions import LOBBY

ALICE = SteamID(FIRST + 22202)
OF_NOBODY = {
    "synced_commands",
    "slack_bots",
    "slack_oauth_states",
    "lake_sequence",
    "fitted_versions",
    "runs",
    "digests",
}
"""Tables without a word about any person. Another one belongs here only if that is true of it."""


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


async def live(database: Database, person: str, number: int) -> None:
    """Somebody asks, likes, links, leaves for the browser and asks for a digest."""
    logs = Logs(database)
    await logs.record(asked(number, person), (Impression(1, 10, 0.5), Impression(2, 20, 0.25)))
    await logs.react(liked(number, person))
    await Feedback(database).toggle("discord", person, 10, Opinion.LIKE, NOON)
    await Accounts(database).link("discord", person, ALICE, "said", NOON)
    await Accounts(database).begin("discord", person, f"hash-{number}", NOON)
    await Subscriptions(database).keep(replace(LOBBY, channel=f"channel-{number}", by=person))


async def every_cell(database: Database) -> dict[str, list[str]]:
    """All that stands in each table, as text."""
    async with database.reading() as connection:
        return {
            table.name: [str(cell) for row in await connection.execute(select(table)) for cell in row]
            for table in metadata.sorted_tables
        }


async def fill(database: Database, person: str) -> None:
    """One row about that person in every table there is, whatever it is made of."""
    async with database.transaction() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(insert(table).values({c.name: cell(table, c, person) for c in table.c}))


def cell(table: Table, column: Column[object], person: str) -> object:
    if column.name in {"person", "by"}:
        return person
    if column.name == "player":
        return player_of("discord", person)
    if column.name == "platform":
        return "discord"
    for parent in column.foreign_keys:
        return cell(parent.column.table, parent.column, person)
    values: list[tuple[type[TypeEngine[Any]], object]] = [
        (UtcDateTime, NOON),
        (Date, NOON.date()),
        (LargeBinary, b"rows"),
        (JSON, []),
        (Boolean, False),
        (Double, 0.5),
        (DateTime, NOON.replace(tzinfo=None)),
        (String, f"in {table.name} because of {person}"),
    ]
    return next((value for kind, value in values if isinstance(column.type, kind)), 1)


async def test_of_somebody_unknown_nothing_is_kept(database: Database) -> None:
    assert await PersonalData(database).of("discord", "ada") == {}
    assert await PersonalData(database).erase("discord", "ada", NOON) == {}


async def test_every_table_but_those_of_nobody_shows_its_rows_about_a_person(database: Database) -> None:
    await fill(database, "ada")
    shown = await PersonalData(database).of("discord", "ada")

    assert shown.keys() == metadata.tables.keys() - OF_NOBODY


async def test_after_erasing_no_table_names_that_person(database: Database) -> None:
    await fill(database, "ada")
    await PersonalData(database).erase("discord", "ada", NOON)
    left = await every_cell(database)

    assert [name for name, cells in left.items() if "ada" in cells] == []
    assert {name for name, cells in left.items() if cells} == OF_NOBODY | {
        "digest_channels",
        "lake_events",
        "fitted_rows",
    }
    assert player_of("discord", "ada") not in left["fitted_rows"]


async def test_what_is_shown_is_theirs_whole_and_the_oldest_first(database: Database) -> None:
    await live(database, "ada", 2)
    await live(database, "grace", 3)
    await Logs(database).record(asked(1), ())
    shown = await PersonalData(database).of("discord", "ada")

    assert [row["id"] for row in shown["requests"]] == ["request-1", "request-2"]
    assert shown["requests"][1]["options"] == asked(2).options
    assert shown["requests"][1]["at"] == "2024-05-17T12:00:02+00:00"
    assert [(row["request_id"], row["app_id"]) for row in shown["impressions"]] == [
        ("request-2", 10),
        ("request-2", 20),
    ]
    assert [row["kind"] for row in shown["reactions"]] == ["like", "like"]
    assert [(row["app_id"], row["opinion"]) for row in shown["feedback"]] == [(10, "like")]
    assert [row["steam"] for row in shown["linked_accounts"]] == [str(ALICE)]
    assert [row["channel"] for row in shown["digest_channels"]] == ["channel-2"]


async def test_what_is_shown_can_be_written_as_json(database: Database) -> None:
    await fill(database, "ada")
    shown = await PersonalData(database).of("discord", "ada")

    assert json.loads(json.dumps(shown)) == shown


async def test_on_another_platform_the_same_name_is_somebody_else(database: Database) -> None:
    await live(database, "ada", 1)

    assert await PersonalData(database).of("slack", "ada") == {}
    assert await PersonalData(database).erase("slack", "ada", NOON) == {}
    assert await PersonalData(database).of("discord", "ada") != {}


async def test_erasing_says_how_many_rows_of_what_that_were(database: Database) -> None:
    await live(database, "ada", 1)
    erased = await PersonalData(database).erase("discord", "ada", NOON)

    assert erased == {
        "impressions": 2,
        "requests": 1,
        "reactions": 2,
        "feedback": 1,
        "linked_accounts": 1,
        "link_states": 1,
    }


async def test_erasing_somebody_leaves_the_others_as_they_were(database: Database) -> None:
    personal = PersonalData(database)
    await live(database, "ada", 1)
    await live(database, "grace", 2)
    before = await personal.of("discord", "grace")
    await personal.erase("discord", "ada", NOON)

    assert await personal.of("discord", "ada") == {}
    assert await personal.of("discord", "grace") == before
    assert await Logs(database).counts() == Counts(requests=1, impressions=2, reactions=2, people=1)


async def test_a_digest_stays_the_channel_s_and_forgets_who_asked_for_it(database: Database) -> None:
    await live(database, "ada", 1)
    await PersonalData(database).erase("discord", "ada", NOON)
    kept = await Subscriptions(database).of("discord", "channel-1")

    assert kept is not None
    assert (kept.by, kept.hour, kept.tags) == ("", LOBBY.hour, LOBBY.tags)


async def test_who_is_forgotten_comes_back_from_no_browser(database: Database) -> None:
    await live(database, "ada", 1)
    await PersonalData(database).erase("discord", "ada", NOON)

    assert await Accounts(database).finish("hash-1", NOON, timedelta(minutes=10)) is None


async def test_another_s_page_of_their_answer_stays_with_the_other(database: Database) -> None:
    logs = Logs(database)
    await logs.record(asked(1), (Impression(1, 10, 0.5),))
    await logs.record(replace(asked(2, "grace"), root="request-1", page=2), (Impression(1, 20, 0.5),))
    await PersonalData(database).erase("discord", "ada", NOON)

    assert await logs.answer("request-1") is None
    assert (await logs.page("request-1", 2)) is not None


async def test_what_others_asked_names_them_no_more_and_stays_otherwise(database: Database) -> None:
    logs = Logs(database)
    offered = [Offered(label="Without tag", command="together", options={"with": "grace ada", "since": 2015})]
    group = replace(asked(1, "grace"), options={"with": "ada linus", "tag": "Co-op"}, choices=offered)
    alone = replace(asked(2, "grace"), options={"tag": "adagio"})
    await logs.record(group, ())
    await logs.record(alone, ())
    await PersonalData(database).erase("discord", "ada", NOON)
    first, second = await logs.answer("request-1"), await logs.answer("request-2")

    assert first is not None
    assert (first.request.options, first.request.choices[0]["options"]) == ({"tag": "Co-op"}, {"since": 2015})
    assert second is not None
    assert second.request.options == {"tag": "adagio"}
