"""Workspaces that take the app out: all that belongs to them goes, at once or as soon as the database is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.commands.command import Desk
from bot.slack.bots import Bots
from bot.slack.heard import PLATFORM
from storage.errors import DatabaseError, DatabaseUnavailable, SpoolError

log = logging.getLogger(__name__)

FLUSHING = 1.0
"""Seconds that the log lines under way may take: Slack waits for three."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
MOST = 10_000
"""Workspaces that are waiting to be forgotten."""
SAME = timedelta(minutes=1)
"""Within which what Slack tells of a workspace is about the same departure: it tells of the app and of its tokens."""

Sleep = Callable[[float], Awaitable[None]]


def departure(body: Mapping[str, Any]) -> datetime | None:
    """When a workspace took the app out, if that is what Slack tells; of tokens, only the bot's matter.

    Slack tells it in whole seconds, rounded down: this is the second after.
    """
    event = body.get("event")
    if body.get("type") != "event_callback" or not isinstance(event, Mapping):
        return None
    tokens = event.get("tokens")
    bots = tokens.get("bot") if isinstance(tokens, Mapping) else None
    if event.get("type") == "app_uninstalled" or (event.get("type") == "tokens_revoked" and bots):
        return datetime.fromtimestamp(int(body["event_time"]), UTC) + timedelta(seconds=1)
    return None


class Departures:
    """`forget` lets go of what is held in memory of a workspace. `sleep` is given seconds.

    Without `bots` there is one workspace, whose token the operator set.
    """

    def __init__(
        self,
        desk: Desk,
        forget: Callable[[str], None],
        bots: Bots | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._desk, self._forget, self._bots, self._sleep, self._now = desk, forget, bots, sleep, now
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, datetime] = {}

    async def gone(self, team: str, until: datetime) -> bool:
        """True once nothing of the workspace from before `until` is left.

        False where the database is away or the spool cannot be had: it is tried again and again until the process
        ends. Slack, which must not hear that all is well, tells it three times more, so that another process may do it.
        """
        try:
            await self._remove(team, until)
        except (DatabaseError, SpoolError) as away:
            log.warning("%s took the app out, and its data is removed later: %s", team, away)
            if team not in self._pending and len(self._pending) < MOST:
                self._pending[team] = asyncio.create_task(self._remove_later(team, until))
            return False
        return True

    async def close(self) -> None:
        tasks = list(self._pending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            log.error("the data of workspaces that took the app out is still there: %s", ", ".join(self._pending))
        self._pending.clear()

    async def _remove_later(self, team: str, until: datetime) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._sleep(pause)
            try:
                await self._remove(team, until)
            except (DatabaseError, SpoolError):
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                del self._pending[team]
                return

    async def _remove(self, team: str, until: datetime) -> None:
        """The token first: nothing is answered with it any more."""
        if self._bots is not None:
            await self._bots.uninstall(team, until)
        if not await self._desk.logs.flush(FLUSHING):
            raise DatabaseUnavailable("log lines are still waiting for it")
        self._forget(team)
        await self._desk.lake.forget_server(PLATFORM, team)
        erased = await self._desk.servers.erase(PLATFORM, team, self._now())
        if self._desk.learner is not None:
            self._desk.learner.wake()
        self._told = {one: moment for one, moment in self._told.items() if until - moment < SAME}
        if erased or team not in self._told:
            rows = ", ".join(f"{rows} of {table}" for table, rows in erased.items()) or "there was none"
            log.warning("the app was uninstalled in %s, and its data is removed: %s", team, rows)
        self._told[team] = until
