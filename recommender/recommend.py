"""Picks with their reasons: for a library, like a game, of a theme, and why a game was picked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from recommender.catalog import Game
from recommender.interactions import Floats, Interactions, Ints, Owned
from recommender.scorer import Scorer
from recommender.shelf import Mask, Shelf, Wish

REASONS = 3


@dataclass(frozen=True, slots=True)
class Because:
    """One owned game's exact part in a score: `share` is its part of all that spoke for the pick, in (0, 1].

    A `liked` one is not owned, as far as anybody can see.
    """

    game: Game
    minutes: int
    share: float
    liked: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """`because` holds the strongest reasons first; it is empty where popularity or the theme decided.

    `players` counts the model's players who own it. `members` are the places, from 0, of those of a group whom it is
    for; empty where one player asked. `new` is a game that content speaks for, hardly anybody owning it yet; its score
    compares with none but those of other such games.
    """

    game: Game
    score: float
    because: tuple[Because, ...] = ()
    players: int = 0
    members: tuple[int, ...] = ()
    new: bool = False


def picks_for(owned: Owned, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """The k best allowed games that are not owned, fewer where fewer are left."""
    return _picks(owned, scorer.scores(owned), shelf.allowed(wish), scorer, shelf, wish, k)


def picks_for_many(players: Interactions, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[list[Pick]]:
    """`picks_for` each of m players at once: one sparse product instead of m gathers."""
    scores, allowed = scorer.score_many(players), shelf.allowed(wish)  # [m x n], [n]
    return [
        _picks(players.row(row), scores[row], allowed.copy(), scorer, shelf, wish, k) for row in range(len(players))
    ]


def _picks(owned: Owned, scores: Floats, mask: Mask, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    mask[owned.positions] = False
    best = mixed_top(scores, mask, shelf.head, wish.head, k)
    return [_pick(scorer, shelf, owned, int(at), float(scores[at])) for at in best]


def similar_to(position: int, scorer: Scorer, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """What the scorer picks for a player of that one game."""
    alone = Owned(np.array([position], np.int32), np.zeros(1, np.int32))
    return picks_for(alone, scorer, shelf, wish, k)


def of_theme(tag: str, shelf: Shelf, wish: Wish, k: int) -> list[Pick]:
    """The best of a tag: how much of the theme a game is, times how well it is liked and how widely owned."""
    mask = shelf.allowed(wish) & shelf.tagged(tag)
    players = shelf.items.players
    widely = np.log1p(players) / np.log1p(max(int(players.max(initial=1)), 1))
    quality = np.asarray(shelf.centrality(tag) * (shelf.liked + widely) / 2, np.float32)
    best = mixed_top(quality, mask, shelf.head, wish.head, k)
    return [_theme_pick(shelf, int(at), float(quality[at])) for at in best]


def why(owned: Owned, position: int, scorer: Scorer, shelf: Shelf) -> Pick | None:
    """The same reasons for any one game, owned or not; None where the catalogue does not know it."""
    keep = owned.positions != position
    others = Owned(owned.positions[keep], owned.minutes[keep])
    if shelf.games[position] is None:
        return None
    return _pick(scorer, shelf, others, position, float(scorer.scores(others)[position]))


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


def _pick(scorer: Scorer, shelf: Shelf, owned: Owned, position: int, score: float) -> Pick:
    shares = scorer.shares(owned, position)
    return Pick(shelf.game(position), score, reasons(shares, owned, shelf), int(shelf.items.players[position]))


def reasons(shares: Floats, owned: Owned, shelf: Shelf) -> tuple[Because, ...]:
    """The strongest of the owned games by their `shares` [r], those without a name left out."""
    speaking = float(shares[shares > 0].sum())
    strongest = np.argsort(-shares, kind="stable")
    found = (
        Because(game, int(owned.minutes[at]), float(shares[at]) / speaking)
        for at in strongest
        if shares[at] > 0 and (game := shelf.games[owned.positions[at]]) is not None
    )
    return tuple(islice(found, REASONS))


def _theme_pick(shelf: Shelf, position: int, quality: float) -> Pick:
    return Pick(shelf.game(position), quality, players=int(shelf.items.players[position]))
