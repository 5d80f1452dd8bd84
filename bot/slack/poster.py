"""Posts in one channel of Slack: a message, then its chart, and each trouble as a sentence that says what to do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

from bot.cutting import cut
from bot.posts import tidy
from bot.slack.blocks import Sent
from bot.slack.pace import Pace
from bot.slack.parts import HEADER
from bot.slack.posts import ALT, drawn
from bot.slack.running import BOT_TOKEN, FOR_GOOD
from bot.slack.turn import PICTURES, sdk_log
from bot.wording import Wording
from jobs.errors import ChartNotPosted, NotPosted
from jobs.posting import Chart, Post

log = logging.getLogger(__name__)

BLOCKS = PICTURES | {"invalid_blocks_format", "msg_blocks_too_long"}
"""What Slack says of a message whose text it may take all the same."""
ABSENT = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
RESTRICTED = "restricted_action"
"""What the words begin with for a channel in which the bot is not to speak."""
SHOWING = ("chat.postMessage", "chat.scheduleMessage", "files.completeUploadExternal")
"""The calls after which something new stands in the channel."""

Failure = SlackClientError | aiohttp.ClientError | OSError


class SlackPoster:
    """A `Poster`; `channel` is an id, `pace` that of all that this process posts. `words` are the status channel's."""

    def __init__(self, client: AsyncWebClient, channel: str, words: Wording, pace: Pace) -> None:
        self._client, self._channel, self._words, self._pace = client, channel, words, pace
        self._one_by_one = asyncio.Lock()

    async def post(self, post: Post) -> None:
        post = tidy(post, self._words.say("post.link"))
        async with self._one_by_one:
            with _told(NotPosted, self._channel):
                await self._say(drawn(post, self._words))
            if post.chart is not None:
                with _told(ChartNotPosted, self._channel):
                    await self._show(post.chart, post.title)

    async def _say(self, sent: Sent) -> None:
        """The text alone where Slack takes no blocks: a report without its looks is better than none."""
        try:
            await self._send(sent)
        except SlackApiError as error:
            if _why(error) not in BLOCKS:
                raise
            log.warning("Slack refuses the blocks of a post (%s); it gets the text alone", _why(error))
            await self._send(Sent([], sent.text))

    async def _send(self, sent: Sent) -> None:
        async with self._pace.turn(self._channel):
            await self._client.chat_postMessage(
                channel=self._channel,
                text=sent.text,
                blocks=sent.blocks or None,
                unfurl_links=False,
                unfurl_media=False,
            )

    async def _show(self, chart: Chart, title: str) -> None:
        async with self._pace.turn(self._channel):  # it stands there as a message of its own
            await self._client.files_upload_v2(
                channel=self._channel,
                filename=chart.name,
                content=chart.png,
                title=cut(title, HEADER),
                alt_txt=cut(chart.alt or title, ALT),  # goes in an address, which must not grow too long
            )


class _NothingTwice(AsyncConnectionErrorRetryHandler):
    """Asks again where a connection broke, unless what was asked for may stand in the channel already."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if request.url.endswith(SHOWING):
            return isinstance(error, aiohttp.ClientConnectorError)  # it never got there
        return await super()._can_retry_async(state=state, request=request, response=response, error=error)


def posting_client(token: str, api_url: str) -> AsyncWebClient:
    """Each call makes a connection of its own: one kept open that Slack has closed would look like a lost answer."""
    retries: list[AsyncRetryHandler] = [_NothingTwice(), AsyncRateLimitErrorRetryHandler(max_retry_count=3)]
    return AsyncWebClient(token=token, base_url=f"{api_url.rstrip('/')}/", retry_handlers=retries, logger=sdk_log())


@contextmanager
def _told(kind: type[NotPosted], channel: str) -> Iterator[None]:
    """The one place where what the SDK raises becomes a sentence."""
    try:
        yield
    except (SlackClientError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        raise kind(_sentence(error, channel)) from None


def _sentence(error: Failure, channel: str) -> str:
    if isinstance(error, SlackApiError):
        return _refusal(_why(error), str(_answer(error).get("needed") or "it wants"), channel)
    if isinstance(error, SlackClientError):
        return "Slack does not take the file: please try again in a minute"
    why = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"Slack cannot be reached ({why}): look at the network and INDIEAN_SLACK_API_URL, and try again"
    return f"the connection to Slack broke ({why}) before it said whether it took this: look before you post it again"


def _refusal(why: str, needed: str, channel: str) -> str:
    if why in ABSENT or why.startswith(RESTRICTED):
        return (
            f"Slack lets the bot post nothing in {channel} ({why}): invite it there with /invite, or set "
            "INDIEAN_SLACK_STATUS_CHANNEL to the id of a channel that it is in"
        )
    if why == "missing_scope":
        return (
            f"the bot lacks the scope {needed}: add it under OAuth & Permissions > Bot Token Scopes at "
            "https://api.slack.com/apps, and press Reinstall there"
        )
    if why in FOR_GOOD:
        return f"Slack refuses the token ({why}): {BOT_TOKEN}"
    if why == "ratelimited":
        return f"Slack asks for a pause ({why}): please try again in a few minutes"
    return f"Slack does not take it now ({why}): please try again in a minute"


def _why(error: SlackApiError) -> str:
    """Slack's word for it; there is no secret in it."""
    return str(_answer(error).get("error") or f"HTTP {getattr(error.response, 'status_code', 'without an answer')}")


def _answer(error: SlackApiError) -> Mapping[str, object]:
    """What Slack said, as far as it was Slack that answered."""
    said = getattr(error.response, "data", None)
    return said if isinstance(said, Mapping) else {}
