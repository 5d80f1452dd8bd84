"""The bot's own web server: where a browser comes back to from Discord, where chats deliver, whether it is alive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from bot.discord.connections import CALLBACK, Connect, End, Ended
from bot.messages import Language
from bot.web_page import headers, language_of, page
from bot.wording import Wording
from storage.redaction import keep_keys_out_of_logs

log = logging.getLogger(__name__)

SAID = {
    End.LINKED: ("connect.linked", HTTPStatus.OK),
    End.CANCELLED: ("connect.cancelled", HTTPStatus.OK),
    End.EXPIRED: ("connect.expired", HTTPStatus.GONE),
    End.OTHER_PERSON: ("connect.other_person", HTTPStatus.FORBIDDEN),
    End.NO_STEAM: ("connect.no_steam", HTTPStatus.OK),
    End.DISCORD_AWAY: ("connect.discord_away", HTTPStatus.SERVICE_UNAVAILABLE),
    End.DISCORD_REFUSES: ("connect.discord_refuses", HTTPStatus.SERVICE_UNAVAILABLE),
    End.NOTES_AWAY: ("connect.notes_away", HTTPStatus.SERVICE_UNAVAILABLE),
}
"""The sentence and the status of each end."""

NO = "access_denied"
OURS = ("invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope")
PROBLEMS = dict.fromkeys(OURS, End.DISCORD_REFUSES)
"""What else Discord may bring back in the place of a code, and is this application's fault (RFC 6749, 4.1.2.1)."""


def web_app(
    connect: Connect | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    routes: Iterable[web.AbstractRouteDef] = (),
) -> web.Application:
    """GET /healthz, the `routes` of chats that deliver over the web, and with a `connect` GET /discord/callback.

    That one's address holds secrets: whoever serves this must not log the addresses that are asked for; what aiohttp's
    own access log says of it is filtered.
    """
    keep_keys_out_of_logs()
    app = web.Application()
    app.on_response_prepare.append(partial(_secured, secured=headers()))
    app.router.add_get("/healthz", _healthy)
    app.router.add_routes(routes)
    if connect is not None:
        came_back = partial(_came_back, connect=connect, now=now)
        app.router.add_get(CALLBACK, came_back, allow_head=False)  # a look ahead must not use the secret up
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _came_back(request: web.Request, connect: Connect, now: Callable[[], datetime]) -> web.Response:
    code, state, problem = (request.query.get(name, "") for name in ("code", "state", "error"))
    if problem and problem != NO:
        ended = Ended(PROBLEMS.get(problem, End.DISCORD_AWAY))
        log.warning("Discord sends somebody back with an error: %s", ended.end)
    elif state and (code or problem):
        ended = await connect.finish(None if problem else code, state, now())
    else:
        ended = Ended(End.EXPIRED)
    return _page(ended, language_of(request.headers.get("Accept-Language", "")))


def _page(ended: Ended, language: Language) -> web.Response:
    wording = Wording(language)
    key, status = SAID[ended.end]
    heading = wording.say("connect.done") if ended.end is End.LINKED else wording.say("connect.undone")
    text = page(heading, wording.say(key, name=ended.name), language)
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


async def _secured(_: web.Request, response: web.StreamResponse, secured: dict[str, str]) -> None:
    response.headers.update(secured)
    response.headers.popall("Server", None)
