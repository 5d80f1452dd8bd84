"""The weekly digest of a channel: when it is due, and which games are in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from recommender.engine import Answer, Engine
from recommender.library import Library
from recommender.recommend import Pick
from recommender.shelf import Wish
from storage.subscriptions import Subscription

PICKS = 5
"""Games in one digest."""


def next_time(subscription: Subscription, after: datetime) -> datetime:
    """The first moment after `after`, in UTC, at which the digest is due.

    An hour that the clock skips counts as the moment right after the gap, one that it strikes twice as the first.
    """
    zone = ZoneInfo(subscription.time_zone)
    today = after.astimezone(zone).date()
    moments = (_struck(day, subscription.hour, zone) for day in _days(subscription.weekday, today))
    return next(moment for moment in moments if moment > after)


def _days(weekday: int, today: date) -> Iterator[date]:
    """The days of that weekday from a week ago on: around midnight a skipped day ends on the next."""
    first = today + timedelta((weekday - today.weekday()) % 7)
    return (first + timedelta(weeks=weeks) for weeks in range(-1, 3))


def _struck(day: date, hour: int, zone: ZoneInfo) -> datetime:
    # fold=0: of two equal hours the first; in a gap, the offset before it, which points right behind it.
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


async def digest(subscription: Subscription, engine: Engine, k: int = PICKS) -> Answer:
    """What the channel would get now: the best of each of its themes, or what many own where it named none."""
    wish = Wish(adult=subscription.adult)
    if not subscription.tags:
        return await engine.recommend(Library(), wish, k)
    answers = [await engine.curate(tag, wish, k) for tag in subscription.tags]
    return Answer(tuple(in_turn([answer.picks for answer in answers], k)), answers[-1].version)


def in_turn(themes: Sequence[Sequence[Pick]], k: int) -> list[Pick]:
    """The best of each theme, then its next, and so on to k; a game of several themes counts for the first."""
    chosen: dict[int, Pick] = {}
    turns = deque(iter(theme) for theme in themes)
    while turns and len(chosen) < k:
        theme = turns.popleft()
        pick = next((pick for pick in theme if pick.game.app_id not in chosen), None)
        if pick is not None:
            chosen[pick.game.app_id] = pick
            turns.append(theme)
    return list(chosen.values())
