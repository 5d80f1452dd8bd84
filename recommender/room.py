"""Whether a dense fit fits into memory: known, and refused with the number, before the work begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from recommender import panels
from recommender.errors import NoRoom

MOST_GAMES = 1 << 20
BYTES_AN_INTERACTION = 20
"""A weight, and where it is rare two sparse copies with their places."""
CPU_SPARE = 64 << 20
"""Blocks of dense rows, LAPACK's buffers."""

Need = Callable[[int], int]
"""Bytes at the peak by the number of games."""


def cpu_need(interactions: int) -> Need:
    """One matrix; beside it the rows with their weights, and blocks."""
    return lambda games: 4 * games**2 + BYTES_AN_INTERACTION * interactions + CPU_SPARE


def dual_need(players: int, interactions: int) -> Need:
    """A matrix of players beside that of games."""
    primal = cpu_need(interactions)
    return lambda games: primal(games) + 4 * players**2


def gpu_need(games: int) -> int:
    """One matrix, four panels, and a block of dense rows."""
    return 4 * games**2 + 16 * panels.PANEL * games + 4 * panels.CELLS_A_BLOCK


def most_games(room: int, need: Need) -> int:
    """So many games are fitted within `room` bytes; 0 where none are."""
    return max(0, bisect_right(range(MOST_GAMES), room, key=need) - 1)


def check_room(games: int, room: int | None, need: Need) -> None:
    """Where `room` is unknown, nothing is refused.

    Raises:
        NoRoom: so many games do not fit into `room` bytes; says how many do.
    """
    if room is not None and need(games) > room:
        raise NoRoom(
            f"{games:,} games need {need(games) / 1e9:,.1f} GB of memory and {room / 1e9:,.1f} GB are free, which is "
            f"enough for {most_games(room, need):,}: raise INDIEAN_MIN_PLAYERS to leave out games with few players"
        )
