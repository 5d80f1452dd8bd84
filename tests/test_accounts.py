"""A link holds until it is replaced or taken back, and whoever comes back from the browser comes back once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage.accounts import Account, Accounts
from storage.database import Database
from storage.schema import link_states, linked_accounts
from storage.steam.ids import FIRST, LAST_ACCOUNT, SteamID
from tests.databases import KINDS, NOON, ready

ALICE, BOB = SteamID(FIRST + 22202), SteamID(FIRST + 7)
WITHIN = timedelta(minutes=10)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


async def states(database: Database) -> int:
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(link_states)) or 0


async def test_who_has_linked_nothing_has_no_account(accounts: Accounts) -> None:
    assert await accounts.of("discord", "ada") is None
    assert await accounts.unlink("discord", "ada", NOON) is None


async def test_a_linked_account_comes_back_as_it_was_linked(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "discord", NOON)

    assert await accounts.of("discord", "ada") == Account(ALICE, "discord", NOON)


async def test_an_account_is_since_then_in_utc(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "said", NOON)
    account = await accounts.of("discord", "ada")

    assert account is not None
    assert account.since.tzinfo is UTC


async def test_another_account_takes_the_place_of_the_first(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "discord", NOON)
    await accounts.link("discord", "ada", BOB, "said", NOON + WITHIN)

    assert await accounts.of("discord", "ada") == Account(BOB, "said", NOON + WITHIN)


async def test_the_same_name_on_another_platform_is_another_person(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "said", NOON)

    assert await accounts.of("slack", "ada") is None
    assert await accounts.unlink("slack", "ada", NOON) is None


async def test_two_people_may_link_the_same_account(accounts: Accounts) -> None:
    for person in ("ada", "grace"):
        await accounts.link("discord", person, ALICE, "said", NOON)
    await accounts.unlink("discord", "ada", NOON)

    assert await accounts.of("discord", "grace") == Account(ALICE, "said", NOON)


async def test_of_many_leaves_out_who_has_linked_nothing(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "said", NOON)
    await accounts.link("discord", "grace", BOB, "discord", NOON)
    await accounts.link("slack", "joan", BOB, "said", NOON)

    assert await accounts.of_many("discord", ("ada", "joan", "grace", "ada")) == {
        "ada": Account(ALICE, "said", NOON),
        "grace": Account(BOB, "discord", NOON),
    }
    assert await accounts.of_many("discord", ()) == {}


async def test_unlinking_gives_back_what_was_there_once(accounts: Accounts) -> None:
    await accounts.link("discord", "ada", ALICE, "said", NOON)

    assert await accounts.unlink("discord", "ada", NOON) == Account(ALICE, "said", NOON)
    assert await accounts.unlink("discord", "ada", NOON) is None
    assert await accounts.of("discord", "ada") is None


async def test_who_comes_back_in_time_is_who_left(accounts: Accounts) -> None:
    await accounts.begin("discord", "ada", "hash-1", NOON)
    await accounts.begin("discord", "grace", "hash-2", NOON)

    assert await accounts.finish("hash-1", NOON + WITHIN, WITHIN) == ("discord", "ada")
    assert await accounts.finish("hash-2", NOON + WITHIN, WITHIN) == ("discord", "grace")


async def test_nobody_comes_back_twice(accounts: Accounts) -> None:
    await accounts.begin("discord", "ada", "hash-1", NOON)
    at_once = await asyncio.gather(*(accounts.finish("hash-1", NOON, WITHIN) for _ in range(5)))

    assert sorted(at_once, key=str) == [("discord", "ada"), None, None, None, None]


async def test_who_comes_back_too_late_is_nobody_and_is_forgotten(database: Database, accounts: Accounts) -> None:
    await accounts.begin("discord", "ada", "hash-1", NOON)
    await accounts.begin("discord", "grace", "hash-2", NOON)
    late = NOON + WITHIN + timedelta(seconds=1)

    assert await accounts.finish("hash-1", late, WITHIN) is None
    assert await states(database) == 0


async def test_who_never_left_is_nobody(accounts: Accounts) -> None:
    await accounts.begin("discord", "ada", "hash-1", NOON)

    assert await accounts.finish("hash-2", NOON, WITHIN) is None
    assert await accounts.finish("hash-1", NOON, WITHIN) == ("discord", "ada")


async def test_one_person_may_leave_twice_and_come_back_by_either_way(accounts: Accounts) -> None:
    for state in ("hash-1", "hash-2"):
        await accounts.begin("discord", "ada", state, NOON)

    assert await accounts.finish("hash-2", NOON, WITHIN) == ("discord", "ada")
    assert await accounts.finish("hash-1", NOON, WITHIN) == ("discord", "ada")


async def test_a_secret_that_is_taken_is_no_way_for_another(accounts: Accounts) -> None:
    await accounts.begin("discord", "ada", "hash-1", NOON)
    with pytest.raises(IntegrityError):
        await accounts.begin("discord", "grace", "hash-1", NOON)

    assert await accounts.finish("hash-1", NOON, WITHIN) == ("discord", "ada")


async def test_who_never_comes_back_is_forgotten_by_the_next_day(database: Database) -> None:
    accounts = Accounts(database)
    await accounts.begin("discord", "ada", "hash-1", NOON)
    await accounts.begin("discord", "grace", "hash-2", NOON + timedelta(days=1, seconds=1))
    ends = [await accounts.finish(state, NOON, timedelta(days=9)) for state in ("hash-1", "hash-2")]

    assert ends == [None, ("discord", "grace")]


async def test_who_left_before_the_clock_was_set_back_comes_back_once(database: Database) -> None:
    accounts = Accounts(database)
    await accounts.begin("discord", "ada", "hash-1", NOON)
    an_hour_before = NOON - timedelta(hours=1)

    assert await accounts.finish("hash-1", an_hour_before, WITHIN) == ("discord", "ada")
    assert await accounts.finish("hash-1", an_hour_before, WITHIN) is None


async def test_a_steam_id_is_kept_as_a_number_to_its_last_digit(database: Database) -> None:
    largest = SteamID(FIRST + LAST_ACCOUNT)
    await Accounts(database).link("discord", "ada", largest, "said", NOON)
    async with database.reading() as connection:
        kept = await connection.scalar(select(linked_accounts.c.steam))

    assert kept == largest.value
