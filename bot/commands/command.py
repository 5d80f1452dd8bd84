"""What a command is made of, and the desk with all that a command may use."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from bot.commands.recents import Recents
from bot.cooldowns import Cooldowns
from bot.hosting.metrics import Metrics
from bot.messages import Person, Reply, Request
from jobs.learner import Learner
from recommender.engine import Engine
from recommender.library import Library
from storage.accounts import Accounts
from storage.channel_tastes import ChannelTastes
from storage.digests import Digests
from storage.feedback import Feedback
from storage.lake.patient import PatientLake
from storage.logs import Logs
from storage.patient_logs import PatientLogs
from storage.personal_data import PersonalData
from storage.server_data import ServerData
from storage.slack_installs import SlackInstalls
from storage.steam.ids import SteamID
from storage.subscriptions import Subscriptions

Completed = Literal["tag", "tags", "title", "titles", "zone"]


class Kind(StrEnum):
    """`members` is people of the same platform: their ids with spaces between, `Request.names` has their names."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    MEMBERS = "members"


class Topic(StrEnum):
    """What a command is about, in the order of `/help`."""

    GAMES = "games"
    YOU = "you"
    CHANNEL = "channel"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Option:
    """`choices` are the values of a choice; `least` and `most` bound a number, both included.

    `autocomplete` says whose names complete it: the catalogue's tags or titles, one or several with commas between,
    or the time zones.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    autocomplete: Completed | None = None
    least: float = 0
    most: float = float("inf")


@dataclass(frozen=True, slots=True)
class Instead:
    """What a press of a button stands for: the request to answer in its place, to this person alone if `private`."""

    request: Request
    private: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table. The first option is what somebody means who names none.

    A name of two words is a command of a group: "digest here". The answers of a `personal` command are shown to the
    person who asked and to nobody else. One that `manages` is for those who may manage the channel it is given in.
    """

    name: str
    handler: Callable[[Request, Desk], Awaitable[Reply | Instead]]
    options: tuple[Option, ...] = ()
    personal: bool = True
    manages: bool = False
    topic: Topic = Topic.GAMES


class Libraries(Protocol):
    """Whose games are whose: Steam, or a saved answer of it. Raises SteamError."""

    async def resolve(self, said: str) -> SteamID: ...

    async def owned_games(self, player: SteamID) -> Library: ...

    def forget(self, player: SteamID) -> None: ...


class Connect(Protocol):
    """The way through a browser on which the platform itself says which Steam account is whose."""

    async def begin(self, person: Person, now: datetime) -> str:
        """The address to open, which is for that person alone."""
        ...


class Copies(Protocol):
    """What was copied to learn from, of one person: rows by kind. Raises WarehouseError."""

    async def of(self, platform: str, person: str) -> dict[str, list[dict[str, object]]]: ...


@dataclass(frozen=True)
class Desk:
    """The collaborators of every command; `past` reads what `logs` wrote, which may be a moment behind.

    `lake` takes the same as raw events and more, to learn from; `learner` has the engine learn what it is told;
    `installs` is there where any workspace of Slack may install the bot. Without `cooldowns` nobody is slowed. `clock`
    is in seconds and never runs backwards; `patience` is how many of them the log lines under way are waited for where
    an answer depends on them. `metrics` count requests.
    """

    commands: tuple[Command, ...]
    engine: Engine
    steam: Libraries
    logs: PatientLogs
    past: Logs
    feedback: Feedback
    accounts: Accounts
    subscriptions: Subscriptions
    digests: Digests
    tastes: ChannelTastes
    personal: PersonalData
    lake: PatientLake
    servers: ServerData
    installs: SlackInstalls | None = None
    copies: Copies | None = None
    learner: Learner | None = None
    connect: Connect | None = None
    cooldowns: Cooldowns | None = None
    metrics: Metrics | None = None
    recents: Recents = field(default_factory=Recents)
    clock: Callable[[], float] = time.monotonic
    patience: float = 5.0
