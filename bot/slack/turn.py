"""One deed's turn to be answered: by its response_url as long as that serves, by the Web API after that."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.messages import Attachment
from bot.slack.blocks import Sent
from bot.slack.heard import Heard
from bot.slack.pace import Pace
from bot.slack.parts import Block

T = TypeVar("T")

GOOD_FOR = timedelta(minutes=29)
"""How long a response_url is used; Slack takes it for 30 minutes."""
USES = 5

Drawn = Callable[[bool], Sequence[Sent]]
"""Draws the messages of a reply, with or without pictures."""
Cards = dict[str, dict[str, Sequence[Block]]]
"""Blocks by the address that they stand for."""
Say = Callable[[Sent], Awaitable[None]]

PICTURES = frozenset({"invalid_blocks", "invalid_attachments", "invalid_arguments", "cannot_parse_attachment"})
"""What Slack says when it cannot fetch a picture, among other things."""
USED_UP = frozenset({"used_url", "expired_url", "invalid_url"})
ABSENT = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "restricted_action"})
"""The bot or the person is not there, or not to speak there: what is said goes to the person's own messages."""


class SlackRefuses(Exception):
    """`error` is Slack's word for why; there is no secret in it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Turn:
    """`client` speaks for the workspace that `heard` is from; `began` is when this was heard."""

    def __init__(self, client: AsyncWebClient, heard: Heard, now: Callable[[], datetime], pace: Pace) -> None:
        self.client, self.heard, self.began = client, heard, now()
        self._now, self._pace = now, pace
        self._uses = USES if heard.response_url else 0

    async def say(self, drawn: Drawn, *, private: bool) -> None:
        """As new messages."""

        async def one(sent: Sent) -> None:
            kind = "ephemeral" if private else "in_channel"
            if not await self._responded(sent, {"response_type": kind, "replace_original": False}):
                await self._post(sent, private=private)

        await _in_order(drawn, one, one)

    async def change(self, drawn: Drawn) -> None:
        """In the place of the message that was pressed; what does not fit one follows for the same eyes."""

        async def first(sent: Sent) -> None:
            if not await self._responded(sent, {"replace_original": True}):
                await self._update(sent)

        async def follow(sent: Sent) -> None:
            await self.say(lambda _: [sent], private=self.heard.ephemeral)

        await _in_order(drawn, first, follow)

    async def hand_over(self, attachment: Attachment) -> None:
        """As a file among the person's own messages with the bot: an ephemeral message holds none."""
        with _translated():
            opened = await self.client.conversations_open(users=self.heard.user)
            channel = _id_in(opened.get("channel"))
            await self.client.files_upload_v2(
                channel=channel, filename=attachment.name, content=attachment.content, title=attachment.name
            )

    async def open(self, view: Block) -> None:
        """A form, within three seconds of the press."""
        with _translated():
            await self.client.views_open(trigger_id=self.heard.trigger, view=view)

    async def show_home(self, drawn: Callable[[bool], Block]) -> None:
        async def show(view: Block) -> None:
            with _translated():
                await self.client.views_publish(user_id=self.heard.user, view=view)

        await _with_pictures_or_without(drawn, show)

    async def unfurl(self, event: Mapping[str, Any], drawn: Callable[[bool], Cards]) -> None:
        """Under the message with the links; one that is still being written has no time stamp of its own."""
        source, unfurl_id = event.get("source"), event.get("unfurl_id")

        async def show(cards: Cards) -> None:
            with _translated():
                if source and unfurl_id:
                    await self.client.chat_unfurl(source=source, unfurl_id=unfurl_id, unfurls=cards)
                else:
                    await self.client.chat_unfurl(channel=event["channel"], ts=event["message_ts"], unfurls=cards)

        await _with_pictures_or_without(drawn, show)

    async def _responded(self, sent: Sent, kind: Mapping[str, object]) -> bool:
        """False where the response_url is no longer any good."""
        if not self._uses or self._now() >= self.began + GOOD_FOR:
            return False
        self._uses -= 1
        hook = AsyncWebhookClient(
            str(self.heard.response_url),
            timeout=self.client.timeout,
            ssl=self.client.ssl,
            proxy=self.client.proxy,
            session=self.client.session,
            retry_handlers=retries(),
            logger=sdk_log(),
        )
        error = problem(await hook.send_dict({**_body(sent), **kind}))
        if error in USED_UP:
            self._uses = 0
            return False
        if error is not None:
            raise SlackRefuses(error)
        return True

    async def _post(self, sent: Sent, *, private: bool) -> None:
        """In the channel if the bot may speak there, else among the person's own messages."""
        heard = self.heard
        if heard.channel is not None and not heard.direct:
            try:
                with _translated():
                    if private:
                        await self.client.chat_postEphemeral(channel=heard.channel, user=heard.user, **_body(sent))
                    else:
                        await self._post_message(heard.channel, sent)
            except SlackRefuses as refused:
                if refused.error not in ABSENT:
                    raise
            else:
                return
        with _translated():
            await self._post_message(heard.user, sent)

    async def _post_message(self, channel: str, sent: Sent) -> None:
        async with self._pace.turn(channel):
            await self.client.chat_postMessage(channel=channel, **_body(sent))

    async def _update(self, sent: Sent) -> None:
        """An ephemeral message is changed by its response_url or not at all."""
        heard = self.heard
        if heard.ephemeral or heard.channel is None or heard.message is None:
            await self._post(sent, private=heard.ephemeral)
            return
        with _translated():
            await self.client.chat_update(channel=heard.channel, ts=heard.message, text=sent.text, blocks=sent.blocks)


