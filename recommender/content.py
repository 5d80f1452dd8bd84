"""Games that few own or nobody, placed by what the catalogue says of them: a ridge from content to the warm model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from recommender.catalog import Game
from recommender.features import Told
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned, Weighting
from recommender.linear import Linear

RIDGE = 8.0
"""λ. Measured on hidden games (docs/decisions.md): 3 to 20 place them about equally well."""

SHARED_BY = 3
"""Games of the model that must have a feature: what fewer have says nothing of the next."""

MOST = 2048
"""Features kept, the most shared first: the weights take 4 bytes a game and feature, at most 88 MB for 10,781 games."""

HEAVY = 10
"""Added to the players of a game, so that a column that three players made is not taken for a certain one."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a fit has learned of content: `weights` W [n x f], f `features` by name, and when a score is good `enough`.

    score(x)_c = x W t_c for a game c with content t_c [f]. W = B D^-½ T (TᵀT + λI)⁻¹: the columns of the warm model
    (B_ij = -P_ij / P_jj, 0 for i = j) predicted from the content T [n x f] of its games, each column divided by the
    root of its game's players (D), so that scores compare taste and not renown. A game that nobody owns gets the
    column that its content predicts. The features are names: a catalogue of tomorrow is placed without a fit.
    """

    features: tuple[str, ...]
    weights: Floats
    enough: float = np.inf

    def rows(self, games: Sequence[Game | None]) -> sparse.csr_matrix[np.float32]:
        """T [len(games) x f], each row of length 1, or 0 where nothing is known that the model knows, too."""
        return _rows(games, self.features)

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        names = np.frombuffer(json.dumps(self.features).encode(), np.uint8)
        return {
            "content.weights": self.weights,
            "content.features": names,
            "content.enough": np.array([self.enough], np.float32),
        }

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> Content | None:
        """None where they are of a version that was published without."""
        if "content.weights" not in tensors:
            return None
        names = json.loads(tensors["content.features"].tobytes())
        weights = np.asarray(tensors["content.weights"], np.float32)  # a view: it may be mapped
        return cls(tuple(names), weights, float(np.asarray(tensors["content.enough"], np.float64)[0]))


def learn_content(model: Linear, games: Sequence[Game | None]) -> Content:
    """From a fitted model and what is known of its `games` [n], in its order, None where nothing is.

    f n² operations at most, of which sparse content leaves a few per cent; two more f x n matrices meanwhile.
    """
    features = _shared(games)
    T = _rows(games, features)  # [n x f]
    scale = spread(model.items)  # [n]
    V = sparse.diags(scale / model.diagonal) @ T  # [n x f]
    R = (scale[:, None] * T.toarray()).T - V.T.tocsr() @ model.inverse  # [f x n] is TᵀD^-½Bᵀ: what B_jj = 0 leaves
    W = cho_solve(_factor(T), R.astype(np.float32), overwrite_b=True)  # [f x n]
    return Content(features, np.ascontiguousarray(W.T, np.float32))


def spread(items: ItemIndex) -> Floats:
    """[n] by which a score of the warm model is multiplied to be compared with one of content."""
    return np.asarray((items.players + HEAVY) ** -0.5, np.float32)


def leverage(content: Content, games: Sequence[Game | None]) -> Floats:
    """[n] t_j (TᵀT + λI)⁻¹ t_j: how much of its own column a game of the model has in its own prediction.

    By it a prediction is told as if the game had not been there: (predicted_j - leverage_j·true_j) / (1 - leverage_j).
    """
    T = content.rows(games)
    solved = cho_solve(_factor(T), T.toarray().T)  # [f x n]
    return np.asarray(T.multiply(solved.T).sum(axis=1), np.float32).ravel()


def _factor(T: sparse.csr_matrix[np.float32]) -> tuple[NDArray[np.float32], bool]:
    gram = (T.T @ T).toarray()
    gram[np.diag_indices_from(gram)] += RIDGE
    return cho_factor(gram, lower=True, overwrite_a=True)


def _shared(games: Sequence[Game | None]) -> tuple[str, ...]:
    told = Told.of(games)
    counts = np.bincount(told.names, minlength=len(told.known))
    order = sorted(np.flatnonzero(counts >= SHARED_BY).tolist(), key=lambda name: (-counts[name], told.known[name]))
    return tuple(told.known[name] for name in order[:MOST])


def _rows(games: Sequence[Game | None], features: Sequence[str]) -> sparse.csr_matrix[np.float32]:
    told = Told.of(games)
    column = {name: at for at, name in enumerate(features)}
    columns = np.array([column.get(name, -1) for name in told.known], np.int64)[told.names]
    kept = columns >= 0
    rows, values = told.rows[kept], told.values[kept]
    lengths = np.sqrt(np.bincount(rows, values**2, len(games)))  # [len(games)]
    cells = np.asarray(values / lengths[rows], np.float32), (rows, columns[kept])
    return sparse.csr_matrix(cells, shape=(len(games), len(features)))


@dataclass(frozen=True, eq=False)
class ContentScorer:
    """Scores every game by content alone; see `Content`. The third `Scorer`.

    `items` [N] are the games of the model, in its order, and behind them any others: what a player owns of those
    brings nothing. `games` [N] is what is known of each. One player costs r rows of W and one sparse product.
    """

    items: ItemIndex
    games: Sequence[Game | None]
    content: Content
    weighting: Weighting

    @cached_property
    def rows(self) -> sparse.csr_matrix[np.float32]:
        return self.content.rows(self.games)  # T [N x f]

    @cached_property
    def prior(self) -> Floats:
        return np.zeros(len(self.items), np.float32)  # [N]

    def taste(self, owned: Owned) -> Floats:
        """[f] xW: what a player's games say of each feature."""
        known = owned.positions < len(self.content.weights)
        weights = self.weighting.weights(owned.minutes[known])
        return np.asarray(weights @ self.content.weights[owned.positions[known]])  # [r] @ [r x f]

    def scores(self, owned: Owned) -> Floats:
        return np.asarray(self.rows @ self.taste(owned), np.float32)  # [N x f] @ [f]

    def score_many(self, players: Interactions) -> Floats:
        X = players.weighted(self.weighting)[:, : len(self.content.weights)]  # [m x n]
        return np.ascontiguousarray((self.rows @ (X @ self.content.weights).T).T, np.float32)  # [m x N]

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        known = owned.positions < len(self.content.weights)
        weights = self.weighting.weights(owned.minutes) * known
        at, shares = np.where(known, owned.positions, 0)[:, None], np.empty((len(positions), len(owned)), np.float32)
        for share, row in zip(shares, positions.tolist(), strict=True):
            cells = slice(*self.rows.indptr[row : row + 2])
            W = self.content.weights[at, self.rows.indices[cells]]  # [r x features of it]
            share[:] = weights * (W @ self.rows.data[cells])
        return shares
