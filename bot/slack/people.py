"""Who somebody on Slack is: what they are called, which language they read and whether they are a guest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages import Language

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""A workspace and somebody there."""

MOST = 10_000
FRESH = 3600.0
"""Seconds after which somebody is asked about again."""
MISSED = 60.0
"""The same where Slack could not say."""
PATIENCE = 1.0
"""Seconds that somebody is waited for: the answer is worth more than its language. Slack goes on being asked."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`full` members may set up a channel's integrations on Slack, its guests may not."""

    name: str = ""
    language: Language = Language.EN
    full: bool = False


class People:
    """Asks `users.info` once an hour for each, of each workspace by itself; never raises for what Slack does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE) -> None:
        self._clock, self._patience = clock, patience
        self._asked: OrderedDict[Key, asyncio.Task[Profile | None]] = OrderedDict()
        self._ends: dict[Key, float] = {}

    def __repr__(self) -> str:
        return f"People({len(self._asked)} of {MOST})"

    async def of(self, client: AsyncWebClient, team: str, user: str) -> Profile:
        """What is known of them soon enough; `client` speaks for the team."""
        key = (team, user)
        task = self._asked.get(key)
        if task is None or self._old(key, task):
            task = asyncio.create_task(_asked(client, user))
            self._ends[key] = self._clock() + FRESH
            self._asked[key] = task
        self._asked.move_to_end(key)
        self._make_room()
        await asyncio.wait({task}, timeout=self._patience)
        return (task.result() if task.done() and not task.cancelled() else None) or Profile()

    def forget(self, team: str) -> None:
        for key in [key for key in self._asked if key[0] == team]:
            self._drop(key)

    async def close(self) -> None:
        tasks = [task for task in self._asked.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _old(self, key: Key, task: asyncio.Task[Profile | None]) -> bool:
        if not task.done():
            return False
        missed = task.cancelled() or task.result() is None
        return self._clock() >= self._ends[key] - (FRESH - MISSED if missed else 0.0)

    def _make_room(self) -> None:
        while len(self._asked) > MOST:
            self._drop(next(iter(self._asked)))

    def _drop(self, key: Key) -> None:
        del self._ends[key]
        self._asked.pop(key).cancel()


async def _asked(client: AsyncWebClient, user: str) -> Profile | None:
    try:
        answer = await client.users_info(user=user, include_locale=True)
    except (SlackClientError, aiohttp.ClientError, OSError) as away:  # TimeoutError is an OSError
        log.warning("users.info is not to be had, so people are answered in English: %s", type(away).__name__)
        return None
    told = answer.get("user")
    return profile_of(told) if isinstance(told, Mapping) else None


def profile_of(told: Mapping[str, object]) -> Profile:
    """From a user as Slack describes one."""
    shown = told.get("profile")
    names = shown if isinstance(shown, Mapping) else {}
    name = names.get("display_name") or names.get("real_name") or told.get("real_name") or told.get("name")
    korean = str(told.get("locale", "")).lower().startswith("ko")
    guest = any(told.get(kind) for kind in ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot"))
    return Profile(str(name or ""), Language.KO if korean else Language.EN, full=not guest)
