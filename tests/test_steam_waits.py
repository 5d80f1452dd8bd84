"""How long a request waited for Steam is known to it, wherever in the answering of it that was."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.steam_waits import TimedLibraries, waiting_for_steam
from recommender.library import Library
from storage.steam.ids import SteamID
from tests.fakes import PUBLIC, STRANGER, Clock

SOMEBODY, ANOTHER = SteamID(int(PUBLIC)), SteamID(int(STRANGER))


@dataclass
class SlowLibraries:
    """Each call takes as many seconds as it is told, on a clock that is set by hand."""

    clock: Clock
    seconds: float

    async def resolve(self, said: str) -> SteamID:
        del said
        self.clock.forward(self.seconds)
        return SOMEBODY

    async def owned_games(self, player: SteamID) -> Library:
        del player
        await asyncio.sleep(0)  # others begin meanwhile
        self.clock.forward(self.seconds)
        return Library({})

    def forget(self, player: SteamID) -> None:
        raise AssertionError(f"{player} is not to be forgotten")


async def test_one_call_after_the_other_adds_up() -> None:
    clock = Clock()
    steam = TimedLibraries(SlowLibraries(clock, 1.5))
    with waiting_for_steam(clock) as waits:
        await steam.resolve("somebody")
        clock.forward(10)  # spent on something else
        await steam.owned_games(SOMEBODY)

    assert waits.seconds == 3


async def test_calls_at_the_same_time_count_once_also_where_they_are_tasks() -> None:
    clock = Clock()
    steam = TimedLibraries(SlowLibraries(clock, 2))
    with waiting_for_steam(clock) as waits:
        clock.forward(1)
        async with asyncio.TaskGroup() as both:
            both.create_task(steam.owned_games(SOMEBODY))
            both.create_task(steam.owned_games(ANOTHER))

    assert waits.seconds == 4  # from the first to the last, by this clock


async def test_who_does_not_ask_has_not_waited_and_one_request_does_not_wait_for_another() -> None:
    clock = Clock()
    steam = TimedLibraries(SlowLibraries(clock, 2))
    await steam.resolve("somebody, in no request")
    with waiting_for_steam(clock) as idle:
        pass
    with waiting_for_steam(clock) as waits:
        await steam.resolve("somebody")

    assert idle.seconds is None
    assert waits.seconds == 2
