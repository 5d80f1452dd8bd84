"""Who follows the link of a pick is sent on to the store, and that it was opened is noted; by whom nobody can say."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus

from aiohttp import web

from bot.links import GO, Links, Shown
from bot.shop import page_of
from bot.web_page import language_of, page
from bot.wording import Wording
from storage.logs import AGAIN, Click

REMEMBERED = 10_000
"""Links that were opened lately, so that one that is opened over and over fills no queue."""

_MACHINES = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|preview|linkexpanding|facebookexternalhit|whatsapp|embedly|iframely|"
    r"skypeuripreview|curl/|wget/|python-requests|httpclient|monitor",
    re.IGNORECASE,
)
"""What calls itself so looks at links for people, or for itself: Slackbot-LinkExpanding, Discordbot, Twitterbot, …"""
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
"""Headers by which browsers say that they fetch what nobody has asked for yet (Fetch standard, 3.7, and before it)."""


def opened_by_somebody(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a person opens the page, as far as a request says: no look ahead and no machine that says it is one."""
    ahead = any(word in headers.get(name, "").casefold() for name in _AHEAD for word in ("prefetch", "preview"))
    agent = headers.get("User-Agent", "")
    return method == "GET" and not ahead and bool(agent) and _MACHINES.search(agent) is None


@dataclass
class Lately:
    """Which links were opened so lately that they were opened once."""

    _opened: OrderedDict[Shown, datetime] = field(default_factory=OrderedDict)

    def again(self, shown: Shown, now: datetime) -> bool:
        before = self._opened.get(shown)
        if before is not None and abs(now - before) < AGAIN:  # also after the clock was set back
            return True
        self._opened[shown] = now
        self._opened.move_to_end(shown)
        while len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
        return False


def click_routes(
    links: Links, store_url: str, opened: Callable[[Click], None], now: Callable[[], datetime]
) -> list[web.RouteDef]:
    """`opened` is told of each click that counts; it returns at once and never fails."""
    go = partial(_go, links=links, store_url=store_url, opened=opened, now=now, lately=Lately())
    return [web.get(f"{GO}/{{token}}", go)]


async def _go(
    request: web.Request,
    links: Links,
    store_url: str,
    opened: Callable[[Click], None],
    now: Callable[[], datetime],
    lately: Lately,
) -> web.Response:
    shown = links.read(request.match_info["token"])
    if shown is None:
        return _no_such_link(request, store_url)
    at = now()
    if opened_by_somebody(request.method, request.headers) and not lately.again(shown, at):
        opened(Click(shown.answer, shown.position, shown.app_id, at))
    return web.Response(status=HTTPStatus.FOUND, headers={"Location": page_of(shown.app_id, store_url)})


def _no_such_link(request: web.Request, store_url: str) -> web.Response:
    """Leads to the front of the store, never to where the address says."""
    language = language_of(request.headers.get("Accept-Language", ""))
    words = Wording(language)
    text = page(words.say("go.gone"), words.say("go.sorry"), language, (words.say("go.store"), store_url))
    return web.Response(text=text, status=HTTPStatus.NOT_FOUND, content_type="text/html", charset="utf-8")
