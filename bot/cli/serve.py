"""`indiean serve`: the bot where people are, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial

from bot.app import running
from bot.commands.command import Desk
from bot.cooldowns import Cooldowns
from bot.discord.connections import Connect
from bot.errors import NotSetUp
from bot.hosting.following import following
from bot.hosting.garbage import settled
from bot.hosting.links import routes_of
from bot.hosting.log_lines import logging_lines
from bot.hosting.platforms import chats
from bot.hosting.serving import Platform, listening, stopped_by_signals
from bot.hosting.serving import serve as keep_up
from bot.hosting.ticks import Ticks, ticking
from bot.hosting.turns import short_turns
from bot.settings import Settings, read_settings
from bot.web import web_app
from recommender.registry import Registry
from recommender.resident import placed
from recommender.served import Served
from storage.accounts import Accounts

log = logging.getLogger(__name__)

NO_CHAT = (
    "no chat is set up: set INDIEAN_DISCORD_TOKEN, or INDIEAN_SLACK_BOT_TOKEN and INDIEAN_SLACK_APP_TOKEN "
    "(`indiean doctor` says where to get them), or talk to the bot here with `indiean chat`"
)

Chats = Callable[[Settings, Desk], AbstractAsyncContextManager[Sequence[Platform]]]


def serve() -> None:
    """Answer in every chat that is set up, until SIGTERM or Ctrl-C; what is under way is still answered."""
    settings = read_settings()
    if settings.discord_token is None and not settings.on_slack:
        raise NotSetUp(NO_CHAT)
    served = _registry(settings).open_current()
    served.prepare()
    with logging_lines(sys.stderr, settings.secrets()), settled(), short_turns():
        asyncio.run(serving(settings, served, chats))


async def serving(settings: Settings, served: Served, chats: Chats) -> None:
    """Until a signal comes.

    Raises:
        BotError: see `bot.hosting.serving`.
        DatabaseError: see `bot.app.running`.
    """
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with AsyncExitStack() as opened:
            desk = await opened.enter_async_context(running(settings, served, cooldowns=_cooldowns(settings)))
            await opened.enter_async_context(following(_registry(settings), desk.engine))
            connect = _connect(settings, desk.accounts)
            if connect is not None:
                await opened.enter_async_context(connect)
            platforms = await opened.enter_async_context(chats(settings, replace(desk, connect=connect)))
            if settings.web_port:
                routes = [route for platform in platforms for route in platform.routes]
                routes += routes_of(settings, desk)
                place = listening(web_app(connect, routes=routes), settings.web_host, settings.web_port)
                log.info("the web server answers on %s", await opened.enter_async_context(place))
            log.info("model %s answers on %s", served.version, ", ".join(each.name for each in platforms))
            async with ticking(Ticks()):
                await keep_up(platforms, stop)
    log.info("everything under way is done")


def _registry(settings: Settings) -> Registry:
    """Of models that answer from the GPU's memory where the settings and the machine have one."""
    return Registry(settings.models, partial(placed, device=settings.device))


def _cooldowns(settings: Settings) -> Cooldowns:
    return Cooldowns(settings.member_per_minute, settings.server_per_minute, timedelta(minutes=1))


def _connect(settings: Settings, accounts: Accounts) -> Connect | None:
    client_id, secret, public = settings.discord_client_id, settings.discord_client_secret, settings.public_url
    if client_id is None or secret is None or public is None:
        return None
    return Connect(client_id, secret, str(public), str(settings.discord_api_url), accounts)
