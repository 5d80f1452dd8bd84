"""One list for several players: what suits them together, nobody left out, and whom each pick is for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.interactions import Floats, Owned
from recommender.reasons import Because, Relatives, reasons
from recommender.recommend import Pick, varied_top
from recommender.scorer import Scorer
from recommender.shelf import Mask, Shelf, Wish

Doubles = NDArray[np.float64]

MISERY = 0.5
"""How much the least satisfied member counts; the rest is the mean of all."""

OWN_LIST = 25
"""A pick is for those who would find it this early in a list of their own, or in its first tenth if that is shorter."""


def picks_for_group(members: Sequence[Owned], scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """The k best allowed games that no member owns: what several can play first, the rest where those run out.

    A member is satisfied with a game by its standard score among all candidates, and the group by half the mean and
    half the least of its members: average and least misery, both strategies that real groups follow (Masthoff 2004,
    2011), the second PolyLens's (O'Connor et al. 2001). Standardised, because plain scores grow with the library that
    they are made from: the largest would speak for all. Not ranks, which make a second choice of what is loved hardly
    more than another.

    `Pick.score` is the group's satisfaction. Members without any game have no say; where nobody has one, the
    scorer's prior decides and the picks are for nobody in particular.
    """
    allowed = shelf.allowed(wish)
    for owned in members:
        allowed[owned.positions] = False
    heard = [place for place, owned in enumerate(members) if len(owned)]
    scores = np.stack([scorer.scores(members[place]) for place in heard] or [scorer.prior])  # [m x n]
    satisfied = _together(_standardised(scores, allowed))  # [n]
    order = _in_order(satisfied, shelf.several)
    best = varied_top(order, allowed, shelf.head, wish.head, k, shelf.kinds)
    shares = [scorer.shares(owned, best) for owned in members]  # of each [k x r]
    return [
        Pick(
            shelf.game(at),
            float(satisfied[at]),
            _because(members, [of[place] for of in shares], shelf),
            int(shelf.items.players[at]),
            tuple(heard[row] for row in _served(scores[:, allowed], scores[:, at]) if heard),
        )
        for place, at in enumerate(best.tolist())
    ]


def _standardised(scores: Floats, allowed: Mask) -> Doubles:
    """[m x n] each row with mean 0 and deviation 1 over what is allowed; 0 throughout where that is all the same.

    In double precision: games that a member tells apart stay apart.
    """
    candidates = scores[:, allowed if allowed.any() else slice(None)].astype(np.float64)  # [m x c]
    spread = candidates.std(axis=1, keepdims=True)
    from_mean = scores - candidates.mean(axis=1, keepdims=True)
    return np.asarray(np.divide(from_mean, spread, out=np.zeros(scores.shape), where=spread > 0))


def _together(satisfied: Doubles) -> Doubles:
    """[n] from each member's [m x n]."""
    return np.asarray((1 - MISERY) * satisfied.mean(axis=0) + MISERY * satisfied.min(axis=0))


def _in_order(satisfied: Doubles, several: Mask) -> Floats:
    """[n] scores of which any for several is above any other, in the order of `satisfied` on both sides."""
    order = np.lexsort((-satisfied, ~several))
    scores = np.empty(len(order), np.float32)
    scores[order] = np.arange(len(order), 0, -1)
    return scores


def _served(scores: Floats, of_game: Floats) -> list[int]:
    """Which of the members a game is for, by all scores [m x c] and its own [m]; at least whoever ranks it highest."""
    ranks = 1 + np.count_nonzero(scores > of_game[:, None], axis=1)  # [m]
    early = max(min(OWN_LIST, scores.shape[1] / 10), ranks.min())
    served: list[int] = np.flatnonzero(ranks <= early).tolist()
    return served


def _because(members: Sequence[Owned], shares: Sequence[Floats], shelf: Shelf) -> tuple[Because, ...]:
    """The strongest reasons in all libraries, by the shares [r] of each in one pick.

    A game of several members is one, with the minutes of the keenest.
    """
    speaking, minutes = np.zeros(len(shelf.items), np.float32), np.zeros(len(shelf.items), np.int32)  # [n]
    for owned, of in zip(members, shares, strict=True):
        positions = owned.positions[of > 0]
        speaking[positions] += of[of > 0]
        minutes[positions] = np.maximum(minutes[positions], owned.minutes[of > 0])
    heard = np.flatnonzero(speaking).astype(np.int32)
    owned = Owned(heard, minutes[heard])
    return reasons(speaking[None, heard], owned, shelf, Relatives.of(owned, shelf))[0]
