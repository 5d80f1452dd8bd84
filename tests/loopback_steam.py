"""A Steam on 127.0.0.1: a real HTTP server that answers in Steam's shapes and can be told to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.loopback_store import LoopbackStore

FORBIDDEN = """<html><head><title>Forbidden</title></head><body><h1>Forbidden</h1>Access is denied. \
Retrying will not help. Please verify your <pre>key=</pre> parameter.</body></html>"""
UNAUTHORIZED = "<html><head><title>Unauthorized</title></head><body><h1>Unauthorized</h1></body></html>"
PUBLIC = 3
NO_MATCH = 42


@dataclass(frozen=True)
class Asked:
    """One request as it arrived: the Web API method's name and its parameters but the key."""

    method: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class _Player:
    games: Mapping[int, int]
    vanity: str | None
    visibility: int
    games_private: bool

    @property
    def hides_games(self) -> bool:
        return self.games_private or self.visibility != PUBLIC


@dataclass(frozen=True)
class _Fault:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    hangs: bool = False
    drops: bool = False


class LoopbackSteam:
    """`async with LoopbackSteam() as steam` runs in the test's own loop, `with steam.running_in_thread()` beside it.

    `url` is what to configure as Steam's address, `key` the only key it accepts, `store` what is sold. `requests` lists
    what was asked. `delay` is the seconds every answer takes but those of the methods in `prompt`. With
    `unauthorized_when_private` what a player hides is answered 401, not with an empty response; with
    `summaries_unauthorized` GetPlayerSummaries is answered 401 as well.
    """

    def __init__(self, key: str = "0123456789ABCDEF0123456789ABCDEF") -> None:
        self.key = key
        self.delay = 0.0
        self.prompt: set[str] = set()
        self.unauthorized_when_private = False
        self.summaries_unauthorized = False
        self.requests: list[Asked] = []
        self._players: dict[str, _Player] = {}
        self.store = LoopbackStore()
        self._faults: deque[_Fault | None] = deque()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def add_player(
        self,
        steamid: object,
        games: Mapping[int, int] | None = None,
        vanity: str | None = None,
        visibility: int = PUBLIC,
        *,
        games_private: bool = False,
    ) -> None:
        """`steamid` is anything whose `str` is the 17 digits; `games` maps app id to minutes."""
        self._players[str(steamid)] = _Player(games or {}, vanity, visibility, games_private)

    def add_cover(self, app_id: int, **assets: object) -> None:
        """A game whose store page has images; `assets` stand in for the usual ones, or leave them out by None."""
        usual = {"asset_url_format": f"steam/apps/{app_id}/${{FILENAME}}?t=1700000000", "header": "header.jpg"}
        self.store.assets[app_id] = {name: value for name, value in (usual | assets).items() if value is not None}

    def fail_next(self, status: int, headers: Mapping[str, str] | None = None, body: str = "", times: int = 1) -> None:
        """Answers the next requests with just this; a `status` of 200 is a way to send a foreign body."""
        self._faults.extend([_Fault(status, headers or {}, body)] * times)

    def answer_next(self, times: int) -> None:
        """Answers the next requests as usual, before what was or is announced for those after them."""
        self._faults.extend([None] * times)

    def hang_next(self, times: int = 1) -> None:
        """Takes the next requests and never answers them."""
        self._faults.extend([_Fault(hangs=True)] * times)

    def drop_next(self, times: int = 1) -> None:
        """Takes the next requests and cuts the connection."""
        self._faults.extend([_Fault(drops=True)] * times)

    def asked(self, method: str) -> int:
        """How often a method was asked."""
        return sum(request.method == method for request in self.requests)

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        application = web.Application()
        application.router.add_get("/{tail:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()  # lets go of the requests that hang
        await self._runner.cleanup()

    @contextmanager
    def running_in_thread(self) -> Iterator[Self]:
        """The same server in a loop of its own, for tests that are not asynchronous."""
        started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

        async def serve() -> None:
            async with self:
                started.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
        thread.start()
        try:
            assert started.wait(timeout=5), "the loopback server did not start"
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=5)
            loop.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.path.strip("/")
        name = method.split("/")[1] if method.count("/") == 2 else method
        self.requests.append(Asked(name, {k: v for k, v in request.query.items() if k != "key"}))
        fault = self._faults.popleft() if self._faults else None
        await asyncio.sleep(0 if name in self.prompt else self.delay)
        if fault is not None:
            return await self._misbehave(request, fault)
        if method == "IStoreBrowseService/GetItems/v1":
            return self.store.items(request.query, len(request.path_qs))
        if method == "IStoreService/GetTagList/v1":
            return self.store.list_of_tags(request.query)
        if request.query.get("key") != self.key:
            return _page(403, FORBIDDEN)
        answers: dict[str, Callable[[Mapping[str, str]], web.Response]] = {
            "ISteamUser/ResolveVanityURL/v1": self._vanity,
            "ISteamUser/GetPlayerSummaries/v2": self._summaries,
            "IPlayerService/GetOwnedGames/v1": self._owned,
            "IStoreService/GetAppList/v1": self.store.list_of_apps,
        }
        return answers[method](request.query) if method in answers else _page(404, "Not Found")

    async def _misbehave(self, request: web.Request, fault: _Fault) -> web.StreamResponse:
        if fault.hangs:
            await self._closing.wait()
        if fault.drops and request.transport is not None:
            request.transport.abort()
        return web.Response(status=fault.status, headers=dict(fault.headers), text=fault.body)

    def _vanity(self, query: Mapping[str, str]) -> web.Response:
        for steamid, player in self._players.items():
            if player.vanity is not None and player.vanity.lower() == query["vanityurl"].lower():
                return _answer({"steamid": steamid, "success": 1})
        return _answer({"success": NO_MATCH, "message": "No match"})

    def _summaries(self, query: Mapping[str, str]) -> web.Response:
        if self.summaries_unauthorized:
            return _page(401, UNAUTHORIZED)
        known = [(s, self._players[s]) for s in query["steamids"].split(",") if s in self._players]
        return _answer({"players": [_summary(steamid, player) for steamid, player in known]})

    def _owned(self, query: Mapping[str, str]) -> web.Response:
        player = self._players.get(query["steamid"])
        if player is None:
            return _answer({})
        if player.hides_games:
            return _page(401, UNAUTHORIZED) if self.unauthorized_when_private else _answer({})
        games = [
            {"appid": app_id, "playtime_forever": minutes, "rtime_last_played": 0}
            for app_id, minutes in player.games.items()
        ]
        return _answer({"game_count": len(games)} | ({"games": games} if games else {}))


def _summary(steamid: str, player: _Player) -> dict[str, object]:
    return {
        "steamid": steamid,
        "communityvisibilitystate": player.visibility,
        "profilestate": 1,
        "personaname": player.vanity or "someone",
        "profileurl": f"https://steamcommunity.com/profiles/{steamid}/",
    }


def _answer(response: Mapping[str, object]) -> web.Response:
    return web.json_response({"response": response})


def _page(status: int, html: str) -> web.Response:
    return web.Response(status=status, text=html, content_type="text/html")
