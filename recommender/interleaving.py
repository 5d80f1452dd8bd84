"""Two ranked lists made one, so that what people take from it says which of the two serves them better."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Team(StrEnum):
    A = "a"
    B = "b"


@dataclass(frozen=True, slots=True)
class Drafted(Generic[T]):
    """`team` is None where the other list had run out: what fills up speaks for nobody."""

    item: T
    source: Team
    team: Team | None


def team_draft(
    a: Sequence[T], b: Sequence[T], k: int, key: Callable[[T], Hashable], flip: Callable[[], bool]
) -> list[Drafted[T]]:
    """At most k items, each key once: two captains take turns, and a coin says who begins each round.

    Team-draft interleaving (Radlinski, Kurup and Joachims 2008, algorithm 2). The captain with the smaller team picks
    next, of equal teams whom `flip` chooses (true is A): the best of the own list that is not there yet. Whoever wins
    more clicks over many lists is the better one; a list against itself wins half, whatever places people prefer.

    Where one list has nothing left, the rest of the other fills up without a team: counted, it would win by length.
    """
    lists, at = {Team.A: a, Team.B: b}, {Team.A: 0, Team.B: 0}
    sizes, taken = {Team.A: 0, Team.B: 0}, set[Hashable]()
    drafted: list[Drafted[T]] = []
    while len(drafted) < k:
        for team, ranked in lists.items():
            at[team] = _next(ranked, at[team], key, taken)
        left = [team for team, ranked in lists.items() if at[team] < len(ranked)]
        if not left:
            break
        source = _captain(sizes, flip) if len(left) > 1 else left[0]
        item = lists[source][at[source]]
        drafted.append(Drafted(item, source, source if len(left) > 1 or _due(source, sizes) else None))
        taken.add(key(item))
        sizes[source] += 1
    return drafted


def _next(ranked: Sequence[T], at: int, key: Callable[[T], Hashable], taken: set[Hashable]) -> int:
    while at < len(ranked) and key(ranked[at]) in taken:
        at += 1
    return at


def _captain(sizes: dict[Team, int], flip: Callable[[], bool]) -> Team:
    if sizes[Team.A] == sizes[Team.B]:
        return Team.A if flip() else Team.B
    return min(sizes, key=lambda team: sizes[team])


def _due(team: Team, sizes: dict[Team, int]) -> bool:
    """Whether the round would have been this team's to complete, had the other still had something."""
    return sizes[team] < max(sizes.values())
