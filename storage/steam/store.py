"""Steam's store as a job reads it: what changed since, what each game is, slowly enough to be welcome tomorrow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self, TypeVar

import httpx
from tenacity import wait_exponential_jitter

from storage.errors import SteamKeyRefused, SteamProfilePrivate
from storage.steam.calls import Calls, Key, Secret
from storage.steam.items import BATCH, ITEMS, question
from storage.steam.store_answers import Page, Told, items_from_answer, page_from_answer, tags_from_answer

LIST, TAGS = "IStoreService/GetAppList/v1", "IStoreService/GetTagList/v1"
PAGE = 50_000
"""Apps in one page of the list, the most that Steam gives."""
INTERVAL = 1.5
"""Seconds between two requests: 200 in five minutes, as the store allows to whoever shows no key; 57,600 a day."""
LONGEST_NAP = 60.0
"""Seconds of a pause that a run sits out; after a longer one it is better to come again."""
TIMEOUTS = httpx.Timeout(30.0, connect=5.0)
TRIES = 5
_T = TypeVar("_T")
WITH_DETAILS: Mapping[str, bool | int] = {
    "include_basic_info": True,
    "include_release": True,
    "include_reviews": True,
    "include_tag_count": 20,
}


class SteamStore:
    """Reads IStoreService and IStoreBrowseService; only the list of apps takes the key, and only there it is sent.

    `api_url` is the Web API's address. A client that is passed in is left open by `aclose`. `clock`, `sleep` and
    `interval` are in seconds.

    Every method that asks raises:
        SteamKeyMissing: before any request. SteamKeyRefused: Steam answered 401 or 403.
        SteamRateLimited: Steam asks for a pause too long to sit out; carries its seconds.
        SteamUnavailable: as in `Calls.ask`.
    """

    def __init__(
        self,
        api_url: str,
        key: Secret | str | None,
        *,
        client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval: float = INTERVAL,
    ) -> None:
        self._key = Key(key)
        self._client = client or httpx.AsyncClient(timeout=TIMEOUTS)
        self._owns_client = client is None
        self._calls = Calls(
            api_url,
            self._client,
            clock=clock,
            sleep=sleep,
            attempts=TRIES,
            interval=interval,
            longest_nap=LONGEST_NAP,
            backoff=wait_exponential_jitter(multiplier=1.0, max=30.0, jitter=1.0),
        )
        self._tag_names: Mapping[int, str] | None = None

    def __repr__(self) -> str:
        return "SteamStore()"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._owns_client:
            await self._client.aclose()

    @property
    def calls(self) -> int:
        """Requests made so far."""
        return self._calls.made

    async def listed(self, after: int = 0, since: int = 0) -> Page:
        """Games with ids over `after`, of those that changed since a moment in unix seconds; 0 is all of them."""
        asked = {"include_games": "true", "max_results": str(PAGE), "last_appid": str(after)}
        asked |= dict.fromkeys(("include_dlc", "include_software", "include_videos", "include_hardware"), "false")
        if since:
            asked["if_modified_since"] = str(since)
        return await self._ask(LIST, asked, lambda body: page_from_answer(body, after), self._key)

    async def details(self, app_ids: Sequence[int]) -> Told:
        """What the store says of at most BATCH games."""
        if len(app_ids) > BATCH:
            raise ValueError(f"{len(app_ids)} games are too many for one question")
        names = await self._tags()
        asked = question(app_ids, **WITH_DETAILS)
        return await self._ask(ITEMS, asked, lambda body: items_from_answer(body, app_ids, names))

    async def _tags(self) -> Mapping[int, str]:
        if self._tag_names is None:
            self._tag_names = await self._ask(TAGS, {"language": "english"}, tags_from_answer)
        return self._tag_names

    async def _ask(
        self, method: str, params: Mapping[str, str], read: Callable[[object], _T], key: Key | None = None
    ) -> _T:
        with suppress(SteamProfilePrivate):
            return await self._calls.ask(method, params, read, key)
        raise SteamKeyRefused("Steam answered 401 to a question that concerns no player's privacy")
