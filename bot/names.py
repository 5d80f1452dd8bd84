"""What people are called whom the bot has met since it started: a button under an answer names them by id alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

MOST = 10_000


class Names:
    """The `most` people met last, by id."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._names: OrderedDict[str, str] = OrderedDict()

    def __repr__(self) -> str:
        return f"Names({len(self._names)} of {self._most})"

    def meet(self, people: Mapping[str, str]) -> Mapping[str, str]:
        """Everybody who is known now."""
        for person, name in people.items():
            self._names[person] = name
            self._names.move_to_end(person)
        while len(self._names) > self._most:
            self._names.popitem(last=False)
        return MappingProxyType(self._names)

    def forget(self, beginning: str) -> None:
        """Everybody whose id begins so."""
        for person in [person for person in self._names if person.startswith(beginning)]:
            del self._names[person]
