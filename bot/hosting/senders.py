"""Every platform that digests are sent to, as it is set up: in the serving process and alone, in one way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from rich.console import Console

from bot.discord.address import address
from bot.discord.sender import discord_sender
from bot.hosting.links import links_of
from bot.settings import Settings
from bot.shop import Shop
from bot.slack.clients import Clients
from bot.slack.pace import Pace
from bot.slack.sender import SlackSender
from bot.terminal_sender import TerminalSender
from jobs.sending import Sender
from storage.slack_installs import SlackInstalls
from storage.steam.covers import Covers


@asynccontextmanager
async def senders(
    settings: Settings,
    installs: SlackInstalls | None,
    now: Callable[[], datetime],
    console: Console | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Mapping[str, Sender]]:
    """By platform. `console` is there where somebody looks at it; nothing is logged in to before it is needed."""
    covers = Covers(str(settings.steam_api_url), str(settings.steam_assets_url))
    async with covers, AsyncExitStack() as opened:
        shop = Shop(str(settings.steam_store_url), covers, links_of(settings))
        found: dict[str, Sender] = {}
        if settings.discord_token is not None:
            address(str(settings.discord_api_url), str(settings.discord_gateway_url))
            token = settings.discord_token.get_secret_value()
            found["discord"] = await opened.enter_async_context(discord_sender(token, shop))
        if settings.slack_bot_token is not None or installs is not None:
            own = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token is not None else None
            clients = Clients(str(settings.slack_api_url), own, installs)
            found["slack"] = SlackSender(clients, shop, pace or Pace(), now)
        if console is not None:
            found["terminal"] = TerminalSender(console, shop.store_url)
        yield found
