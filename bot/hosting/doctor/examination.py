"""Looks at each thing that the bot needs, all at once, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
from pydantic import SecretStr

from bot.discord.payloads import command_payloads
from bot.discord.starts import read_limit
from bot.hosting.doctor.discord import OAuth, of_application, of_commands, of_oauth, of_starts, of_token, without_token
from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.hosting.doctor.own import Model, of_database, of_home, of_model, of_public, of_steam, of_warehouse
from bot.hosting.doctor.slack import (
    for_any_workspace,
    not_on_slack,
    of_delivery,
    of_manifest,
    of_scopes,
    of_slack_token,
    of_socket,
    of_status_channel,
    without_delivery,
)
from bot.settings import Settings, WarehouseKind
from bot.slack.manifest import shipped, wanted_names
from bot.warehouse import open_warehouse
from bot.wording import Wording
from recommender.errors import NoModel, RecommenderError
from recommender.registry import Registry
from storage.errors import DatabaseError, SteamError, WarehouseError, WarehouseMissing
from storage.standing import obstacle, standing
from storage.steam.web_api import Steam

PATIENCE = 5.0
"""Seconds for each question to somebody else."""
NOBODY = "indiean-doctor"
"""Whom Steam is asked about to see whether it accepts the key; that there is no such player is a good answer."""


async def examine(settings: Settings, words: Wording, patience: float = PATIENCE) -> list[Finding]:
    """In the order of `Check`; nobody is waited for longer than `patience` seconds a question."""
    async with httpx.AsyncClient(timeout=patience) as client:
        found = await asyncio.gather(
            asyncio.to_thread(_home, settings.home, words),
            asyncio.to_thread(_warehouse, settings, words, patience),
            asyncio.to_thread(_model, settings.models, words),
            _database(settings, words, patience),
            _steam(settings, words, patience),
            _discord(settings, client, words),
            _slack(settings, client, words),
            _public(settings, client, words),
        )
    settled = Finding(Check.SETTINGS, State.OK, words.say("doctor.settings_ok"))
    order = list(Check)
    return sorted((settled, *(each for group in found for each in group)), key=lambda each: order.index(each.check))


def _home(home: Path, words: Wording) -> list[Finding]:
    return [of_home(home, obstacle(home), words)]


def _warehouse(settings: Settings, words: Wording, patience: float) -> list[Finding]:
    """A file of DuckDB is not opened: whoever is writing to it would be in the way, and we in theirs."""
    if settings.warehouse is WarehouseKind.DUCKDB:
        return [of_warehouse(settings.warehouse_file, _is_there(settings.warehouse_file), words)]
    try:
        open_warehouse(settings, read_only=True, patience=patience).close()
    except WarehouseMissing:
        return [of_warehouse(settings.bigquery_place, False, words)]
    except WarehouseError as error:
        return [of_warehouse(settings.bigquery_place, error, words)]
    return [of_warehouse(settings.bigquery_place, True, words)]


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # the home folder is no place to look in, as is said of it
        return False


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
        return [without_token(words, needed=not settings.on_slack), *_oauth_alone(oauth, settings, words)]
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


async def _slack(settings: Settings, client: httpx.AsyncClient, words: Wording) -> list[Finding]:
    token, install = settings.slack_bot_token, settings.slack_install_url
    status = of_status_channel(settings.slack_status_channel, words, token=token is not None)
    if token is None and install is None:
        off = not_on_slack(words)
        return [off] if status.state is State.OFF else [off, status]
    found = [await _slack_way(settings, client, words), of_manifest(shipped(), wanted_names(), words), status]
    if install is not None:
        found.append(for_any_workspace(install, words))
    if token is not None:
        about = await _ask_slack(client, settings, "auth.test", token)
        found += [of_slack_token(about, words), *of_scopes(about, words)]
    return found


async def _slack_way(settings: Settings, client: httpx.AsyncClient, words: Wording) -> Finding:
    if settings.slack_app_token is not None:
        return of_socket(await _ask_slack(client, settings, "apps.connections.open", settings.slack_app_token), words)
    if settings.slack_signing_secret is not None:
        return of_delivery(settings.slack_events_url, words)
    return without_delivery(words, needed=settings.discord_token is None)


async def _public(settings: Settings, client: httpx.AsyncClient, words: Wording) -> list[Finding]:
    if settings.public_url is None:
        return []
    url = str(settings.public_url).rstrip("/")
    alive, metrics = await asyncio.gather(_ask(client, f"{url}/healthz", {}), _ask(client, f"{url}/metrics", {}))
    return [of_public(url, alive, metrics, words)]


def _oauth(settings: Settings) -> OAuth | None:
    if settings.discord_callback is None or settings.discord_client_id is None:
        return None
    return OAuth(settings.discord_client_id, settings.discord_callback)


def _oauth_alone(oauth: OAuth | None, settings: Settings, words: Wording) -> list[Finding]:
    """Who is not on Discord need not hear of what is to be had there."""
    return [] if oauth is None and settings.on_slack else [of_oauth(oauth, None, words)]


async def _ask(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], method: str = "GET") -> Answer:
    try:
        async with asyncio.timeout(client.timeout.read):
            answer = await client.request(method, url, headers=headers)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(None, why=type(error).__name__)
    return Answer(answer.status_code, answer.content, headers=answer.headers)


async def _ask_slack(client: httpx.AsyncClient, settings: Settings, method: str, token: SecretStr) -> Answer:
    login = {"Authorization": f"Bearer {token.get_secret_value()}"}
    return await _ask(client, f"{str(settings.slack_api_url).rstrip('/')}/{method}", login, "POST")
