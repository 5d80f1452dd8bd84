"""What is due is begun once, by one of several processes; what was missed, killed or stopped is made up for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import JobBusy, NotPosted, TimetableRefused, UnknownJob, WorkRefused
from jobs.scheduler import DEAD, Scheduler
from jobs.timetable import ATTEMPTS
from jobs.work import Skipped
from storage.database import Database
from storage.election import election
from storage.runs import Outcome
from tests.databases import KINDS, administer, ready
from tests.test_election import cut_off
from tests.timetables import NIGHT, NIGHTLY, OFTEN, Done, Heard, Work, World, shorter, until, world


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def here(database: Database) -> AsyncIterator[World]:
    async with world(database) as made:
        yield made


@pytest.fixture
async def on_postgres(tmp_path: Path) -> AsyncIterator[World]:
    async with ready("postgres", tmp_path) as database, world(database) as made:
        yield made


async def test_a_job_that_is_new_runs_from_its_next_time_on(here: World) -> None:
    work = Work()
    keeper = here.start((NIGHTLY, work))
    await here.ticked(keeper)
    here.clock.forward(hours=6)
    await here.ticked(keeper)
    before = work.begun
    here.clock.forward(minutes=15)
    await here.ticked(keeper, keeper, keeper)

    assert (before, work.begun) == (0, 1)
    assert await here.history() == ["20 21:01 #1 new", "21 03:15 #1 done"]
    assert here.heard.reports == [Done(1)]


async def test_a_job_first_seen_at_its_very_time_runs_then(here: World) -> None:
    here.clock.moment = NIGHT
    work = Work()
    await here.ticked(here.start((NIGHTLY, work)))

    assert work.begun == 1


async def test_a_run_is_written_down_with_what_came_of_it(here: World) -> None:
    keeper = here.start((NIGHTLY, Work()), name="the one")
    await here.ticked(keeper)
    here.clock.moment = NIGHT + timedelta(seconds=4)
    await here.ticked(keeper)
    run = await here.runs.latest("nightly")

    assert run is not None
    assert (run.due, run.attempt, run.replica, run.step) == (NIGHT, 1, "the one", "publish")
    assert (run.started, run.ended, run.report, run.error) == (here.clock(), here.clock(), {"number": 1}, None)


async def test_after_days_of_absence_a_job_is_caught_up_once(here: World) -> None:
    nightly, often = Work(), Work()
    first = here.start((NIGHTLY, nightly), (OFTEN, often))
    await here.ticked(first)
    await first.close()
    here.clock.forward(days=9)
    second = here.start((NIGHTLY, nightly), (OFTEN, often))
    for _ in range(4):
        await here.ticked(second)

    assert (nightly.begun, often.begun) == (1, 1)
    assert (await here.history())[1:] == ["29 03:15 #1 done"]
    assert (await here.history("often"))[1:] == ["29 21:00 #1 done"]


async def test_a_restart_on_the_first_day_does_not_lose_the_first_night(here: World) -> None:
    """What a process has seen is in its rows, not in its memory: here nobody is there at the fire time."""
    work = Work()
    first = here.start((NIGHTLY, work))
    await here.ticked(first)
    await first.close()
    here.clock.moment = NIGHT + timedelta(hours=1)
    await here.ticked(here.start((NIGHTLY, work)))

    assert work.begun == 1


async def test_of_two_processes_one_runs_each_night_and_the_other_none(here: World) -> None:
    mine, yours = Work(), Work()
    keepers = here.start((NIGHTLY, mine)), here.start((NIGHTLY, yours))
    for _ in range(5):
        await here.ticked(*keepers)
        here.clock.forward(days=1)

    assert (mine.begun, yours.begun) == (4, 0)
    assert [keeper.leading for keeper in keepers] == [True, False]


async def test_even_if_both_believed_to_lead_a_night_runs_once(here: World) -> None:
    class Believes(Scheduler):
        async def _lead(self) -> bool:
            return True

    work = Work()
    keepers = [here.start((NIGHTLY, work)) for _ in range(4)]
    for keeper in keepers:
        keeper.__class__ = Believes
    await here.ticked(*keepers)
    for _ in range(5):
        here.clock.forward(days=1)
        await asyncio.gather(*(keeper.tick() for keeper in keepers))
        await here.ticked(*keepers)

    assert (work.begun, work.most_at_once) == (5, 1)


async def test_a_job_runs_once_at_a_time_and_others_run_beside_it(here: World) -> None:
    nightly, often = Work(held=True), Work()
    keeper = here.start((NIGHTLY, nightly), (OFTEN, often))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    for _ in range(3):
        await here.ticked(keeper)
        here.clock.forward(minutes=5)
    here.clock.forward(days=1)
    await here.ticked(keeper)
    under_way = keeper.under_way
    nightly.go.set()
    await here.idle(keeper)
    await here.ticked(keeper)

    assert under_way == ("nightly",)
    assert (nightly.begun, nightly.most_at_once, often.begun) == (2, 1, 4)
    assert (await here.history())[1:] == ["21 03:15 #1 done", "22 03:15 #1 done"]


async def test_jobs_that_claim_the_same_run_one_after_the_other(here: World) -> None:
    catalog = Work(held=True)
    nightly = Work()
    keeper = here.start((replace(NIGHTLY, name="catalog", cron="45 1 * * *"), catalog), (NIGHTLY, nightly))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)
    meanwhile = nightly.begun
    with pytest.raises(JobBusy, match=r"catalog runs since .* nightly must not run beside it"):
        await keeper.run_now("nightly")
    catalog.go.set()
    await here.idle(keeper)
    await here.ticked(keeper)

    assert (meanwhile, nightly.begun) == (0, 1)


async def test_a_run_that_fails_waits_for_its_next_time_and_is_told_and_logged(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(trouble=WorkRefused("the key is refused: get another"))
    keeper = here.start((NIGHTLY, work))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper, keeper, keeper)
    (run,) = here.heard.runs

    assert work.begun == 1
    assert (run.outcome, run.step, run.error) == (Outcome.FAILED, "publish", "the key is refused: get another")
    assert here.heard.reports == [None]
    assert f"nightly failed in step publish (reference {run.reference}): the key is refused" in caplog.text
    assert "Traceback" not in caplog.text


async def test_of_a_bug_people_hear_the_kind_and_the_log_has_the_rest(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = here.start((NIGHTLY, Work(trouble=KeyError("7656 somebody"))))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)

    assert [run.error for run in here.heard.runs] == ["KeyError"]
    assert "7656 somebody" in caplog.text
    assert "Traceback" in caplog.text


async def test_what_is_no_number_is_nothing_in_the_report_and_moments_are_text(here: World) -> None:
    class Odd:
        def as_dict(self) -> dict[str, object]:
            return {"share": float("nan"), "when": NIGHT, "where": Path("here")}

    class Oddly(Work):
        async def __call__(self, _: object) -> Odd:
            return Odd()

    keeper = here.start((NIGHTLY, Oddly()))
    run = await keeper.run_now("nightly")

    assert run.report == {"share": None, "when": str(NIGHT), "where": "here"}
    assert (await here.runs.recent(1))[0].report == run.report


async def test_what_there_is_nothing_to_be_done_for_is_skipped_and_says_why(here: World) -> None:
    class Idle(Work):
        async def __call__(self, _: object) -> Skipped:
            return Skipped("no key is set")

    run = await here.start((NIGHTLY, Idle())).run_now("nightly")

    assert (run.outcome, run.report) == (Outcome.SKIPPED, {"why": "no key is set"})


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_run_that_takes_too_long_is_ended_even_if_it_does_not_heed_that(
    here: World, deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.work.GRACE", 0.05)
    work = Work(held=True, deaf=deaf)
    keeper = here.start((shorter(NIGHTLY, 0.1), work))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await keeper.tick()
    await until(lambda: here.heard.runs)
    await here.ticked(keeper)
    work.go.set()

    assert work.cancelled == work.begun == 1
    assert [(run.outcome, run.step) for run in here.heard.runs] == [(Outcome.TIMED_OUT, "gather")]
    assert "longer than the 0:00:00.1" in str(here.heard.runs[0].error)
    assert (await here.history())[1:] == ["21 03:15 #1 timed out"]


async def test_a_timeout_of_the_work_s_own_is_a_failure(here: World) -> None:
    run = await here.start((NIGHTLY, Work(trouble=TimeoutError("the store is slow")))).run_now("nightly")

    assert (run.outcome, run.error) == (Outcome.FAILED, "the store is slow")


async def test_signs_of_life_are_given_with_the_step_while_it_runs(here: World) -> None:
    keeper = here.start((NIGHTLY, Work(held=True)))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)
    for _ in range(20):
        here.clock.forward(seconds=50)
        await keeper.tick()
    run = await here.runs.under_way("nightly")

    assert run is not None
    assert (run.heartbeat, run.step) == (here.clock(), "gather")
    assert (await here.history())[1:] == ["21 03:15 #1 running"]


async def test_a_killed_run_is_told_and_taken_over_by_the_next_leader(here: World) -> None:
    """The process is gone: it gives no sign of life, has no lock, and its row says that it runs."""
    lost, other = Work(held=True), Work()
    first = here.start((NIGHTLY, lost))
    await here.ticked(first)
    here.clock.moment = NIGHT
    await here.ticked(first)
    await first._election.resign()
    second = here.start((NIGHTLY, other))
    here.clock.moment += DEAD
    await here.ticked(second)
    too_early = other.begun
    here.clock.forward(seconds=1)
    await here.ticked(second)

    assert (too_early, other.begun) == (0, 1)
    assert (await here.history())[1:] == ["21 03:15 #1 killed", "21 03:15 #2 done"]
    assert here.heard.outcomes == ["killed", "done"]
    assert here.heard.runs[0].ended == NIGHT


async def test_a_job_that_kills_its_process_each_time_is_given_up_until_its_next_time(here: World) -> None:
    for _ in range(ATTEMPTS + 2):
        keeper = here.start((NIGHTLY, Work(held=True)))
        await here.ticked(keeper)
        here.clock.moment = max(here.clock(), NIGHT) + 2 * DEAD
        await here.ticked(keeper)
        await keeper._election.resign()
    killed = await here.history()
    here.clock.forward(days=1)
    await here.ticked(here.start((NIGHTLY, Work())))

    assert killed[1:] == [f"21 03:15 #{attempt} killed" for attempt in range(1, ATTEMPTS + 1)]
    assert (await here.history())[-1] == "22 03:15 #1 done"


async def test_a_process_that_was_asleep_and_taken_for_killed_ends_its_run_and_tells_nothing_of_it(here: World) -> None:
    asleep, other = Work(held=True), Work(held=True)
    first = here.start((NIGHTLY, asleep))
    await here.ticked(first)
    here.clock.moment = NIGHT
    await here.ticked(first)
    await first._election.resign()
    here.clock.forward(hours=1)
    second = here.start((NIGHTLY, other))
    await here.ticked(second)
    await first.tick()
    await until(lambda: asleep.cancelled)
    other.go.set()
    await here.idle(second)
    await here.ticked(first, second)

    assert (asleep.begun, other.begun) == (1, 1)
    assert (await here.history())[1:] == ["21 03:15 #1 killed", "21 03:15 #2 done"]
    assert here.heard.outcomes == ["killed", "done"]


async def test_closing_stops_what_is_under_way_and_the_next_process_takes_it_over(here: World) -> None:
    stopped, other = Work(held=True), Work()
    first = here.start((NIGHTLY, stopped))
    await here.ticked(first)
    here.clock.moment = NIGHT
    await here.ticked(first)
    await first.close()
    await first.tick()
    then = await here.history()
    await here.ticked(here.start((NIGHTLY, other)))

    assert (stopped.cancelled, stopped.begun, other.begun) == (1, 1, 1)
    assert then[1:] == ["21 03:15 #1 stopped"]
    assert (await here.history())[1:] == ["21 03:15 #1 stopped", "21 03:15 #2 done"]
    assert here.heard.outcomes == ["done"]


async def test_closing_right_after_a_run_was_begun_stops_it_too(here: World) -> None:
    keeper = here.start((NIGHTLY, Work(held=True)))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await asyncio.gather(keeper.tick(), keeper.close())

    assert (await here.history())[1:] in ([], ["21 03:15 #1 stopped"])


async def test_whoever_lost_the_lead_ends_its_runs_and_the_new_leader_goes_on(on_postgres: World) -> None:
    here = on_postgres
    mine, yours = Work(held=True), Work()
    first, second = here.start((NIGHTLY, mine)), here.start((NIGHTLY, yours))
    await here.ticked(first, second)
    here.clock.moment = NIGHT
    await here.ticked(first, second)
    await cut_off(here.url)
    await second.tick()
    await first.tick()
    leading = first.leading, second.leading
    await here.idle(first)
    await here.ticked(second)

    assert leading == (False, True)
    assert mine.cancelled == 1
    assert yours.begun == 1
    assert (await here.history())[1:] == ["21 03:15 #1 stopped", "21 03:15 #2 done"]


async def test_a_leader_that_was_killed_is_followed_by_the_other(on_postgres: World) -> None:
    here = on_postgres
    works = Work(), Work()
    first, second = here.start((NIGHTLY, works[0])), here.start((NIGHTLY, works[1]))
    await here.ticked(first, second)
    await cut_off(here.url)  # its connection went with it
    here.clock.moment = NIGHT
    await here.ticked(second, first, second)

    assert [work.begun for work in works] == [0, 1]


async def test_telling_that_fails_is_logged_and_changes_nothing(here: World, caplog: pytest.LogCaptureFixture) -> None:
    keeper = here.start((NIGHTLY, Work()))
    await here.ticked(keeper)
    for trouble in (NotPosted("Slack is away: look there"), ValueError("odd")):
        here.heard.trouble = trouble
        here.clock.forward(days=1)
        await here.ticked(keeper)

    assert [line.split()[-1] for line in (await here.history())[1:]] == ["done", "done"]
    assert "nobody was told of nightly" in caplog.text
    assert "Slack is away: look there" in caplog.text
    assert caplog.text.count("Traceback") == 1


async def test_by_hand_a_job_runs_at_once_and_when_it_is_due_stays_as_it_is(here: World) -> None:
    work = Work()
    keeper = here.start((NIGHTLY, work))
    await here.ticked(keeper)
    here.clock.moment = NIGHT - timedelta(minutes=1)
    seen: list[str] = []
    run = await here.start((NIGHTLY, work)).run_now("nightly", lambda phase, *_: seen.append(phase))
    here.clock.moment = NIGHT
    await here.ticked(keeper)

    assert (run.outcome, run.by_hand, seen) == (Outcome.DONE, True, ["gather", "publish"])
    assert work.begun == 2
    assert (await here.history())[1:] == ["21 03:14 #0 done", "21 03:15 #1 done"]
    assert here.heard.outcomes == ["done", "done"]


async def test_by_hand_a_job_that_runs_already_is_refused(here: World) -> None:
    work = Work(held=True)
    keeper = here.start((NIGHTLY, work), name="host/1")
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)
    with pytest.raises(JobBusy, match="nightly runs since 03:15:00 UTC on host/1: wait until it is done"):
        await here.start((NIGHTLY, Work())).run_now("nightly")

    assert (work.begun, (await here.history())[1:]) == (1, ["21 03:15 #1 running"])


async def test_by_hand_twice_at_once_is_once(here: World) -> None:
    work = Work(held=True)
    asked = [asyncio.create_task(here.start((NIGHTLY, work)).run_now("nightly")) for _ in range(3)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await until(lambda: sum(task.done() for task in asked) == 2)
    work.go.set()
    results = await asyncio.gather(*asked, return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["JobBusy", "JobBusy", "Run"]
    assert work.begun == 1


async def test_while_a_run_by_hand_is_under_way_the_timetable_waits_for_it(here: World) -> None:
    by_hand, nightly = Work(held=True), Work()
    keeper, other = here.start((NIGHTLY, nightly)), here.start((NIGHTLY, by_hand))
    await here.ticked(keeper)
    here.clock.moment = NIGHT - timedelta(minutes=1)
    asked = asyncio.create_task(other.run_now("nightly"))
    await until(lambda: by_hand.begun)
    for _ in range(10):
        here.clock.forward(seconds=30)
        await asyncio.sleep(0.05)  # it gives signs of life by itself
        await keeper.tick()
    waited = nightly.begun
    by_hand.go.set()
    await asked
    await here.ticked(keeper)

    assert (waited, nightly.begun) == (0, 1)
    assert (await here.history())[1:] == ["21 03:14 #0 done", "21 03:15 #1 done"]


async def test_a_run_by_hand_that_was_killed_blocks_nobody_for_long_and_is_not_taken_over(here: World) -> None:
    keeper, other = here.start((NIGHTLY, Work())), here.start((NIGHTLY, Work(held=True)))
    await here.ticked(keeper)
    asked = asyncio.create_task(other.run_now("nightly"))
    await until(lambda: other.under_way)
    asked.cancel()
    stopped = await asked
    row = stopped.as_dict() | {"due": NIGHT - timedelta(hours=1), "ended": None, "outcome": Outcome.RUNNING}
    await here.runs.begin(type(stopped)(**row))  # type: ignore[arg-type]
    here.clock.moment = NIGHT
    await here.ticked(keeper)

    assert stopped.outcome is Outcome.STOPPED
    assert (await here.history())[1:] == ["20 21:02 #0 stopped", "21 02:15 #0 killed", "21 03:15 #1 done"]


async def test_a_job_without_a_work_and_a_name_without_a_job_are_refused(here: World) -> None:
    elected, clock = election(here.url), here.clock
    with pytest.raises(TimetableRefused, match="nothing does the work of often"):
        Scheduler((NIGHTLY, OFTEN), {"nightly": Work()}, here.runs, elected, Heard(), now=clock, replica="one")
    with pytest.raises(UnknownJob, match="'weekly': say one of nightly"):
        await here.start((NIGHTLY, Work())).run_now("weekly")


async def test_a_database_without_tables_is_logged_once_and_looked_at_again(
    database: Database, here: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.transaction() as connection:
        await connection.exec_driver_sql("ALTER TABLE runs RENAME TO walks")
    keeper = here.start((NIGHTLY, Work()))
    for _ in range(3):
        await keeper.tick()
    async with database.transaction() as connection:
        await connection.exec_driver_sql("ALTER TABLE walks RENAME TO runs")
    await keeper.tick()

    assert caplog.text.count("the timetable waits") == 1
    assert await here.history() == ["20 21:01 #1 new"]


async def test_an_end_that_cannot_be_written_at_once_is_written_later(database: Database, here: World) -> None:
    work = Work(held=True)
    keeper = here.start((NIGHTLY, work))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)
    url = here.runs._database
    away = Database("postgresql://me:pw@127.0.0.1:9/indiean", patience=0.1)
    here.runs._database = away
    work.go.set()
    await until(lambda: not keeper.under_way)
    here.runs._database = url
    await until(lambda: here.heard.runs)
    await away.close()

    assert (await here.history())[1:] == ["21 03:15 #1 done"]


async def test_ten_days_with_kills_and_restarts_run_each_night_to_its_end_once(here: World) -> None:
    """A process is killed in the middle of every third night, and all processes are away every fourth day."""
    ends: list[str] = []
    keepers = [here.start((NIGHTLY, Work())), here.start((NIGHTLY, Work()))]
    await here.ticked(*keepers)
    for day in range(10):
        here.clock.moment = NIGHT + timedelta(days=day)
        if day % 4 == 3:
            here.clock.forward(hours=9)
        if day % 3 == 2:
            for keeper in keepers:
                await keeper._election.resign()
            held = here.start((NIGHTLY, Work(held=True)))
            await here.ticked(held)
            await held._election.resign()
            here.clock.moment += 2 * DEAD
        await here.ticked(*keepers, *keepers)
    ends = [line for line in await here.history() if line.endswith("done")]

    assert [line.split()[0] for line in ends] == [str(21 + day) for day in range(10)]
    assert here.heard.outcomes.count("killed") == 3


async def test_the_log_has_the_reference_at_the_beginning_and_the_end(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    keeper = here.start((NIGHTLY, Work()))
    await here.ticked(keeper)
    here.clock.moment = NIGHT
    await here.ticked(keeper)
    (run,) = here.heard.runs

    assert (
        f"nightly begins (due 2026-10-21 03:15 UTC, attempt 1 of {ATTEMPTS}, reference {run.reference})" in caplog.text
    )
    assert f"nightly: done after 0.0 s (reference {run.reference})" in caplog.text


async def test_the_row_under_way_is_held_by_the_database_and_not_by_good_manners(on_postgres: World) -> None:
    name = on_postgres.url.rpartition("/")[2]
    shape = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_runs_under_way'"

    assert "UNIQUE INDEX" in await administer(shape, name)
    assert "WHERE (ended IS NULL)" in await administer(shape, name)
