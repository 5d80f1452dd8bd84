"""`indiean discord sync`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.app import opened
from bot.cli.output import out
from bot.discord.address import address
from bot.discord.login import logged_in
from bot.discord.payloads import command_payloads
from bot.discord.sync import sync
from bot.errors import NotSetUp
from bot.settings import Settings, read_settings
from storage.synced import Synced

app = typer.Typer(no_args_is_help=True, help="The bot on Discord: which commands it has there.")

WANTS_LOGIN = (
    "there is no token to speak to Discord with: set INDIEAN_DISCORD_TOKEN (`indiean doctor` says where to get it)"
)

Force = Annotated[bool, typer.Option("--force", help="Send them even where nothing has changed.")]


@app.callback()
def _group() -> None:
    """Keeps `sync` a word of its own while it is the only command."""


@app.command("sync")
def sync_command(force: Force = False) -> None:
    """Tell Discord which commands there are, where that has changed."""
    settings = read_settings()
    if asyncio.run(_synced(settings, force=force)):
        out().print(f"{len(command_payloads())} commands sent; they may take a minute to show.")
    else:
        out().print("Nothing changed: Discord has these commands already. --force sends them all the same.")


async def _synced(settings: Settings, *, force: bool) -> bool:
    if settings.discord_token is None:
        raise NotSetUp(WANTS_LOGIN)
    address(str(settings.discord_api_url), str(settings.discord_gateway_url))
    async with opened(settings) as database, logged_in(settings.discord_token.get_secret_value()) as (http, identity):
        return await sync(http, identity, Synced(database), datetime.now(UTC), force=force)
