"""A week's digest of a channel belongs to one claim at a time, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from storage.digests import Claim, Digests, Row, Shown, Slot, State
from storage.server_data import ServerData
from tests.databases import KINDS, NOON, ready

LEASE = timedelta(minutes=4)
SLOT = Slot("discord", "lobby", "2024-W20")
SHOWN = (Shown(10, "new", tags=("Roguelike", "로그라이크"), score=0.5), Shown(20, "rising", people=12))


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def digests(database: Database) -> Digests:
    return Digests(database)


async def claimed(digests: Digests, slot: Slot = SLOT, minutes: float = 0, replica: str = "one") -> Claim | None:
    return await digests.claim(slot, "guild", NOON + timedelta(minutes=minutes), LEASE, replica, f"of {replica}")


async def first(digests: Digests, slot: Slot = SLOT) -> Claim:
    claim = await claimed(digests, slot)
    assert claim is not None
    return claim


async def test_of_many_who_claim_it_at_once_one_gets_it(digests: Digests) -> None:
    claims = await asyncio.gather(*(claimed(digests, replica=str(replica)) for replica in range(8)))

    assert len([claim for claim in claims if claim is not None]) == 1


async def test_while_the_lease_lasts_it_is_nobody_else_s(digests: Digests) -> None:
    await first(digests)

    assert await claimed(digests, minutes=3.9, replica="two") is None


async def test_of_many_who_take_over_one_gets_it_with_what_was_decided(digests: Digests) -> None:
    claim = await first(digests)
    await digests.decided(claim, SHOWN, "model", NOON + timedelta(hours=1))
    claims = await asyncio.gather(*(claimed(digests, minutes=4, replica=f"r{replica}") for replica in range(8)))
    (taken,) = [one for one in claims if one is not None]

    assert (taken.answer, taken.begun, taken.attempts, taken.unfinished) == ("of one", NOON, 2, True)
    assert (taken.shown, taken.model, taken.stands_at) == (SHOWN, "model", NOON + timedelta(hours=1))


async def test_who_lost_the_claim_writes_nothing_any_more(digests: Digests) -> None:
    late = await first(digests)
    await claimed(digests, minutes=4, replica="two")

    assert not await digests.decided(late, SHOWN, "model", NOON)
    assert not await digests.sent(late, "message", NOON)
    assert not await digests.retry(late, NOON, "why")
    assert not await digests.close(late, State.SKIPPED, "why")


async def test_a_replica_that_takes_over_from_itself_has_lost_the_first_claim_too(digests: Digests) -> None:
    late = await first(digests)
    await claimed(digests, minutes=4)

    assert not await digests.sent(late, "message", NOON)


@pytest.mark.parametrize("state", [State.SKIPPED, State.GONE, State.GIVEN_UP, State.UNSURE])
async def test_what_is_closed_is_never_claimed_again(digests: Digests, state: State) -> None:
    await digests.close(await first(digests), state, "why")

    assert await claimed(digests, minutes=9999) is None
    assert await digests.taken("discord", "lobby", ["2024-W20", "2024-W21"]) == {"2024-W20"}


async def test_what_is_to_be_tried_again_waits_for_its_time_and_keeps_what_was_decided(digests: Digests) -> None:
    claim = await first(digests)
    await digests.decided(claim, SHOWN, "model", NOON)
    await digests.retry(claim, NOON + timedelta(minutes=10), "away")
    early = await claimed(digests, minutes=9, replica="two")
    again = await claimed(digests, minutes=10, replica="two")

    assert early is None
    assert again is not None
    assert (again.attempts, again.unfinished, again.shown, again.stands_at) == (2, False, SHOWN, None)
    assert await digests.taken("discord", "lobby", ["2024-W20"]) == frozenset()


async def test_weeks_and_channels_do_not_touch_each_other(digests: Digests) -> None:
    for slot in (SLOT, Slot("discord", "den", "2024-W20"), Slot("slack", "lobby", "2024-W20")):
        await digests.sent(await first(digests, slot), "message", NOON)

    assert await claimed(digests, Slot("discord", "lobby", "2024-W21")) is not None
    assert {row.slot.channel for row in (await digests.of_weeks(["2024-W20"])).values()} == {"lobby", "den"}


async def test_what_was_shown_is_known_for_the_weeks_that_are_asked_for(digests: Digests) -> None:
    sent, given_up = await first(digests), await first(digests, Slot("discord", "lobby", "2024-W19"))
    await digests.decided(sent, SHOWN, "model", NOON)
    await digests.sent(sent, "message", NOON)
    await digests.decided(given_up, (Shown(30, "new"),), "model", NOON)
    await digests.close(given_up, State.GIVEN_UP, "away")

    assert await digests.shown("discord", "lobby", ["2024-W19", "2024-W20"]) == {10, 20}
    assert await digests.shown("discord", "lobby", ["2024-W18"]) == frozenset()


async def test_one_that_nobody_began_is_closed_once(digests: Digests) -> None:
    closed = [await digests.overdue(SLOT, None, None, State.MISSED, "missed", NOON) for _ in range(2)]

    assert closed == [True, False]
    assert await claimed(digests) is None


async def test_one_that_was_taken_up_again_meanwhile_is_not_closed(digests: Digests) -> None:
    await first(digests)
    seen = (await digests.of_weeks(["2024-W20"]))[SLOT]
    await claimed(digests, minutes=4, replica="two")

    assert not await digests.overdue(SLOT, None, seen, State.UNSURE, "why", NOON)


async def gathered(digests: Digests, hours: float) -> list[Row]:
    return await digests.gather(["2024-W20"], NOON + timedelta(hours=hours), timedelta(days=1))


async def test_troubles_are_told_once_a_day_and_each_once(digests: Digests) -> None:
    await digests.retry(await first(digests), NOON, "away")
    now = await gathered(digests, 0)
    again = await claimed(digests, minutes=1)
    assert again is not None
    await digests.close(again, State.GIVEN_UP, "still away")
    soon, later, never = await gathered(digests, 1), await gathered(digests, 24), await gathered(digests, 48)

    assert [(row.state, row.why) for row in now] == [(State.RETRY, "away")]
    assert soon == never == []
    assert [(row.state, row.why) for row in later] == [(State.GIVEN_UP, "still away")]


async def test_what_went_well_after_all_is_no_trouble(digests: Digests) -> None:
    await digests.retry(await first(digests), NOON, "away")
    again = await claimed(digests, minutes=1)
    assert again is not None
    await digests.sent(again, "message", NOON)

    assert await gathered(digests, 0) == []


async def test_a_server_that_is_erased_takes_them_along(database: Database) -> None:
    await first(Digests(database))
    removed = await ServerData(database).erase("discord", "guild", NOON)

    assert removed == {"digests": 1}
