"""Whose token answers whom, where any workspace may install the bot: looked up once, and known for a short while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.web.async_client import AsyncWebClient

from storage.errors import DatabaseError, DatabaseUnavailable
from storage.slack_installs import SlackInstalls

log = logging.getLogger(__name__)

MOST = 10_000
"""Workspaces remembered at once."""
FRESH = 60.0
"""Seconds for which a token is believed without another look."""
AGAIN = 5.0
"""The same for one that is old already, where the database does not say otherwise."""
PATIENCE = 1.0
"""Seconds that the database may take: Slack waits for three, and there is more to do in them."""

Place = tuple[str | None, str | None]
"""An organisation and a workspace, as Slack names them."""
Found = AuthorizeResult | DatabaseError | None


@dataclass
class _Known:
    bot: AuthorizeResult = field(repr=False)
    until: float


class Bots(AsyncAuthorize):
    """Asked by Bolt at each delivery. None where the bot is not installed.

    `own` has the token that the operator set, if any: it answers in its workspace where nobody installed the bot.

    Raises DatabaseError where the database cannot say, or not in time, and nothing is remembered.
    """

    def __init__(
        self,
        installs: SlackInstalls,
        own: AsyncWebClient | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._installs, self._own, self._clock, self._patience = installs, own, clock, patience
        self._home: AuthorizeResult | None = None
        self._known: OrderedDict[Place, _Known] = OrderedDict()
        self._asked: dict[Place, asyncio.Task[Found]] = {}

    def __repr__(self) -> str:
        return f"Bots({len(self._known)} of {MOST})"

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,  # noqa: ARG002 - Bolt's
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,  # noqa: ARG002 - Bolt's
        actor_enterprise_id: str | None = None,  # noqa: ARG002 - Bolt's
        actor_team_id: str | None = None,  # noqa: ARG002 - Bolt's
        actor_user_id: str | None = None,  # noqa: ARG002 - Bolt's
    ) -> AuthorizeResult | None:
        place = (enterprise_id, team_id)
        known = self._known.get(place)
        if known is not None and self._clock() < known.until:
            return known.bot
        found = await self._look(place)
        if not isinstance(found, DatabaseError):
            return found
        if known is None or self._known.get(place) is not known:
            raise found
        log.warning("the token of %s may be old, as the database does not answer: %s", team_id, found)
        known.until = self._clock() + AGAIN
        return known.bot

    async def uninstall(self, team_id: str, until: datetime) -> None:
        """A bot that was installed after `until` stays."""
        await self._installs.forget(team_id, until)
        self.forget(team_id)

    def forget(self, team_id: str) -> None:
        """At the next delivery the database is asked, whatever it was about to say."""
        for known in (self._known, self._asked):
            for place in [place for place in known if place[1] == team_id]:
                del known[place]
        if self._home is not None and self._home.team_id == team_id:
            self._home = None

    async def close(self) -> None:
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, place: Place) -> Found:
        """Those who ask at once share one look, which goes on for those who ask later."""
        task = self._asked.get(place)
        if task is None:
            task = self._asked[place] = asyncio.create_task(self._read(place))
        await asyncio.wait({task}, timeout=self._patience)
        if task.done() and not task.cancelled():
            return task.result()
        return DatabaseUnavailable(f"it did not say within {self._patience:g} s whose token it is")

    async def _read(self, place: Place) -> Found:
        try:
            found = await self._found(*place)
        finally:
            to_be_kept = self._asked.get(place) is asyncio.current_task()  # it was not told to forget meanwhile
            if to_be_kept:
                del self._asked[place]
        if to_be_kept:
            self._keep(place, found)
        return found

    async def _found(self, enterprise_id: str | None, team_id: str | None) -> Found:
        try:
            bot = await self._installs.async_find_bot(enterprise_id=enterprise_id, team_id=team_id)
        except DatabaseError as away:
            return away
        return await self._set_for(team_id) if bot is None else _result(bot)

    async def _set_for(self, team_id: str | None) -> AuthorizeResult | None:
        """What the operator set, where it is for this workspace, which Slack alone can say."""
        if self._own is not None and self._home is None:
            try:
                told = await self._own.auth_test()
            except (SlackClientError, aiohttp.ClientError, OSError) as away:  # TimeoutError is an OSError
                log.warning("Slack does not say whose INDIEAN_SLACK_BOT_TOKEN is: %s", type(away).__name__)
                return None
            self._home = AuthorizeResult.from_auth_test_response(auth_test_response=told, bot_token=self._own.token)
        return self._home if self._home is not None and self._home.team_id == team_id else None

    def _keep(self, place: Place, found: Found) -> None:
        if found is None:
            self._known.pop(place, None)
        elif isinstance(found, AuthorizeResult):
            self._known[place] = _Known(found, self._clock() + FRESH)
            self._known.move_to_end(place)
            while len(self._known) > MOST:
                self._known.popitem(last=False)


def _result(bot: Bot) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=bot.enterprise_id,
        team_id=bot.team_id,
        team=bot.team_name,
        bot_id=bot.bot_id,
        bot_user_id=bot.bot_user_id,
        bot_token=bot.bot_token,
        bot_scopes=bot.bot_scopes,
    )
