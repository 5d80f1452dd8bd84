"""When a channel's digest is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.zones import zone_named, zones_near
from jobs.digest_times import last_due, next_due, week_of, weeks_before
from storage.subscriptions import Subscription
from tests.fakes import NOON

FRIDAY, SUNDAY = 4, 6
WEEKLY = Subscription("discord", "news", "server", FRIDAY, 18, "UTC", (), "en", adult=False, by="ann", since=NOON)


def in_zone(zone: str, weekday: int, hour: int) -> Subscription:
    return replace(WEEKLY, time_zone=zone, weekday=weekday, hour=hour)


def at(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


def next_time(subscription: Subscription, after: datetime) -> datetime:
    return next_due(subscription, after).at


def test_it_comes_on_the_next_such_day() -> None:
    assert next_time(WEEKLY, NOON) == at("2026-05-22T18:00+00:00")  # NOON is a Sunday


def test_it_comes_later_the_same_day_or_a_week_later() -> None:
    due = at("2026-05-22T18:00+00:00")

    assert next_time(WEEKLY, due - timedelta(seconds=1)) == due
    assert next_time(WEEKLY, due) == due + timedelta(weeks=1)


def test_the_day_is_that_of_the_zone() -> None:
    early = in_zone("Asia/Seoul", FRIDAY, 3)

    assert next_time(early, at("2026-05-21T17:00+00:00")) == at("2026-05-22T03:00+09:00")
    assert next_time(early, at("2026-05-21T19:00+00:00")) == at("2026-05-29T03:00+09:00")


def test_it_keeps_its_hour_when_the_clocks_change() -> None:
    berlin = in_zone("Europe/Berlin", FRIDAY, 18)

    assert next_time(berlin, at("2026-03-27T12:00+00:00")) == at("2026-03-27T17:00+00:00")
    assert next_time(berlin, at("2026-03-28T12:00+00:00")) == at("2026-04-03T16:00+00:00")
    assert next_time(berlin, at("2026-10-24T12:00+00:00")) == at("2026-10-30T17:00+00:00")


def test_an_hour_that_the_clock_skips_comes_right_after_the_gap() -> None:
    skipped = in_zone("Europe/Berlin", SUNDAY, 2)

    assert next_time(skipped, at("2026-03-28T12:00+00:00")) == at("2026-03-29T03:00+02:00")
    assert next_time(skipped, at("2026-03-29T03:00+02:00")) == at("2026-04-05T02:00+02:00")


def test_an_hour_that_the_clock_strikes_twice_comes_once() -> None:
    twice = in_zone("Europe/Berlin", SUNDAY, 2)
    first = at("2026-10-25T02:00+02:00")

    assert next_time(twice, at("2026-10-24T12:00+00:00")) == first
    assert next_time(twice, first) == at("2026-11-01T02:00+01:00")


def test_a_day_that_the_calendar_skips_is_made_up_for() -> None:
    """Samoa had no Friday, 30 December 2011."""
    apia = in_zone("Pacific/Apia", FRIDAY, 18)

    assert next_time(apia, at("2011-12-30T10:30+00:00")) == at("2011-12-31T18:00+14:00")


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the bounds of naive moments
    st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"]
    ),
    st.integers(0, 6),
    st.integers(0, 23),
)
def test_it_comes_within_a_week_on_its_day(after: datetime, zone: str, weekday: int, hour: int) -> None:
    due = next_time(in_zone(zone, weekday, hour), after)

    assert timedelta() < due - after <= timedelta(weeks=1, hours=1)
    assert due.astimezone(ZoneInfo(zone)).weekday() == weekday


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the bounds of naive moments
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Seoul", "America/New_York", "Pacific/Chatham"]),
    st.integers(0, 6),
    st.integers(0, 23),
)
def test_every_week_has_one(after: datetime, zone: str, weekday: int, hour: int) -> None:
    wanted = in_zone(zone, weekday, hour)
    first = next_due(wanted, after)
    second = next_due(wanted, first.at)

    assert weeks_before(second.week, 1) == [first.week]
    assert last_due(wanted, first.at) == first
    assert last_due(wanted, second.at - timedelta(seconds=1)) == first


def test_a_week_that_was_had_is_passed_over() -> None:
    this = next_due(WEEKLY, NOON)
    that = next_due(WEEKLY, NOON, taken={this.week})

    assert that.at == this.at + timedelta(weeks=1)


def test_a_year_may_have_fifty_three_weeks() -> None:
    assert week_of(at("2027-01-01T12:00+00:00").date()) == "2026-W53"
    assert weeks_before("2027-W01", 2) == ["2026-W53", "2026-W52"]


def test_the_week_is_that_of_the_channel_s_clock() -> None:
    """What is a Monday in Seoul is still a Sunday in UTC."""
    early = in_zone("Asia/Seoul", 0, 3)

    assert next_due(early, at("2026-05-17T12:00+00:00")).week == "2026-W21"
    assert next_due(early, at("2026-05-17T12:00+00:00")).at == at("2026-05-17T18:00+00:00")


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("new york", "America/New_York"),
        ("Seoul", "Asia/Seoul"),
        ("utc", "UTC"),
        ("Factory", None),
        ("../../etc/passwd", None),
        ("Atlantis", None),
    ],
)
def test_a_zone_is_understood_as_people_write_it(said: str, zone: str | None) -> None:
    assert zone_named(said) == zone


def test_a_slip_in_a_zone_has_near_misses() -> None:
    assert "Europe/Berlin" in zones_near("Berln")
    assert "America/Los_Angeles" in zones_near("los angles")
    assert len(zones_near("America")) <= 5
