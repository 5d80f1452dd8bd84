"""Strong generalisation: whole players held out, part of their games folded in, the rest to be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender import metrics
from recommender.errors import NotEnoughData
from recommender.held_out import chosen, shuffled
from recommender.interactions import PLAYED_MINUTES, Floats, Interactions, entries
from recommender.metrics import Values
from recommender.scorer import Scorer
from recommender.shelf import Mask, Shelf

PLAYERS_AT_ONCE = 256
DEPTH = 100


@dataclass(frozen=True)
class SplitSettings:
    """`held_out` is the share of players kept from the fit, `folded_in` the share of a player's games shown.

    Who and which is told by hashes of the player and the game with the `seed`: the same whenever it is asked, so that
    models of different nights are measured on the same players, and none of them was ever learned from.
    """

    held_out: float = 0.1
    folded_in: float = 0.8
    seed: int = 42


@dataclass(frozen=True, eq=False)
class Split:
    """`folded` and `targets` have a row for each held-out player, over the items of `train`.

    `held_out` says which rows of the interactions these players were, ascending.
    """

    train: Interactions
    folded: Interactions
    targets: Interactions
    held_out: NDArray[np.int64]


@dataclass(frozen=True)
class Measures:
    """Means over `players`; `error` is the standard error of `ndcg_10`, `percentile` 100 for the most owned game.

    The last four are of the first ten places: `novelty` in bits, `gini` over all games that were ranked.
    """

    players: int
    precision_10: float
    recall_20: float
    ndcg_10: float
    ndcg_100: float
    error: float
    coverage: int
    percentile: float
    novelty: float
    gini: float


@dataclass(frozen=True)
class Report:
    """`all` ranks every game; `indie` ranks and asks for indie games; `indie_played` asks for those kept and played.

    The last decides: bundles fill libraries with games never started, and people want what they will play.
    """

    all: Measures
    indie: Measures
    indie_played: Measures

    def as_dict(self) -> dict[str, dict[str, float]]:
        return asdict(self)


def split(interactions: Interactions, settings: SplitSettings, apart: Mask | None = None) -> Split:
    """The same players and games for the same seed; players of `apart` [m] are not learned from either.

    Raises:
        NotEnoughData: too few players to keep any aside and still learn from some.
    """
    m, whose = len(interactions), interactions.whose
    aside = chosen(whose, settings.held_out, settings.seed)  # [m]
    learned = ~aside if apart is None else ~(aside | apart)
    if not (aside.any() and learned.any()):
        raise NotEnoughData(f"{m} players are too few to hold out {settings.held_out:.0%} of them")
    held_out = np.flatnonzero(aside)
    held, kept = interactions.take(held_out), interactions.take(np.flatnonzero(learned)).recounted()
    lengths = np.diff(held.minutes.indptr)
    order = shuffled(np.repeat(whose[held_out], lengths), held.items.app_ids[held.minutes.indices], settings.seed)
    folded, targets = part(held.minutes, np.round(settings.folded_in * lengths), order)
    shown, hidden = (Interactions(held.items, rows, whose[held_out]) for rows in (folded, targets))
    return Split(kept, shown, hidden, held_out)


def evaluate(scorer: Scorer, split: Split, shelf: Shelf, progress: Callable[[int], None] = lambda _: None) -> Report:
    """`progress` hears the number of players measured so far.

    Raises:
        NotEnoughData: no held-out player has a game to be found in one of the three ways.
    """
    return measured(scorer, split, shelf, progress)[0]


def measured(
    scorer: Scorer, split: Split, shelf: Shelf, progress: Callable[[int], None] = lambda _: None
) -> tuple[Report, Floats]:
    """As `evaluate`, and nDCG@10 of each held-out player [3 x h], NaN for who has no game to be found in that way."""
    every = np.ones(len(shelf.indie), bool)
    ways = {"all": every, "indie": shelf.indie, "indie_played": shelf.indie}
    gathered = {name: Gathered(split.train, ranked) for name, ranked in ways.items()}
    for start, scores in _scored(scorer, split.folded):
        targets = split.targets.minutes[start : start + len(scores)]
        owned = entries(targets)  # [b x n]
        played = dense(targets, targets.data > PLAYED_MINUTES)
        gathered["all"].add(best(scores), owned)
        scores[:, ~shelf.indie] = -np.inf
        ranked = best(scores)
        gathered["indie"].add(ranked, owned & shelf.indie)
        gathered["indie_played"].add(ranked, played & shelf.indie)
        progress(start + len(scores))
    report = Report(**{name: found.measures() for name, found in gathered.items()})
    return report, np.stack([found.ndcg_10_of_each() for found in gathered.values()])


class Gathered:
    """What was shown and what of it was right, a batch at a time; `candidates` [n] are the games that were ranked."""

    def __init__(self, train: Interactions, candidates: Mask) -> None:
        self._train, self._candidates = train, candidates
        self._asked: list[Mask] = []
        self._hits: list[Mask] = []
        self._targets: list[NDArray[np.int64]] = []
        self._shown: list[NDArray[np.int32]] = []

    def add(self, ranked: NDArray[np.int32], wanted: Mask) -> None:
        """`ranked` [b x 100] as `best` gives it, `wanted` [b x n]; players with nothing to be found are left out."""
        asked = np.asarray(wanted.any(axis=1))
        self._asked.append(asked)
        ranked, wanted = ranked[asked], wanted[asked]
        self._hits.append(np.take_along_axis(wanted, np.maximum(ranked, 0), axis=1) & (ranked >= 0))
        self._targets.append(wanted.sum(axis=1))
        self._shown.append(ranked[:, :10])

    def ndcg_10(self) -> Values:
        """One value for each player who was not left out, in the order in which they came."""
        return metrics.ndcg(np.concatenate(self._hits), np.concatenate(self._targets), 10)

    def ndcg_10_of_each(self) -> Floats:
        """[h] of everybody who was added, NaN for who was left out."""
        asked = np.concatenate(self._asked)
        found = np.full(len(asked), np.nan, np.float32)
        found[asked] = self.ndcg_10()
        return found

    def measures(self) -> Measures:
        """Raises NotEnoughData where all players were left out."""
        hits, targets = np.concatenate(self._hits), np.concatenate(self._targets)
        shown = np.concatenate(self._shown)
        if not len(hits):
            raise NotEnoughData("no held-out player has a game to be found: import more interactions or games")
        items = self._train.items
        at_10 = self.ndcg_10()
        return Measures(
            players=len(hits),
            precision_10=float(metrics.precision(hits, 10).mean()),
            recall_20=float(metrics.recall(hits, targets, 20).mean()),
            ndcg_10=float(at_10.mean()),
            ndcg_100=float(metrics.ndcg(hits, targets, DEPTH).mean()),
            error=float(at_10.std() / np.sqrt(len(at_10))),
            coverage=metrics.coverage(shown),
            percentile=metrics.popularity_percentile(shown, len(items)),
            novelty=metrics.novelty(shown, items.players, len(self._train)),
            gini=metrics.gini(shown, self._candidates),
        )


def part(
    held: sparse.csr_matrix[np.int32], counts: NDArray[np.number], drawn: NDArray[np.number]
) -> tuple[sparse.csr_matrix[np.int32], sparse.csr_matrix[np.int32]]:
    """As many entries of each row as `counts` [rows] says, those least in `drawn` [entries], and the rest."""
    lengths = np.diff(held.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((drawn, rows))  # shuffled within each row
    rank = np.empty(held.nnz, np.int64)
    rank[order] = np.arange(held.nnz) - np.repeat(held.indptr[:-1], lengths)
    taken = rank < counts[rows]
    return _where(held, taken, rows), _where(held, ~taken, rows)


def _where(held: sparse.csr_matrix[np.int32], keep: Mask, rows: NDArray[np.int64]) -> sparse.csr_matrix[np.int32]:
    counts = np.bincount(rows[keep], minlength=held.shape[0])
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return sparse.csr_matrix((held.data[keep], held.indices[keep], indptr), shape=held.shape)


def _scored(scorer: Scorer, folded: Interactions) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(folded), PLAYERS_AT_ONCE):
        batch = folded.take(np.arange(start, min(start + PLAYERS_AT_ONCE, len(folded))))
        scores = scorer.score_many(batch)  # [b x n]
        rows = np.repeat(np.arange(len(batch)), np.diff(batch.minutes.indptr))
        scores[rows, batch.minutes.indices] = -np.inf  # owned games are not recommended
        yield start, scores


def best(scores: Floats) -> NDArray[np.int32]:
    """[b x 100] positions, best first, ties toward the more popular game, -1 where only -inf is left to rank."""
    depth = min(DEPTH, scores.shape[1])
    chosen = np.sort(np.argpartition(scores, -depth, axis=1)[:, -depth:], axis=1)  # [b x depth]
    least = np.take_along_axis(scores, chosen, axis=1).min(axis=1, keepdims=True)  # [b x 1]
    tied = np.flatnonzero((scores >= least).sum(axis=1) > depth)  # where the partition took any of several
    chosen[tied] = _first_of_equals(scores[tied], least[tied], depth)
    values = np.take_along_axis(scores, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    ranked = np.take_along_axis(chosen, order, axis=1).astype(np.int32)
    ranked[np.isneginf(np.take_along_axis(values, order, axis=1))] = -1
    return np.pad(ranked, ((0, 0), (0, DEPTH - depth)), constant_values=-1)


def _first_of_equals(scores: Floats, least: Floats, depth: int) -> NDArray[np.int64]:
    """[b x depth] ascending positions of what is above `least` [b x 1], filled with the first that equal it."""
    above, level = scores > least, scores == least
    room = depth - above.sum(axis=1, keepdims=True)
    return np.nonzero(above | (level & (np.cumsum(level, axis=1) <= room)))[1].reshape(len(scores), depth)


def dense(rows: sparse.csr_matrix[np.int32], flags: NDArray[np.integer] | Mask) -> Mask:
    where = sparse.csr_matrix((flags.astype(np.int8), rows.indices, rows.indptr), shape=rows.shape)
    return np.asarray(where.toarray(), dtype=bool)
