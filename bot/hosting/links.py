"""How links of picks are made and followed where the bot is set up for it: both sides sign with one secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from bot.clicks import click_routes
from bot.commands.command import Desk
from bot.link_secret import kept_secret
from bot.links import Links
from bot.settings import Settings
from storage.lake.events import clicked
from storage.logs import Asked, Click


def links_of(settings: Settings) -> Links | None:
    """None where links go straight to the store, as without a public address nobody could follow others.

    Raises:
        BotError, OSError: there is no secret to sign with.
    """
    if settings.public_url is None:
        return None
    said = settings.link_secret
    secret = kept_secret(settings.home) if said is None else said.get_secret_value().encode()
    return Links(str(settings.public_url), secret)


def routes_of(
    settings: Settings, desk: Desk, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[web.RouteDef]:
    """What the web server answers to who follows such a link; nothing where there are none."""
    links = links_of(settings)
    if links is None:
        return []

    def heard(click: Click, asked: Asked) -> None:
        desk.lake.put(clicked(click, asked))

    def opened(click: Click) -> None:
        desk.logs.click(click, heard)

    return click_routes(links, str(settings.steam_store_url), opened, now)
