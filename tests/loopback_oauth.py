"""Discord's OAuth on 127.0.0.1: a real HTTP server that refuses what Discord refuses and can be told to misbehave."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

TOKEN, ME, CONNECTIONS, REVOKE = "oauth2/token", "users/@me", "users/@me/connections", "oauth2/token/revoke"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class _Fault:
    path: str
    status: int
    body: str
    drops: bool = False
    hangs: bool = False


@dataclass
class LoopbackOAuth:
    """`url` is what to configure as the API's address. `agree` is what a person does in the browser.

    `asked` lists the paths asked for, `given` and `revoked` the tokens; `codes` are all codes that were ever given.
    """

    client_id: str = "204255221017214977"
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connections: dict[str, Sequence[Mapping[str, object]]] = {}
        self._open: dict[str, tuple[str, str, str]] = {}  # person, redirect and scopes, by code
        self._tokens: dict[str, tuple[str, str]] = {}  # person and scopes
        self._faults: deque[_Fault] = deque()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v10"

    def add_person(self, person: str, *connections: Mapping[str, object]) -> None:
        self._connections[person] = connections

    def agree(self, person: str, address: str) -> dict[str, str]:
        """What Discord sends the browser back with that opened this address and said yes."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == self.client_id, "Discord knows no such application"
        assert query["response_type"] == "code", "Discord gives codes only"
        code = secrets.token_urlsafe(16)
        self.codes.append(code)
        self._open[code] = (person, query["redirect_uri"], query["scope"])
        return {"code": code, "state": query["state"]}

    def fail_next(self, path: str, status: int = 200, body: str = "") -> None:
        """Answers the next request for that path with just this."""
        self._faults.append(_Fault(path, status, body))

    def drop_next(self, path: str) -> None:
        """Takes the next request for that path and cuts the connection."""
        self._faults.append(_Fault(path, 500, "", drops=True))

    def hang_next(self, path: str) -> None:
        """Takes the next request for that path and never answers it."""
        self._faults.append(_Fault(path, 500, "", hangs=True))

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/api/v10/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()  # lets go of the requests that hang
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.asked.append(path)
        fault = next((fault for fault in self._faults if fault.path == path), None)
        if fault is not None:
            return await self._misbehave(request, fault)
        form = {name: str(value) for name, value in (await request.post()).items()}
        answers: dict[tuple[str, str], Callable[[web.Request, Mapping[str, str]], web.Response]] = {
            ("POST", TOKEN): self._exchange,
            ("POST", REVOKE): self._revoke,
            ("GET", ME): self._me,
            ("GET", CONNECTIONS): self._their_connections,
        }
        answer = answers.get((request.method, path))
        return answer(request, form) if answer else web.json_response({"message": "404: Not Found"}, status=404)

    async def _misbehave(self, request: web.Request, fault: _Fault) -> web.Response:
        self._faults.remove(fault)
        if fault.hangs:
            await self._closing.wait()
        if fault.drops and request.transport is not None:
            request.transport.abort()
        return web.Response(status=fault.status, text=fault.body, content_type="application/json")

    def _is_client(self, request: web.Request) -> bool:
        login = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {login}" and request.content_type == FORM

    def _exchange(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        if not self._is_client(request):
            return _refused("invalid_client", 401)
        if form.get("grant_type") != "authorization_code":
            return _refused("unsupported_grant_type")
        person, redirect, scopes = self._open.pop(form.get("code", ""), ("", "", ""))
        if not person:
            return _refused("invalid_grant")
        if form.get("redirect_uri") != redirect:
            return _refused("invalid_request")
        token = secrets.token_urlsafe(22)
        self._tokens[token] = (person, scopes)
        self.given.append(token)
        return web.json_response(
            {
                "token_type": "Bearer",
                "access_token": token,
                "expires_in": 604800,
                "refresh_token": secrets.token_urlsafe(22),
                "scope": scopes,
            }
        )

    def _revoke(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        if not self._is_client(request):
            return _refused("invalid_client", 401)
        self.revoked.append(form["token"])
        self._tokens.pop(form["token"], None)
        return web.json_response({})

    def _me(self, request: web.Request, _: Mapping[str, str]) -> web.Response:
        person = self._opened(request, "identify")
        return _unauthorized() if person is None else web.json_response({"id": person, "username": f"name of {person}"})

    def _their_connections(self, request: web.Request, _: Mapping[str, str]) -> web.Response:
        person = self._opened(request, "connections")
        if person is None:
            return _unauthorized()
        return web.json_response([dict(connection) for connection in self._connections.get(person, ())])

    def _opened(self, request: web.Request, scope: str) -> str | None:
        """Who may be looked at with the token that came along."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        person, scopes = self._tokens.get(token, ("", ""))
        return person if kind == "Bearer" and scope in scopes.split() else None


def steam(steamid: object, name: str = "Gordon", **other: object) -> dict[str, object]:
    """A Steam account among somebody's connections."""
    usual = {"verified": True, "revoked": False, "visibility": 1, "friend_sync": True, "show_activity": True}
    return {"id": str(steamid), "name": name, "type": "steam", **usual, **other}


def _refused(error: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": "refused"}, status=status)


def _unauthorized() -> web.Response:
    return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
