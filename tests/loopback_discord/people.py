"""People: what they can do in Discord, each deed one exchange with the bot."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.loopback_discord.command_data import command_data, completion_data
from tests.loopback_discord.exchange import AUTOCOMPLETE, COMMAND, COMPONENT, Exchange
from tests.loopback_discord.refusals import Payload
from tests.loopback_discord.world import CONTEXTS, MANAGER, ORDINARY, member_payload, snowflake, user_payload

if TYPE_CHECKING:
    from tests.loopback_discord.messages import Message
    from tests.loopback_discord.world import Channel, World


@dataclass(frozen=True, eq=False)
class Member:
    """A `manager` may manage the server and its channels; `installed` says that the bot is this person's own app."""

    world: World
    name: str
    id: str
    locale: str = "en-US"
    manager: bool = False
    installed: bool = False

    @property
    def user(self) -> Payload:
        return user_payload(self.id, self.name)

    @property
    def permissions(self) -> int:
        return ORDINARY | (MANAGER if self.manager else 0)

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    async def slash(self, channel: Channel, command: str, /, **options: object) -> Exchange:
        """Gives a command and waits for the answer. Raises NotOffered, Unanswered."""
        return await self.begin(channel, command, **options).until_answered()

    def begin(self, channel: Channel, command: str, /, **options: object) -> Exchange:
        """The same without waiting."""
        return self.act(channel, COMMAND, command_data(self.world, self, channel, command, options))

    async def autocomplete(
        self, channel: Channel, command: str, option: str, typed: str, /, **others: object
    ) -> Exchange:
        """Types into an option that completes; `.choices` has what is offered. Raises NotOffered, Unanswered."""
        data = completion_data(self.world, command, option, typed, others)
        return await self.act(channel, AUTOCOMPLETE, data).until_answered()

    def touch(self, channel: Channel, message: Message, data: Payload) -> Exchange:
        """Presses or chooses something under a message. Raises LookupError where this person does not see it."""
        owner = (message.metadata or {}).get("user", {}).get("id")
        if message.ephemeral and owner != self.id:
            raise LookupError(f"{self.name} cannot see a message that is for somebody else only")
        return self.act(channel, COMPONENT, data, message)

    def act(self, channel: Channel, kind: int, data: Payload, message: Message | None = None) -> Exchange:
        """Sends an interaction as Discord does, with all that it says of person and place."""
        exchange = Exchange(self.world, self, channel, self._interaction(channel, kind, data))
        if message is not None:
            exchange.pressed = message
            exchange.interaction["message"] = message.payload
        self.world.exchanges[exchange.token] = exchange
        self.world.dispatch("INTERACTION_CREATE", exchange.interaction)
        return exchange

    def owners(self, channel: Channel) -> dict[str, str]:
        """By kind of installation, who brought the bot to this place."""
        at_home = channel.guild is not None and channel.guild.installed
        mine = {"1": self.id} if self.installed else {}
        if channel.where == "dm":
            return {"0": "0"} | mine
        return ({"0": channel.guild.id} if channel.guild is not None and at_home else {}) | mine

    def _interaction(self, channel: Channel, kind: int, data: Payload) -> Payload:
        known: Payload = {
            "id": snowflake(),
            "application_id": self.world.application_id,
            "type": kind,
            "token": secrets.token_urlsafe(48),
            "version": 1,
            "data": data,
            "channel_id": channel.id,
            "channel": channel.payload(self.permissions),
            "locale": self.locale,
            "app_permissions": str(channel.app_permissions),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": self.owners(channel),
            "context": CONTEXTS[channel.where],
            "attachment_size_limit": 10 * 1024 * 1024,
        }
        if channel.guild is None:
            return known | {"user": self.user}
        guild = {"id": channel.guild.id, "locale": channel.guild.locale, "features": []}
        member = member_payload(self.user, self.permissions)
        return known | {
            "guild_id": channel.guild.id,
            "guild": guild,
            "guild_locale": channel.guild.locale,
            "member": member,
        }
