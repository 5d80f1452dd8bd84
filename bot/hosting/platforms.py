"""Every chat that is set up, and what it needs beside the desk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import aiohttp
import httpx
from pydantic import SecretStr

from bot.commands.command import Desk
from bot.discord.address import address
from bot.discord.running import run_discord
from bot.discord.starts import Starts, ask_limit, careful
from bot.hosting.links import links_of
from bot.hosting.serving import Platform
from bot.settings import Settings
from bot.shop import Shop
from bot.slack.app import SlackBot, web_client
from bot.slack.bots import Bots
from bot.slack.installing import Installing
from bot.slack.pace import Pace
from bot.slack.running import routes, run_by_socket, run_by_web
from storage.steam.covers import Covers


@asynccontextmanager
async def chats(settings: Settings, desk: Desk, pace: Pace | None = None) -> AsyncIterator[Sequence[Platform]]:
    """Each that is set up, ready to be run; `pace` is shared with whoever else posts on Slack."""
    covers = Covers(str(settings.steam_api_url), str(settings.steam_assets_url))
    async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session, covers, AsyncExitStack() as opened:
        shop = Shop(str(settings.steam_store_url), covers, links_of(settings))
        found = []
        if settings.discord_token is not None:
            found.append(_discord(settings, settings.discord_token.get_secret_value(), desk, shop, client))
        if settings.on_slack:
            installing = await opened.enter_async_context(_installing(settings, desk, session))
            found.append(_slack(settings, desk, shop, session, installing, pace))
        yield found


def _discord(settings: Settings, token: str, desk: Desk, shop: Shop, client: httpx.AsyncClient) -> Platform:
    api_url = str(settings.discord_api_url)
    address(api_url, str(settings.discord_gateway_url))
    connected = asyncio.Event()
    platform = careful(
        "Discord",
        lambda stop: run_discord(desk, token, stop, shop, connected),
        partial(ask_limit, client, api_url, token),
        Starts(settings.home / "discord_starts"),
    )
    return replace(platform, connected=connected)


def _slack(
    settings: Settings,
    desk: Desk,
    shop: Shop,
    session: aiohttp.ClientSession,
    installing: Installing | None,
    pace: Pace | None,
) -> Platform:
    """One bot for all runs: what it has answered it does not answer again because its connection broke."""
    api_url, secret = str(settings.slack_api_url), _said(settings.slack_signing_secret)
    client = installing.client if installing else web_client(_said(settings.slack_bot_token), api_url, session)
    bots, pages = (installing.bots, installing.routes()) if installing else (None, ())
    bot = SlackBot(desk, client, shop, signing_secret=secret or "", pace=pace, bots=bots)
    app_token, connected = _said(settings.slack_app_token), asyncio.Event()
    if app_token is None:
        return Platform("Slack", partial(run_by_web, bot, connected=connected), [*routes(bot), *pages], connected)
    return Platform("Slack", partial(run_by_socket, bot, app_token, connected=connected), pages, connected)


@asynccontextmanager
async def _installing(
    settings: Settings, desk: Desk, session: aiohttp.ClientSession
) -> AsyncIterator[Installing | None]:
    """None where there is one workspace, whose token is set."""
    client_id, secret, public = settings.slack_client_id, settings.slack_client_secret, settings.public_url
    if desk.installs is None or client_id is None or secret is None or public is None:
        yield None
        return
    api_url, token = str(settings.slack_api_url), _said(settings.slack_bot_token)
    bots = Bots(desk.installs, None if token is None else web_client(token, api_url, session))
    client = web_client(None, api_url, session)
    try:
        yield Installing(client, client_id, secret, str(public), desk.installs, bots)
    finally:
        await bots.close()


def _said(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
