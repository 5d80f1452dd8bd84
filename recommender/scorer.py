"""The contract that every model fulfils."""

from __future__ import annotations

from typing import Protocol

from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned


class Scorer(Protocol):
    """Scores n games for players it may never have seen, and says which owned game brought how much.

    What every scorer keeps: it is safe to call from several threads; scores are finite; for every game j that the
    player does not own, `prior[j]` plus the sum of its `shares` is `scores(owned)[j]`; the scores of owned
    games mean nothing and the caller leaves them out; `score_many` gives the rows that `scores` gives.
    """

    @property
    def items(self) -> ItemIndex: ...

    @property
    def prior(self) -> Floats:
        """[n] the score of each game for a player who owns nothing."""
        ...

    def scores(self, owned: Owned) -> Floats:
        """[n]."""
        ...

    def score_many(self, players: Interactions) -> Floats:
        """[m x n] for m players over the same items."""
        ...

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        """[k x r] what each owned game adds to the scores of the games at `positions` [k]."""
        ...
