"""The covers of games, where the Steam store says that they are: asked for in batches, kept, never guessed."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

import httpx

from storage.errors import SteamError, SteamRateLimited, SteamUnavailable
from storage.steam.answers import headers_from_answer
from storage.steam.calls import decoded, pause_asked
from storage.steam.items import BATCH, ITEMS, question
from storage.steam.web_api import PATIENCE, TIMEOUTS

AT_ONCE = 3
"""Requests under way at a time: what is asked for meanwhile gathers and goes along with the next."""
KEPT = 20_000
"""Games whose cover is remembered: some 5 MB."""
FOUND_FOR, NONE_FOR = 24 * 3600.0, 3600.0
"""Seconds until a cover, or that there is none, is asked about again."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds that the store is left alone after a failure; they double from one failure to the next."""

_log = logging.getLogger(__name__)


class Covers:
    """Addresses of header images by app id, from IStoreBrowseService/GetItems, which takes no key.

    `api_url` is the Web API's address, `assets_url` the https folder that the store's paths are below. A client that is
    passed in keeps its own time-outs and is left open by `aclose`. `clock` and `patience` are in seconds.

    Soft, because an answer without a picture is worth more than none: nothing here fails. While the store asks for a
    pause or fails, what is known is still given. Where `assets_url` is not https there are no covers, and a warning.
    """

    def __init__(
        self,
        api_url: str,
        assets_url: str,
        *,
        client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = 0.8,
        most_kept: int = KEPT,
    ) -> None:
        self._ask_at = f"{api_url.rstrip('/')}/{ITEMS}"
        self._assets_url = assets_url.rstrip("/")
        self._client = client or httpx.AsyncClient(timeout=TIMEOUTS)
        self._owns_client = client is None
        self._clock, self._patience, self._most_kept = clock, patience, most_kept
        self._kept: OrderedDict[int, tuple[float, str | None]] = OrderedDict()  # the longest unused first
        self._queue: deque[int] = deque()
        self._coming: dict[int, asyncio.Future[None]] = {}  # queued or asked about
        self._drains: set[asyncio.Task[None]] = set()
        self._pause_ends, self._next_pause = -math.inf, FIRST_PAUSE
        if not assets_url.startswith("https://"):
            self._pause_ends = math.inf
            _log.warning("no covers: the address of the store's images has to begin with https://")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends what is under way; whoever still waits gets what is known."""
        self._pause_ends = math.inf
        drains = list(self._drains)
        for drain in drains:
            drain.cancel()
        await asyncio.gather(*drains, return_exceptions=True)
        self._arrived(list(self._coming))
        if self._owns_client:
            await self._client.aclose()

    async def of(self, app_ids: Iterable[int]) -> dict[int, str]:
        """Those that are known within `patience`; the rest arrives in the background, for the next who asks."""
        wanted = tuple(dict.fromkeys(app_ids))
        coming = {flight for app_id in wanted if (flight := self._flight(app_id)) is not None}
        if self._queue and len(self._drains) < AT_ONCE:
            drain = asyncio.create_task(self._drain(), name="covers")
            self._drains.add(drain)
            drain.add_done_callback(self._drains.discard)
        if coming:
            await asyncio.wait(coming, timeout=self._patience)
        return {app_id: cover for app_id in wanted if (cover := self._known(app_id))}

    def _flight(self, app_id: int) -> asyncio.Future[None] | None:
        """Who asks about a game that somebody has asked about already waits for the same answer."""
        now = self._clock()
        if app_id in self._coming:
            return self._coming[app_id]
        if self._kept.get(app_id, (-math.inf, None))[0] > now or self._pause_ends > now:
            return None
        self._coming[app_id] = asyncio.get_running_loop().create_future()
        self._queue.append(app_id)
        return self._coming[app_id]

    def _known(self, app_id: int) -> str | None:
        """Also one that is old: it most likely still leads to the image."""
        if app_id not in self._kept:
            return None
        self._kept.move_to_end(app_id)
        return self._kept[app_id][1]

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                await self._fetch(batch)
            finally:
                self._arrived(batch)

    async def _fetch(self, app_ids: Sequence[int]) -> None:
        if self._pause_ends > self._clock():
            return
        try:
            self._keep(app_ids, await self._ask(app_ids))
        except SteamError as failure:
            self._pause(failure)
        else:
            self._next_pause = FIRST_PAUSE

    def _arrived(self, app_ids: Iterable[int]) -> None:
        for app_id in app_ids:
            flight = self._coming.pop(app_id)
            if not flight.done():
                flight.set_result(None)

    def _keep(self, asked: Iterable[int], found: Mapping[int, str]) -> None:
        now = self._clock()
        for app_id in asked:
            cover = f"{self._assets_url}/{found[app_id]}" if app_id in found else None
            self._kept[app_id] = (now + (FOUND_FOR if cover else NONE_FOR), cover)
            self._kept.move_to_end(app_id)
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    async def _ask(self, app_ids: Sequence[int]) -> Mapping[int, str]:
        """Raises SteamRateLimited and SteamUnavailable."""
        try:
            async with asyncio.timeout(PATIENCE):
                response = await self._client.get(
                    self._ask_at, params=question(app_ids, include_assets=True), follow_redirects=False
                )
        except (httpx.RequestError, TimeoutError) as broken:
            raise SteamUnavailable(type(broken).__name__) from broken
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise SteamRateLimited(pause_asked(response.headers, datetime.now(UTC)))
        if response.status_code != httpx.codes.OK:
            raise SteamUnavailable(f"HTTP {response.status_code}")
        return headers_from_answer(decoded(response.content))

    def _pause(self, failure: SteamError) -> None:
        said = failure.retry_after or 0.0 if isinstance(failure, SteamRateLimited) else 0.0
        pause = max(said, self._next_pause)
        self._next_pause = min(2 * self._next_pause, LONGEST_PAUSE)
        self._pause_ends = max(self._pause_ends, self._clock() + pause)
        _log.info("%s: %s, so no covers for %g s", ITEMS, failure, pause)
