"""A bot that any workspace of the Slack on loopback may install, as `indiean serve` sets it up, and two workspaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp.test_utils import unused_port
from pydantic import SecretStr
from sqlalchemy import select

from bot.hosting.platforms import chats
from bot.hosting.serving import listening
from bot.settings import Settings
from bot.slack.paths import EVENTS, INSTALL
from bot.web import web_app
from storage.schema import slack_bots
from storage.slack_installs import SlackInstalls
from tests.fakes import Place, open_place
from tests.loopback_slack import Channel, LoopbackSlack, Member, Team

Mode = Literal["socket", "web"]


@dataclass
class Workspace:
    team: Team
    member: Member
    channel: Channel


@dataclass
class Workspaces:
    """`address` is where the bot's web server answers."""

    place: Place
    slack: LoopbackSlack
    address: str
    first: Workspace
    second: Workspace
    session: aiohttp.ClientSession

    async def install(self, workspace: Workspace, *, deny: bool = False) -> tuple[int, str]:
        return await self.slack.install(workspace.member, f"{self.address}{INSTALL}", deny=deny)

    async def installed(self) -> list[str]:
        """The workspaces whose bots are in the database."""
        async with self.place.database.reading() as connection:
            return sorted(await connection.scalars(select(slack_bots.c.team_id)))

    @property
    def file(self) -> Path:
        return self.place.folder / "indiean.sqlite"


def _workspace(slack: LoopbackSlack, name: str, locale: str) -> Workspace:
    team = slack.team(name)
    return Workspace(team, slack.member(name.lower(), locale, team=team), slack.channel(team=team))


@asynccontextmanager
async def workspaces(
    folder: Path, mode: Mode = "socket", slack: LoopbackSlack | None = None
) -> AsyncIterator[Workspaces]:
    async with (
        open_place(folder) as place,
        slack or LoopbackSlack(between_posts=0.0) as loopback,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        port = unused_port()
        address = f"http://127.0.0.1:{port}"
        desk = replace(place.desk, installs=SlackInstalls(place.database, loopback.client_id))
        async with chats(_settings(folder, mode, loopback, address, place.steam.url), desk) as platforms:
            [platform] = platforms
            stop = asyncio.Event()
            async with listening(web_app(routes=platform.routes), "127.0.0.1", port):
                running = asyncio.ensure_future(platform.run(stop))
                if mode == "web":
                    loopback.deliver_to(f"{address}{EVENTS}")
                else:
                    await loopback.connected()
                first, second = _workspace(loopback, "Alpha", "en-US"), _workspace(loopback, "Beta", "ko-KR")
                try:
                    yield Workspaces(place, loopback, address, first, second, session)
                finally:
                    stop.set()
                    await running
        assert loopback.warnings == []


def _settings(folder: Path, mode: Mode, slack: LoopbackSlack, address: str, steam: str) -> Settings:
    told = {
        "home": folder,
        "steam_api_url": steam,
        "slack_api_url": slack.url,
        "slack_client_id": slack.client_id,
        "slack_client_secret": SecretStr(slack.client_secret),
        "slack_bot_token": SecretStr(slack.bot_token),
        "public_url": address,
        "slack_app_token": SecretStr(slack.app_token) if mode == "socket" else None,
        "slack_signing_secret": SecretStr(slack.signing_secret) if mode == "web" else None,
    }
    return Settings.model_validate(told)
