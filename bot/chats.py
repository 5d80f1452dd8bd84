"""Every chat that is set up, and what it needs beside the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx

from bot.commands.command import Desk
from bot.discord.address import address
from bot.discord.starts import Starts, ask_limit, careful
from bot.serving import Platform
from bot.settings import Settings


@asynccontextmanager
async def chats(settings: Settings, desk: Desk) -> AsyncIterator[Sequence[Platform]]:
    """Ready to be run; each is connected by its own `run`."""
    async with httpx.AsyncClient() as client:
        yield (
            [_discord(settings, settings.discord_token.get_secret_value(), desk, client)]
            if settings.discord_token
            else []
        )


def _discord(settings: Settings, token: str, desk: Desk, client: httpx.AsyncClient) -> Platform:
    from bot.discord.client import Shop  # noqa: PLC0415
    from bot.discord.running import run_discord  # noqa: PLC0415

    api_url = str(settings.discord_api_url)
    address(api_url, str(settings.discord_gateway_url))
    return careful(
        "Discord",
        lambda stop: run_discord(desk, token, stop, Shop(str(settings.steam_store_url))),
        partial(ask_limit, client, api_url, token),
        Starts(settings.home / "discord_starts"),
    )
