"""Of a job one run is under way at a time, of an attempt there is one row, and who was ended by another hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from storage.retention import prune
from storage.runs import BY_HAND, Outcome, Run, Runs
from tests.databases import KINDS, NOON, ready

RUN = Run("nightly", NOON, 1, "a", started=NOON, heartbeat=NOON, reference="0badcafe")
LATER = NOON + timedelta(minutes=5)
OVER = replace(RUN, ended=LATER, outcome=Outcome.DONE, step="publish", report={"players": 3, "share": None})


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


async def begun(runs: Runs, *these: Run) -> None:
    """Each is ended before the next begins."""
    for run in these:
        assert await runs.begin(run)
        assert await runs.end(replace(run, ended=run.started, outcome=Outcome.DONE))


async def test_what_is_written_of_a_run_is_read_again(database: Database) -> None:
    runs = Runs(database)
    begun = await runs.begin(RUN)
    under_way = await runs.under_way("nightly")
    ended = await runs.end(OVER)

    assert (begun, ended) == (True, True)
    assert under_way == RUN
    assert await runs.latest("nightly") == OVER
    assert await runs.under_way("nightly") is None
    assert OVER.seconds == 0.0 + 300


async def test_an_attempt_is_begun_once(database: Database) -> None:
    runs = Runs(database)
    await begun(runs, RUN)

    assert not await runs.begin(replace(RUN, replica="b"))
    assert await runs.begin(replace(RUN, attempt=2))


async def test_of_a_job_one_run_is_under_way_whoever_begins_it(database: Database) -> None:
    runs = Runs(database)
    others = [replace(RUN, due=NOON + timedelta(days=day), replica=str(day)) for day in range(8)]
    begun = await asyncio.gather(*(runs.begin(run) for run in others))

    assert sum(begun) == 1
    assert await runs.begin(replace(RUN, job="digests"))


async def test_after_its_end_no_sign_of_life_and_no_other_end_is_taken(database: Database) -> None:
    runs = Runs(database)
    await runs.begin(RUN)
    alive = await runs.beat(RUN, LATER, "gather")
    seen = await runs.under_way("nightly")
    killed = await runs.end(replace(RUN, ended=LATER, outcome=Outcome.KILLED))

    assert alive
    assert seen == replace(RUN, heartbeat=LATER, step="gather")
    assert killed
    assert not await runs.beat(RUN, LATER, "publish")
    assert not await runs.end(OVER)
    assert [run.outcome for run in await runs.recent(5)] == [Outcome.KILLED]


async def test_a_run_that_gave_a_sign_of_life_meanwhile_is_not_ended_as_killed(database: Database) -> None:
    runs = Runs(database)
    await runs.begin(RUN)
    await runs.beat(RUN, LATER, "gather")

    assert not await runs.end(replace(RUN, ended=LATER, outcome=Outcome.KILLED), heard=NOON)
    assert await runs.end(replace(RUN, ended=LATER, outcome=Outcome.KILLED), heard=LATER)


async def test_runs_by_hand_are_in_the_history_and_not_in_the_timetable(database: Database) -> None:
    runs = Runs(database)
    by_hand = replace(RUN, due=LATER, started=LATER, attempt=BY_HAND)
    await begun(runs, RUN, replace(RUN, attempt=2), by_hand)
    latest = await runs.latest("nightly")

    assert latest is not None
    assert (latest.due, latest.attempt) == (NOON, 2)
    assert [run.attempt for run in await runs.recent(5, "nightly")] == [BY_HAND, 2, 1]


async def test_the_history_is_of_one_job_or_of_all_the_newest_first(database: Database) -> None:
    runs = Runs(database)
    moments = [NOON + timedelta(hours=hour) for hour in range(3)]
    await begun(runs, *(replace(RUN, due=at, started=at) for at in moments))
    await begun(runs, *(replace(RUN, job="digests", due=at, started=at + timedelta(minutes=1)) for at in moments))

    assert [run.due for run in await runs.recent(2, "nightly")] == moments[:0:-1]
    assert [run.job for run in await runs.recent(4)] == ["digests", "nightly"] * 2
    assert await runs.recent(4, "nobody") == []


@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_pruning_deletes_what_was_begun_before_and_has_ended(database: Database, batch: int) -> None:
    runs = Runs(database)
    moments = [NOON - timedelta(days=day) for day in (40, 31, 30, 1)]
    await begun(runs, *(replace(RUN, due=at, started=at) for at in moments))
    stuck = replace(RUN, job="stuck", started=moments[0])
    await runs.begin(stuck)
    pruned = await prune(database, NOON, 30, batch=batch)

    assert pruned.runs == 2
    assert [run.due for run in await runs.recent(9, "nightly")] == moments[:1:-1]
    assert await runs.under_way("stuck") == stuck
