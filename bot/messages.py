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
    """How a request ended: `refused` is about what the person gave, `unavailable` about the world outside."""

    ANSWERED = "answered"
    NEAR_MISS = "near_miss"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is the platform's own, never a Steam ID."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True)
class Request:
    """`adult_ok` is true only where the platform says that the place is for adults."""

    id: str
    person: Person
    command: str
    options: Mapping[str, Value]
    language: Language
    at: datetime
    adult_ok: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A follow-up to press or type: the request that would have been right."""

    label: str
    command: str
    options: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` and `note` are sentences in the person's language without any markup; `private` is to that person only.

    `model` is the version that answered, None where none was asked.
    """

    text: str
    picks: tuple[Pick, ...] = ()
    choices: tuple[Choice, ...] = ()
    note: str | None = None
    private: bool = True
    outcome: Outcome = Outcome.ANSWERED
    model: str | None = None
