"""What can go wrong on the way: Slack's own limits and troubles, a connection that breaks, an answer that lags."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.loopback_slack.refusals import Payload


@dataclass
class Fault:
    """`pattern` is searched in "chat.postMessage", "response_url" or "upload". One that `drops` cuts the connection.

    With `after` the request is done first and only its answer is lost; `seconds` is how long it takes.
    """

    pattern: str
    status: int | None = None
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

    def next(self, what: str) -> Fault | None:
        self.coming = [fault for fault in self.coming if fault.times]
        for fault in self.coming:
            if re.search(fault.pattern, what):
                fault.times -= 1
                return fault
        return None


def rate_limited(pattern: str, retry_after: float, times: int = 1) -> Fault:
    headers = {"Retry-After": str(math.ceil(retry_after))}
    return Fault(pattern, 429, headers, {"ok": False, "error": "ratelimited"}, times)


class Posting:
    """One message a second a channel: how many seconds too early one comes, 0 where it may be posted."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: dict[str, float] = {}

    def early(self, channel: str) -> float:
        now = time.monotonic()
        left = self._last.get(channel, -math.inf) + self.seconds - now
        if left > 0:
            return left
        self._last[channel] = now
        return 0.0
