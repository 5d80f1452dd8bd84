"""The composition root: the only place that creates the live objects, and closes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from bot.commands import COMMANDS
from bot.commands.command import Desk, Libraries
from bot.cooldowns import Cooldowns
from bot.settings import Settings
from bot.steam_waits import TimedLibraries
from bot.warehouse import Copies
from jobs.learner import Learner
from recommender.engine import Engine
from recommender.registry import Registry
from recommender.served import Served
from storage.accounts import Accounts
from storage.channel_tastes import ChannelTastes
from storage.database import Database
from storage.digests import Digests
from storage.errors import DatabaseError, DatabaseUnavailable
from storage.feedback import Feedback
from storage.fitted_rows import FittedRows
from storage.lake.events import reacted
from storage.lake.lake import Lake
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from storage.logs import Logs, Reaction
from storage.patient_logs import PatientLogs
from storage.personal_data import PersonalData
from storage.server_data import ServerData
from storage.slack_installs import SlackInstalls
from storage.steam.web_api import Steam
from storage.subscriptions import Subscriptions

log = logging.getLogger(__name__)

GRACE = 1.5
"""Seconds that the last log lines may take at the end, and that one under way may take to be given up; the same for the
lake. Who asked has the answer by then."""
AGAIN = 5.0
"""Seconds until tables that could not be brought up to date are tried again."""


@asynccontextmanager
async def running(
    settings: Settings,
    served: Served,
    libraries: Libraries | None = None,
    cooldowns: Cooldowns | None = None,
    again: float = AGAIN,
    database: Database | None = None,
) -> AsyncIterator[Desk]:
    """A desk ready for requests; `libraries` stands in for Steam. Without `cooldowns` nobody is slowed.

    `database` is one that others use too, see `connected`; its tables are brought up to date here.

    Raises:
        DatabaseError: the database refuses us (password, rights, a foreign file). One that is merely away does not
            keep the bot from answering.
    """
    async with AsyncExitStack() as closing:
        if database is None:
            database = await closing.enter_async_context(connected(settings))
        if not await _migrated(database):
            late = asyncio.create_task(_migrated_later(database, again), name="late migration")
            closing.push_async_callback(_ended, late)
        engine = Engine(served)
        closing.callback(engine.close)
        if libraries is None:
            libraries = await closing.enter_async_context(_steam(settings))
        past = Logs(database)
        await _primed(cooldowns, past)
        logs = PatientLogs(past)
        closing.push_async_callback(logs.close, GRACE)
        lake = PatientLake(Lake(database), Spool(settings.spool), Spool(settings.spool / "aside"))
        closing.push_async_callback(lake.close, GRACE)
        lake.start()
        yield Desk(
            commands=COMMANDS,
            engine=engine,
            steam=TimedLibraries(libraries),
            logs=logs,
            past=past,
            feedback=Feedback(database, heard_by(lake)),
            accounts=Accounts(database),
            subscriptions=Subscriptions(database),
            digests=Digests(database),
            tastes=ChannelTastes(database),
            personal=PersonalData(database),
            lake=lake,
            servers=ServerData(database),
            installs=installs_of(settings, database),
            copies=Copies(settings),
            learner=Learner(engine, Lake(database), FittedRows(database), Registry(settings.models).card),
            cooldowns=cooldowns,
        )


def heard_by(lake: PatientLake) -> Callable[[Reaction], None]:
    return lambda reaction: lake.put(reacted(reaction))


async def _primed(cooldowns: Cooldowns | None, past: Logs) -> None:
    """So that a restart forgives nobody. Soft: it does while the database is away."""
    if cooldowns is None:
        return
    try:
        cooldowns.prime(await past.asked_since(datetime.now(UTC) - cooldowns.window))
    except DatabaseError as away:
        log.warning("who asked lately is not known, so nobody is slowed for it: %s", away)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    """The database as it is, which may be away."""
    patience, connections = settings.database_patience, settings.database_connections
    database = Database(settings.database, patience=patience, connections=connections)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database alone, brought up to date.

    Raises:
        DatabaseError: it is away, or refuses us.
    """
    async with connected(settings) as database:
        await database.migrate()
        yield database


def installs_of(settings: Settings, database: Database) -> SlackInstalls | None:
    """None where there is one workspace, whose token is set."""
    return None if settings.slack_client_id is None else SlackInstalls(database, settings.slack_client_id)


def _steam(settings: Settings) -> Steam:
    return Steam(str(settings.steam_api_url).rstrip("/"), settings.steam_api_key)


async def _migrated(database: Database) -> bool:
    """Soft: False while the database is away."""
    try:
        await database.migrate()
    except DatabaseUnavailable as away:
        log.warning("the database is away, so nothing is remembered until it is back: %s", away)
        return False
    return True


async def _migrated_later(database: Database, pause: float) -> None:
    """A database that comes up after the bot may be as empty as on the first day."""
    while True:
        await asyncio.sleep(pause)
        try:
            await database.migrate()
        except DatabaseUnavailable:
            continue
        except DatabaseError as refused:
            log.error("the database is back and refuses us, so nothing is remembered: %s", refused)  # noqa: TRY400
            return
        log.info("the database is back, and its tables are up to date")
        return


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
