"""Who and what there is: servers, channels, the application, its commands; and how Discord writes them down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Literal

from tests.loopback_discord.messages import Message
from tests.loopback_discord.refusals import Payload, Refusal

if TYPE_CHECKING:
    from tests.loopback_discord.exchange import Exchange

Where = Literal["guild", "dm", "private"]
CONTEXTS: dict[Where, int] = {"guild": 0, "dm": 1, "private": 2}
CHANNEL_TYPES: dict[Where, int] = {"guild": 0, "dm": 1, "private": 3}
PUBLIC_THREAD = 11
DISCORD_EPOCH = 1_420_070_400_000
MANAGER, ORDINARY = 1 << 4 | 1 << 5, 1 << 10 | 1 << 11 | 1 << 31
"""Permissions: manage channels and the server; view, send and use commands."""

_numbers = count(1)


def snowflake(at: float | None = None) -> str:
    """An id of that moment, in seconds, or of now; ids of one clock grow and never come twice."""
    moment = time.time() if at is None else at
    return str((int(moment * 1000) - DISCORD_EPOCH << 22) + next(_numbers) % (1 << 22))


@dataclass(eq=False)
class Guild:
    """`installed` says whether the bot is a member of it: where it is not, only people's own installs work."""

    id: str
    name: str
    locale: str
    installed: bool
    channels: list[Channel] = field(default_factory=list)
    threads: list[Channel] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Channel:
    """A thread has a `parent`, and is age-restricted where that is.

    The bot may write where it is `writable`, and read what was said where it is `readable`.
    """

    id: str
    where: Where
    name: str
    nsfw: bool = False
    guild: Guild | None = None
    app_permissions: int = ORDINARY
    parent: Channel | None = None
    writable: bool = True
    readable: bool = True

    @property
    def reachable(self) -> bool:
        """Whether the bot may post here unasked."""
        return self.where == "dm" or (self.guild is not None and self.guild.installed)

    def payload(self, permissions: int | None = None) -> Payload:
        known: Payload = {"id": self.id, "type": CHANNEL_TYPES[self.where], "flags": 0, "last_message_id": None}
        if self.guild is not None and self.parent is not None:
            known |= {"guild_id": self.guild.id, "name": self.name, "parent_id": self.parent.id} | _of_a_thread()
        elif self.guild is not None:
            known |= {"guild_id": self.guild.id, "name": self.name, "nsfw": self.nsfw, "position": 0, "topic": None}
            known |= {"parent_id": None, "rate_limit_per_user": 0, "permission_overwrites": []}
        if self.where == "private":
            known |= {"name": self.name, "icon": None, "owner_id": "1", "recipients": []}
        return known | ({} if permissions is None else {"permissions": str(permissions)})


@dataclass(frozen=True)
class Refused:
    """Something that the bot did and Discord did not take: `said` is what came, `token` of which interaction."""

    what: str
    refusal: Refusal
    said: object = field(default=None, repr=False)
    token: str | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.refusal}"


@dataclass
class World:
    """`dispatch` tells the bot's gateway sessions of an event. Seconds throughout.

    `clock` tells when messages are said: tests may move it. `nonces` are those of messages that were to be single.
    """

    token: str
    first_response: float
    token_life: float
    patience: float
    application_id: str = field(default_factory=snowflake)
    guilds: list[Guild] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    commands: dict[tuple[int, str], Payload] = field(default_factory=dict)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    syncs: int = 0
    clock: Callable[[], float] = time.time
    nonces: dict[str, Message] = field(default_factory=dict)
    dispatch: Callable[[str, Payload], None] = lambda _, __: None

    @property
    def bot(self) -> Payload:
        return user_payload(self.application_id, "IndieAn", bot=True)

    @property
    def application(self) -> Payload:
        return {
            "id": self.application_id,
            "name": "IndieAn",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 1 << 23,
            "rpc_origins": [],
            "team": None,
            "owner": user_payload("1", "operator"),
            "bot": self.bot,
            "integration_types_config": {"0": {}, "1": {}},
            "interactions_endpoint_url": None,
            "approximate_guild_count": len(self.guilds),
            "approximate_user_install_count": 1,
        }

    def guild_payload(self, guild: Guild) -> Payload:
        """As in GUILD_CREATE to a bot without the members intent: itself is the only member it is told of."""
        return {
            "id": guild.id,
            "name": guild.name,
            "icon": None,
            "owner_id": "1",
            "preferred_locale": guild.locale,
            "features": [],
            "roles": [role_payload(guild.id, "@everyone")],
            "emojis": [],
            "stickers": [],
            "member_count": 250,
            "large": False,
            "unavailable": False,
            "joined_at": "2026-01-01T00:00:00+00:00",
            "members": [member_payload(self.bot)],
            "channels": [channel.payload() for channel in guild.channels],
            "threads": [thread.payload() for thread in guild.threads],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "system_channel_flags": 0,
            "afk_timeout": 300,
        }


def _of_a_thread() -> Payload:
    """Nothing in it says whether it is age-restricted: that is its channel's to say."""
    begun = "2026-01-01T00:00:00+00:00"
    return {
        "type": PUBLIC_THREAD,
        "owner_id": "1",
        "member_count": 1,
        "message_count": 0,
        "total_message_sent": 0,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": False,
            "locked": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": begun,
            "create_timestamp": begun,
        },
    }


def user_payload(identity: str, name: str, *, bot: bool = False) -> Payload:
    return {
        "id": identity,
        "username": name,
        "global_name": None if bot else name[:1].upper() + name[1:],
        "discriminator": "0" if not bot else "0001",
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
    }


def member_payload(user: Payload, permissions: int | None = None) -> Payload:
    known: Payload = {
        "user": user,
        "nick": None,
        "avatar": None,
        "roles": [],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }
    return known | ({} if permissions is None else {"permissions": str(permissions)})


def role_payload(identity: str, name: str) -> Payload:
    return {
        "id": identity,
        "name": name,
        "permissions": str(ORDINARY),
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "flags": 0,
        "icon": None,
        "unicode_emoji": None,
    }
