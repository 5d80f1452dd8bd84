"""Delivery over HTTP: a signed request to the address that the app has set."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from tests.loopback_slack.exchange import COMMAND, EVENT, Exchange
from tests.loopback_slack.refusals import Payload

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - opens nothing but this


class HttpDelivery:
    """`url` is where to; it signs with `secret` as of `age` seconds ago."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.secret = SIGNING_SECRET
        self.age = 0.0
        self._session: aiohttp.ClientSession | None = None

    @property
    def genuine(self) -> bool:
        """Whether Slack itself would sign so."""
        return self.secret == SIGNING_SECRET and not self.age

    async def post(self, exchange: Exchange, attempt: int = 0) -> tuple[int, Payload | None]:
        """The status of the answer, and the body that came with it. Raises aiohttp.ClientError, TimeoutError."""
        assert self.url is not None, "no address is set"
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        body, kind = written(exchange)
        headers = {"Content-Type": kind} | signed(body, self.secret, time.time() - self.age)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        async with self._session.post(self.url, data=body.encode(), headers=headers) as response:
            return response.status, _read(await response.text())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def written(exchange: Exchange) -> tuple[str, str]:
    """The body and its content type: commands and interactions are forms, events are JSON."""
    if exchange.kind == EVENT:
        return json.dumps(exchange.payload), "application/json"
    form = exchange.payload if exchange.kind == COMMAND else {"payload": json.dumps(exchange.payload)}
    return urlencode(form), "application/x-www-form-urlencoded"


def signed(body: str, secret: str, moment: float) -> dict[str, str]:
    stamp = str(int(moment))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}


def _read(text: str) -> Payload | None:
    if not text:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return {"text": text}
    return said if isinstance(said, dict) else {"text": text}
