"""Asking Discord as the bot, without being connected to its gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

import aiohttp
import discord
from discord.http import HTTPClient

from bot.discord.starts import RESET_IT
from bot.errors import PlatformRefused, PlatformUnavailable

PATIENCE = 60.0
"""Seconds for all that is asked; discord.py waits where Discord tells it to, and asks again."""
LONGEST_PAUSE = 30.0


@asynccontextmanager
async def logged_in(token: str) -> AsyncIterator[tuple[HTTPClient, int]]:
    """An HTTP client of discord.py, and the id of the application that the token is of.

    Raises (from inside the block as well):
        PlatformRefused: the token or what was sent is refused.
        PlatformUnavailable: Discord is away, or busy for longer than is worth waiting.
    """
    http = HTTPClient(asyncio.get_running_loop(), max_ratelimit_timeout=LONGEST_PAUSE)
    try:
        with _translated():
            async with asyncio.timeout(PATIENCE):
                await http.static_login(token)
                yield http, _identity(await http.application_info())
    finally:
        await http.close()


def _identity(about: Mapping[str, object]) -> int:
    try:
        return int(str(about["id"]))
    except (LookupError, TypeError, ValueError) as error:  # a page of somebody else's
        raise PlatformUnavailable("this is not how Discord answers: check INDIEAN_DISCORD_API_URL") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except discord.LoginFailure:
        raise PlatformRefused(RESET_IT) from None
    except discord.RateLimited as error:
        raise PlatformUnavailable(_busy(error.retry_after)) from error
    except discord.HTTPException as error:
        raise _judged(error) from error
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        why = type(error).__name__
        raise PlatformUnavailable(f"Discord cannot be reached ({why}): please try again in a minute") from error


def _judged(error: discord.HTTPException) -> PlatformRefused | PlatformUnavailable:
    if error.status == HTTPStatus.UNAUTHORIZED:
        return PlatformRefused(RESET_IT)
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return PlatformUnavailable(_busy(None))
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PlatformUnavailable(
            f"Discord does not answer properly now (HTTP {error.status}): please try again in a minute"
        )
    return PlatformRefused(f"Discord refuses what was sent to it: {error.text} (HTTP {error.status})")


def _busy(seconds: float | None) -> str:
    when = "in a few minutes" if seconds is None else f"in {seconds:.0f} s"
    return f"Discord asks us to slow down: please try again {when}"
