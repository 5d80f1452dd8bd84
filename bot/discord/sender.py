"""Digests into channels of Discord, over its REST API alone: with a connection to the gateway or without, one way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import discord
from discord.http import HTTPClient, handle_message_parameters

from bot.digests import reply_to_nobody
from bot.discord.cards import CARDS, Sent, messages
from bot.discord.starts import RESET_IT
from bot.messages import Reply
from bot.presses import pressed
from bot.shop import Shop
from jobs.errors import ChannelGone, NobodyKnows, NotSent, Unfinished
from jobs.sending import Letter
from storage.subscriptions import Subscription

GONE = frozenset({10003, 10004, 50001, 50007, 50008, 50013, 50083, 160005})
"""Unknown channel or server; no access, message to that person, text channel or permission; archived, locked."""
LONGEST_PAUSE = 60.0
"""Seconds that Discord may ask us to wait while we have a channel's turn; for longer ones it is tried again later."""
TRIES = 3
"""Where the line is cut: the nonce keeps the message single, as Discord knows it for a few minutes."""
CLOCKS = timedelta(minutes=1)
"""How far our clock and Discord's may be apart."""
PAGE, PAGES = 100, 10
"""Messages that are looked through for a digest of which nobody knows whether it was sent."""

Raw = Mapping[str, Any]
"""A part of a payload as Discord sends it."""


class _BadRequest(NotSent):
    """Of a message: its pictures may be what is wrong with it."""


class DiscordSender:
    """A `Sender`. It logs in with the first digest, and not at all where there is none."""

    lead = timedelta(0)
    notice = timedelta(0)

    def __init__(self, token: str, shop: Shop) -> None:
        self._token, self._shop = token, shop
        self._http: HTTPClient | None = None
        self._login = asyncio.Lock()

    async def for_adults(self, subscription: Subscription) -> bool:
        """A thread is what its channel is."""
        http = await self._client()
        with _judged(NotSent):
            channel: Raw = await http.get_channel(int(subscription.channel))
            if "nsfw" not in channel and channel.get("parent_id"):
                channel = await http.get_channel(int(channel["parent_id"]))
            return bool(channel.get("nsfw", False))

    async def deliver(self, letter: Letter) -> str:
        """Message by message: those that stand there already are left as they are."""
        http, reply = await self._client(), reply_to_nobody(letter)
        standing = await _standing(http, letter) if letter.begun is not None else {}
        sent = ""
        for place, drawn in enumerate(await self._drawn(reply)):
            first = letter.features[place * CARDS].pick.game.app_id
            sent = standing.get(first) or await _send(http, letter, place, drawn)
        return sent

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _client(self) -> HTTPClient:
        async with self._login:
            if self._http is None:
                http = HTTPClient(asyncio.get_running_loop(), max_ratelimit_timeout=LONGEST_PAUSE)
                try:
                    with _judged(NotSent):
                        await http.static_login(self._token)
                except BaseException:
                    await http.close()
                    raise
                self._http = http
            return self._http

    async def _drawn(self, reply: Reply) -> Sequence[tuple[Sent, Sent]]:
        """Each message with pictures and without."""
        assert reply.language is not None, "a digest has a language"
        assert reply.origin is not None, "and an answer that its buttons find"
        shown = [pick.game.app_id for pick in reply.picks]
        look = await self._shop.look(shown, reply.language, reply.origin.answer)
        return list(zip(messages(reply, look), messages(reply, look.without_covers()), strict=True))


@asynccontextmanager
async def discord_sender(token: str, shop: Shop) -> AsyncIterator[DiscordSender]:
    sender = DiscordSender(token, shop)
    try:
        yield sender
    finally:
        await sender.close()


async def _send(http: HTTPClient, letter: Letter, place: int, drawn: tuple[Sent, Sent]) -> str:
    """Without pictures where Discord refuses them."""
    try:
        return await _posted(http, letter, place, drawn[0])
    except _BadRequest:
        return await _posted(http, letter, place, drawn[1])


