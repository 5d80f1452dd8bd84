"""The Discord side of the bot while it serves: logged in until told to stop, then what is under way is answered."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot.commands.command import Desk
from bot.discord.client import IndieAnClient
from bot.shop import Shop

log = logging.getLogger(__name__)

DRAIN = 15.0
"""Seconds that the answers under way may take when the bot is told to stop."""


async def run_discord(desk: Desk, token: str, stop: asyncio.Event, shop: Shop, connected: asyncio.Event) -> None:
    """Until `stop` is set; connections that break are made again meanwhile, by discord.py, with its back-off.

    `connected` is set while Discord delivers what people say.

    Raises:
        discord.LoginFailure: the token is refused.
        discord.PrivilegedIntentsRequired, discord.ConnectionClosed: Discord refuses the connection for good.
        discord.HTTPException, OSError: Discord cannot be reached at the start.
    """
    async with IndieAnClient(desk, shop, connected=connected) as client:
        session = asyncio.create_task(client.start(token), name="discord")
        told = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({session, told}, return_when=asyncio.FIRST_COMPLETED)
            if session.done():
                await session
                raise discord.ClientException("the connection to Discord has ended")
            left = await client.drain(DRAIN)
            log.log(logging.WARNING if left else logging.INFO, "leaving Discord, %d answers were cut off", left)
        finally:
            told.cancel()
            await client.close()
            session.cancel()
            await asyncio.wait({session, told})
