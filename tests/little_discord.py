"""As much of Discord's API, on 127.0.0.1, as the operator's commands ask: who the bot is, and which commands it has."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from aiohttp import web

TOKEN = "MTk4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"  # noqa: S105 - nobody's
APPLICATION = 198622483471925248


class LittleDiscord:
    """`async with LittleDiscord() as it` runs in the test's own loop, `.running_in_thread()` beside it.

    `url` is what to configure as the API's address. `about` is the application as Discord tells of it, `commands` what
    it has registered, `sent` what was put there, one list a request. With `status` set, all is answered with that and
    `body`; one that `hangs` answers nothing. `metrics` is what it says at /metrics, where it is taken for the bot.
    """

    def __init__(self) -> None:
        self.about: dict[str, Any] = {
            "id": str(APPLICATION),
            "name": "IndieAn",
            "description": "",
            "bot_public": True,
            "flags": 0,
            "interactions_endpoint_url": None,
            "redirect_uris": [],
            "integration_types_config": {
                "0": {"oauth2_install_params": {"scopes": ["applications.commands", "bot"], "permissions": "52224"}},
                "1": {"oauth2_install_params": {"scopes": ["applications.commands"], "permissions": "0"}},
            },
        }
        self.commands: list[dict[str, Any]] = []
        self.sent: list[list[dict[str, Any]]] = []
        self.status: int | None = None
        self.body: dict[str, Any] = {"message": "out of order", "code": 0}
        self.starts_left = 1000
        self.hangs = False
        self.metrics = ""
        self._port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.root}/api/v10"

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        application = web.Application(middlewares=[self._guard])
        add = application.router
        add.add_get("/api/v10/users/@me", self._me)
        add.add_get("/api/v10/applications/@me", self._about)
        add.add_get("/api/v10/oauth2/applications/@me", self._about)
        add.add_get("/api/v10/gateway/bot", self._gateway)
        add.add_get(f"/api/v10/applications/{APPLICATION}/commands", self._list)
        add.add_put(f"/api/v10/applications/{APPLICATION}/commands", self._put)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
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
            assert started.wait(timeout=5), "the little Discord did not start"
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=5)
            loop.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.hangs:
            await self._closing.wait()
        if self.status is not None:
            return _json(self.body, status=self.status)
        if request.path == "/healthz":  # where a test takes this for the bot's own web server
            return web.Response()
        if request.path == "/metrics" and self.metrics:
            return web.Response(text=self.metrics)
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _me(self, _: web.Request) -> web.Response:
        return _json({"id": str(APPLICATION), "username": "IndieAn", "discriminator": "0", "bot": True})

    async def _gateway(self, _: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": self.starts_left, "reset_after": 14_400_000, "max_concurrency": 1}
        return _json({"url": "wss://gateway.discord.gg", "shards": 1, "session_start_limit": limit})

    async def _about(self, _: web.Request) -> web.Response:
        return _json(self.about)

    async def _list(self, _: web.Request) -> web.Response:
        return _json(self.commands)

    async def _put(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        self.commands = [command | {"id": str(at)} for at, command in enumerate(self.sent[-1], 1)]
        return _json(self.commands)


def _json(said: object, status: int = 200) -> web.Response:
    """Discord's content type names no charset, and its clients look for exactly that."""
    return web.Response(body=json.dumps(said).encode(), status=status, content_type="application/json")
