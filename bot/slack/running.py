"""The Slack side of the bot while it serves: over a socket of its own or behind a web server, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import PlatformRefused, PlatformUnavailable
from bot.slack.app import SlackBot
from bot.slack.paths import EVENTS

log = logging.getLogger(__name__)

DRAIN = 15.0
"""Seconds that the answers under way may take when the bot is told to stop."""
CONNECTING = 30.0
PING = 5.0
"""Seconds between two looks at whether the socket still answers."""
SILENT = 60.0
"""Seconds without a connection after which all begins anew: the SDK would try an address again that has expired."""

FOR_GOOD = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""What no waiting changes."""
BOT_TOKEN = (
    "press Install App at https://api.slack.com/apps and set INDIEAN_SLACK_BOT_TOKEN to the Bot User OAuth Token"  # noqa: S105
)
APP_TOKEN = (
    "generate one with the scope connections:write under Basic Information > App-Level Tokens at "  # noqa: S105
    "https://api.slack.com/apps and set INDIEAN_SLACK_APP_TOKEN to it"
)


async def run_by_socket(
    bot: SlackBot, app_token: str, stop: asyncio.Event, *, ping: float = PING, connected: asyncio.Event | None = None
) -> None:
    """Until `stop` is set; connections that break are made again meanwhile, by the SDK.

    `connected` is set while the socket is open, as of the last ping.

    Raises:
        PlatformRefused: a token is refused.
        PlatformUnavailable: Slack is away.
    """
    client = bot.bolt.client
    await _require_login(client)
    with _judged(APP_TOKEN):
        opened = await client.apps_connections_open(app_token=app_token)
    async with _connected(bot, app_token, str(opened["url"]), ping) as socket:
        log.info("listening to Slack over a socket")
        await _while_connected(socket, stop, ping, connected or asyncio.Event())
        await _leave(bot)


async def run_by_web(bot: SlackBot, stop: asyncio.Event, *, connected: asyncio.Event | None = None) -> None:
    """The same where a web server has the `routes`; `connected` is set once Slack has accepted the token."""
    await _require_login(bot.bolt.client)
    if connected is not None:
        connected.set()
    log.info("listening to Slack at %s", EVENTS)
    await stop.wait()
    await _leave(bot)


def routes(bot: SlackBot) -> Sequence[web.RouteDef]:
    """What is not signed with the app's secret, or was signed minutes ago, is refused with 401."""

    async def hear(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bot.bolt.async_dispatch(await to_bolt_request(request)))

    return [web.post(EVENTS, hear)]


@asynccontextmanager
async def _connected(bot: SlackBot, app_token: str, url: str, ping: float) -> AsyncIterator[SocketModeClient]:
    async def hear(socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        with bot.hearing():
            response = await run_async_bolt_app(bot.bolt, request)
            await send_async_response(socket, request, response, time.time())

    socket = SocketModeClient(app_token, bot.bolt.logger, bot.bolt.client, ping_interval=ping)
    socket.socket_mode_request_listeners.append(hear)
    socket.wss_uri = url
    try:
        try:
            async with asyncio.timeout(CONNECTING):
                await socket.connect()  # type: ignore[no-untyped-call]
        except TimeoutError as late:
            raise PlatformUnavailable("Slack opens no socket now") from late
        yield socket
    finally:
        await socket.close()  # type: ignore[no-untyped-call]


async def _while_connected(
    socket: SocketModeClient, stop: asyncio.Event, ping: float, connected: asyncio.Event
) -> None:
    clock = asyncio.get_running_loop().time
    alive = clock()
    connected.set()
    while not stop.is_set():
        try:
            async with asyncio.timeout(ping):
                await stop.wait()
        except TimeoutError:
            if await socket.is_connected():
                alive = clock()
                connected.set()
                continue
            connected.clear()
            if clock() - alive >= SILENT:
                raise PlatformUnavailable("the socket to Slack cannot be opened again") from None


async def _leave(bot: SlackBot) -> None:
    left = await bot.drain(DRAIN)
    log.log(logging.WARNING if left else logging.INFO, "leaving Slack, %d answers were cut off", left)


async def _require_login(client: AsyncWebClient) -> None:
    """Where workspaces install the bot there is no token of which that could be asked."""
    if client.token is not None:
        with _judged(BOT_TOKEN):
            await client.auth_test()


@contextmanager
def _judged(remedy: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        told = error.response
        why = str(told.get("error")) if hasattr(told, "get") else "unknown"
        if why in FOR_GOOD:
            raise PlatformRefused(f"Slack refuses the token ({why}): {remedy}") from None
        raise PlatformUnavailable(f"Slack does not answer properly now ({why}): please try again in a minute") from None
    except (SlackClientError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        why = type(error).__name__
        raise PlatformUnavailable(f"Slack cannot be reached ({why}): please try again in a minute") from error