async def _posted(http: HTTPClient, letter: Letter, place: int, sent: Sent) -> str:
    """Once, however often it is tried within a few minutes.

    https://discord.com/developers/docs/resources/message#create-message says of `enforce_nonce`, which discord.py sets
    with the nonce: a message of the same author and nonce is returned, and no new one is made.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with (
                _judged(Unfinished),
                handle_message_parameters(
                    view=sent.view, nonce=nonce(letter, place), allowed_mentions=discord.AllowedMentions.none()
                ) as params,
            ):
                answer: Raw = await http.send_message(int(letter.slot.channel), params=params)
            return str(answer["id"])
        except Unfinished:
            if not tries_left:
                raise
            await asyncio.sleep(0.5)
    raise AssertionError("the last try returns or raises")


def nonce(letter: Letter, place: int) -> str:
    """25 characters, as many as Discord takes; the same for the same message of that week's digest of the channel."""
    slot = letter.slot
    said = f"{slot.platform} {slot.channel} {slot.week} {place}"
    return sha256(said.encode()).hexdigest()[:25]


async def _standing(http: HTTPClient, letter: Letter) -> dict[int, str]:
    """The ids of the digest's messages that stand in the channel, by the app id of the first card in each.

    Where nothing was said since the first attempt, nothing stands there. Else its latest messages tell, if the bot may
    read them: Discord answers with none where it may not.

    Raises:
        NobodyKnows: it may not, or there are too many of them.
    """
    assert letter.begun is not None, "there is nothing to look for otherwise"
    since = discord.utils.time_snowflake(letter.begun - CLOCKS)
    with _judged(NotSent):
        channel: Raw = await http.get_channel(int(letter.slot.channel))
        last = channel.get("last_message_id")
        if last is None or int(last) < since:
            return {}
        found: dict[int, str] = {}
        read = 0
        async for message in _since(http, int(letter.slot.channel), since):
            read += 1
            found |= {app_id: str(message["id"]) for app_id in _cards(message, letter.answer)}
    if not read:
        raise NobodyKnows("the bot may not read the channel's messages, so nobody knows whether the digest was sent")
    if not found and read >= PAGE * PAGES:
        raise NobodyKnows("too much was said in the channel since, so nobody knows whether the digest was sent")
    return found


async def _since(http: HTTPClient, channel: int, after: int) -> AsyncIterator[Raw]:
    """The messages after that one, the oldest page first."""
    for _ in range(PAGES):
        page = cast("Sequence[Raw]", await http.logs_from(channel, PAGE, after=after))
        for message in page:
            yield message
        if len(page) < PAGE:
            return
        after = max(int(message["id"]) for message in page)


def _cards(message: Raw, answer: str) -> Collection[int]:
    """The app ids of the digest's cards in a message."""
    codes = (pressed(code) for code in _codes(message.get("components", ())))
    return {press.number for press in codes if press is not None and press.answer == answer and press.number}


def _codes(components: Sequence[Raw]) -> Iterator[str]:
    for component in components:
        if "custom_id" in component:
            yield str(component["custom_id"])
        yield from _codes(component.get("components", ()))


@contextmanager
def _judged(broken: type[NotSent | Unfinished]) -> Iterator[None]:
    """What discord.py raises, as what it means for a digest. `broken` is what a line that breaks leaves behind."""
    try:
        yield
    except discord.LoginFailure:
        raise NotSent(RESET_IT) from None
    except discord.RateLimited as error:
        raise NotSent("Discord asks us to slow down", error.retry_after) from error
    except discord.DiscordServerError as error:
        raise broken(f"Discord does not answer properly now (HTTP {error.status})") from error
    except discord.HTTPException as error:
        raise _refused(error) from error
    except (aiohttp.ClientConnectorError, ConnectionRefusedError) as error:  # it never got there
        raise NotSent(f"Discord cannot be reached ({type(error).__name__})") from error
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        raise broken(f"the connection to Discord broke ({type(error).__name__})") from error


def _refused(error: discord.HTTPException) -> ChannelGone | NotSent:
    if error.code in GONE or (error.status == HTTPStatus.NOT_FOUND and error.code):
        return ChannelGone(f"Discord says: {error.text or error.status} ({error.code})")
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotSent("Discord asks us to slow down")
    kind = _BadRequest if error.status == HTTPStatus.BAD_REQUEST else NotSent
    return kind(f"Discord refuses the digest: {error.text} (HTTP {error.status}, {error.code})")
