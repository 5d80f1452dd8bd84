"""The library that each person last asked about: in this process's memory, for a while, and nowhere else."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from bot.messages import Person
from recommender.library import Library

KEPT = 1000
SECONDS = 3600.0


class Recents:
    """Keeps the `kept` most recent libraries for `seconds` each; `clock` is in seconds and never runs backwards."""

    def __init__(self, kept: int = KEPT, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._kept, self._clock = kept, clock
        self._libraries: OrderedDict[Person, tuple[float, Library]] = OrderedDict()

    def __repr__(self) -> str:
        return f"Recents({len(self._libraries)} of {self._kept})"

    def remember(self, person: Person, library: Library) -> None:
        self._libraries[person] = (self._clock() + self.seconds, library)
        self._libraries.move_to_end(person)
        while len(self._libraries) > self._kept:
            self._libraries.popitem(last=False)

    def library(self, person: Person) -> Library | None:
        """None where the person has not asked, or not lately."""
        ends, library = self._libraries.get(person, (0.0, None))
        if library is not None and self._clock() >= ends:
            self.forget(person)
            return None
        return library

    def forget(self, person: Person) -> None:
        self._libraries.pop(person, None)

    def forget_all(self, platform: str, beginning: str) -> None:
        """Everybody there whose id begins so."""
        for person in list(self._libraries):
            if person.platform == platform and person.id.startswith(beginning):
                self.forget(person)
