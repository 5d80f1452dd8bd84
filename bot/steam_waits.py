"""How long a request waits for Steam, wherever in the answering of it that happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.commands.command import Libraries
from recommender.library import Library
from storage.steam.ids import SteamID


class Waits:
    """Time in which at least one call was under way; calls at the same time count once. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way, self._since, self._spent = 0, 0.0, 0.0
        self._asked = False

    @property
    def seconds(self) -> float | None:
        """None where Steam was not asked."""
        return self._spent if self._asked else None

    @contextmanager
    def one(self) -> Iterator[None]:
        self._asked = True
        if not self._under_way:
            self._since = self._clock()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._spent += self._clock() - self._since


_CURRENT: ContextVar[Waits | None] = ContextVar("waits for Steam", default=None)


@contextmanager
def waiting_for_steam(clock: Callable[[], float]) -> Iterator[Waits]:
    """Calls of `TimedLibraries` within the block count, those of tasks begun in it too."""
    waits = Waits(clock)
    token = _CURRENT.set(waits)
    try:
        yield waits
    finally:
        _CURRENT.reset(token)


class TimedLibraries:
    """The same libraries, each wait for which is told to the request that waits."""

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries

    async def resolve(self, said: str) -> SteamID:
        with _told():
            return await self._libraries.resolve(said)

    async def owned_games(self, player: SteamID) -> Library:
        with _told():
            return await self._libraries.owned_games(player)

    def forget(self, player: SteamID) -> None:
        self._libraries.forget(player)


@contextmanager
def _told() -> Iterator[None]:
    waits = _CURRENT.get()
    if waits is None:
        yield
        return
    with waits.one():
        yield
