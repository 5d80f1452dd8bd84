"""What people say and what they are answered, with no word about where: adapters translate both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from recommender.recommend import Pick

Value = str | int | float
"""An option as the platform hands it over: text, a whole number or a number."""


class Language(StrEnum):
    EN = "en"
    KO = "ko"


class Outcome(StrEnum):
    """How a request ended.

    `refused` is about what the person gave, `slowed` about asking too fast, `unavailable` about the world outside.
    """

    ANSWERED = "answered"
    NEAR_MISS = "near_miss"
    REFUSED = "refused"
    SLOWED = "slowed"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is the platform's own, never a Steam ID."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said; `server` is None in a direct message.

    `adult_ok` is true only where the platform says that the place is for adults, `manageable` only where it says that
    this person may manage the channel.
    """

    server: str | None = None
    channel: str | None = None
    adult_ok: bool = False
    manageable: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`names` are the display names of the people that the options speak of, by their id.

    `shown` is how many picks fit one answer there: what a phone shows without scrolling for long. A later page of an
    answer says with `root` which one, with `beyond` the app ids on the pages before it, and with `versions` which
    models the first page is of.
    """

    id: str
    person: Person
    command: str
    options: Mapping[str, Value]
    language: Language
    at: datetime
    place: Place = Place()
    names: Mapping[str, str] = field(default_factory=dict)
    shown: int = 5
    root: str | None = None
    page: int = 1
    beyond: frozenset[int] = frozenset()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A follow-up to press or type: the request that would have been right.

    `ask` names an option whose value the person still has to give: a form where there are forms.
    """

    label: str
    command: str
    options: Mapping[str, Value] = field(default_factory=dict)
    ask: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What the buttons under an answer need to find it again, also after a restart.

    `answer` is the id of the request that began it, `page` counts from 1, `more` says whether another page is likely.
    `subject` is whose library it is about, in the short form of `bot.presses.subject_of`, and empty where the
    library is the person's own or there is none: it travels in the buttons and is never written down.
    """

    answer: str
    page: int = 1
    more: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` and `note` are sentences in the person's language without any markup; `private` is to that person only.

    `model` is the version that answered, None where none was asked. `members` are the names that `Pick.members`
    counts. `toggled` says of a pressed opinion whether it holds now. `link` is a label and the address it opens.
    `language` is that of the picks and the text where it is not the person's own.
    `reasons` by app id are for picks that have others than what their players and libraries say.
    An `untraced` one is not logged: who asked to be forgotten is not remembered for asking.
    """

    text: str
    picks: tuple[Pick, ...] = ()
    choices: tuple[Choice, ...] = ()
    note: str | None = None
    private: bool = True
    outcome: Outcome = Outcome.ANSWERED
    model: str | None = None
    origin: Origin | None = None
    members: tuple[str, ...] = ()
    toggled: bool | None = None
    link: tuple[str, str] | None = None
    attachment: Attachment | None = None
    untraced: bool = False
    language: Language | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The text, with the choices under it where no button stands for them: then they are to be typed."""
        typed = self.choices if self.origin is None else ()
        return "\n".join([self.text, *(f"• {choice.label}" for choice in typed)])
