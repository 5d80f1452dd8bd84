"""Lists in which no studio and no series crowds out the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from recommender.interactions import Ints
from recommender.shelf import Mask

SPREAD = 2
"""Games of one studio or one series among ten: what that costs was measured (docs/decisions.md)."""
ALIKE = 3
"""The same where somebody asks for what is like one game: its own series is part of the answer."""
A_LIST = 10

Kinds = Callable[[int], Iterable[Hashable]]
"""What a game at a position is one of: its studio, its series."""


def most_of_a_kind(spread: int, k: int) -> int:
    """For every ten begun."""
    return spread * -(-k // A_LIST)


def crowded(chosen: Ints, kinds: Kinds, most: int) -> bool:
    """Whether there are more than `most` of one kind."""
    counts = Counter(kind for at in chosen.tolist() for kind in kinds(at))
    return any(count > most for count in counts.values())


def thinned(ranked: Ints, sides: Mask, room: Sequence[int], kinds: Kinds, most: int) -> Ints:
    """The first of `ranked`, at most `most` of one kind, `room[0]` of one side and `room[1]` of the other.

    `sides` says of each place of `ranked` which side it is of. What is one too many comes in only where its side has
    nothing else, the best first.
    """
    counts: Counter[Hashable] = Counter()
    left, taken, skipped = list(room), [], []
    for place, (at, side) in enumerate(zip(ranked.tolist(), sides.tolist(), strict=True)):
        if not any(left):
            break
        own = tuple(kinds(at))
        if left[side] and any(counts[kind] >= most for kind in own):
            skipped.append((place, side))
        elif left[side]:
            counts.update(own)
            left[side] -= 1
            taken.append(place)
    for place, side in skipped:
        if left[side]:
            left[side] -= 1
            taken.append(place)
    return ranked[np.sort(np.array(taken, np.intp))]
