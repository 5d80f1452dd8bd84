"""How Slack says no: a word for the error, and for blocks one message with the place of every flaw in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Payload = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with a body; `path` is where, from the top."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{''.join(f'/{step}' for step in self.path)}]"


class Refusal(Exception):
    """What is answered in place of doing it; `more` are further members of the answer."""

    def __init__(self, error: str, flaws: Iterable[Flaw] = (), *, status: int = 200, **more: object) -> None:
        self.error = error
        self.flaws = tuple(flaws)
        self.status = status
        self.more = more
        super().__init__(str(self))

    def __str__(self) -> str:
        return "; ".join([self.error, *map(str, self.flaws)])

    @property
    def payload(self) -> Payload:
        answer: Payload = {"ok": False, "error": self.error} | self.more
        if not self.flaws:
            return answer
        said = [str(flaw) for flaw in self.flaws]
        messages = {"response_metadata": {"messages": [f"[ERROR] {one}" for one in said]}}
        return answer | ({"errors": said} if self.error == "invalid_blocks" else {}) | messages


def insist(error: str, flaws: Iterable[Flaw]) -> None:
    """Raises one refusal with all the flaws, if there are any."""
    found = list(flaws)
    if found:
        raise Refusal(error, found)


def text_flaws(path: Path, value: object, most: int, least: int = 1) -> Iterator[Flaw]:
    """Whether a value is a text of a length within bounds, both included."""
    if not isinstance(value, str):
        yield Flaw(path, "must be a string")
    elif len(value) < least:
        yield Flaw(path, f"must be more than {least - 1} character{'' if least == 2 else 's'}")
    elif len(value) > most:
        yield Flaw(path, f"must be less than {most + 1} characters")


def count_flaws(path: Path, values: object, most: int, least: int = 1) -> Iterator[Flaw]:
    """Whether a value is a list of so many, both bounds included."""
    if not isinstance(values, list):
        yield Flaw(path, "must be an array")
    elif len(values) > most:
        yield Flaw(path, f"no more than {most} items allowed")
    elif len(values) < least:
        yield Flaw(path, f"no fewer than {least} items allowed")


def choice_flaws(path: Path, value: object, allowed: Iterable[object]) -> Iterator[Flaw]:
    if value not in tuple(allowed):
        yield Flaw(path, "must be a valid enum value")


def boolean_flaws(path: Path, value: object) -> Iterator[Flaw]:
    if not isinstance(value, bool):
        yield Flaw(path, "must be a boolean")


def member_flaws(
    path: Path, found: Mapping[str, Any], allowed: Iterable[str], needed: Iterable[str] = ()
) -> list[Flaw]:
    """What is there that Slack does not know, and what is not there that it wants."""
    known = frozenset(allowed) | frozenset(needed)
    unknown = [Flaw(path, f"invalid additional property: {name}") for name in found if name not in known]
    return unknown + [Flaw(path, f"missing required field: {name}") for name in needed if found.get(name) is None]


def repeated(values: Iterable[tuple[Path, object]], what: str) -> Iterator[Flaw]:
    """A flaw for every value that stood somewhere before."""
    seen: set[object] = set()
    for where, value in values:
        if value in seen:
            yield Flaw(where, f"`{what}` {value} already exists")
        seen.add(value)


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, and nothing where it is none."""
    return [mapping(one) for one in value] if isinstance(value, list) else []