async def _with_pictures_or_without(drawn: Callable[[bool], T], show: Callable[[T], Awaitable[None]]) -> None:
    try:
        await show(drawn(True))
    except SlackRefuses as refused:
        if refused.error not in PICTURES:
            raise
        await show(drawn(False))


def retries() -> list[AsyncRetryHandler]:
    """Slack says itself how long to wait; what never reached it is sent once more."""
    return [AsyncConnectionErrorRetryHandler(max_retry_count=1), AsyncRateLimitErrorRetryHandler(max_retry_count=3)]


def sdk_log() -> logging.Logger:
    """The SDK writes down whole addresses, which are secrets here, for a logger without a level of its own."""
    logger = logging.getLogger("bot.slack.sdk")
    logger.setLevel(logging.WARNING)
    return logger


def problem(response: WebhookResponse) -> str | None:
    """Slack's word for what is wrong with what a response_url was sent; None where it took it."""
    try:
        told = json.loads(response.body)
    except ValueError:
        told = response.body.strip()
    if isinstance(told, Mapping):
        return None if told.get("ok", True) else str(told.get("error", "unknown"))
    if response.status_code == HTTPStatus.OK:
        return None
    if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return "expired_url"
    word = str(told)
    return word if word.replace("_", "").isalpha() else f"HTTP {response.status_code}"


async def _in_order(drawn: Drawn, first: Say, follow: Say) -> None:
    """Without pictures where Slack cannot fetch them: a card without its cover is better than no card."""
    sent, pictures, at = drawn(True), True, 0
    while at < len(sent):
        say = follow if at else first
        try:
            await say(sent[at])
        except SlackRefuses as refused:
            if not pictures or refused.error not in PICTURES:
                raise
            sent, pictures = drawn(False), False
        else:
            at += 1


def _body(sent: Sent) -> dict[str, Any]:
    return {"text": sent.text, "blocks": sent.blocks, "unfurl_links": False, "unfurl_media": False}


def _id_in(part: object) -> str:
    return str(part["id"]) if isinstance(part, Mapping) and "id" in part else ""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        told = error.response
        raise SlackRefuses(str(told.get("error")) if hasattr(told, "get") else "unknown") from error
