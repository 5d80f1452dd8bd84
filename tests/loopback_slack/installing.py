"""How a person installs the app in a workspace: from the app's page to Slack's and back with a code."""

from __future__ import annotations

import html
import re
import secrets
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.loopback_slack.people import Member, NotOffered
from tests.loopback_slack.world import World

AUTHORIZE = re.compile(r'https?://[^"\'\s<>]+/oauth/v2/authorize[^"\'\s<>]*')


async def install(
    world: World, member: Member, page: str, callback: str | None = None, *, deny: bool = False
) -> tuple[int, str]:
    """The status and text of the page that the person ends at. `callback` is where Slack leads back to by default.

    Raises NotOffered where the app's page leads to no permission page of Slack's.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(page, allow_redirects=False) as response:
            found = AUTHORIZE.search(response.headers.get("Location") or html.unescape(await response.text()))
            cookies = [one.split(";")[0] for one in response.headers.getall("Set-Cookie", [])]
        if found is None:
            raise NotOffered(f"{page} has no way to Slack")
        query = {name: values[0] for name, values in parse_qs(urlsplit(found.group()).query).items()}
        back = query.get("redirect_uri") or callback
        if back is None:
            raise NotOffered(f"{page} does not say where Slack is to lead back to")
        said = {"error": "access_denied"} if deny else {"code": _granted(world, member, query.get("scope", ""))}
        state = {"state": query["state"]} if "state" in query else {}
        async with session.get(back, params=said | state, headers={"Cookie": "; ".join(cookies)}) as response:
            return response.status, await response.text()


def _granted(world: World, member: Member, scope: str) -> str:
    code = secrets.token_hex(8)
    member.team.scopes = frozenset(filter(None, scope.split(",")))
    world.codes[code] = member.team
    return code
