"""Digests into channels of Slack: scheduled a few minutes ahead, so that a restart can still look whether they were."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.digests import reply_to_nobody
from bot.shop import Shop
from bot.slack.blocks import Sent, messages
from bot.slack.pace import Pace
from bot.slack.poster import RESTRICTED
from bot.slack.running import FOR_GOOD
from bot.slack.turn import ABSENT, PICTURES
from jobs.errors import ChannelGone, NobodyKnows, NotSent, Unfinished
from jobs.sending import Letter
from storage.subscriptions import Subscription

GONE = ABSENT | {"invalid_channel", "messages_tab_disabled", "team_access_not_granted", "team_not_found"}
LATEST = timedelta(minutes=2)
"""So shortly before its moment a scheduled message may be on its way and listed no more."""
PAGES = 10
BUSY = "ratelimited"

Clients = Callable[[str | None], Awaitable[AsyncWebClient | None]]
"""Who speaks for a workspace; None where the bot is not installed."""


class SlackSender:
    """A `Sender`. It needs no other scope than chat:write: what it scheduled it may list, what was said not read.

    So it is scheduled by `chat.scheduleMessage` for the very second that the letter names, and whoever goes on after a
    restart finds it by that in `chat.scheduledMessages.list` as long as the second has not come. After that nobody can
    know. `pace` is that of all that this process posts.
    """

    lead = timedelta(minutes=15)
    notice = timedelta(minutes=10)

    def __init__(self, clients: Clients, shop: Shop, pace: Pace, now: Callable[[], datetime]) -> None:
        self._clients, self._shop, self._pace, self._now = clients, shop, pace, now

    async def for_adults(self, subscription: Subscription) -> None:
        """Slack has no such channels."""

    async def deliver(self, letter: Letter) -> str:
        with _judged():
            client = await self._clients(letter.subscription.server)
        if client is None:
            raise ChannelGone("the app is no longer installed in the workspace")
        at = int(letter.stands_at.timestamp())
        known = await self._scheduled(client, letter, at) if letter.begun is not None else {}
        message = ""
        for place, drawn in enumerate(await self._drawn(letter)):
            message = known.get(at + place) or await self._schedule(client, letter, at + place, drawn)
        return message

    async def _drawn(self, letter: Letter) -> list[tuple[Sent, Sent]]:
        """Each message with pictures and without; one, unless it would be too long."""
        reply = reply_to_nobody(letter)
        assert reply.language is not None, "a digest has a language"
        shown = [pick.game.app_id for pick in reply.picks]
        look = await self._shop.look(shown, reply.language, letter.answer)
        plain = messages(reply, look.without_covers())
        drawn = messages(reply, look)
        return list(zip(drawn if len(drawn) == len(plain) else plain, plain, strict=True))

    async def _scheduled(self, client: AsyncWebClient, letter: Letter, at: int) -> dict[int, str]:
        """The ids of what is scheduled in the channel around that second, by their own seconds."""
        if letter.stands_at - self._now() < LATEST:
            raise NobodyKnows("the moment for which it was scheduled, if it was, has come before anybody could look")
        found: dict[int, str] = {}
        cursor = ""
        for _ in range(PAGES):
            with _judged():
                page = await client.chat_scheduledMessages_list(
                    channel=letter.slot.channel, oldest=str(at - 1), latest=str(at + 60), limit=100, cursor=cursor
                )
            found |= {int(one["post_at"]): str(one["id"]) for one in page.get("scheduled_messages") or ()}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return found

    async def _schedule(self, client: AsyncWebClient, letter: Letter, at: int, drawn: tuple[Sent, Sent]) -> str:
        """Without pictures where Slack cannot fetch them. What was not the first must not leave the first alone."""
        try:
            try:
                return await self._once(client, letter, at, drawn[0])
            except _Pictures:
                return await self._once(client, letter, at, drawn[1])
        except NotSent as refused:
            if at > int(letter.stands_at.timestamp()):
                raise Unfinished(f"a part of it is scheduled, and another is not yet: {refused}") from None
            raise

    async def _once(self, client: AsyncWebClient, letter: Letter, at: int, sent: Sent) -> str:
        async with self._pace.turn(letter.slot.channel):
            with _judged():
                answer = await client.chat_scheduleMessage(
                    channel=letter.slot.channel,
                    post_at=at,
                    text=sent.text,
                    blocks=sent.blocks,
                    unfurl_links=False,
                    unfurl_media=False,
                )
        return str(answer["scheduled_message_id"])


class _Pictures(NotSent):
    pass


@contextmanager
def _judged() -> Iterator[None]:
    """What the SDK raises, as what it means for a digest."""
    try:
        yield
    except SlackApiError as error:
        raise _refused(error) from None
    except aiohttp.ClientConnectorError as error:  # it never got there
        raise NotSent(f"Slack cannot be reached ({type(error).__name__})") from error
    except (SlackClientError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        raise Unfinished(f"the connection to Slack broke ({type(error).__name__})") from error


def _refused(error: SlackApiError) -> ChannelGone | NotSent | Unfinished:
    response = error.response
    why = str(response.get("error")) if hasattr(response, "get") else ""
    if not why or why == "None":  # not Slack's own words: it may have done it all the same
        return Unfinished(f"Slack does not answer properly now (HTTP {getattr(response, 'status_code', '?')})")
    if why in GONE or why.startswith(RESTRICTED):
        return ChannelGone(f"Slack says: {why}")
    if why == BUSY:
        return NotSent("Slack asks us to slow down", float(response.headers.get("Retry-After", 0)))
    if why in PICTURES:
        return _Pictures(f"Slack refuses the digest: {why}")
    if why in FOR_GOOD:
        return NotSent(f"Slack refuses the token: {why}")
    return NotSent(f"Slack refuses the digest: {why}")
