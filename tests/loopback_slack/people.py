"""People: what they can do in Slack, each deed one exchange with the bot."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.loopback_slack.exchange import COMMAND, EVENT, INTERACTIVE, Exchange, Place
from tests.loopback_slack.messages import Body, Element, Message
from tests.loopback_slack.refusals import Payload
from tests.loopback_slack.world import View, identity, timestamp

if TYPE_CHECKING:
    from tests.loopback_slack.world import Channel, Team, World

TOKEN = "loopback-verification-token"  # noqa: S105 - Slack sends one with everything, and it opens nothing
LINK = re.compile(r"https?://[^\s<>|]+")


class NotOffered(Exception):
    """Something that Slack does not let a person do there."""


@dataclass(frozen=True, eq=False)
class Member:
    """`locale` is as Slack has it: en-US, ko-KR."""

    world: World
    name: str
    id: str
    team: Team
    locale: str = "en-US"
    tz: str = "Europe/Berlin"
    admin: bool = False

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def home(self) -> View | None:
        return self.world.homes.get(self.id)

    async def slash(self, channel: Channel, command: str, text: str = "") -> Exchange:
        """Gives a command and waits for the answer. Raises NotOffered, Unanswered."""
        return await self.begin(channel, command, text).until_answered()

    def begin(self, channel: Channel, command: str, text: str = "") -> Exchange:
        """The same without waiting."""
        if self.world.commands is not None and command not in self.world.commands:
            raise NotOffered(f"{command} is not a valid command, there is {sorted(self.world.commands)}")
        exchange = self._exchange(channel, COMMAND, command)
        exchange.payload = {
            "token": TOKEN,
            "team_id": self.team.id,
            "team_domain": self.team.domain,
            "channel_id": channel.id,
            "channel_name": channel.shown,
            "user_id": self.id,
            "user_name": self.name,
            "command": command,
            "text": text.strip(),
            "api_app_id": self.world.app_id,
            "is_enterprise_install": "false",
            "response_url": self.world.hook(exchange),
            "trigger_id": self.world.trigger(exchange),
        }
        return self._done(exchange)

    def touch(self, channel: Channel, place: Place, element: Element, said: Payload) -> Exchange:
        """Presses or chooses something. Raises LookupError where this person does not see it."""
        exchange = self._interaction(channel, "block_actions", place)
        known = {"type": element.kind, "action_id": element.action_id, "block_id": element.block_id}
        exchange.payload["actions"] = [known | said | {"action_ts": timestamp()}]
        if isinstance(place, View):
            if "selected_option" in said and element.kind != "overflow":
                place.typed[element.block_id][element.action_id] = {"type": element.kind, **said}
                exchange.payload["view"] = place.payload(self.world.app_id)
        else:
            chosen = (
                {} if element.kind in ("button", "overflow") else {element.action_id: {"type": element.kind, **said}}
            )
            exchange.payload["state"] = {"values": {element.block_id: chosen} if chosen else {}}
            exchange.payload["response_url"] = self.world.hook(exchange, place)
        return self._done(exchange)

    def suggest(self, channel: Channel, place: Place, element: Element, typed: str) -> Exchange:
        """Types into an external_select, without waiting."""
        exchange = self._interaction(channel, "block_suggestion", place)
        del exchange.payload["trigger_id"]
        exchange.payload |= {"action_id": element.action_id, "block_id": element.block_id, "value": typed}
        return self._done(exchange)

    def submit(self, origin: Exchange, view: View) -> Exchange:
        """Sends a modal that is filled in, without waiting."""
        exchange = self._interaction(origin.channel, "view_submission", view)
        exchange.payload["response_urls"] = []
        exchange.origin = origin
        origin.heirs.append(exchange)
        exchange.views.append(view)
        return self._done(exchange)

    def closed(self, origin: Exchange, view: View) -> Exchange:
        exchange = self._interaction(origin.channel, "view_closed", view)
        exchange.payload["is_cleared"] = False
        exchange.origin = origin
        return self._done(exchange)

    async def shortcut(self, channel: Channel, message: Message, callback_id: str) -> Exchange:
        """Uses a message shortcut and waits for the answer. Raises LookupError, Unanswered."""
        exchange = self._interaction(channel, "message_action", message)
        del exchange.payload["container"]
        exchange.payload |= {"callback_id": callback_id, "message_ts": message.ts, "action_ts": timestamp()}
        exchange.payload["response_url"] = self.world.hook(exchange)
        return await self._done(exchange).until_answered()

    async def open_home(self) -> Exchange:
        """Opens the app's home tab and waits until something is published there. Raises Unanswered."""
        channel = self.world.direct(self)
        seen = {} if self.home is None else {"view": self.home.payload(self.world.app_id)}
        event = {"type": "app_home_opened", "user": self.id, "channel": channel.id, "tab": "home"} | seen
        return await self._event(channel, event).until_answered()

    def say(self, channel: Channel, text: str) -> Message:
        """Posts a message; nobody tells the bot unless there is a link that it wants to know of."""
        return self.world.place(Message(timestamp(), channel.id, self.id, Body(text)))

    def link(self, channel: Channel, text: str) -> Exchange:
        """Posts a message with links to a domain of the app's, without waiting. Raises NotOffered."""
        message = self.say(channel, text)
        found = [{"url": url, "domain": urlsplit(url).hostname} for url in LINK.findall(text)]
        links = [one for one in found if one["domain"] in self.world.domains]
        if not links:
            raise NotOffered(f"no link in {text!r} is to a domain of the app's, which has {sorted(self.world.domains)}")
        event: Payload = {"type": "link_shared", "user": self.id, "channel": channel.id, "message_ts": message.ts}
        event |= {"unfurl_id": f"{channel.id}-{message.ts}", "source": "conversations_history", "links": links}
        event["is_bot_user_member"] = channel.has_bot
        exchange = self._event(channel, event)
        message.exchanges.append(exchange)
        return exchange

    def event(self, channel: Channel, kind: str, **members: object) -> Exchange:
        """Any other event that a person brings about, without waiting."""
        return self._event(channel, {"type": kind, "user": self.id, **members})

    def uninstall(self) -> tuple[Exchange, Exchange]:
        """Takes the app out of the workspace: what the bot is told of its tokens, and of the end."""
        self.team.dead = "account_inactive"
        channel = self.world.direct(self)
        revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.team.bot_user]}}
        return self._event(channel, revoked), self._event(channel, {"type": "app_uninstalled"})

    def _exchange(self, channel: Channel, kind: str, what: str) -> Exchange:
        return Exchange(self.world, self, channel, kind, what)

    def _done(self, exchange: Exchange) -> Exchange:
        self.world.exchanges.append(exchange)
        self.world.deliver(exchange)
        return exchange

    def _interaction(self, channel: Channel, what: str, place: Place) -> Exchange:
        exchange = self._exchange(channel, INTERACTIVE, what)
        exchange.payload = {
            "type": what,
            "token": TOKEN,
            "api_app_id": self.world.app_id,
            "team": self.team.payload,
            "user": {"id": self.id, "username": self.name, "name": self.name, "team_id": self.team.id},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.world.trigger(exchange),
        }
        if isinstance(place, View):
            exchange.within = place
            exchange.payload["view"] = place.payload(self.world.app_id)
            if not what.startswith("view_"):
                exchange.payload["container"] = {"type": "view", "view_id": place.id}
            return exchange
        exchange.pressed = place
        exchange.payload["container"] = self._container(place)
        exchange.payload["channel"] = {"id": channel.id, "name": channel.shown}
        if not place.ephemeral:
            exchange.payload["message"] = place.payload
        return exchange

    def _container(self, message: Message) -> Payload:
        """Of a message that is for one person the bot is not told what it says."""
        if message.to not in (None, self.id):
            raise LookupError(f"{self.name} cannot see a message that is for somebody else only")
        if message.deleted:
            raise LookupError("the message is not there any more")
        known = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        return known | {"is_ephemeral": message.ephemeral}

    def _event(self, channel: Channel, event: Payload) -> Exchange:
        exchange = self._exchange(channel, EVENT, event["type"])
        of = {"enterprise_id": None, "team_id": self.team.id, "user_id": self.team.bot_user, "is_bot": True}
        exchange.payload = {
            "token": TOKEN,
            "team_id": self.team.id,
            "api_app_id": self.world.app_id,
            "event": event | {"event_ts": timestamp()},
            "type": "event_callback",
            "event_id": identity("Ev"),
            "event_time": int(time.time()),
            "authorizations": [of | {"is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }
        return self._done(exchange)
