"""What is asked of every model: which games are known of a player, which are ranked, and which are to be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.evaluate import PLAYERS_AT_ONCE, Gathered, Measures, Split, dense, part
from recommender.interactions import PLAYED_MINUTES, Interactions, entries
from recommender.metrics import Values
from recommender.shelf import Mask

Rows = sparse.csr_matrix[np.int32]
Ranked = NDArray[np.int32]

GOALS = ("all", "indie", "indie_played")
"""Which targets count: every game owned, indie games owned, indie games played for over two hours."""
KNOWN = (3, 10, 50, 500)
SEGMENTS = ("head", "middle", "tail", "rare")
RARE = 10


@dataclass(frozen=True, eq=False)
class Shown:
    """What is known of some held-out players: `folded` [s x n] is folded in.

    `excluded` [s x n] is never recommended, `players` [s] are their rows in the split.
    """

    folded: Rows
    excluded: Rows
    players: NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """`shown` and `ranked` name the library and the games of one list; `goal` says which targets it is measured by."""

    name: str
    shown: str
    ranked: str
    goal: str

    @property
    def listed(self) -> str:
        return f"{self.shown}-{self.ranked}"


QUESTIONS: tuple[Question, ...] = (
    *(Question(goal, "whole", goal.removesuffix("_played"), goal) for goal in GOALS),
    *(Question(f"{goal}-{k}", f"{k}", goal.removesuffix("_played"), goal) for k in KNOWN for goal in GOALS),
    *(Question(segment, "whole", segment, "all") for segment in SEGMENTS),
)


def libraries(parts: Split, seed: int) -> dict[str, Shown]:
    """The whole of what is folded in, and `KNOWN` games of it for the players who have as many.

    Whatever was left out of a library is not recommended either: so the same games are ranked and the same are to be
    found, and only what is known of the player differs. A number that nobody has is left out.
    """
    folded = parts.folded.minutes
    rng = np.random.default_rng(seed)
    found = {"whole": Shown(folded, folded, np.arange(folded.shape[0]))}
    for k in KNOWN:
        enough = np.flatnonzero(np.diff(folded.indptr) >= k)
        if len(enough):
            rows = folded[enough]
            known, _ = part(rows, np.full(len(enough), k), rng.random(rows.nnz))
            found[f"{k}"] = Shown(known, rows, enough)
    return found


def candidates(train: Interactions, indie: Mask) -> dict[str, Mask]:
    """[n] what is ranked: everything, indie games, games by popularity, or games with fewer than `RARE` players.

    Head are the fewest games that hold a third of all interactions learned from, middle the next third, tail the rest.
    """
    players = train.items.players
    order = np.argsort(-players, kind="stable")
    before = np.empty(len(players), np.int64)
    before[order] = np.cumsum(players[order]) - players[order]
    third = players.sum() / 3
    return {
        "all": np.ones(len(players), bool),
        "indie": indie,
        "head": before < third,
        "middle": (before >= third) & (before < 2 * third),
        "tail": before >= 2 * third,
        "rare": players < RARE,
    }


def lists() -> dict[str, list[str]]:
    """Which games are to be ranked for each library, every list once."""
    wanted: dict[str, list[str]] = {}
    for question in QUESTIONS:
        asked = wanted.setdefault(question.shown, [])
        if question.ranked not in asked:
            asked.append(question.ranked)
    return wanted


@dataclass(frozen=True, eq=False)
class Answer:
    """One model's measures of one question, and nDCG@10 of each player [p] in `players` [p], rows of the split."""

    measures: Measures
    players: NDArray[np.int64]
    ndcg_10: Values


def marked(
    ranked: Mapping[str, Ranked], parts: Split, shown: Mapping[str, Shown], masks: Mapping[str, Mask]
) -> Iterator[tuple[Question, Answer]]:
    """`ranked` has a list [s x 100] for each question; those that nobody can be asked are left out."""
    for question in QUESTIONS:
        if question.shown not in shown:
            continue
        players = shown[question.shown].players
        gathered, asked = Gathered(parts.train, masks[question.ranked]), []
        for start in range(0, len(players), PLAYERS_AT_ONCE):
            some = players[start : start + PLAYERS_AT_ONCE]
            wanted = _wanted(parts.targets.minutes[some], question.goal) & masks[question.ranked]
            gathered.add(ranked[question.listed][start : start + PLAYERS_AT_ONCE], wanted)
            asked.append(some[wanted.any(axis=1)])
        if sum(map(len, asked)):
            yield question, Answer(gathered.measures(), np.concatenate(asked), gathered.ndcg_10())


def _wanted(targets: Rows, goal: str) -> Mask:
    return dense(targets, targets.data > PLAYED_MINUTES) if goal == "indie_played" else entries(targets)
