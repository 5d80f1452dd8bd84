"""Who speaks for which workspace where nobody from there is just asking: the token it installed, or the operator's."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.poster import posting_client
from storage.slack_installs import SlackInstalls


class Clients:
    """`own` is the operator's token, for the workspace that nobody installed the bot in."""

    def __init__(self, api_url: str, own: str | None, installs: SlackInstalls | None) -> None:
        self._api_url, self._own, self._installs = api_url, own, installs
        self._home: str | None = None

    async def __call__(self, team: str | None) -> AsyncWebClient | None:
        """None where the bot is not installed.

        Raises:
            DatabaseUnavailable, DatabaseError: nobody can say whose token it is.
            SlackClientError, aiohttp.ClientError, OSError: Slack does not say whose the operator's token is.
        """
        if self._installs is None:
            return self._of(self._own)
        bot = await self._installs.bot_of(team) if team is not None else None
        if bot is not None:
            return self._of(bot.bot_token)
        return self._of(self._own) if await self._is_home(team) else None

    async def _is_home(self, team: str | None) -> bool:
        client = self._of(self._own)
        if client is None:
            return False
        if self._home is None:
            self._home = str((await client.auth_test())["team_id"])
        return self._home == team

    def _of(self, token: str | None) -> AsyncWebClient | None:
        return posting_client(token, self._api_url) if token is not None else None
