"""How a workspace installs the bot: to Slack's page and back with a code, which Bolt changes for a token."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urljoin

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.bots import Bots
from bot.slack.paths import INSTALL, REDIRECT
from bot.slack.scopes import SCOPES
from bot.web_page import language_of, page
from bot.wording import Wording
from storage.errors import DatabaseError
from storage.slack_installs import SlackInstalls

log = logging.getLogger(__name__)

AUTHORIZE = "/oauth/v2/authorize"
"""On the host of Slack's Web API."""

Handle = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class End(StrEnum):
    INSTALLED = "installed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    WHOLE_ORGANISATION = "whole_organisation"
    SLACK_AWAY = "slack_away"
    NOTES_AWAY = "notes_away"


SAID = {
    End.INSTALLED: ("slack.install.installed", HTTPStatus.OK),
    End.CANCELLED: ("slack.install.cancelled", HTTPStatus.OK),
    End.EXPIRED: ("slack.install.expired", HTTPStatus.GONE),
    End.REFUSED: ("slack.install.refused", HTTPStatus.SERVICE_UNAVAILABLE),
    End.WHOLE_ORGANISATION: ("slack.install.whole_organisation", HTTPStatus.CONFLICT),
    End.SLACK_AWAY: ("slack.install.slack_away", HTTPStatus.SERVICE_UNAVAILABLE),
    End.NOTES_AWAY: ("slack.install.notes_away", HTTPStatus.SERVICE_UNAVAILABLE),
}
"""The sentence and the status of each end."""
REASONS = {
    "access_denied": End.CANCELLED,
    "invalid_browser": End.EXPIRED,
    "invalid_state": End.EXPIRED,
    "missing_code": End.EXPIRED,
}
"""What Slack brings back in the place of a code, and Bolt's own words; the rest is the application's fault."""


class _OneWorkspace(Exception):
    """Somebody gave the bot to a whole organisation, whose people say nowhere to which workspace they belong."""


@dataclass(frozen=True)
class Installing:
    """`client` has no token, `public_url` is how browsers reach the bot's web server."""

    client: AsyncWebClient
    client_id: str
    client_secret: SecretStr
    public_url: str
    installs: SlackInstalls
    bots: Bots

    def routes(self) -> Sequence[web.RouteDef]:
        """A look ahead with HEAD uses no secret up."""
        flow = _Flow(client=self.client, logger=_flow_log(), settings=self._settings())
        return [
            web.get(INSTALL, _served(flow.handle_installation), allow_head=False),
            web.get(REDIRECT, _served(flow.handle_callback), allow_head=False),
        ]

    def _settings(self) -> AsyncOAuthSettings:
        return AsyncOAuthSettings(
            client_id=self.client_id,
            client_secret=self.client_secret.get_secret_value(),
            scopes=SCOPES,
            user_scopes=(),
            redirect_uri=f"{self.public_url.rstrip('/')}{REDIRECT}",
            install_path=INSTALL,
            install_page_rendering_enabled=False,
            redirect_uri_path=REDIRECT,
            callback_options=AsyncCallbackOptions(success=self._installed, failure=_failed),
            authorization_url=urljoin(self.client.base_url, AUTHORIZE),
            installation_store=self.installs,
            installation_store_bot_only=True,
            state_store=self.installs.states,
            state_expiration_seconds=self.installs.states.seconds,
            logger=_flow_log(),
        )

    async def _installed(self, args: AsyncSuccessArgs) -> BoltResponse:
        installation = args.installation
        self.bots.forget(str(installation.team_id))
        log.info("the app was installed in %s", installation.team_id)
        return _page(End.INSTALLED, args.request, args.settings, name=installation.team_name or "Slack")


class _Flow(AsyncOAuthFlow):
    async def store_installation(self, request: AsyncBoltRequest, installation: Installation) -> None:
        if installation.is_enterprise_install or installation.team_id is None:
            raise _OneWorkspace
        await super().store_installation(request, installation)


class _CodeHidden(logging.Filter):
    """Bolt writes a code down that Slack does not take, which somebody else may have got hold of."""

    _CODE = re.compile(r"(with code: )\S+")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._CODE.sub(r"\1[hidden]", record.getMessage()), None
        return True


_code_hidden = _CodeHidden()


def _flow_log() -> logging.Logger:
    logger = logging.getLogger("bot.slack.oauth")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_code_hidden)
    return logger


def _served(handle: Handle) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What breaks on the way is a page with a sentence; nothing of the address, which holds secrets, is logged."""

    async def serve(request: web.Request) -> web.Response:
        asked = await to_bolt_request(request)
        try:
            answer = await handle(asked)
        except _OneWorkspace:
            answer = _page(End.WHOLE_ORGANISATION, asked)
        except DatabaseError as away:
            log.warning("a workspace cannot install the app now: %s", away)
            answer = _page(End.NOTES_AWAY, asked)
        except (SlackClientError, aiohttp.ClientError, OSError) as away:  # TimeoutError is an OSError
            log.warning("a workspace cannot install the app now, as Slack is away: %s", type(away).__name__)
            answer = _page(End.SLACK_AWAY, asked)
        return await to_aiohttp_response(answer)

    return serve


async def _failed(args: AsyncFailureArgs) -> BoltResponse:
    end = REASONS.get(args.reason, End.REFUSED)
    if end is End.REFUSED:
        log.warning("Slack lets nobody install the app: see INDIEAN_SLACK_CLIENT_ID and INDIEAN_SLACK_CLIENT_SECRET")
    return _page(end, args.request, args.settings)


def _page(
    end: End, request: AsyncBoltRequest, settings: AsyncOAuthSettings | None = None, **fields: object
) -> BoltResponse:
    """`settings` where the cookie that ties the browser to its secret has served."""
    language = language_of(request.headers.get("accept-language", [""])[0])
    words = Wording(language)
    key, status = SAID[end]
    heading = words.say("slack.install.done" if end is End.INSTALLED else "slack.install.undone")
    headers: dict[str, str | Sequence[str]] = {"Content-Type": "text/html; charset=utf-8"}
    if settings is not None:
        headers["Set-Cookie"] = settings.state_utils.build_set_cookie_for_deletion()
    return BoltResponse(status=status, body=page(heading, words.say(key, **fields), language), headers=headers)
