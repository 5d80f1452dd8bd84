"""How Discord says no: a status, a code of its own, and for a body the place of every flaw in it."""

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
    code: str
    message: str


class Refusal(Exception):
    """What is answered in place of doing it."""

    def __init__(self, status: int, code: int, message: str, flaws: Iterable[Flaw] = ()) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.flaws = tuple(flaws)
        super().__init__(str(self))

    def __str__(self) -> str:
        where = "".join(f"; {'.'.join(map(str, flaw.path))}: {flaw.message}" for flaw in self.flaws)
        return f"{self.status} {self.code} {self.message}{where}"

    @property
    def payload(self) -> Payload:
        errors: Payload = {}
        for flaw in self.flaws:
            place = errors
            for step in flaw.path:
                place = place.setdefault(str(step), {})
            place.setdefault("_errors", []).append({"code": flaw.code, "message": flaw.message})
        return {"message": self.message, "code": self.code} | ({"errors": errors} if errors else {})


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized")


def not_found() -> Refusal:
    return Refusal(404, 0, "404: Not Found")


def unknown_channel() -> Refusal:
    return Refusal(404, 10003, "Unknown Channel")


def unknown_message() -> Refusal:
    return Refusal(404, 10008, "Unknown Message")


def unknown_webhook() -> Refusal:
    return Refusal(404, 10015, "Unknown Webhook")


def unknown_interaction() -> Refusal:
    return Refusal(404, 10062, "Unknown interaction")


def too_large() -> Refusal:
    return Refusal(413, 40005, "Request entity too large")


def already_acknowledged() -> Refusal:
    return Refusal(400, 40060, "Interaction has already been acknowledged.")


def too_many_followups() -> Refusal:
    return Refusal(400, 40094, "This interaction has hit the maximum number of follow up messages")


def missing_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access")


def missing_permissions() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions")


def empty_message() -> Refusal:
    return Refusal(400, 50006, "Cannot send an empty message")


def token_expired() -> Refusal:
    return Refusal(401, 50027, "Invalid Webhook Token")


def malformed(*flaws: Flaw) -> Refusal:
    return Refusal(400, 50035, "Invalid Form Body", flaws)


def not_json() -> Refusal:
    return Refusal(400, 50109, "The request body contains invalid JSON.")


def insist(flaws: Iterable[Flaw], under: Path = ()) -> None:
    """Raises one refusal with all the flaws, if there are any; `under` is where the body stood in the request."""
    found = [Flaw((*under, *flaw.path), flaw.code, flaw.message) for flaw in flaws]
    if found:
        raise malformed(*found)


def text_flaws(path: Path, value: object, most: int, least: int = 1) -> Iterator[Flaw]:
    """Whether a value is a text of a length within bounds, both included; Discord trims it before it counts."""
    if value is None:
        yield Flaw(path, "BASE_TYPE_REQUIRED", "This field is required")
    elif not isinstance(value, str):
        yield Flaw(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
    elif not least <= len(value.strip()) <= most:
        bounds = f"Must be between {least} and {most} in length." if least else f"Must be {most} or fewer in length."
        yield Flaw(path, "BASE_TYPE_BAD_LENGTH" if least else "BASE_TYPE_MAX_LENGTH", bounds)


def count_flaws(path: Path, values: object, most: int, least: int = 0) -> Iterator[Flaw]:
    """Whether a value is a list of so many, both bounds included."""
    if not isinstance(values, list):
        yield Flaw(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    elif not least <= len(values) <= most:
        yield Flaw(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def choice_flaws(path: Path, value: object, allowed: Iterable[object]) -> Iterator[Flaw]:
    known = list(allowed)
    if isinstance(value, bool) or value not in known:
        yield Flaw(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(str, known))}}}.")


def range_flaws(path: Path, value: object, least: float, most: float) -> Iterator[Flaw]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield Flaw(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
    elif value > most:
        yield Flaw(path, "NUMBER_TYPE_MAX", f"number value should be less than or equal to {most}.")
    elif value < least:
        yield Flaw(path, "NUMBER_TYPE_MIN", f"number value should be greater than or equal to {least}.")


def repeated(path: Path, values: Iterable[tuple[Path, object]], code: str, message: str) -> Iterator[Flaw]:
    """A flaw for every value that stood somewhere before."""
    seen: set[object] = set()
    for where, value in values:
        if value in seen:
            yield Flaw((*path, *where), code, message)
        seen.add(value)


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}
