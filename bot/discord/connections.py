"""A Steam account taken from Discord's own connections: the round trip through the person's browser and back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from bot.messages import Person
from storage.accounts import Accounts
from storage.errors import DatabaseError, SteamIdInvalid
from storage.redaction import keep_keys_out_of_logs
from storage.steam.ids import SteamID, parse

PLATFORM = "discord"
CALLBACK = "/discord/callback"
AUTHORIZE = "https://discord.com/oauth2/authorize"
SCOPES = ("identify", "connections")
WITHIN = timedelta(minutes=10)
"""How long the way through the browser may take."""
PATIENCE = 6.0
"""Seconds for the token, and again for what it opens: somebody looks at a blank page meanwhile."""
REVOKING = 3.0
"""Seconds to give the token back."""

log = logging.getLogger(__name__)
_T = TypeVar("_T")


class End(StrEnum):
    """How the way through the browser ended."""

    LINKED = "linked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    OTHER_PERSON = "other_person"
    NO_STEAM = "no_steam"
    DISCORD_AWAY = "discord_away"
    DISCORD_REFUSES = "discord_refuses"
    NOTES_AWAY = "notes_away"


@dataclass(frozen=True, slots=True)
class Ended:
    """`name` is what the Steam account is called, where one was linked."""

    end: End
    name: str = ""


@dataclass(frozen=True, slots=True)
class SteamConnection:
    steam: SteamID
    name: str


class Connect:
    """Sends people to Discord with a secret and takes them back with it, each secret once.

    `public_url` is how browsers reach `bot.web`, `api_url` Discord's API with its version. A client that is passed in
    keeps its own time-outs and is left open by `aclose`. `patience` is in seconds.

    Neither the client's secret nor a state, a code or a token is ever logged, shown or carried by an exception; the
    token lives for as long as `finish` takes and is given back.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: SecretStr,
        public_url: str,
        api_url: str,
        accounts: Accounts,
        client: httpx.AsyncClient | None = None,
        *,
        authorize_url: str = AUTHORIZE,
        patience: float = PATIENCE,
    ) -> None:
        keep_keys_out_of_logs()
        self._client_id, self._client_secret = client_id, client_secret
        self._redirect_uri = f"{public_url.rstrip('/')}{CALLBACK}"
        self._api_url = api_url.rstrip("/")
        self._accounts = accounts
        self._client = client or httpx.AsyncClient(timeout=httpx.Timeout(5.0, connect=2.0))
        self._owns_client = client is None
        self._authorize_url, self._patience = authorize_url, patience
        # Discord asks for this shape: https://discord.com/developers/docs/reference#user-agent
        self._caller = {"User-Agent": f"DiscordBot ({public_url}, 1)"}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._owns_client:
            await self._client.aclose()

    async def begin(self, person: Person, now: datetime) -> str:
        """The address that this person, and nobody else, is to open within ten minutes.

        Raises:
            DatabaseUnavailable, DatabaseError: as Accounts does.
        """
        state = secrets.token_urlsafe(32)
        await self._accounts.begin(person.platform, person.id, _hashed(state), now)
        asked = {
            "client_id": self._client_id,
            "response_type": "code",
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
        }
        return f"{self._authorize_url}?{urlencode(asked)}"

    async def finish(self, code: str | None, state: str, now: datetime) -> Ended:
        """Links what Discord vouches for, if whoever comes back is who left; a `code` of None is a person who said no.

        Never raises for what Discord, the database or the person does.
        """
        try:
            ended = await self._finished(code, state, now)
        except _Stopped as stopped:
            ended = Ended(stopped.end)
        except DatabaseError as error:
            log.warning("the database is away while somebody links an account: %s", error)
            ended = Ended(End.NOTES_AWAY)
        log.info("an account by way of Discord: %s", ended.end)
        return ended

    async def _finished(self, code: str | None, state: str, now: datetime) -> Ended:
        left = await self._accounts.finish(_hashed(state), now, WITHIN)
        if left is None:
            return Ended(End.EXPIRED)
        if code is None:
            return Ended(End.CANCELLED)
        person = Person(*left)
        found = await self._vouched_for(person, code)
        await self._accounts.link(person.platform, person.id, found.steam, "discord", now)
        return Ended(End.LINKED, found.name)

    async def _vouched_for(self, person: Person, code: str) -> SteamConnection:
        token = await self._in_time(self._token(code))
        try:
            return await self._in_time(self._connection(person, token))
        finally:
            await self._revoke(token)

    async def _connection(self, person: Person, token: str) -> SteamConnection:
        me = await self._get("users/@me", token)
        who = me.get("id") if isinstance(me, dict) else None
        if not isinstance(who, str):
            raise _away("users/@me: the body is not what Discord documents")
        if person != Person(PLATFORM, who):
            raise _Stopped(End.OTHER_PERSON)
        connections = await self._get("users/@me/connections", token)
        if not isinstance(connections, list):
            raise _away("users/@me/connections: the body is not what Discord documents")
        if (found := steam_among(connections)) is None:
            raise _Stopped(End.NO_STEAM)
        return found

    async def _token(self, code: str) -> str:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri}
        response = await self._post("oauth2/token", form)
        body = _decoded(response)
        problem = body.get("error") if isinstance(body, dict) else None
        if response.status_code == httpx.codes.BAD_REQUEST and problem == "invalid_grant":
            raise _Stopped(End.EXPIRED)
        if response.is_client_error and problem in ("invalid_client", "unauthorized_client", "invalid_request"):
            log.error(
                "oauth2/token: %s, so check the client's id and secret, and that %s is a redirect of the application",
                problem,
                self._redirect_uri,
            )
            raise _Stopped(End.DISCORD_REFUSES)
        token = body.get("access_token") if isinstance(body, dict) and response.is_success else None
        if not isinstance(token, str) or not _fits_a_header(token):
            raise _away(f"oauth2/token: HTTP {response.status_code}")
        return token

    async def _revoke(self, token: str) -> None:
        """Soft: it would end by itself within a week, and only lets somebody see connections."""
        try:
            async with asyncio.timeout(REVOKING):
                response = await self._post("oauth2/token/revoke", {"token": token, "token_type_hint": "access_token"})
        except (_Stopped, TimeoutError):
            return
        if not response.is_success:
            log.warning("oauth2/token/revoke: HTTP %d", response.status_code)

    async def _in_time(self, asking: Awaitable[_T]) -> _T:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                return await asking
        raise _away(f"no answer within {self._patience:g} s")

    async def _post(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        login = httpx.BasicAuth(self._client_id, self._client_secret.get_secret_value())
        request = self._client.build_request("POST", f"{self._api_url}/{path}", data=form, headers=self._caller)
        return await self._send(path, request, login)

    async def _get(self, path: str, token: str) -> object:
        headers = {**self._caller, "Authorization": f"Bearer {token}"}
        response = await self._send(path, self._client.build_request("GET", f"{self._api_url}/{path}", headers=headers))
        body = _decoded(response)
        if response.status_code != httpx.codes.OK or body is None:
            raise _away(f"{path}: HTTP {response.status_code}")
        return body

    async def _send(self, path: str, request: httpx.Request, auth: httpx.Auth | None = None) -> httpx.Response:
        try:
            return await self._client.send(request, auth=auth, follow_redirects=False)
        except httpx.RequestError as broken:
            why = type(broken).__name__  # it carries the request, and so the code or the token
        raise _away(f"{path}: {why}")


class _Stopped(Exception):
    """The way ended here."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


def _away(why: str) -> _Stopped:
    log.warning("%s", why)
    return _Stopped(End.DISCORD_AWAY)


def steam_among(connections: Sequence[object]) -> SteamConnection | None:
    """The first Steam account among a person's connections that Discord has verified and may still vouch for."""
    for connection in connections:
        if not isinstance(connection, dict) or connection.get("type") != "steam":
            continue
        steam = _steam_id(connection.get("id"))
        if steam is not None and connection.get("verified") is True and not connection.get("revoked"):
            name = connection.get("name")
            return SteamConnection(steam, name if isinstance(name, str) and name.strip() else str(steam))
    return None


def _steam_id(said: object) -> SteamID | None:
    try:
        meant = parse(said) if isinstance(said, str) else None
    except SteamIdInvalid:
        return None
    return meant if isinstance(meant, SteamID) else None


def _hashed(state: str) -> str:
    """Whoever reads the table cannot come back in the person's place."""
    return hashlib.sha256(state.encode("utf-8", "backslashreplace")).hexdigest()


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and token.strip() == token != ""


def _decoded(response: httpx.Response) -> object:
    """None where it is not JSON."""
    try:
        body: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return body
