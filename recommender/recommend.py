"""Picks with their reasons: for a library, like a game, of a theme, and why a game was picked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.catalog import Game
from recommender.interactions import Floats, Interactions, Ints, Owned
from recommender.reasons import Because, Relatives, reasons
from recommender.scorer import Scorer
from recommender.shelf import Mask, Shelf, Wish
from recommender.variety import ALIKE, SPREAD, Kinds, crowded, most_of_a_kind, thinned

REACH = 20
"""Candidates for each place of a list, beyond which nobody looks for another studio or series."""


@dataclass(frozen=True, slots=True)
class Pick:
    """`because` holds the strongest reasons first; it is empty where popularity or the theme decided.

    `players` counts the model's players who own it. `members` are the places, from 0, of those of a group whom it is
    for; empty where one player asked. `new` is a game that content speaks for, hardly anybody owning it yet; its score
    compares with none but those of other such games.
    `chance` says how sure it is (see `recommender.confidence`), None where that was not measured or another question
    was asked. `version` is the model's where a list has picks of two.
    """

    game: Game
    score: float
    because: tuple[Because, ...] = ()
    players: int = 0
    members: tuple[int, ...] = ()
    chance: float | None = None
    new: bool = False
    version: str | None = None


def picks_for(owned: Owned, scorer: Scorer, shelf: Shelf, wish: Wish, k: int, spread: int = SPREAD) -> list[Pick]:
    """The k best allowed games that are not owned, fewer where fewer are left; see `varied_top` for `spread`."""
    return _picks(owned, scorer.scores(owned), shelf.allowed(wish), scorer, shelf, wish, k, spread)


def picks_for_many(players: Interactions, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[list[Pick]]:
    """`picks_for` each of m players at once: one sparse product instead of m gathers."""
    scores, allowed = scorer.score_many(players), shelf.allowed(wish)  # [m x n], [n]
    return [
        _picks(players.row(row), scores[row], allowed.copy(), scorer, shelf, wish, k, SPREAD)
        for row in range(len(players))
    ]


def _picks(
    owned: Owned, scores: Floats, mask: Mask, scorer: Scorer, shelf: Shelf, wish: Wish, k: int, spread: int
) -> list[Pick]:
    mask[owned.positions] = False
    best = varied_top(scores, mask, shelf.head, wish.head, k, shelf.kinds, spread)
    return _explained(best, scores, scorer, shelf, owned)


def similar_to(position: int, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """What the scorer picks for a player of that one game."""
    alone = Owned(np.array([position], np.int32), np.zeros(1, np.int32))
    return picks_for(alone, scorer, shelf, wish, k, ALIKE)


def of_theme(tag: str, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """The best of a tag: how much of the theme a game is, times how well it is liked and how widely owned."""
    mask = shelf.allowed(wish) & shelf.tagged(tag)
    players = shelf.items.players
    widely = np.log1p(players) / np.log1p(max(int(players.max(initial=1)), 1))
    quality = np.asarray(shelf.centrality(tag) * (shelf.liked + widely) / 2, np.float32)
    best = varied_top(quality, mask, shelf.head, wish.head, k, shelf.studio)
    return [_theme_pick(shelf, int(at), float(quality[at])) for at in best]


def why(owned: Owned, position: int, scorer: Scorer, shelf: Shelf) -> Pick | None:
    """The same reasons for any one game, owned or not; None where the catalogue does not know it."""
    keep = owned.positions != position
    others = Owned(owned.positions[keep], owned.minutes[keep])
    if shelf.games[position] is None:
        return None
    return _explained(np.array([position], np.int32), scorer.scores(others), scorer, shelf, others)[0]


def varied_top(
    scores: Floats, mask: Mask, head: Mask, share: float | None, k: int, kinds: Kinds, spread: int = SPREAD
) -> Ints:
    """As `mixed_top`, as many and as many from the head, but of every ten begun at most `spread` of one kind.

    Others take the places of those that are too many, the next best ones within reach; where there are none, those
    come in after all.
    """
    best, most = mixed_top(scores, mask, head, share, k), most_of_a_kind(spread, k)
    if not crowded(best, kinds, most):
        return best
    ranked = mixed_top(scores, mask, head, share, REACH * k)
    hits = int(head[best].sum()) if share is not None else 0
    sides = head[ranked] if share is not None else np.zeros(len(ranked), bool)
    return thinned(ranked, sides, (len(best) - hits, hits), kinds, most)


def mixed_top(scores: Floats, mask: Mask, head: Mask, share: float | None, k: int) -> Ints:
    """Positions of the k best, best first; with a share, that part of them from the head, as far as both last."""
    if share is None:
        return top(scores, mask, k)
    hits, gems = top(scores, mask & head, k), top(scores, mask & ~head, k)
    wanted = round(share * k)
    from_hits = min(len(hits), max(wanted, k - len(gems))) if share > 0 else 0
    from_gems = min(len(gems), k - from_hits) if share < 1 else 0
    chosen = np.concatenate([hits[:from_hits], gems[:from_gems]])
    return np.asarray(chosen[np.argsort(-scores[chosen], kind="stable")], np.int32)


def top(scores: Floats, mask: Mask, k: int) -> Ints:
    """Positions of the k highest scores where the mask is true, best first, the more popular first among equals."""
    allowed = np.flatnonzero(mask)
    values = -scores[allowed]
    if 0 < k < len(allowed):
        nearest = np.argpartition(values, k - 1)[:k]
        cut = values[nearest].max()
        nearest = np.flatnonzero(values <= cut)  # all that tie with the last, so that position decides among them
        allowed, values = allowed[nearest], values[nearest]
    return np.asarray(allowed[np.argsort(values, kind="stable")][:k], np.int32)


def _explained(best: Ints, scores: Floats, scorer: Scorer, shelf: Shelf, owned: Owned) -> list[Pick]:
    """Where popularity says more than the owned games together, they are no reason."""
    shares = scorer.shares(owned, best)  # [k x r]
    said, of_each = shares.sum(axis=1), scores[best]  # [k]
    because = reasons(shares, owned, shelf, Relatives.of(owned, shelf))
    heard = of_each - said <= np.abs(said)
    columns = best.tolist(), of_each.tolist(), because, heard.tolist(), shelf.items.players[best].tolist()
    return [
        Pick(shelf.game(at), score, told if speak else (), players)
        for at, score, told, speak, players in zip(*columns, strict=True)
    ]


def _theme_pick(shelf: Shelf, position: int, quality: float) -> Pick:
    return Pick(shelf.game(position), quality, players=int(shelf.items.players[position]))
