"""The Web API: which method does what, who may, how often, and how a no is written down."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tests.loopback_slack import acting, chat, files, scheduling
from tests.loopback_slack.faults import Faults, Posting, rate_limited
from tests.loopback_slack.refusals import Payload, Refusal
from tests.loopback_slack.wire import Asked, answered, broken, decoded, read
from tests.loopback_slack.world import Team, World

APP_TOKEN = "xapp-1-A0LOOP-1-loopback-token-of-no-real-app"  # noqa: S105 - opens nothing but this
CLIENT_ID, CLIENT_SECRET = "1000000000.1000000000", "loopback-client-secret"
LARGEST = 32 * 1024 * 1024


@dataclass(frozen=True)
class Call:
    """One call of a method by the bot of a team."""

    world: World
    team: Team
    asked: Asked

    @property
    def said(self) -> Payload:
        return self.asked.said


Method = Callable[[Call], Payload]


class WebApi:
    """`counted` has how often each method was called, `limited` what was too fast and is to be asked again."""

    def __init__(self, world: World, faults: Faults, posting: Posting) -> None:
        self.world = world
        self.faults = faults
        self.counted: Counter[str] = Counter()
        self.limited: list[str] = []
        self.connect: Callable[[], str] = lambda: ""
        self._posting = posting

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST)
        application.router.add_route("*", "/api/{method}", self._serve_method)
        application.router.add_post("/respond/{token}", self._serve_response)
        application.router.add_post("/upload/{file}", self._serve_upload)
        return application

    async def _serve_method(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        return await self._served(request, method, lambda: self._called(request, method))

    async def _serve_response(self, request: web.Request) -> web.StreamResponse:
        return await self._served(request, "response_url", lambda: self._responded(request))

    async def _serve_upload(self, request: web.Request) -> web.StreamResponse:
        return await self._served(request, "upload", lambda: self._uploaded(request))

    async def _served(
        self, request: web.Request, what: str, done: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        self.counted[what] += 1
        self.world.settle()
        fault = self.faults.next(what)
        if fault is not None and not fault.after and not fault.seconds:
            return broken(request, fault)
        await asyncio.sleep(fault.seconds if fault is not None else 0)
        answer = await done()
        return broken(request, fault) if fault is not None and fault.after else answer

    async def _called(self, request: web.Request, method: str) -> web.Response:
        asked: Asked | None = None
        try:
            asked = await read(request)
            if method == "oauth.v2.access":
                return answered(self._exchange_code(asked))
            if method == "apps.connections.open":
                return answered(self._open_connection(asked))
            call = self._authenticated(asked, method)
            early = self._posting.early(str(call.said.get("channel"))) if method == "chat.postMessage" else 0.0
            if early:
                self.limited.append(f"{method} {call.said.get('channel')}")
                return broken(request, rate_limited(method, early))
            return answered(METHODS[method][1](call), scopes=call.team.scopes)
        except Refusal as refusal:
            self.world.refuse(method, refusal, None if asked is None else asked.said)
            return answered(refusal.payload, refusal.status)

    def _authenticated(self, asked: Asked, method: str) -> Call:
        if not asked.token:
            raise Refusal("not_authed")
        team = next((one for one in self.world.teams if one.token == asked.token), None)
        if team is None:
            raise Refusal("invalid_auth")
        if team.dead is not None:
            raise Refusal(team.dead)
        if method not in METHODS:
            raise Refusal("unknown_method", req_method=method)
        scope = METHODS[method][0]
        if scope is not None and scope not in team.scopes:
            raise Refusal("missing_scope", needed=scope, provided=",".join(sorted(team.scopes)))
        return Call(self.world, team, asked)

    def _open_connection(self, asked: Asked) -> Payload:
        if not asked.token:
            raise Refusal("not_authed")
        if asked.token != APP_TOKEN:
            raise Refusal("invalid_auth" if not asked.token.startswith("xoxb") else "not_allowed_token_type")
        return {"ok": True, "url": self.connect()}

    def _exchange_code(self, asked: Asked) -> Payload:
        client = asked.client or (asked.said.get("client_id"), asked.said.get("client_secret"))
        if client[0] != CLIENT_ID:
            raise Refusal("invalid_client_id")
        if client[1] != CLIENT_SECRET:
            raise Refusal("bad_client_secret")
        team = self.world.codes.pop(str(asked.said.get("code")), None)
        if team is None:
            raise Refusal("invalid_code")
        team.token, team.dead = f"xoxb-{secrets.token_hex(12)}", None
        return {
            "ok": True,
            "app_id": self.world.app_id,
            "access_token": team.token,
            "token_type": "bot",
            "scope": ",".join(sorted(team.scopes)),
            "bot_user_id": team.bot_user,
            "team": None if team.organisation else {"id": team.id, "name": team.name},
            "enterprise": {"id": team.organisation, "name": "Grid"} if team.organisation else None,
            "authed_user": {"id": next(one.id for one in self.world.members.values() if one.team is team)},
            "is_enterprise_install": team.organisation is not None,
        }

    async def _responded(self, request: web.Request) -> web.Response:
        said: Payload | None = None
        try:
            said = decoded(await request.text())
            acting.respond_by_url(self.world, request.match_info["token"], said)
        except Refusal as refusal:
            self.world.refuse("response_url", refusal, said)
            return answered(refusal.payload, 400 if refusal.status == 200 else refusal.status)
        return answered({"ok": True})

    async def _uploaded(self, request: web.Request) -> web.Response:
        try:
            length = files.upload(self.world, request.match_info["file"], await request.read())
        except Refusal as refusal:
            self.world.refuse("upload", refusal)
            return web.Response(text=refusal.error, status=refusal.status)
        return web.Response(text=f"OK - {length}")


def _auth_test(call: Call) -> Payload:
    team = call.team
    return {
        "ok": True,
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": "indiean",
        "team_id": team.id,
        "user_id": team.bot_user,
        "bot_id": f"B{call.world.app_id[1:]}",
        "is_enterprise_install": False,
    }


def _revoke(call: Call) -> Payload:
    if not call.asked.flag("test"):
        call.team.dead = "token_revoked"
    return {"ok": True, "revoked": not call.asked.flag("test")}


def _channel_info(call: Call) -> Payload:
    return {"ok": True, "channel": chat.find_channel(call, call.asked.text("channel")).payload}


def _open_conversation(call: Call) -> Payload:
    users = call.asked.text("users").split(",")
    member = call.world.members.get(users[0])
    if member is None or member.team is not call.team or len(users) > 1:
        raise Refusal("user_not_found")
    return {"ok": True, "channel": {"id": call.world.direct(member).id}}


def _user_info(call: Call) -> Payload:
    member = call.world.members.get(call.asked.text("user"))
    if member is None or member.team is not call.team:
        raise Refusal("user_not_found")
    return {"ok": True, "user": call.world.user_payload(member, locale=call.asked.flag("include_locale"))}


def _open_view(call: Call) -> Payload:
    view = acting.open_view(call.world, call.asked.text("trigger_id"), call.said.get("view"))
    return {"ok": True, "view": view.payload(call.world.app_id)}


def _push_view(call: Call) -> Payload:
    view = acting.open_view(call.world, call.asked.text("trigger_id"), call.said.get("view"), push=True)
    return {"ok": True, "view": view.payload(call.world.app_id)}


def _update_view(call: Call) -> Payload:
    known, external = call.said.get("view_id"), call.said.get("external_id")
    found = [one for one in call.world.views.values() if one.id == known or one.body.get("external_id") == external]
    view = next((one for one in found if known or external), None)
    if view is None or view.member.team is not call.team:
        raise Refusal("not_found")
    acting.update_view(call.world, view, call.said.get("view"), call.said.get("hash"))
    return {"ok": True, "view": view.payload(call.world.app_id)}


def _publish_view(call: Call) -> Payload:
    member = call.world.members.get(call.asked.text("user_id"))
    if member is None or member.team is not call.team:
        raise Refusal("invalid_arguments")
    view = acting.publish_home(call.world, member, call.said.get("view"), call.said.get("hash"))
    return {"ok": True, "view": view.payload(call.world.app_id)}


METHODS: dict[str, tuple[str | None, Method]] = {
    "auth.test": (None, _auth_test),
    "auth.revoke": (None, _revoke),
    "chat.postMessage": ("chat:write", chat.post_message),
    "chat.postEphemeral": ("chat:write", chat.post_ephemeral),
    "chat.scheduleMessage": ("chat:write", scheduling.schedule),
    "chat.scheduledMessages.list": (None, scheduling.listed),
    "chat.update": ("chat:write", chat.update),
    "chat.delete": ("chat:write", chat.delete),
    "chat.unfurl": ("links:write", chat.unfurl),
    "conversations.info": ("channels:read", _channel_info),
    "conversations.open": ("im:write", _open_conversation),
    "users.info": ("users:read", _user_info),
    "views.open": (None, _open_view),
    "views.push": (None, _push_view),
    "views.update": (None, _update_view),
    "views.publish": (None, _publish_view),
    "files.getUploadURLExternal": ("files:write", files.begin_upload),
    "files.completeUploadExternal": ("files:write", files.complete_upload),
}
