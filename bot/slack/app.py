"""The Slack app: hears all that Slack delivers, acknowledges it at once, and has it answered in its own time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.command import Desk
from bot.messages import Language
from bot.names import Names
from bot.shop import Shop
from bot.slack.bots import Bots
from bot.slack.deeds import Deeds
from bot.slack.departures import Departures, departure
from bot.slack.forms import found
from bot.slack.heard import Raw, heard, key_of
from bot.slack.pace import Pace
from bot.slack.people import People
from bot.slack.turn import SlackRefuses, Turn, retries, sdk_log
from bot.wording import Wording
from storage.errors import StorageError

log = logging.getLogger(__name__)

MOST_KEYS = 10_000
"""Deliveries that are remembered: Slack repeats one within minutes or not at all."""
REFUSING = 1.0
"""Seconds to tell those who ask meanwhile that the bot is leaving."""
SEARCHING = 2.5
"""Seconds that completions may take; Slack waits for three."""
EVERYTHING = re.compile("")
REMOVED = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})
"""What Slack says of the token of a workspace that has taken the app out."""

Work = Coroutine[object, object, None]
Body = dict[str, Any]


def web_client(token: str | None, api_url: str, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """Waits where Slack says that it is asked too often; without a session each call makes a connection of its own."""
    return AsyncWebClient(
        token=token, base_url=f"{api_url.rstrip('/')}/", session=session, retry_handlers=retries(), logger=sdk_log()
    )


class SlackBot:
    """`bolt` is what the two modes hand deliveries to: a socket of its own, or a web server.

    Each workspace is answered by its token among the `bots`; without them by that of `client`, which is for one.
    """

    def __init__(
        self,
        desk: Desk,
        client: AsyncWebClient,
        shop: Shop = Shop(),  # noqa: B008 - frozen
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        signing_secret: str = "",
        pace: Pace | None = None,
        bots: Bots | None = None,
    ) -> None:
        self.bolt = AsyncApp(
            name="indiean",
            client=client,
            signing_secret=signing_secret,
            logger=sdk_log(),
            authorize=bots,  # type: ignore[arg-type] # its annotation forgets that nobody may be known
            user_facing_authorize_error_message="\n".join(Wording(one).say("slack.removed") for one in Language),
        )
        self._people, self._bots = People(), bots
        self._deeds, self._now = Deeds(desk, shop, self._people, Names()), now
        self._departures = Departures(desk, self._deeds.forget, bots)
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()
        self._leaving, self._pace = False, pace or Pace()
        self._listen()

    async def drain(self, within: float) -> int:
        """Takes no more requests and waits so many seconds for those under way; how many were left unanswered."""
        self._leaving = True
        for seconds in (within, REFUSING):
            if self._under_way:
                await asyncio.wait(set(self._under_way), timeout=seconds)
        left = len(self._under_way)
        for task in self._under_way:
            task.cancel()
        await self._departures.close()
        await self._people.close()
        return left

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """While a delivery is being acknowledged: an answer may be there before, and is no reason to leave yet."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._under_way.add(task)
        try:
            yield
        finally:
            self._under_way.discard(task)

    def _listen(self) -> None:
        bolt = self.bolt
        bolt.error(self._broke)
        bolt.use(self._departed)
        bolt.use(self._once)
        bolt.command(EVERYTHING)(self._command)
        bolt.action(EVERYTHING)(self._action)
        bolt.view(EVERYTHING)(self._view)
        bolt.options(EVERYTHING)(self._options)
        bolt.shortcut(EVERYTHING)(self._shortcut)
        bolt.event("link_shared")(self._links)
        bolt.event("app_home_opened")(self._home)
        bolt.event(EVERYTHING)(self._nothing)

    async def _departed(self, body: Body, next: Callable[[], Awaitable[None]]) -> BoltResponse | None:  # noqa: A002 - Bolt's
        """Acknowledged only once the data is gone: Slack tells it again otherwise. It does no harm to hear it twice."""
        until = departure(body)
        if until is None:
            await next()
            return None
        done = await self._departures.gone(heard(body).team, until)
        return BoltResponse(status=HTTPStatus.OK if done else HTTPStatus.SERVICE_UNAVAILABLE, body="")

    async def _broke(self, error: Exception, body: Body, client: AsyncWebClient) -> BoltResponse:
        """Where the database does not say whose token it is, a response_url still answers, as it takes none."""
        if not isinstance(error, StorageError):
            log.error("a delivery cannot be heard", exc_info=error)
            return BoltResponse(status=HTTPStatus.INTERNAL_SERVER_ERROR, body="")
        log.warning("nobody can be answered, as no token can be read: %s", error)
        turn = self._turn(client, body)
        if turn.heard.response_url is None or body.get("type") == "block_suggestion":
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, body="")
        self._begin(turn, self._deeds.tell_in_each_language(turn, "unavailable.storage"), aloud=False)
        return BoltResponse(status=HTTPStatus.OK, body="")

    async def _once(self, body: Body, next: Callable[[], Awaitable[None]]) -> BoltResponse | None:  # noqa: A002 - Bolt's
        """What Slack delivers again, as it missed the acknowledgement, is acknowledged and not done again."""
        if body.get("type") != "block_suggestion":
            key = key_of(body)
            if key in self._keys:
                log.info("Slack delivers %s again", key)
                return BoltResponse(status=200, body="")
            self._keys[key] = None
            while len(self._keys) > MOST_KEYS:
                self._keys.popitem(last=False)
        await next()
        return None

    async def _command(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        await ack()
        turn = self._turn(client, body)
        self._begin(turn, self._deeds.command(turn, body))

    async def _action(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        await ack()
        turn = self._turn(client, body)
        for action in body.get("actions", ())[:1]:
            self._begin(turn, self._deeds.press(turn, action))

    async def _view(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        await ack()
        turn = self._turn(client, body)
        if body.get("type") == "view_submission":
            self._begin(turn, self._deeds.form(turn, body["view"]))

    async def _options(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        try:
            async with asyncio.timeout(SEARCHING):
                completions = await self._deeds.search(self._turn(client, body), body)
        except Exception:  # a field without suggestions is one in which the bot goes on living
            log.exception("nothing completes what is typed in a form")
            completions = []
        await ack(found(completions))

    async def _shortcut(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        await ack()
        turn = self._turn(client, body)
        if body.get("type") == "message_action":
            self._begin(turn, self._deeds.shortcut(turn, body.get("message") or {}))

    async def _links(self, body: Body, client: AsyncWebClient) -> None:
        turn = self._turn(client, body)
        self._begin(turn, self._deeds.links(turn, body["event"]), aloud=False)

    async def _home(self, body: Body, client: AsyncWebClient) -> None:
        turn = self._turn(client, body)
        if body["event"].get("tab", "home") == "home":
            self._begin(turn, self._deeds.home(turn), aloud=False)

    async def _nothing(self) -> None:
        """An event that the app has no use for is acknowledged all the same, or Slack would repeat it."""

    def _turn(self, client: AsyncWebClient, body: Raw) -> Turn:
        return Turn(client, heard(body), self._now, self._pace)

    def _begin(self, turn: Turn, work: Work, *, aloud: bool = True) -> None:
        """`aloud` says whether there is somebody waiting to whom to say what went wrong."""
        if self._leaving:
            work.close()
            if not aloud:
                return
            work = self._deeds.tell(turn, "platform.restarting")
        task = asyncio.create_task(self._safely(turn, work, aloud=aloud))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _safely(self, turn: Turn, work: Work, *, aloud: bool) -> None:
        try:
            await work
        except Exception as trouble:  # whatever it is, the person hears of it, and the bot lives on
            if isinstance(trouble, SlackRefuses) and trouble.error in REMOVED:
                self._removed(turn.heard.team, trouble)
                return
            reference = uuid4().hex[:8]
            fields = {"reference": reference, "request": turn.heard.key}
            log.exception("delivery %s failed, reference %s", turn.heard.key, reference, extra={"fields": fields})
            if aloud:
                await self._apologise(turn, reference)

    def _removed(self, team: str, refused: SlackRefuses) -> None:
        """There is nobody to say so to, and Slack will tell itself."""
        log.warning("nothing can be said in %s, where the app was removed meanwhile: %s", team, refused)
        if self._bots is not None:
            self._bots.forget(team)

    async def _apologise(self, turn: Turn, reference: str) -> None:
        try:
            await self._deeds.tell(turn, "failed", reference=reference)
        except (SlackRefuses, aiohttp.ClientError, OSError) as gone:
            log.warning("the apology %s could not be said: %s", reference, type(gone).__name__)
