"""The model in service learns what people do while it answers: every few minutes, in every process that has one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from jobs.learner import Learner
from storage.errors import StorageError

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two passes of one who is behind: answers come first."""


@asynccontextmanager
async def learning(
    learner: Learner, every: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[None]:
    """While it is open; `every` and `sleep` are in seconds, with 0 it never does."""
    if not every:
        yield
        return
    task = asyncio.create_task(_learn(learner, every, sleep), name="learning in place")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _learn(learner: Learner, every: float, sleep: Callable[[float], Awaitable[None]]) -> None:
    while True:
        learner.woken.clear()
        caught_up = await _pass(learner)
        await _unless_woken(learner, every if caught_up else PAUSE, sleep)


async def _pass(learner: Learner) -> bool:
    """Whatever goes wrong, the bot answers on, and it is tried again."""
    try:
        return await learner.catch_up()
    except StorageError as away:
        log.warning("nothing is learned for now: %s", away)
    except Exception:
        log.exception("what is new was not learned, and is tried again")
    return True


async def _unless_woken(learner: Learner, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
    waits = (asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(learner.woken.wait()))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
