"""`indiean serve`: the bot where people are, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from aiohttp import web

from bot.app import running
from bot.chats import chats
from bot.commands.command import Desk
from bot.errors import NotSetUp
from bot.log_lines import logging_lines
from bot.serving import Platform, listening, stopped_by_signals
from bot.serving import serve as keep_up
from bot.settings import Settings, read_settings
from recommender.engine import Served
from recommender.registry import Registry

log = logging.getLogger(__name__)

NO_CHAT = (
    "no chat is set up: set INDIEAN_DISCORD_TOKEN (`indiean doctor` says where to get it), "
    "or talk to the bot here with `indiean chat`"
)

Chats = Callable[[Settings, Desk], AbstractAsyncContextManager[Sequence[Platform]]]
Web = Callable[[Settings, Desk], web.Application]


def serve() -> None:
    """Answer in every chat that is set up, until SIGTERM or Ctrl-C; what is under way is still answered."""
    settings = read_settings()
    if settings.discord_token is None:
        raise NotSetUp(NO_CHAT)
    served = Registry(settings.models).open_current()
    with logging_lines(sys.stderr, settings.secrets()):
        asyncio.run(serving(settings, served, chats))


async def serving(settings: Settings, served: Served, chats: Chats, app: Web | None = None) -> None:
    """Until a signal comes.

    Raises:
        BotError: see `bot.serving`.
        DatabaseError: see `bot.app.running`.
    """
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with AsyncExitStack() as opened:
            desk = await opened.enter_async_context(running(settings, served))
            if app and settings.web_port:
                place = listening(app(settings, desk), settings.web_host, settings.web_port)
                log.info("the web server answers on %s", await opened.enter_async_context(place))
            platforms = await opened.enter_async_context(chats(settings, desk))
            log.info("model %s answers on %s", served.version, ", ".join(each.name for each in platforms))
            await keep_up(platforms, stop)
    log.info("everything under way is done")
