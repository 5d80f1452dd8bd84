"""When a channel's digest is due: one a ISO week of its own clock, whatever its clocks do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from storage.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Due:
    """`week` is the ISO week of the day it is due on, such as 2026-W53; `at` the moment, in UTC."""

    week: str
    at: datetime


def next_due(subscription: Subscription, after: datetime, taken: Collection[str] = ()) -> Due:
    """The first after `after` of a week that is not `taken`.

    An hour that the clock skips counts as the moment right after the gap, one that it strikes twice as the first.
    """
    return next(due for due in _around(subscription, after) if due.at > after and due.week not in taken)


def last_due(subscription: Subscription, until: datetime) -> Due:
    """The last at `until` or before."""
    return [due for due in _around(subscription, until) if due.at <= until][-1]


def weeks_before(week: str, count: int) -> list[str]:
    """The so many weeks before that one, the latest first."""
    monday = _monday(week)
    return [week_of(monday - timedelta(weeks=back)) for back in range(1, count + 1)]


def week_of(day: date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02}"


def _monday(week: str) -> date:
    year, _, number = week.partition("-W")
    return date.fromisocalendar(int(year), int(number), 1)


def _around(subscription: Subscription, moment: datetime) -> Iterator[Due]:
    """From two weeks ago on, as around midnight a day that the calendar skips ends on the next; four weeks ahead."""
    zone = ZoneInfo(subscription.time_zone)
    today = moment.astimezone(zone).date()
    first = today + timedelta((subscription.weekday - today.weekday()) % 7)
    for weeks in range(-2, 5):
        day = first + timedelta(weeks=weeks)
        yield Due(week_of(day), _struck(day, subscription.hour, zone))


def _struck(day: date, hour: int, zone: ZoneInfo) -> datetime:
    # fold=0: of two equal hours the first; in a gap, the offset before it, which points right behind it.
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
