"""What a button under an answer says: a short code that holds all that a restart would otherwise forget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.messages import Origin, Value
from storage.errors import SteamIdInvalid
from storage.steam.ids import SteamID, parse

LONGEST = 100
"""Characters of a code: Discord's custom_id takes no more, Slack's value takes 2000."""

TEMPLATE = r"ia:(?P<deed>[a-z_]+):(?P<answer>[0-9A-Za-z_-]{1,40}):(?P<number>[0-9]{1,10}):(?P<subject>[0-9A-Za-z_~-]*)"
"""Matches every code and nothing else."""

_BASE = 36
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Deed(StrEnum):
    """The name of the follow-up command that a press stands for; `ask` alone is none, it opens a form."""

    NEXT = "next"
    PREVIOUS = "previous"
    SHARE = "share"
    MORE_LIKE = "more_like"
    WHY = "why_this"
    LIKE = "like"
    OWN = "own"
    HIDE = "hide_this"
    CHOOSE = "choose"
    ASK = "ask"


OPINIONS = frozenset({Deed.LIKE, Deed.OWN, Deed.HIDE})
IN_PLACE = OPINIONS | {Deed.NEXT, Deed.PREVIOUS}
"""Presses that change the message they stand under, for who asked for it."""


@dataclass(frozen=True, slots=True)
class Press:
    """`number` is the app id for what is about one game, the page shown for pages, the choice counted from 0.

    A form that asks for an option has the command as its `answer` and the option's name as its `subject`.
    """

    deed: Deed
    answer: str
    number: int = 0
    subject: str = ""

    @property
    def code(self) -> str:
        code = f"ia:{self.deed}:{self.answer}:{self.number}:{self.subject}"
        assert len(code) <= LONGEST, "an answer id is at most 40 characters, a subject at most 33"
        return code

    @property
    def options(self) -> Mapping[str, Value]:
        """As options of the follow-up command."""
        return {"answer": self.answer, "number": self.number, "subject": self.subject}


def pressed(code: str) -> Press | None:
    """None where the code is none of ours, or of a deed that is no more."""
    found = re.fullmatch(TEMPLATE, code)
    if found is None or found["deed"] not in set(Deed):
        return None
    return Press(Deed(found["deed"]), found["answer"], int(found["number"]), found["subject"])


def about(origin: Origin, deed: Deed, number: int = 0) -> Press:
    return Press(deed, origin.answer, number, origin.subject)


def subject_of(said: str) -> str:
    """A profile in few characters: the account number in base 36, or a custom profile name after a tilde."""
    try:
        meant = parse(said)
    except SteamIdInvalid:
        return ""
    return _short(meant.account) if isinstance(meant, SteamID) else f"~{meant.name}"


def profile_of(subject: str) -> str:
    """What `subject_of` made short, as a Steam ID or name that can be asked about again."""
    return subject.removeprefix("~") if subject.startswith("~") else f"[U:1:{int(subject, _BASE)}]"


def _short(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, _BASE)
        digits = _DIGITS[digit] + digits
    return digits
