"""The Steam Web API: a remote store that is only read, patiently, politely and without ever showing the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Self, TypeVar

import httpx

from recommender.library import Library
from storage.errors import (
    SteamKeyRefused,
    SteamProfilePrivate,
    SteamUnavailable,
)
from storage.single_flight import Flights
from storage.steam.answers import hidden_by, library_from_answer, resolved
from storage.steam.calls import Calls, Key, Secret
from storage.steam.ids import SteamID, Vanity, parse

TIMEOUTS = httpx.Timeout(5.0, connect=2.0)
PATIENCE = 8.0
"""Seconds within which one question to Steam is answered or given up, retries and pauses included."""
_T = TypeVar("_T")


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
        self._api_url = api_url.rstrip("/")
        self._key = Key(key)
        self._client = client or httpx.AsyncClient(timeout=TIMEOUTS)
        self._owns_client = client is None
        self._calls = Calls(api_url, self._client, clock=clock, sleep=sleep, attempts=attempts)
        self._patience = patience
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
        self._key()
        return await self._players.get(meant, lambda: self._patiently(self._ask_player(meant)))

    async def owned_games(self, player: SteamID) -> Library:
        """What the player owns (IPlayerService/GetOwnedGames), free games played included.

        Raises:
            SteamPlayerUnknown: a well-formed ID that nobody has.
            SteamProfilePrivate: says whether the profile or only its game details are hidden.
        """
        self._key()
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
        return await self._calls.ask(method, {"format": "json", **params}, read, self._key)
