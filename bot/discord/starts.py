"""When Discord may be connected to anew: it allows 1000 starts a day, and resets the token of who takes more.

https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import httpx

from bot.errors import PlatformRefused
from bot.hosting.serving import Platform, Sleep, sleep_unless
from recommender.version import write_atomically

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=1)
FREE = 5
"""Starts in that time that wait for nothing: somebody is trying things out."""
LONGEST_PAUSE = 300.0
LITTLE = 0.05
"""The share of the day's starts that is saved up: what is left of it is spread over the time until there are more."""
PATIENCE = 5.0

RESET_IT = (
    "Discord refuses the token: reset it at https://discord.com/developers/applications, your application, Bot, "
    "Reset Token, and set INDIEAN_DISCORD_TOKEN to the new one"
)
_FINAL = {
    4004: RESET_IT,
    4010: "Discord refuses the shard that IndieAn connects as: install the newest version of IndieAn",
    4011: "Discord wants this bot to be sharded, as it is in too many servers for one connection",
    4012: "Discord no longer speaks this version of its gateway: install the newest version of IndieAn",
    4013: "Discord does not know the intents that IndieAn asks for: install the newest version of IndieAn",
    4014: "Discord does not allow this application the intents that it asks for: install the newest version of "
    "IndieAn, which needs no privileged ones",
}


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """How many starts are left of how many, until there are all again in `reset_after` seconds."""

    total: int
    remaining: int
    reset_after: float


Ask = Callable[[], Awaitable[SessionLimit | None]]


class Starts:
    """The moments of the last starts, in a file: a process that dies at once and is started again has no memory."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self, now: datetime) -> list[datetime]:
        """Those of the last hour. A file that is missing or damaged tells of none."""
        try:
            moments = [datetime.fromisoformat(line) for line in self._file.read_text("utf-8").split()]
            return [moment for moment in moments if now - LOOK_BACK < moment <= now]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as damage:
            log.warning("the last starts are not known: %s", type(damage).__name__)
            return []

    def add(self, now: datetime) -> None:
        """One that cannot be written down is forgotten: a full disk is no reason to be silent."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            lines = [moment.isoformat() for moment in (*self.read(now), now)]
            write_atomically(self._file, "\n".join(lines) + "\n")
        except OSError as error:
            log.warning("this start is not remembered: %s", type(error).__name__)


def pause_before(lately: int, limit: SessionLimit | None) -> float:
    """Seconds to wait before another start after so many in the last hour, and with what Discord has left for us.

    After the fifth start in an hour it is 1 s, then twice as much each time: whoever starts us in a loop gets 350
    starts a day.
    """
    hasty = lately - FREE
    haste = min(2.0**hasty, LONGEST_PAUSE) if hasty >= 0 else 0.0
    return max(haste, _thrift(limit) if limit else 0.0)


def careful(
    name: str,
    run: Callable[[asyncio.Event], Awaitable[None]],
    ask: Ask,
    starts: Starts,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Sleep = asyncio.sleep,
) -> Platform:
    """The platform that `run` connects to once, each time as soon as that is wise; it knows what is final.

    `run` may raise whatever discord.py does.
    """

    async def session(stop: asyncio.Event) -> None:
        lately = len(await asyncio.to_thread(starts.read, now()))
        limit = await ask()
        pause = pause_before(lately, limit)
        if pause:
            left = limit.remaining if limit else "an unknown number"
            log.warning(
                "%s: %d starts in the last hour, %s left for today, so the next is in %.0f s", name, lately, left, pause
            )
            await sleep_unless(stop, pause, sleep)
        if stop.is_set():
            return
        await asyncio.to_thread(starts.add, now())
        try:
            await run(stop)
        except Exception as error:
            refusal = final(error)
            if refusal is None:
                raise
            raise PlatformRefused(refusal) from None

    return Platform(name, session)


def final(error: Exception) -> str | None:
    """The sentence for what no other try would mend."""
    if isinstance(error, discord.LoginFailure):
        return RESET_IT
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return _FINAL[4014]
    return _FINAL.get(error.code) if isinstance(error, discord.ConnectionClosed) else None


async def ask_limit(client: httpx.AsyncClient, api_url: str, token: str) -> SessionLimit | None:
    """What GET /gateway/bot says, or None where Discord does not say: then connecting will tell what is wrong.

    Raises:
        PlatformRefused: the token is refused.
    """
    try:
        answer = await client.get(
            f"{api_url.rstrip('/')}/gateway/bot", headers={"Authorization": f"Bot {token}"}, timeout=PATIENCE
        )
    except httpx.RequestError as error:
        log.warning("Discord does not say how many starts are left: %s", type(error).__name__)
        return None
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise PlatformRefused(RESET_IT)
    limit = read_limit(answer.content) if answer.is_success else None
    if limit is None:
        log.warning("Discord does not say how many starts are left: HTTP %d", answer.status_code)
    return limit


def read_limit(body: bytes) -> SessionLimit | None:
    """From an answer to GET /gateway/bot, as long as it is one."""
    try:
        said = json.loads(body)["session_start_limit"]
        return SessionLimit(int(said["total"]), int(said["remaining"]), int(said["reset_after"]) / 1000)
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _thrift(limit: SessionLimit) -> float:
    if limit.remaining > LITTLE * limit.total:
        return 0.0
    return limit.reset_after / (limit.remaining + 1)
