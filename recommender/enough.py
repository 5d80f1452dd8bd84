"""From which score by content on a new game is as good as what players usually get: told by games that are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recommender.content import Content, ContentScorer, leverage, spread
from recommender.errors import NotEnoughData
from recommender.evaluate import Split, SplitSettings, split
from recommender.interactions import Floats, Interactions, entries
from recommender.linear import Linear
from recommender.shelf import Shelf

PLAYERS = 1000
AT_ONCE = 250
USUAL = 10
"""Picks of the warm model that a player usually gets."""
DEPTH = 100
"""Of so many games a player, the best by content, it is asked whether they were found."""
TINY = 1e-12
HITS = 50
"""Found games that a step counts by: then its lift is known to a seventh."""


def enough(content: Content, model: Linear, interactions: Interactions, shelf: Shelf, seed: int = 42) -> float:
    """The least score by content at which a game has the lift of a usual pick.

    The lift is how many times more often a game is found among a player's hidden games than its players make
    likely. It compares taste with taste: how widely a new game will be owned nobody can know. A fifth of the games of
    up to 1,000 players is hidden, and each game of the model is scored by content as if it had not been there (see
    `leverage`), which needs no second fit. The model has learned from these players, so that its own picks look
    better than they are, by some: the score asked for is rather too high. Infinite where there is too little to tell.
    """
    if len(interactions) < HITS:
        return np.inf
    try:
        parts = split(interactions, SplitSettings(held_out=min(0.1, PLAYERS / len(interactions)), seed=seed))
    except NotEnoughData:
        return np.inf
    usual, guessed = (
        np.concatenate(pairs, axis=1) for pairs in zip(*_judged(content, model, parts, shelf), strict=True)
    )
    hits, chance, _ = usual.sum(axis=1)
    return _least(guessed, hits / max(chance, TINY))


def _judged(
    content: Content, model: Linear, parts: Split, shelf: Shelf
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For usual picks and for the best by content: [3 x pairs] found or not, how likely by chance, and the score."""
    scorer = ContentScorer(model.items, shelf.games, content, model.settings.heard)
    h, chance = leverage(content, shelf.games), model.items.players / model.items.players.max(initial=1)  # [n]
    for start in range(0, len(parts.folded), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(parts.folded)))
        folded, targets = parts.folded.take(rows), parts.targets.take(rows)
        warm = model.score_many(folded)  # [b x n]
        bare = warm if model.factor is None else warm / model.factor  # what the ridge was fitted to
        own = h * bare * spread(model.items)
        alone = np.asarray((scorer.score_many(folded) - own) / (1 - h), np.float32)  # [b x n]
        wanted = entries(targets.minutes)
        for scores in (warm, alone):
            scores[entries(folded.minutes) | ~shelf.indie] = -np.inf
        yield _best(warm, wanted, chance, USUAL), _best(alone, wanted, chance, DEPTH)


def _best(scores: Floats, wanted: NDArray[np.bool_], chance: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    k = min(k, scores.shape[1])
    best = np.argpartition(scores, -k, axis=1)[:, -k:]  # [b x k]
    values = np.take_along_axis(scores, best, axis=1)
    judged = np.stack([np.take_along_axis(wanted, best, axis=1), chance[best], values])  # [3 x b x k]
    return np.asarray(judged[:, np.isfinite(values)], np.float64)


def _least(judged: NDArray[np.float64], lift: float) -> float:
    """Down from the highest score in steps of HITS found games, as long as each step has that lift."""
    hits, chance, scores = judged[:, np.argsort(-judged[2], kind="stable")]
    ends = np.flatnonzero(np.cumsum(hits) % HITS == 0)
    ends = ends[hits[ends] > 0]  # where the 50th, 100th … was found
    expected = np.diff(np.cumsum(chance)[ends], prepend=0.0)
    kept = np.logical_and.accumulate(HITS / np.maximum(expected, TINY) >= lift)
    return float(scores[ends[kept]].min(initial=np.inf))
