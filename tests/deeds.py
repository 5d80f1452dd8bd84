"""What people of the town may do between two fits, each with another effect on what is learned of them.

Before that Ann loves roguelikes and has hidden one, Bob farms and likes a puzzle, and of Eve too little is known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.town import FARM, HORROR, PUZZLE, ROGUE, Town

Deed = Callable[[Town], Awaitable[None]]

UNKNOWN = 5_000_001
DEEDS: dict[str, Deed] = {}


def deed(function: Deed) -> Deed:
    DEEDS[function.__name__] = function
    return function


async def settle(town: Town) -> None:
    await town.reads_library("ann", dict.fromkeys(ROGUE[:5], 300))
    await town.says("ann", "hide", ROGUE[0])
    await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM[:6])})
    await town.says("bob", "like", PUZZLE[0])
    await town.says("eve", "like", HORROR[0])
    await town.fit()


@deed
async def nothing_known_then_a_library(town: Town) -> None:
    await town.reads_library("new", dict.fromkeys(HORROR, 500))


@deed
async def a_library_that_grew(town: Town) -> None:
    await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM)})


@deed
async def more_minutes(town: Town) -> None:
    await town.reads_library("bob", dict.fromkeys(FARM[:6], 9000))


@deed
async def fewer_minutes_do_not_count(town: Town) -> None:
    await town.reads_library("bob", dict.fromkeys(FARM[:6], 0))
    await town.reads_library("ann", dict.fromkeys(ROGUE[5:], 10))


@deed
async def a_like(town: Town) -> None:
    await town.says("ann", "like", *PUZZLE[:3])


@deed
async def a_like_taken_back(town: Town) -> None:
    await town.says("bob", "unlike", PUZZLE[0])


@deed
async def likes_of_who_has_too_few_games_until_they_are_enough(town: Town) -> None:
    await town.says("eve", "like", *HORROR[1:4])


@deed
async def likes_of_who_still_has_too_few(town: Town) -> None:
    await town.says("eve", "own", HORROR[1])
    await town.says("ann", "own", HORROR[1])


@deed
async def games_hidden_until_too_few_are_left(town: Town) -> None:
    await town.says("ann", "hide", *ROGUE[1:3])


@deed
async def a_hidden_game_comes_back_with_its_minutes(town: Town) -> None:
    await town.says("ann", "unhide", ROGUE[0])


@deed
async def liked_then_hidden_then_liked(town: Town) -> None:
    for opinion in ("like", "hide", "like"):
        await town.says("ann", opinion, FARM[0])


@deed
async def games_that_no_model_knows(town: Town) -> None:
    """The next fit would know them, so they are left out of it by as many players as it asks for."""
    town.settings = replace(town.settings, min_players=2)
    await town.reads_library("new", {UNKNOWN: 5, FARM[0]: 5, FARM[1]: 500})


@deed
async def who_unlinks(town: Town) -> None:
    await town.unlinks("bob")


@deed
async def who_unlinks_and_liked_enough_games(town: Town) -> None:
    await town.says("bob", "like", *PUZZLE[1:4])
    await town.unlinks("bob")


@deed
async def who_is_forgotten(town: Town) -> None:
    await town.is_forgotten("ann")


@deed
async def who_is_forgotten_after_more_was_learned(town: Town) -> None:
    await town.reads_library("ann", dict.fromkeys(ROGUE, 400))
    await town.says("new", "like", *FARM[:4])
    await town.is_forgotten("ann")
    await town.is_forgotten("new")


@deed
async def who_is_forgotten_and_comes_back(town: Town) -> None:
    await town.is_forgotten("ann")
    await town.reads_library("ann", dict.fromkeys(HORROR, 400))


@deed
async def who_is_forgotten_and_comes_back_as_before(town: Town) -> None:
    await town.is_forgotten("bob")
    await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM[:6])})
    await town.says("bob", "like", PUZZLE[0])


@deed
async def who_is_forgotten_twice(town: Town) -> None:
    for _ in range(2):
        await town.is_forgotten("ann")
        await town.says("ann", "like", *FARM[:4])
    await town.is_forgotten("ann")
