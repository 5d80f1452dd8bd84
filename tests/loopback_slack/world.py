"""What there is in Slack: workspaces, channels, messages, views, and what was refused."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Literal

from tests.loopback_slack.messages import Element, File, Message, elements
from tests.loopback_slack.refusals import Payload, Refusal

if TYPE_CHECKING:
    from tests.loopback_slack.exchange import Exchange
    from tests.loopback_slack.people import Member

Where = Literal["channel", "private", "im"]
SCOPES = (
    "commands",
    "chat:write",
    "files:write",
    "users:read",
    "channels:read",
    "groups:read",
    "im:read",
    "im:write",
    "links:read",
    "links:write",
)
NUMBERS = count(1)


def identity(kind: str) -> str:
    """An id as Slack has them: a letter for what it is of, then letters and digits."""
    return f"{kind}0LOOP{next(NUMBERS):05d}"


def timestamp(at: float | None = None) -> str:
    """One that no other message has, of that moment or of now."""
    return f"{int(time.time() if at is None else at)}.{next(NUMBERS):06d}"


@dataclass(eq=False)
class Team:
    """A workspace; `token` is the bot's there while it is installed, and `dead` is why it is not taken any more.

    `organisation` is the one that whoever installs the app from here installs it in as a whole.
    """

    name: str
    id: str = field(default_factory=lambda: identity("T"))
    bot_user: str = field(default_factory=lambda: identity("U"))
    token: str = field(default="", repr=False)
    scopes: frozenset[str] = frozenset(SCOPES)
    dead: str | None = None
    organisation: str | None = None

    @property
    def installed(self) -> bool:
        return bool(self.token) and self.dead is None

    @property
    def domain(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def payload(self) -> Payload:
        return {"id": self.id, "domain": self.domain}


@dataclass(eq=False)
class Channel:
    """`has_bot` says that the bot is a member; `member` is the other one of a conversation of two.

    `shut` is Slack's word for why nobody like the bot may post there.
    """

    team: Team
    name: str
    where: Where = "channel"
    has_bot: bool = True
    member: Member | None = None
    id: str = ""
    shut: str | None = None

    def __post_init__(self) -> None:
        self.id = self.id or identity({"channel": "C", "private": "G", "im": "D"}[self.where])

    @property
    def shown(self) -> str:
        return {"channel": self.name, "private": "privategroup", "im": "directmessage"}[self.where]

    @property
    def payload(self) -> Payload:
        kind = {"is_channel": self.where == "channel", "is_im": self.where == "im"}
        known = {
            "id": self.id,
            "is_private": self.where != "channel",
            "is_archived": self.shut == "is_archived",
            **kind,
        }
        if self.member is not None:
            return known | {"user": self.member.id}
        return known | {"name": self.name, "is_member": self.has_bot, "context_team_id": self.team.id}


@dataclass(eq=False)
class View:
    """A modal or a home tab as one person has it before the eyes; `typed` is what stands in its fields.

    `offered` is what was offered while the person typed, by action_id.
    """

    member: Member
    body: Payload
    exchange: Exchange
    id: str = field(default_factory=lambda: identity("V"))
    hash: str = field(default_factory=timestamp)
    previous: View | None = None
    open: bool = True
    typed: dict[str, dict[str, Payload]] = field(default_factory=dict)
    offered: dict[str, list[Payload]] = field(default_factory=dict)

    @property
    def root(self) -> View:
        return self if self.previous is None else self.previous.root

    @property
    def elements(self) -> list[Element]:
        return elements(self.body["blocks"])

    def payload(self, app_id: str) -> Payload:
        known: Payload = {"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": False}
        known |= {"notify_on_close": False, "close": None, "submit": None} | self.body
        team = self.member.team
        return known | {
            "id": self.id,
            "team_id": team.id,
            "app_id": app_id,
            "app_installed_team_id": team.id,
            "bot_id": f"B{app_id[1:]}",
            "hash": self.hash,
            "root_view_id": self.root.id,
            "previous_view_id": None if self.previous is None else self.previous.id,
            "state": {"values": self.typed},
        }


@dataclass
class Hook:
    """A response_url: good for so many answers within so many seconds."""

    exchange: Exchange
    original: Message | None
    born: float = field(default_factory=time.monotonic)
    uses: int = 0


@dataclass
class Trigger:
    exchange: Exchange
    born: float = field(default_factory=time.monotonic)
    used: bool = False


@dataclass(frozen=True)
class Refused:
    """Something that the bot did and Slack did not take, or did not do in time: `said` is what came."""

    what: str
    refusal: Refusal
    said: object = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.what}: {self.refusal}"


@dataclass(frozen=True)
class Scheduled:
    """A message that is to be posted at a second to come."""

    id: str
    post_at: int
    created: int
    message: Message


@dataclass
class World:
    """`deliver` tells the bot of an exchange. Seconds throughout.

    `clock` tells when scheduled messages are posted: tests may move it.
    """

    first_response: float
    hook_life: float
    patience: float
    url: str = ""
    app_id: str = field(default_factory=lambda: identity("A"))
    teams: list[Team] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    uploads: dict[str, File] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    codes: dict[str, Team] = field(default_factory=dict)
    broken_images: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    commands: frozenset[str] | None = None
    domains: frozenset[str] = frozenset({"store.steampowered.com"})
    deliver: Callable[[Exchange], None] = lambda _: None
    scheduled: dict[str, Scheduled] = field(default_factory=dict)
    clock: Callable[[], float] = time.time

    def settle(self) -> None:
        """Posts what was scheduled for a moment that has come, where the bot may still post."""
        due = sorted(
            (one for one in self.scheduled.values() if one.post_at <= self.clock()), key=lambda one: one.post_at
        )
        for one in due:
            del self.scheduled[one.id]
            channel = self.channels.get(one.message.channel)
            if channel is not None and channel.has_bot and channel.shut is None and channel.team.installed:
                self.place(one.message)

    def refuse(self, what: str, refusal: Refusal, said: object = None) -> None:
        self.refused.append(Refused(what, refusal, said))

    def hook(self, exchange: Exchange, original: Message | None = None) -> str:
        """A new response_url."""
        token = secrets.token_hex(12)
        self.hooks[token] = Hook(exchange, original)
        return f"{self.url}/respond/{token}"

    def trigger(self, exchange: Exchange) -> str:
        token = secrets.token_hex(12)
        self.triggers[token] = Trigger(exchange)
        return token

    def place(self, message: Message) -> Message:
        self.messages[(message.channel, message.ts)] = message
        return message

    def direct(self, member: Member) -> Channel:
        """The conversation of the bot and a person."""
        for channel in self.channels.values():
            if channel.member is member:
                return channel
        channel = Channel(member.team, "directmessage", "im", member=member)
        self.channels[channel.id] = channel
        return channel

    def latest(self, member: str, channel: str | None = None) -> Exchange | None:
        """The last thing that a person did, in a channel or anywhere."""
        return next(
            (one for one in reversed(self.exchanges) if one.member.id == member and channel in (None, one.channel.id)),
            None,
        )

    def user_payload(self, member: Member, *, locale: bool) -> Payload:
        known: Payload = {
            "id": member.id,
            "team_id": member.team.id,
            "name": member.name,
            "real_name": member.name.title(),
            "deleted": False,
            "tz": member.tz,
            "is_bot": False,
            "is_admin": member.admin,
            "is_owner": False,
            "profile": {"real_name": member.name.title(), "display_name": member.name},
        }
        return known | ({"locale": member.locale} if locale else {})

    def warn_of_text(self, what: str, said: Payload) -> None:
        """Screen readers and notifications have nothing else to say."""
        if said.get("blocks") and not said.get("text"):
            self.warnings.append(f"{what}: there is no text beside the blocks")
