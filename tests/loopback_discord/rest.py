"""The REST side: which address does what, who may, how often, and how a no is written down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.loopback_discord import commands, history, responding
from tests.loopback_discord.components import barred_flaws
from tests.loopback_discord.exchange import Exchange
from tests.loopback_discord.faults import FOLLOWING, GLOBAL, POSTING, REST, Buckets, Faults, Taken, rate_limited
from tests.loopback_discord.refusals import (
    Refusal,
    insist,
    missing_access,
    missing_permissions,
    not_found,
    token_expired,
    unauthorized,
    unknown_channel,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)
from tests.loopback_discord.wire import Asked, answered, broken, read
from tests.loopback_discord.world import Channel, Refused, World

PREFIX = "/api/v10"
LARGEST = 32 * 1024 * 1024
Answer = tuple[int, object]
Handler = Callable[[Asked], Answer]


class Rest:
    """`counted` has how often each "METHOD /path/{template}" was asked.

    Messages with pictures from one of the `barred` hosts are refused, as addresses are that Discord takes for none.
    """

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.counted: Counter[str] = Counter()
        self.gateway_url = ""
        self.barred: set[str] = set()
        self._buckets = Buckets()

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST)
        for what, handler in self._routes().items():
            method, path = what.split()
            application.router.add_route(method, PREFIX + path, self._served(what, handler))
        application.router.add_route("*", PREFIX + "/{tail:.*}", self._served("* /{tail}", self._nowhere))
        return application

    def _routes(self) -> dict[str, Handler]:
        whole, message = "/webhooks/{application}/{token}", "/webhooks/{application}/{token}/messages/{message}"
        there, those = "/channels/{channel}/messages/{message}", "/applications/{application}/commands"
        return {
            "GET /users/@me": lambda _: (200, self.world.bot),
            "GET /oauth2/applications/@me": lambda _: (200, self.world.application),
            "GET /applications/@me": lambda _: (200, self.world.application),
            "GET /gateway": lambda _: (200, {"url": self.gateway_url}),
            "GET /gateway/bot": self._gateway,
            f"GET {those}": lambda asked: (200, commands.listed(self.world, asked.match, asked.query)),
            f"PUT {those}": lambda asked: (200, commands.overwrite(self.world, asked.match, asked.said)),
            "POST /interactions/{interaction}/{token}/callback": self._callback,
            f"POST {whole}": self._follow_up,
            f"GET {message}": lambda asked: (200, responding.find(self._live(asked), asked.match["message"]).payload),
            f"PATCH {message}": self._edit,
            f"DELETE {message}": self._delete,
            "GET /channels/{channel}": self._channel,
            "GET /channels/{channel}/messages": self._history,
            "POST /channels/{channel}/messages": self._post,
            "POST /channels/{channel}/typing": self._typing,
            f"GET {there}": self._read,
        }

    def _served(self, what: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.counted[what] += 1
            fault = self.faults.next(f"{request.method} {request.path.removeprefix(PREFIX)}")
            if fault is not None and not fault.after and not fault.seconds:
                return broken(request, fault)
            await asyncio.sleep(fault.seconds if fault is not None else 0)
            taken, limited = self._limited(what, request)
            done = limited or await self._done(what, request, handler)
            if taken is not None:
                done.headers.update(taken.headers)
            return broken(request, fault) if fault is not None and fault.after else done

        return serve

    def _limited(self, what: str, request: web.Request) -> tuple[Taken | None, web.Response | None]:
        """Callbacks have no limit at all and interactions none in common, everything else has both."""
        if "/interactions/" in what:
            return None, None
        if "/webhooks/" in what:
            taken = self._buckets.take(FOLLOWING, request.match_info["token"])
            everywhere = taken
        else:
            allowance = POSTING if what.startswith("POST /channels") else REST
            taken = self._buckets.take(allowance, what + request.match_info.get("channel", ""))
            everywhere = self._buckets.take(GLOBAL, "")
        if not taken.excess and not everywhere.excess:
            return taken, None
        worst = taken if taken.excess else everywhere
        fault = rate_limited("", round(worst.reset_after, 3), 1, everywhere=worst.allowance is GLOBAL)
        return taken, broken(request, fault)

    async def _done(self, what: str, request: web.Request, handler: Handler) -> web.Response:
        asked: Asked | None = None
        try:
            if "{token}" not in what and request.headers.get("Authorization") != f"Bot {self.world.token}":
                raise unauthorized()
            asked = await read(request)
            insist(barred_flaws(asked.said, self.barred))
            status, answer = handler(asked)
        except Refusal as refusal:
            said = None if asked is None else asked.said
            token = request.match_info.get("token")
            shown = f"{request.method} {request.path.removeprefix(PREFIX)}"
            if token is not None:
                shown = shown.replace(token, "{token}")
            self.world.refused.append(Refused(shown, refusal, said, token))
            return answered(refusal.status, refusal.payload)
        return web.Response(status=204) if answer is None else answered(status, answer)

    def _nowhere(self, _: Asked) -> Answer:
        raise not_found()

    def _gateway(self, _: Asked) -> Answer:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return 200, {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    def _callback(self, asked: Asked) -> Answer:
        exchange = self.world.exchanges.get(asked.match["token"])
        if exchange is None or exchange.interaction["id"] != asked.match["interaction"]:
            raise unknown_interaction()
        answer = responding.respond(exchange, asked.body, asked.uploads)
        return (200, answer) if asked.query.get("with_response") in ("1", "true") else (204, None)

    def _live(self, asked: Asked) -> Exchange:
        """The exchange whose token it is, while that lives."""
        exchange = self.world.exchanges.get(asked.match["token"])
        if exchange is None or asked.match["application"] != self.world.application_id:
            raise unknown_webhook()
        if exchange.age > self.world.token_life:
            raise token_expired()
        return exchange

    def _follow_up(self, asked: Asked) -> Answer:
        message = responding.follow_up(self._live(asked), asked.body, asked.uploads)
        return 200, message.payload

    def _edit(self, asked: Asked) -> Answer:
        exchange = self._live(asked)
        return 200, responding.edit(exchange, asked.match["message"], asked.body, asked.uploads).payload

    def _delete(self, asked: Asked) -> Answer:
        responding.delete(self._live(asked), asked.match["message"])
        return 204, None

    def _seen(self, asked: Asked) -> Channel:
        channel = self.world.channels.get(asked.match["channel"])
        if channel is None:
            raise unknown_channel()
        if not channel.reachable:
            raise missing_access()
        return channel

    def _reached(self, asked: Asked) -> str:
        return self._seen(asked).id

    def _channel(self, asked: Asked) -> Answer:
        channel = self._seen(asked)
        return 200, channel.payload() | {"last_message_id": history.last(self.world, channel)}

    def _history(self, asked: Asked) -> Answer:
        return 200, [one.payload for one in history.page(self.world, self._seen(asked), asked.query)]

    def _post(self, asked: Asked) -> Answer:
        if not self._seen(asked).writable:
            raise missing_permissions()
        return 200, responding.post(self.world, self._reached(asked), asked.body, asked.uploads).payload

    def _typing(self, asked: Asked) -> Answer:
        self._reached(asked)
        return 204, None

    def _read(self, asked: Asked) -> Answer:
        message = self.world.messages.get(asked.match["message"])
        if message is None or message.channel_id != self._reached(asked) or message.deleted or message.ephemeral:
            raise unknown_message()
        return 200, message.payload
