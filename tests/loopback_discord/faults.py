"""What can go wrong on the way: Discord's own limits and troubles, a connection that breaks, an answer that lags."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.loopback_discord.refusals import Payload

VIA = {"Via": "1.1 google"}
"""Without it the client takes a 429 for Cloudflare's and gives up."""


@dataclass
class Fault:
    """`pattern` is searched in "POST /channels/1/messages". One that `drops` cuts the connection.

    With `after` the request is done first and only its answer is lost; `seconds` is how long it takes.
    """

    pattern: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Payload = field(default_factory=dict)
    times: int = 1
    drops: bool = False
    after: bool = False
    seconds: float = 0.0


class Faults:
    """Those still to come; each is used up by the requests that it fits."""

    def __init__(self) -> None:
        self.coming: list[Fault] = []

    @property
    def left(self) -> list[Fault]:
        """Those that nothing has met yet."""
        return [fault for fault in self.coming if fault.times]

    def next(self, what: str) -> Fault | None:
        self.coming = self.left
        for fault in self.coming:
            if re.search(fault.pattern, what):
                fault.times -= 1
                return fault
        return None


def rate_limited(pattern: str, retry_after: float, times: int, *, everywhere: bool) -> Fault:
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": everywhere}
    scope = {"X-RateLimit-Global": "true"} if everywhere else {}
    headers = VIA | scope | {"Retry-After": f"{retry_after:g}", "X-RateLimit-Scope": "global" if everywhere else "user"}
    return Fault(pattern, 429, headers, body, times)


@dataclass(frozen=True)
class Allowance:
    """So many requests in so many seconds, for each of what a bucket tells apart."""

    bucket: str
    limit: int
    window: float


FOLLOWING = Allowance("webhook", 5, 2.0)
POSTING = Allowance("posting", 5, 5.0)
REST = Allowance("rest", 50, 1.0)
GLOBAL = Allowance("global", 50, 1.0)


@dataclass(frozen=True)
class Taken:
    """One request counted against an allowance; `excess` says that it was one too many."""

    allowance: Allowance
    remaining: int
    reset_after: float
    excess: bool

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.allowance.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{time.time() + self.reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after:.3f}",
            "X-RateLimit-Bucket": self.allowance.bucket,
        }


class Buckets:
    """Counts requests in fixed windows that begin with the first request."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], deque[float]] = {}

    def take(self, allowance: Allowance, major: str) -> Taken:
        now = time.monotonic()
        used = self._used.setdefault((allowance.bucket, major), deque())
        if used and used[0] + allowance.window <= now:
            used.clear()
        excess = len(used) >= allowance.limit
        if not excess:
            used.append(now)
        return Taken(allowance, allowance.limit - len(used), used[0] + allowance.window - now, excess)
