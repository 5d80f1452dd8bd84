"""How a question is put to Steam: paced, retried, silent while Steam asks for a pause, and without telling the key."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar, cast

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_exponential_jitter
from tenacity.wait import wait_base

from storage.errors import (
    Hidden,
    SteamError,
    SteamKeyMissing,
    SteamKeyRefused,
    SteamProfilePrivate,
    SteamRateLimited,
    SteamUnavailable,
)
from storage.redaction import keep_keys_out_of_logs

SHORT_PAUSE = 2.0
"""The longest pause in seconds, asked for by Steam, that is sat out while a person waits."""
UNSAID_PAUSE = 60.0
"""Seconds to leave Steam alone after a 429 that does not say how long."""
LONGEST_PAUSE = 48 * 3600.0
"""Seconds of the longest block Steam is known to give; a longer Retry-After is taken for a mistake."""
BRIEF = wait_exponential_jitter(multiplier=0.25, max=2.0, jitter=0.25)
"""Seconds between two tries while a person waits."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Secret(Protocol):
    """A string that hides itself, as pydantic's SecretStr does."""

    def get_secret_value(self) -> str: ...


class Key:
    """The Web API key, told when it is called and in no repr.

    Raises:
        SteamKeyMissing: there is none.
    """

    def __init__(self, key: Secret | str | None) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Key()"

    def __call__(self) -> str:
        if self._key is not None:
            key = self._key if isinstance(self._key, str) else self._key.get_secret_value()
            if key.strip():
                return key.strip()
        raise SteamKeyMissing("no Steam Web API key is configured")


class Calls:
    """Requests through a client that the caller owns; `clock`, `sleep`, `interval` and `longest_nap` are in seconds.

    `attempts` bounds the requests for one answer. Two requests begin at least `interval` apart. A pause that Steam asks
    for holds for every request: up to `longest_nap` it is sat out, a longer one refuses all until it is over.
    """

    def __init__(
        self,
        api_url: str,
        client: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        attempts: int = 3,
        interval: float = 0.0,
        longest_nap: float = SHORT_PAUSE,
        backoff: wait_base = BRIEF,
    ) -> None:
        keep_keys_out_of_logs()
        self._api_url, self._client = api_url.rstrip("/"), client
        self._clock, self._sleep = clock, sleep
        self._attempts, self._interval, self._longest_nap, self._backoff = attempts, interval, longest_nap, backoff
        self._next = self._short_pause_ends = self._long_pause_ends = -math.inf
        self._made = 0

    @property
    def made(self) -> int:
        """How many requests have been sent."""
        return self._made

    async def ask(
        self, method: str, params: Mapping[str, str], read: Callable[[object], _T], key: Key | None = None
    ) -> _T:
        """What `read` makes of the decoded body; SteamUnavailable out of it is worth one more try.

        `key` gives the key where the method takes one, at the last moment, so that no traceback's variables hold it.

        Raises:
            SteamProfilePrivate: Steam answered 401.
            SteamKeyRefused: Steam answered 403.
            SteamRateLimited: Steam answered 429, now or during the pause it asked for then; carries the seconds left.
            SteamUnavailable: time-out, no connection, 5xx, or a body other than documented, also when asked again.
        """

        def enough(state: RetryCallState) -> bool:
            return state.attempt_number >= min(self._attempts, _failure(state).tries)

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, _Failure)),
            stop=enough,
            wait=self._wait,
            sleep=self._nap,
            before_sleep=lambda state: _log.info("%s: %s, asking again", method, _failure(state).error),
            retry_error_callback=_failure,
        )
        outcome: _T | _Failure = await retrying(self._once, method, params, read, key)
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    async def _once(
        self, method: str, params: Mapping[str, str], read: Callable[[object], _T], key: Key | None
    ) -> _T | _Failure:
        await self._turn()
        self._made += 1
        try:
            response = await self._client.get(
                f"{self._api_url}/{method}",
                params=params if key is None else {"key": key(), **params},
                follow_redirects=False,
            )
        except httpx.RequestError as broken:  # returned, not raised from: it carries the URL and so the key
            return _Failure(SteamUnavailable(f"{method}: {type(broken).__name__}"), _ALLOWED)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return self._paused(pause_asked(response.headers, datetime.now(UTC)))
        return _judged(method, response.status_code, response.content, read)

    async def _turn(self) -> None:
        await self._nap(max(self._short_pause_ends, self._next) - self._clock())
        if (left := self._long_pause_ends - self._clock()) > 0:  # it may have begun during the nap
            raise SteamRateLimited(left)
        self._next = self._clock() + self._interval

    def _paused(self, seconds: float) -> _Failure:
        if seconds <= self._longest_nap:
            self._short_pause_ends = max(self._short_pause_ends, self._clock() + seconds)
            return _Failure(SteamRateLimited(seconds), _ALLOWED)
        self._long_pause_ends = max(self._long_pause_ends, self._clock() + seconds)
        self._short_pause_ends = -math.inf  # whoever asks now hears of the long one at once
        return _Failure(SteamRateLimited(seconds))

    async def _nap(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)

    def _wait(self, state: RetryCallState) -> float:
        # A pause that Steam asked for holds for every request, so the next request itself sits it out.
        return 0.0 if isinstance(_failure(state).error, SteamRateLimited) else self._backoff(state)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What came of one request, and how many requests in all such an outcome is worth."""

    error: SteamError
    tries: float = 1


_ALLOWED = math.inf
_TWICE = 2


def _judged(method: str, status: int, content: bytes, read: Callable[[object], _T]) -> _T | _Failure:
    if status == httpx.codes.OK:
        return _understood(method, content, read)
    if status == httpx.codes.UNAUTHORIZED:
        return _Failure(SteamProfilePrivate(Hidden.PROFILE))
    if status == httpx.codes.FORBIDDEN:
        return _Failure(SteamKeyRefused("Steam answered 403"))
    return _Failure(
        SteamUnavailable(f"{method}: HTTP {status}"), _ALLOWED if httpx.codes.is_server_error(status) else 1
    )


def _understood(method: str, content: bytes, read: Callable[[object], _T]) -> _T | _Failure:
    try:
        body = decoded(content)
    except SteamUnavailable as foreign:
        return _Failure(SteamUnavailable(f"{method}: {foreign}"), _TWICE)
    try:
        return read(body)
    except SteamUnavailable as misshapen:
        return _Failure(misshapen, _TWICE)
    except SteamError as refusal:
        return _Failure(refusal)


def decoded(content: bytes) -> object:
    """Raises SteamUnavailable where it is no JSON."""
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError) as foreign:  # RecursionError: nested deeper than any answer is
        raise SteamUnavailable("the body is not JSON") from foreign
    return body


def pause_asked(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that a Retry-After header asks for: seconds, or an HTTP date counted from `now` (RFC 9110, 10.2.3)."""
    said = headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return min(float(said), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return UNSAID_PAUSE
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def _failure(state: RetryCallState) -> _Failure:
    assert state.outcome is not None, "asked before the first request was made"
    return cast("_Failure", state.outcome.result())
