"""When a job is due: by UTC alone, the latest time that was missed and no other, and what was killed once more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import UnknownJob
from jobs.timetable import ATTEMPTS, TIMETABLE, Job, due, following, named, next_time
from storage.runs import Outcome
from tests.test_runs import RUN

INSTANT = timedelta.resolution
NIGHTLY = Job("nightly", "15 3 * * *", timedelta(hours=2), "how it went")
OFTEN = Job("digests", "*/5 * * * *", timedelta(minutes=4), "what was sent")
CRONS = ["15 3 * * *", "*/5 * * * *", "* * * * *", "0-9 3 * * 0", "30 4 1 * *", "0 0 29 2 *"]
FIRST = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def job(cron: str) -> Job:
    return replace(NIGHTLY, cron=cron)


def one_by_one(cron: str, after: datetime, now: datetime) -> datetime | None:
    """The definition: each fire time in (after, now] in turn, and the last of them."""
    found, moment = None, next_time(job(cron), after)
    for _ in range(100_000):
        if moment is None or moment > now:
            return found
        found, moment = moment, next_time(job(cron), moment)
    raise AssertionError("more fire times than a test can count")


@given(st.sampled_from(CRONS), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_due_is_the_last_fire_time_until_now(cron: str, after: datetime, passed: timedelta) -> None:
    assert due(job(cron), after, after + passed) == one_by_one(cron, after, after + passed)


def test_a_fire_time_is_due_from_that_very_moment_on_and_once() -> None:
    assert due(NIGHTLY, FIRST - INSTANT, FIRST) == FIRST
    assert due(NIGHTLY, FIRST - timedelta(days=1), FIRST - INSTANT) is None
    assert due(NIGHTLY, FIRST, FIRST + timedelta(hours=23)) is None


def test_of_years_that_were_missed_the_latest_is_due() -> None:
    now = FIRST + timedelta(days=3650, minutes=3)

    assert due(NIGHTLY, FIRST, now) == FIRST + timedelta(days=3650)
    assert due(OFTEN, FIRST, now) == FIRST + timedelta(days=3650)


def test_a_clock_that_was_set_back_makes_nothing_due() -> None:
    assert due(NIGHTLY, FIRST, FIRST - timedelta(days=9)) is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_no_clock_change_skips_or_repeats_a_night(zone: str) -> None:
    """Each night of a year, told in the time of a place that changes its clocks, and the nights are a day apart."""
    moments = [FIRST]
    for _ in range(365):
        local = (moments[-1] + timedelta(days=1)).astimezone(ZoneInfo(zone))
        found = due(NIGHTLY, moments[-1].astimezone(ZoneInfo(zone)), local)
        assert found is not None
        moments.append(found)

    assert moments == [FIRST + timedelta(days=day) for day in range(366)]


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_killed_or_stopped_is_taken_over_so_many_times_and_nothing_else(outcome: Outcome) -> None:
    ended = replace(RUN, due=FIRST, outcome=outcome)
    soon = FIRST + timedelta(minutes=9)
    next_ones = [following(NIGHTLY, replace(ended, attempt=attempt), soon) for attempt in range(1, ATTEMPTS + 1)]

    if outcome in {Outcome.KILLED, Outcome.STOPPED}:
        assert next_ones == [(FIRST, 2), (FIRST, 3), None]
    else:
        assert next_ones == [None, None, None]


def test_a_newer_night_comes_before_what_is_left_of_an_older_one() -> None:
    killed = replace(RUN, due=FIRST, outcome=Outcome.KILLED, attempt=2)

    assert following(NIGHTLY, killed, FIRST + timedelta(days=4)) == (FIRST + timedelta(days=4), 1)


def test_every_job_of_the_timetable_has_a_name_of_its_own_and_a_next_time() -> None:
    assert len({job.name for job in TIMETABLE}) == len(TIMETABLE)
    assert all(next_time(job, FIRST) is not None and job.limit > timedelta(0) for job in TIMETABLE)


def test_a_job_that_is_not_in_the_timetable_is_refused_with_those_that_are() -> None:
    assert named("digests", (NIGHTLY, OFTEN)) is OFTEN
    with pytest.raises(UnknownJob, match="no job 'weekly': say one of nightly, digests"):
        named("weekly", (NIGHTLY, OFTEN))
