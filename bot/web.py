"""The bot's own web server: where a browser comes back to from Discord, where chats deliver, whether it is alive."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from bot.discord.connections import CALLBACK, Connect, End, Ended
from bot.messages import Language
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

STYLE = """
:root { color-scheme: light dark; font: 1.0625rem/1.6 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f2f3f5; color: #1e1f22 }
main { max-width: 30rem; margin: 1rem; padding: 2rem; border-radius: 1rem; background: #fff; word-break: keep-all }
h1 { margin: 0 0 .5rem; font-size: 1.375rem }
p { margin: 0; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { background: #1e1f22; color: #f2f3f5 } main { background: #2b2d31 } }
"""
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{heading} – IndieAn</title>
<style>{style}</style>
</head>
<body><main><h1>{heading}</h1><p>{sentence}</p></main></body>
</html>
"""


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
    app.on_response_prepare.append(partial(_secured, headers=_headers()))
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
    sentence = wording.say(key, name=ended.name)
    said = {"heading": heading, "sentence": sentence}
    escaped = {name: html.escape(text) for name, text in said.items()}
    text = PAGE.format(language=language, style=STYLE, **escaped)
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def language_of(accepted: str) -> Language:
    """The best liked of ours in an Accept-Language header (RFC 9110, 12.5.4), English where there is none."""
    liked = sorted(_weighed(accepted), key=lambda pair: -pair[0])
    return next((language for _, language in liked), Language.EN)


def _weighed(accepted: str) -> Iterator[tuple[float, Language]]:
    for part in accepted.split(","):
        tag, _, parameter = part.partition(";")
        primary = tag.strip().partition("-")[0].lower()
        weight = _weight(parameter)
        if primary in set(Language) and weight > 0:
            yield weight, Language(primary)


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


async def _secured(_: web.Request, response: web.StreamResponse, headers: dict[str, str]) -> None:
    response.headers.update(headers)
    response.headers.popall("Server", None)


def _headers() -> dict[str, str]:
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # the address holds secrets
        "Cache-Control": "no-store",
    }
