"""Looks at each thing that the bot needs, all at once, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx

from bot.discord.payloads import command_payloads
from bot.discord.starts import read_limit
from bot.hosting.doctor.discord import OAuth, of_application, of_commands, of_oauth, of_starts, of_token
from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.hosting.doctor.own import Model, of_database, of_home, of_model, of_public, of_steam
from bot.settings import Settings
from bot.wording import Wording
from recommender.errors import NoModel, RecommenderError
from recommender.registry import Registry
from storage.errors import DatabaseError, SteamError
from storage.standing import obstacle, standing
from storage.steam import Steam

PATIENCE = 5.0
"""Seconds for each question to somebody else."""
NOBODY = "indiean-doctor"
"""Whom Steam is asked about to see whether it accepts the key; that there is no such player is a good answer."""


async def examine(settings: Settings, words: Wording, patience: float = PATIENCE) -> list[Finding]:
    """In the order of `Check`; nobody is waited for longer than `patience` seconds a question."""
    async with httpx.AsyncClient(timeout=patience) as client:
        found = await asyncio.gather(
            asyncio.to_thread(_home, settings.home, words),
            asyncio.to_thread(_model, settings.models, words),
            _database(settings, words, patience),
            _steam(settings, words, patience),
            _discord(settings, client, words),
            _public(settings, client, words),
        )
    settled = Finding(Check.SETTINGS, State.OK, words.say("doctor.settings_ok"))
    order = list(Check)
    return sorted((settled, *(each for group in found for each in group)), key=lambda each: order.index(each.check))


def _home(home: Path, words: Wording) -> list[Finding]:
    return [of_home(home, obstacle(home), words)]


def _model(models: Path, words: Wording) -> list[Finding]:
    registry = Registry(models)
    try:
        served = registry.open(registry.current())
    except RecommenderError as error:
        return [of_model(error, words)]
    except OSError:  # the home folder is no place to look in, as is said of it
        return [of_model(NoModel(str(models)), words)]
    return [of_model(Model(served.version, len(served.catalog), served.synthetic), words)]


async def _database(settings: Settings, words: Wording, patience: float) -> list[Finding]:
    try:
        return [of_database(await standing(settings.database, patience=patience), words)]
    except DatabaseError as error:
        return [of_database(error, words)]


async def _steam(settings: Settings, words: Wording, patience: float) -> list[Finding]:
    url = str(settings.steam_api_url)
    async with Steam(url, settings.steam_api_key, attempts=1, patience=patience) as steam:
        try:
            await steam.resolve(NOBODY)
        except SteamError as error:
            return [of_steam(error, words)]
    return [of_steam(None, words)]


async def _discord(settings: Settings, client: httpx.AsyncClient, words: Wording) -> list[Finding]:
    oauth = _oauth(settings)
    if settings.discord_token is None:
        return [of_token(None, words), of_oauth(oauth, None, words)]
    api = str(settings.discord_api_url).rstrip("/")
    login = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    about, gateway = await asyncio.gather(
        _ask(client, f"{api}/applications/@me", login), _ask(client, f"{api}/gateway/bot", login)
    )
    found = [of_token(about, words), of_oauth(oauth, about, words), *of_application(about, words)]
    if found[0].state is not State.OK:
        return found
    if limit := read_limit(gateway.content):
        found.append(of_starts(limit.remaining, limit.total, words))
    registered = await _ask(client, f"{api}/applications/{about.fields['id']}/commands", login)
    return [*found, of_commands(registered, command_payloads(), words)]


async def _public(settings: Settings, client: httpx.AsyncClient, words: Wording) -> list[Finding]:
    if settings.public_url is None:
        return []
    url = str(settings.public_url).rstrip("/")
    return [of_public(url, await _ask(client, f"{url}/healthz", {}), words)]


def _oauth(settings: Settings) -> OAuth | None:
    if settings.discord_callback is None or settings.discord_client_id is None:
        return None
    return OAuth(settings.discord_client_id, settings.discord_callback)


async def _ask(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> Answer:
    try:
        async with asyncio.timeout(client.timeout.read):
            answer = await client.get(url, headers=headers)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(None, why=type(error).__name__)
    return Answer(answer.status_code, answer.content)
