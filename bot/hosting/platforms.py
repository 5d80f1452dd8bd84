"""Every chat that is set up, and what it needs beside the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx

from bot.commands.command import Desk
from bot.discord.address import address
from bot.discord.running import run_discord
from bot.discord.starts import Starts, ask_limit, careful
from bot.hosting.serving import Platform
from bot.settings import Settings
from bot.shop import Shop
from storage.store_assets import Covers


@asynccontextmanager
async def chats(settings: Settings, desk: Desk) -> AsyncIterator[Sequence[Platform]]:
    """Each ready to be run."""
    if settings.discord_token is None:
        yield []
        return
    covers = Covers(str(settings.steam_api_url), str(settings.steam_assets_url))
    async with httpx.AsyncClient() as client, covers:
        shop = Shop(str(settings.steam_store_url), covers)
        yield [_discord(settings, settings.discord_token.get_secret_value(), desk, shop, client)]


def _discord(settings: Settings, token: str, desk: Desk, shop: Shop, client: httpx.AsyncClient) -> Platform:
    api_url = str(settings.discord_api_url)
    address(api_url, str(settings.discord_gateway_url))
    return careful(
        "Discord",
        lambda stop: run_discord(desk, token, stop, shop),
        partial(ask_limit, client, api_url, token),
        Starts(settings.home / "discord_starts"),
    )
