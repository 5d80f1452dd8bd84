"""The timetable is looked at again and again, at each fire time, and left in good order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.hosting.engines import of_its_own
from bot.hosting.scheduling import keep, ringing, timetabled
from bot.hosting.work import NO_KEY, Tools, works
from bot.settings import Settings
from bot.slack.pace import Pace
from jobs.timetable import TIMETABLE
from jobs.training import Progress
from jobs.work import Report, Skipped
from recommender.registry import Registry
from storage.runs import Outcome
from tests import worlds
from tests.databases import KINDS, ready
from tests.posters import on_a_terminal
from tests.timetables import NIGHT, NIGHTLY, Done, Work, World, until, world

WITHIN = 20.0
"""Seconds after which a test that waits for something has failed."""
OFTEN = 0.05


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with ready(request.param, tmp_path) as database, world(database) as made:
        yield made


def published(registry: Registry, created: datetime) -> str:
    return registry.publish(
        worlds.model(), worlds.GAMES, created=created, metrics={}, fingerprint="f", synthetic=False, players=142
    ).version


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[Tools]:
    settings, registry = Settings(home=tmp_path), Registry(tmp_path / "models")
    async with ready("sqlite", tmp_path) as database, of_its_own(registry) as engines:
        yield Tools(settings, database, engines, {}, "here", lambda: NIGHT)


async def test_it_is_looked_at_again_and_again_until_it_is_to_stop(here: World) -> None:
    work, stop = Work(held=True), asyncio.Event()
    keeper = here.start((NIGHTLY, work))
    keeping = asyncio.create_task(keep(keeper, [NIGHTLY], stop, OFTEN))
    await until(lambda: keeper.leading)
    for _ in range(200):
        if await here.history():
            break
        await asyncio.sleep(0.01)
    here.clock.moment = NIGHT
    await until(lambda: work.begun)
    stop.set()
    async with asyncio.timeout(WITHIN):
        await keeping

    assert not keeper.leading
    assert (await here.history())[1:] == ["21 03:15 #1 stopped"]


async def test_a_bug_in_one_look_does_not_end_the_others(here: World, caplog: pytest.LogCaptureFixture) -> None:
    stop, keeper = asyncio.Event(), here.start((NIGHTLY, Work()))
    latest, calls = here.runs.latest, iter([True])

    async def odd(job: str) -> object:
        if next(calls, False):
            raise ZeroDivisionError
        return await latest(job)

    here.runs.latest = odd  # type: ignore[assignment, method-assign]
    keeping = asyncio.create_task(keep(keeper, [NIGHTLY], stop, OFTEN))
    for _ in range(200):
        if await here.history():
            break
        await asyncio.sleep(0.01)
    stop.set()
    await keeping

    assert await here.history() == ["20 21:01 #1 new"]
    assert caplog.text.count("a look at the timetable broke off") == 1


async def test_it_rings_at_each_fire_time_and_no_more_once_it_is_left() -> None:
    rung, moments = asyncio.Event(), []
    with ringing(rung, [CronTrigger(second="*", timezone=UTC), CronTrigger(hour=3, timezone=UTC)]):
        async with asyncio.timeout(WITHIN):
            for _ in range(2):
                rung.clear()
                await rung.wait()
                moments.append(datetime.now(UTC))
    rung.clear()
    await asyncio.sleep(1.1)

    assert moments[1] - moments[0] > timedelta(seconds=0.1)
    assert not rung.is_set()


async def test_every_job_of_the_timetable_has_a_work(tools: Tools) -> None:
    assert {job.name for job in TIMETABLE} == works(tools).keys()


async def test_the_catalogue_is_skipped_where_no_key_is_set(tools: Tools) -> None:
    report = await works(tools)["catalog"](lambda *_: None)

    assert report == Skipped(NO_KEY)


async def test_digests_are_skipped_where_there_is_no_model_yet(tools: Tools) -> None:
    report = await works(tools)["digests"](lambda *_: None)

    assert isinstance(report, Skipped)
    assert "indiean train" in report.why


async def test_jobs_of_a_process_without_a_bot_ask_the_model_in_service(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    first = published(registry, NIGHT)
    async with of_its_own(registry) as engines:
        before = (await engines()).served.version
        kept = (await engines()).served
        again = (await engines()).served
        second = published(registry, NIGHT + timedelta(days=1))
        after = (await engines()).served.version

    assert kept is again
    assert [before, after] == [first, second]


async def test_the_scheduler_of_a_process_has_a_name_of_its_own(tmp_path: Path) -> None:
    settings, pace = Settings(home=tmp_path), Pace()
    async with ready("sqlite", tmp_path) as database, on_a_terminal(tmp_path) as board:
        runs = []
        for _ in range(2):
            async with timetabled(settings, database, board.poster, pace) as scheduler:
                runs.append(await scheduler.run_now("catalog"))

    assert len({run.replica for run in runs}) == 2
    assert [run.outcome for run in runs] == [Outcome.SKIPPED] * 2
    assert board.seen() == ""


async def test_what_a_work_tells_from_a_thread_is_its_step(here: World) -> None:
    async def work(progress: Progress) -> Report:
        await asyncio.to_thread(progress, "in a thread", 1, 1)
        return Done(1)

    run = await here.start((NIGHTLY, work)).run_now("nightly")  # type: ignore[arg-type]

    assert run.step == "in a thread"
