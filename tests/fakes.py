"""A whole desk on the small world: real rooms, a Steam on loopback with known players, and a clock set by hand."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bot.app import heard_by
from bot.commands import COMMANDS
from bot.commands.command import Command, Desk
from bot.commands.recents import Recents
from bot.dispatch import dispatch
from bot.messages import Language, Person, Reply, Request, Value
from bot.terminal import Terminal
from recommender.engine import Engine
from recommender.served import Served
from storage.accounts import Accounts
from storage.channel_tastes import ChannelTastes
from storage.database import Database
from storage.digests import Digests
from storage.feedback import Feedback
from storage.lake.lake import Lake
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from storage.logs import Logs
from storage.patient_logs import PatientLogs
from storage.personal_data import PersonalData
from storage.server_data import ServerData
from storage.steam.web_api import Steam
from storage.subscriptions import Subscriptions
from tests import worlds
from tests.loopback_steam import LoopbackSteam

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)
ANN = Person("terminal", "ann")

PUBLIC, PRIVATE, GAMES_PRIVATE, EMPTY, STRANGER, SECRETIVE = (str(76561197960265728 + n) for n in range(1, 7))
"""Steam players: one of roguelikes, two who hide things, one who owns nothing, one who owns only what nobody knows,
and one who hides the playtime. `roguefan` is the first one's custom profile name."""


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Place:
    """A desk, and the sides of it that a test looks at."""

    desk: Desk
    steam: LoopbackSteam
    logs: Logs
    database: Database
    clock: Clock
    folder: Path

    async def ask(self, command: str, person: Person = ANN, **options: Value) -> Reply:
        return await self.hand_over(command, options, person)

    async def hand_over(
        self,
        command: str,
        options: Mapping[str, Value],
        person: Person = ANN,
        language: Language = Language.EN,
    ) -> Reply:
        """The same with options as an adapter has them."""
        return await dispatch(Request(uuid4().hex, person, command, options, language, NOON), self.desk)

    async def flush(self) -> None:
        assert await self.desk.logs.flush(within=5.0), "the log did not get written"
        assert await self.desk.lake.flush(within=5.0), "the lake did not get its events"


def request(command: str, **options: Value) -> Request:
    return Request(uuid4().hex, ANN, command, options, Language.EN, NOON)


@asynccontextmanager
async def open_place(
    folder: Path, served: Served | None = None, *, key: bool = True, commands: tuple[Command, ...] = COMMANDS
) -> AsyncIterator[Place]:
    """Without a `key` Steam is not configured, as it is for whoever has just installed the bot."""
    clock = Clock()
    database = Database(f"sqlite:///{folder / 'indiean.sqlite'}")
    await database.migrate()
    engine = Engine(served or worlds.served())
    logs = Logs(database)
    queue = PatientLogs(logs)
    lake = PatientLake(Lake(database), Spool(folder / "spool"), Spool(folder / "spool" / "aside"))
    async with LoopbackSteam() as loopback, Steam(loopback.url, loopback.key if key else None, attempts=1) as steam:
        _populate(loopback)
        desk = Desk(
            commands=commands,
            engine=engine,
            steam=steam,
            logs=queue,
            past=logs,
            feedback=Feedback(database, heard_by(lake)),
            accounts=Accounts(database),
            subscriptions=Subscriptions(database),
            digests=Digests(database),
            tastes=ChannelTastes(database),
            personal=PersonalData(database),
            lake=lake,
            servers=ServerData(database),
            recents=Recents(clock=clock),
            clock=clock,
        )
        try:
            yield Place(desk, loopback, logs, database, clock, folder)
        finally:
            await queue.close(within=0.5)
            await lake.close(within=0.5)
            engine.close()
            await database.close()


def terminal(place: Place, language: Language = Language.EN, width: int = 400) -> tuple[Terminal, io.StringIO]:
    """A terminal wide enough that no sentence is broken, and what it has printed."""
    screen = io.StringIO()
    console = Console(file=screen, width=width)
    dispatching = partial(dispatch, desk=place.desk)
    heard = Terminal(dispatching, COMMANDS, console, language, person=ANN, now=lambda: NOON, folder=place.folder)
    return heard, screen


def _populate(steam: LoopbackSteam) -> None:
    played = worlds.library("Ember Depths", "Dicebound", "Velvet Nights", minutes=3720).minutes
    owned = worlds.library("The Hollow House", minutes=0).minutes
    steam.add_player(PUBLIC, {**played, **owned, worlds.UNLISTED: 30}, vanity="roguefan")
    steam.add_player(PRIVATE, visibility=1)
    steam.add_player(GAMES_PRIVATE, games_private=True)
    steam.add_player(EMPTY, {})
    steam.add_player(STRANGER, {777_777: 60})
    steam.add_player(SECRETIVE, worlds.library(*worlds.THEMES["Puzzle"][:5], minutes=0).minutes)
