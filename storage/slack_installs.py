"""Which workspaces of Slack have installed the bot, with its token there, and who is on the way to install it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import cast

from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.sqlalchemy import (
    AsyncSQLAlchemyInstallationStore,
    SQLAlchemyInstallationStore,
)
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.database import Database
from storage.schema import slack_bots, slack_oauth_states

STATE_SECONDS = 600
"""How long somebody may take on Slack's page."""
MOST_STATES = 10_000
"""People on the way at once: anybody may begin, and the oldest give way."""


class SlackInstalls(AsyncInstallationStore):
    """Keeps the bot of each workspace and nothing about who installed it; tokens are secret.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database, client_id: str) -> None:
        self.client_id = client_id
        self.states = SlackStates(database)
        self._database = database
        self._bots = AsyncSQLAlchemyInstallationStore(client_id, _engine(database))

    def __repr__(self) -> str:
        return f"SlackInstalls({self.client_id})"

    async def async_save(self, installation: Installation) -> None:
        await self.async_save_bot(installation.to_bot())

    async def async_save_bot(self, bot: Bot) -> None:
        """In the place of the workspace's earlier one, which slack_sdk would leave there with its token."""
        await self._bots.async_save_bot(bot)
        older = slack_bots.c.installed_at < _naive(datetime.fromtimestamp(bot.installed_at, UTC))
        async with self._database.transaction() as connection:
            await connection.execute(delete(slack_bots).where(self._of(bot.team_id) & older))

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        return await self._bots.async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )

    async def bot_of(self, team_id: str) -> Bot | None:
        """By the workspace alone: who asks unprompted does not know which organisation it is of."""
        newest = select(slack_bots).where(self._of(team_id)).order_by(slack_bots.c.installed_at.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(newest)).mappings().first()
        return SQLAlchemyInstallationStore.build_bot_entity(row) if row is not None else None

    async def forget(self, team_id: str, until: datetime) -> bool:
        """Whether the bot was there; one that was installed after `until` stays."""
        earlier = slack_bots.c.installed_at <= _naive(until)
        async with self._database.transaction() as connection:
            gone = await connection.execute(delete(slack_bots).where(self._of(team_id) & earlier))
        return gone.rowcount > 0

    def _of(self, team_id: str | None) -> ColumnElement[bool]:
        return (slack_bots.c.client_id == self.client_id) & (slack_bots.c.team_id == team_id)


class SlackStates(AsyncOAuthStateStore):
    """The secrets of those who were sent to Slack's page, each good once and for some seconds.

    Every method raises DatabaseUnavailable and DatabaseError as Database does; slack_sdk's own would take a database
    that is away for a wrong state, and write the state to the log.
    """

    def __init__(
        self,
        database: Database,
        seconds: int = STATE_SECONDS,
        most: int = MOST_STATES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.seconds, self._most = seconds, most
        self._database, self._now = database, now
        self._states = AsyncSQLAlchemyOAuthStateStore(seconds, _engine(database))

    async def async_issue(self, *_: object, **__: object) -> str:
        """Forgets all who left too long ago, and the oldest of too many."""
        newest = select(func.max(slack_oauth_states.c.id)).scalar_subquery()
        crowded_out = slack_oauth_states.c.id <= newest + 1 - self._most
        async with self._database.transaction() as connection:
            await connection.execute(delete(slack_oauth_states).where(self._expired() | crowded_out))
        return await self._states.async_issue()

    async def async_consume(self, state: str) -> bool:
        this = slack_oauth_states.c.state == state
        async with self._database.transaction() as connection:
            await connection.execute(delete(slack_oauth_states).where(self._expired()))
            return (await connection.execute(delete(slack_oauth_states).where(this))).rowcount > 0

    def _expired(self) -> ColumnElement[bool]:
        return slack_oauth_states.c.expire_at <= _naive(self._now())


class _Transactions:
    """What slack_sdk's stores use of an engine, made of our transactions: there the drivers' errors are translated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._database.transaction()

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._database.reading()


def _engine(database: Database) -> AsyncEngine:
    return cast("AsyncEngine", _Transactions(database))


def _naive(moment: datetime) -> datetime:
    """As slack_sdk's tables have moments: in UTC, without saying so. asyncpg takes no other for them."""
    return moment.astimezone(UTC).replace(tzinfo=None)
