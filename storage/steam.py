"""The Steam Web API: a remote store that is only read, patiently, politely and without ever showing the key."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, Self, TypeVar, cast

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_exponential_jitter

from recommender.library import Library
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
from storage.single_flight import Flights
from storage.steam_answers import hidden_by, library_from_answer, resolved
from storage.steam_id import SteamID, Vanity, parse

TIMEOUTS = httpx.Timeout(5.0, connect=2.0)
PATIENCE = 8.0
"""Seconds within which one question to Steam is answered or given up, retries and pauses included."""
SHORT_PAUSE = 2.0
"""The longest pause in seconds, asked for by Steam, that is sat out instead of being reported."""
UNSAID_PAUSE = 60.0
"""Seconds to leave Steam alone after a 429 that does not say how long."""
LONGEST_PAUSE = 48 * 3600.0
"""Seconds of the longest block Steam is known to give; a longer Retry-After is taken for a mistake."""

_log = logging.getLogger(__name__)
_backoff = wait_exponential_jitter(multiplier=0.25, max=2.0, jitter=0.25)
_T = TypeVar("_T")


class Secret(Protocol):
    """A string that hides itself, as pydantic's SecretStr does."""

    def get_secret_value(self) -> str: ...


class Steam:
    """Asks Steam on behalf of the person who just asked us; equal questions share one request and its answer.

    `api_url` is `https://api.steampowered.com` or what stands in for it. A client that is passed in keeps its own
    time-outs and is left open by `aclose`. `clock` and `sleep` are in seconds; answers are kept for `cache_seconds`,
    refusals are not, so that somebody who changes a privacy setting is believed at once. `attempts` bounds the
    requests for one answer, `patience` the seconds.

    Every method that asks raises:
        SteamKeyMissing: before any request. SteamKeyRefused: Steam answered 403.
        SteamRateLimited: Steam answered 429, now or during the pause it asked for then; carries the seconds left.
        SteamUnavailable: time-out, no connection, 5xx, or a body other than documented, also when asked again.
    """

    def __init__(
        self,
        api_url: str,
        key: Secret | str | None,
        *,
        client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        cache_seconds: float = 300.0,
        attempts: int = 3,
        patience: float = PATIENCE,
    ) -> None:
        keep_keys_out_of_logs()
        self._api_url = api_url.rstrip("/")
        self._key = key
        self._client = client or httpx.AsyncClient(timeout=TIMEOUTS)
        self._owns_client = client is None
        self._clock, self._sleep = clock, sleep
        self._attempts, self._patience = attempts, patience
        self._short_pause_ends = self._long_pause_ends = -math.inf
        self._players: Flights[Vanity, SteamID] = Flights(clock, cache_seconds)
        self._libraries: Flights[SteamID, Library] = Flights(clock, cache_seconds)

    def __repr__(self) -> str:
        return f"Steam({self._api_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._players.close()
        await self._libraries.close()
        if self._owns_client:
            await self._client.aclose()

    async def resolve(self, said: str) -> SteamID:
        """The player a person means; only a vanity name costs a request (ISteamUser/ResolveVanityURL).

        Raises:
            SteamIdInvalid: no form of a Steam ID.
            SteamPlayerUnknown: nobody has that vanity name.
        """
        meant = parse(said)
        if isinstance(meant, SteamID):
            return meant
        self._require_key()
        return await self._players.get(meant, lambda: self._patiently(self._ask_player(meant)))

    async def owned_games(self, player: SteamID) -> Library:
        """What the player owns (IPlayerService/GetOwnedGames), free games played included.

        Raises:
            SteamPlayerUnknown: a well-formed ID that nobody has.
            SteamProfilePrivate: says whether the profile or only its game details are hidden.
        """
        self._require_key()
        return await self._libraries.get(
            player, lambda: self._patiently(self._ask_library(player)), keep=lambda library: not library.playtime_hidden
        )

    def forget(self, player: SteamID) -> None:
        """Drop at once what is kept of a player, instead of when its time is over."""
        self._players.drop(lambda _, found: found == player)
        self._libraries.drop(lambda owner, _: owner == player)

    async def _ask_player(self, vanity: Vanity) -> SteamID:
        asked = {"vanityurl": vanity.name}
        with suppress(SteamProfilePrivate):
            return await self._ask("ISteamUser/ResolveVanityURL/v1", asked, lambda body: resolved(vanity, body))
        raise SteamKeyRefused("Steam answered 401 to a question that concerns no player's privacy")

    async def _ask_library(self, player: SteamID) -> Library:
        asked = {"steamid": str(player), "include_appinfo": "0", "include_played_free_games": "1"}
        with suppress(SteamProfilePrivate):
            return await self._ask("IPlayerService/GetOwnedGames/v1", asked, library_from_answer)
        asked = {"steamids": str(player)}
        hidden = await self._ask("ISteamUser/GetPlayerSummaries/v2", asked, lambda body: hidden_by(player, body))
        raise SteamProfilePrivate(hidden)

    async def _patiently(self, asking: Awaitable[_T]) -> _T:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                return await asking
        raise SteamUnavailable(f"no answer within {self._patience:g} s")

    async def _ask(self, method: str, params: Mapping[str, str], read: Callable[[object], _T]) -> _T:
        def enough(state: RetryCallState) -> bool:
            return state.attempt_number >= min(self._attempts, _failure(state).tries)

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, _Failure)),
            stop=enough,
            wait=_wait,
            sleep=self._nap,
            before_sleep=lambda state: _log.info("%s: %s, asking again", method, _failure(state).error),
            retry_error_callback=_failure,
        )
        outcome: _T | _Failure = await retrying(self._once, method, params, read)
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    async def _once(self, method: str, params: Mapping[str, str], read: Callable[[object], _T]) -> _T | _Failure:
        await self._respect_pause()
        try:
            response = await self._client.get(
                f"{self._api_url}/{method}",
                params={"key": self._require_key(), "format": "json", **params},
                follow_redirects=False,
            )
        except httpx.RequestError as broken:  # returned, not raised from: it carries the URL and so the key
            return _Failure(SteamUnavailable(f"{method}: {type(broken).__name__}"), _ALLOWED)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return self._paused(pause_asked(response.headers, datetime.now(UTC)))
        return _judged(method, response.status_code, response.content, read)

    async def _respect_pause(self) -> None:
        await self._nap(self._short_pause_ends - self._clock())
        if (left := self._long_pause_ends - self._clock()) > 0:  # it may have begun during the nap
            raise SteamRateLimited(left)

    def _paused(self, seconds: float) -> _Failure:
        if seconds <= SHORT_PAUSE:
            self._short_pause_ends = max(self._short_pause_ends, self._clock() + seconds)
            return _Failure(SteamRateLimited(seconds), _ALLOWED)
        self._long_pause_ends = max(self._long_pause_ends, self._clock() + seconds)
        self._short_pause_ends = -math.inf  # whoever asks now hears of the long one at once
        return _Failure(SteamRateLimited(seconds))

    async def _nap(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)

    def _require_key(self) -> str:
        if self._key is not None:
            key = self._key if isinstance(self._key, str) else self._key.get_secret_value()
            if key.strip():
                return key.strip()
        raise SteamKeyMissing("no Steam Web API key is configured")


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
        body: object = json.loads(content)
    except (ValueError, RecursionError):  # RecursionError: nested deeper than any answer is
        return _Failure(SteamUnavailable(f"{method}: the body is not JSON"), _TWICE)
    try:
        return read(body)
    except SteamUnavailable as misshapen:
        return _Failure(misshapen, _TWICE)
    except SteamError as refusal:
        return _Failure(refusal)


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


def _wait(state: RetryCallState) -> float:
    # A pause that Steam asked for holds for every request, so the next request itself sits it out.
    return 0.0 if isinstance(_failure(state).error, SteamRateLimited) else _backoff(state)
