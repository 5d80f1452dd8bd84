"""How often a member, and everybody on a server together, may ask: a sliding window that a restart can fill again."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta

from bot.messages import Person
from storage.logs import Asked

MOST = 100_000
"""Members, and servers, remembered at once."""


class Cooldowns:
    """At most `member` requests of one member and `server` of one server within any `window`.

    Exact, and without a clock: the moments are the requests' own. What is remembered ends with the window, and is
    bounded by `most` members and servers: beyond, those who have been silent longest are forgotten.
    """

    def __init__(self, member: int, server: int, window: timedelta, most: int = MOST) -> None:
        self.window = window
        self._members = _Windows(member, window, most)
        self._servers = _Windows(server, window, most)

    def __repr__(self) -> str:
        return f"Cooldowns({len(self._members)} members, {len(self._servers)} servers within {self.window})"

    def prime(self, asked: Iterable[Asked]) -> None:
        """Counts what was asked before this process began, the oldest first."""
        for one in asked:
            self._count(one.platform, one.person, one.server, one.at)

    def admit(self, person: Person, server: str | None, now: datetime) -> timedelta | None:
        """None where the request may go ahead, which is then counted; else how long to wait, and it is not counted."""
        waits = [self._members.wait((person.platform, person.id), now)]
        if server is not None:
            waits.append(self._servers.wait((person.platform, server), now))
        longest = max(waits)
        if longest > timedelta(0):
            return longest
        self._count(person.platform, person.id, server, now)
        return None

    def _count(self, platform: str, person: str, server: str | None, at: datetime) -> None:
        self._members.count((platform, person), at)
        if server is not None:
            self._servers.count((platform, server), at)


class _Windows:
    """The last `limit` moments of each key; those who were heard of last stand last."""

    def __init__(self, limit: int, window: timedelta, most: int) -> None:
        self._limit, self._window, self._most = limit, window, most
        self._moments: OrderedDict[Hashable, deque[datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._moments)

    def wait(self, key: Hashable, now: datetime) -> timedelta:
        moments = self._moments.get(key)
        if moments is None or len(moments) < self._limit:
            return timedelta(0)
        if moments[-1] > now:  # the clock was set back since: what is still to come was no later than this
            moments = self._moments[key] = deque((min(at, now) for at in moments), maxlen=self._limit)
        return min(moments[0] + self._window - now, self._window)

    def count(self, key: Hashable, at: datetime) -> None:
        self._moments.setdefault(key, deque(maxlen=self._limit)).append(at)
        self._moments.move_to_end(key)
        while len(self._moments) > self._most or self._oldest() <= at - self._window:
            self._moments.popitem(last=False)

    def _oldest(self) -> datetime:
        """The newest moment of the key that has been silent longest."""
        return next(iter(self._moments.values()))[-1]
