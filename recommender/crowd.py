"""The taste of many together, told so that nobody's own shows: what at least some of them share, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recommender.catalog import Game
from recommender.interactions import Floats, Ints, Owned
from recommender.library import Library
from recommender.newcomers import Newcomers
from recommender.recommend import top
from recommender.served import Served
from recommender.shelf import Mask, Shelf, Wish
from recommender.tempered import heard

PEOPLE = 5
"""Of so many people something has to be known before their taste is heard at all."""
AGREE = 3
"""So many of them have to share what is shown or said: a game among their best, a tag among theirs."""
BEST = 0.1
"""A game is among somebody's best that is in this part of all that they might be picked."""
TAGS = 10
"""Somebody's tags are the so many most frequent among their games."""
COMMON = 1 / 3
"""A tag that more than so many of all games have is nobody's taste."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Taste:
    """Of one person, who is not named."""

    library: Library = field(default_factory=Library)
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Crowd:
    """`together` [n] is the mean standard score of the model's games, with -inf for those that too few find good.

    `tags` are those that AGREE people share. `tastes` [m x f] are what their games say of each feature, and None where
    nothing was learned of content.
    """

    together: Floats
    tags: frozenset[str]
    tastes: Floats | None
    newcomers: Newcomers | None

    @classmethod
    def of(cls, tastes: Sequence[Taste], served: Served, wish: Wish) -> Crowd | None:
        """None where there are fewer than PEOPLE of whom the model knows a game.

        Average satisfaction (Masthoff 2004): each person's scores are standardised first, as plain ones grow with the
        library that they are made from.
        """
        items = served.scorer.items
        known = [(taste, items.owned(taste.library)) for taste in tastes]
        heard_of = [(taste, owned) for taste, owned in known if len(owned)]
        allowed = served.shelf.allowed(Wish(adult=wish.adult))
        if len(heard_of) < PEOPLE or not allowed.any():
            return None
        together = _together(heard_of, allowed, served)
        tags = _tags([owned for _, owned in heard_of], served.shelf)
        newcomers = served.newcomers
        rows = np.stack([newcomers.scorer.taste(heard(owned)) for _, owned in heard_of]) if newcomers else None
        return cls(together, tags, rows, newcomers)

    def best(self, allowed: Mask, most: int) -> Ints:
        """Positions of the best that are allowed [n]."""
        return top(self.together, allowed & np.isfinite(self.together), most)

    def suits(self, positions: Ints) -> Floats:
        """[c] how well games that hardly anybody owns suit by their content; 0 where too few of the crowd think so."""
        if self.tastes is None or self.newcomers is None or not len(positions):
            return np.zeros(len(positions), np.float32)
        scorer = self.newcomers.scorer
        scores = np.asarray(scorer.rows[positions] @ self.tastes.T, np.float32)  # [c x m]
        agreeing = (scores >= scorer.content.enough).sum(axis=1)
        lengths = np.linalg.norm(self.tastes, axis=1)
        alike = scores / np.where(lengths > 0, lengths, 1)  # nobody speaks louder for having a larger library
        return np.where(agreeing >= AGREE, alike.mean(axis=1), 0).astype(np.float32)

    def shared(self, game: Game) -> tuple[str, ...]:
        """The strongest tags of a game that the crowd shares."""
        return tuple(tag for tag in game.tags if tag in self.tags)[:NAMED]


def _together(people: Sequence[tuple[Taste, Owned]], allowed: Mask, served: Served) -> Floats:
    """[n]. What half of them own already is left out; what somebody hid counts for them as their worst."""
    n = len(served.scorer.items)
    total, agreeing, owning = np.zeros(n, np.float32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    for taste, owned in people:
        scores = _standard(served.tempered.scores(owned), allowed)
        scores[owned.positions] = 0  # what a model says of them means nothing
        hidden = served.scorer.items.positions(taste.hidden)
        scores[hidden[hidden >= 0]] = scores.min()
        agreeing += scores >= np.quantile(scores[allowed], 1 - BEST)
        owning[owned.positions] += 1
        total += scores
    kept = (agreeing >= AGREE) & (2 * owning < len(people))
    return np.where(kept, total / len(people), -np.inf).astype(np.float32)


def _standard(scores: Floats, allowed: Mask) -> Floats:
    """[n] by mean and deviation over the games that may be picked."""
    among = scores[allowed]
    spread = float(among.std()) or 1.0
    return np.asarray((scores - among.mean()) / spread, np.float32)


def _tags(libraries: Sequence[Owned], shelf: Shelf) -> frozenset[str]:
    each = [_frequent(owned, shelf) for owned in libraries]
    common = {tag for tag in set().union(*each) if tag == "Indie" or float(shelf.tagged(tag).mean()) > COMMON}
    counts = Counter(tag for tags in each for tag in [tag for tag in tags if tag not in common][:TAGS])
    return frozenset(tag for tag, people in counts.items() if people >= AGREE)


def _frequent(owned: Owned, shelf: Shelf) -> list[str]:
    """Twice as many as count, as some of them are everybody's."""
    games = (shelf.games[at] for at in heard(owned).positions.tolist())
    counts = Counter(tag for game in games if game is not None for tag in game.tags[:TAGS])
    return sorted(counts, key=lambda tag: (-counts[tag], tag))[: 2 * TAGS]
