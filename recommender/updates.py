"""Learn and forget in place: P = (G + Λ)⁻¹ follows rows that join and leave G = XᵀX, without a fit.

For rows U [r x n] that join (sign +1) and leave (sign -1), S the diagonal of their signs (Woodbury 1950; Hager 1989,
https://doi.org/10.1137/1031049):

    (G + UᵀSU + Λ)⁻¹ = P - PUᵀ(S + UPUᵀ)⁻¹UP

Λ stays as the last fit left it, with EDLAE's dropout too, whose part follows diag(G) only with the next fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.errors import UpdateRefused
from recommender.gram import add_square
from recommender.interactions import Floats, Ints, ItemIndex
from recommender.inverse import check_in_place, mirror_lower
from recommender.linear import Linear

Rows = sparse.csr_matrix[np.float32]
Doubles = NDArray[np.float64]

RANK = 256
"""Rows a pass over P: at 10,781 games their panels [r x n] take a tenth of its memory."""

SINGULAR = 1e-5
"""A pivot of I - UPUᵀ, 1 where the row shares no game with any other, this near to 0 is one that rounding has made."""

SLACK = 1.01
"""What rounding may add to a diagonal of P that is at its limit, 1/Λ."""

NOT_IN_THE_MODEL = "a row to be forgotten is not in the model: give it as it was learned, or fit the model anew"


@dataclass(frozen=True, eq=False)
class Learned:
    """A player's row as it stands in G: `positions` [k] in the model's item index, ascending, and `weights` [k].

    Kept so that it can be taken out again, whatever the settings say by then. Without games it stands for nobody.
    """

    positions: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.positions)

    def same_as(self, other: Learned) -> bool:
        return np.array_equal(self.positions, other.positions) and np.array_equal(self.weights, other.weights)


NOTHING = Learned(np.empty(0, np.int32), np.empty(0, np.float32))


def learned_rows(X: Rows) -> list[Learned]:
    """The rows of X [m x n], copied: a row that is kept does not keep all of X."""
    ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    return [Learned(X.indices[a:b].astype(np.int32), X.data[a:b].astype(np.float32)) for a, b in ends]


def stacked(rows: Sequence[Learned], n: int) -> Rows:
    """X [m x n] of m rows.

    Raises:
        ValueError: a position is none of the n.
    """
    positions = np.concatenate([NOTHING.positions, *[row.positions for row in rows]])
    weights = np.concatenate([NOTHING.weights, *[row.weights for row in rows]])
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
    X = sparse.csr_matrix((weights, positions, indptr), shape=(len(rows), n))
    X.check_format(full_check=True)
    return X


def updated(model: Linear, learned: Rows, forgotten: Rows) -> Linear:
    """The model with other rows in its G, each [r x n]; who reads `model` meanwhile is not disturbed.

    One more n x n matrix is held until `model` is let go of. What the model does not know is left out of the rows
    before. `players` counts every stored element, also those that weigh 0; `played` stays as the last fit counted it,
    as a row does not tell hours.

    Raises:
        UpdateRefused: a forgotten row is not in the model.
    """
    items = _recounted(model.items, learned, forgotten)
    P = np.array(model.inverse)  # [n x n]
    update_in_place(P, learned, forgotten, least_penalty=model.settings.l2)
    return replace(model, items=items, inverse=P)


def update_in_place(P: Floats, learned: Rows, forgotten: Rows, *, least_penalty: float = 0.0) -> None:
    """Makes P [n x n], float32 in C order, the inverse after both kinds of rows, each [r x n], exactly symmetric.

    2n operations a stored element of the rows and n² a row, in passes of `RANK` rows, whose panels are all the
    memory it takes beside P. `least_penalty` is the least of Λ: the larger it is, the more rows that were never
    learned are told by it.

    Raises:
        UpdateRefused: without the forgotten rows G + Λ would not be positive definite, or less than Λ, so they are
            not in it. P is then as before, up to rounding.
        ValueError: P cannot hold the result, or the rows are of another width.
    """
    check_in_place(P, "updated")
    if {learned.shape[1], forgotten.shape[1]} != {len(P)}:
        raise ValueError(f"rows of {learned.shape[1]} and {forgotten.shape[1]} games for a model of {len(P)}")
    for rows in (learned, forgotten):
        rows.check_format(full_check=True)  # scipy would read whatever lies where a wrong position points
    done: list[tuple[Rows, Rows]] = []
    for joining, leaving in _passes(learned, forgotten):
        try:
            _update(P, joining, leaving, least_penalty)
        except UpdateRefused:
            for joined, left in reversed(done):
                _update(P, left, joined, 0.0)
            raise
        done.append((joining, leaving))


def _recounted(items: ItemIndex, learned: Rows, forgotten: Rows) -> ItemIndex:
    n = len(items)
    more, fewer = (np.bincount(rows.indices, minlength=n) for rows in (learned, forgotten))
    players = items.players + more - fewer  # [n]
    if np.any(players < 0):
        raise UpdateRefused(f"{NOT_IN_THE_MODEL}: it has a game that nobody owns")
    return items.recounted(players.astype(np.int32))


def _passes(learned: Rows, forgotten: Rows) -> list[tuple[Rows, Rows]]:
    count = -(-(learned.shape[0] + forgotten.shape[0]) // RANK)
    parts = (
        [rows[at * rows.shape[0] // count : (at + 1) * rows.shape[0] // count] for at in range(count)]
        for rows in (learned, forgotten)
    )
    return list(zip(*parts, strict=True))


def _update(P: Floats, joining: Rows, leaving: Rows, least_penalty: float) -> None:
    """P' = P - WᵀTᵀSTW with W = UP, the leaving rows first."""
    left = leaving.shape[0]
    U = sparse.vstack([leaving, joining], format="csr")  # [r x n]
    W = _product(U, P)  # UP [r x n]
    K = U.astype(np.float64) @ np.ascontiguousarray(W.T, np.float64)  # UPUᵀ [r x r]
    Z = _factor((K + K.T) / 2, left).astype(np.float32) @ W  # [r x n]
    if left and least_penalty > 0:
        _refuse_above(1 / least_penalty, P.diagonal() + (Z[:left] ** 2).sum(axis=0) - (Z[left:] ** 2).sum(axis=0))
    for part, sign in ((Z[:left], 1.0), (Z[left:], -1.0)):
        if len(part):
            add_square(part, P, sign)
    mirror_lower(P)


def _factor(K: Doubles, left: int) -> Doubles:
    """T [r x r], lower triangular, with TᵀST = (S + K)⁻¹: two Cholesky factors, as S + K is quasidefinite.

    (Vanderbei 1995, https://doi.org/10.1137/0805005.) Where the first `left` rows leave, I - K of theirs is positive
    definite exactly where G + Λ is without them.
    """
    r = len(K)
    T = np.zeros((r, r))
    B = K[:left, left:]
    A = _inverse_factor(np.eye(left) - K[:left, :left])  # AᵀA = (I - K)⁻¹ [l x l]
    AB = A @ B
    C = _inverse_factor(np.eye(r - left) + K[left:, left:] + AB.T @ AB)
    T[:left, :left], T[left:, left:], T[left:, :left] = A, C, C @ AB.T @ A
    return T


def _inverse_factor(M: Doubles) -> Doubles:
    try:
        L = np.linalg.cholesky(M)  # LLᵀ = M
    except np.linalg.LinAlgError:
        L = np.zeros_like(M)
    if not np.all(L.diagonal() ** 2 > SINGULAR):
        raise UpdateRefused(NOT_IN_THE_MODEL)
    return np.linalg.inv(L)


def _product(U: Rows, P: Floats, threads: int = 2) -> Floats:
    """UP [r x n], the rows of P added up one by one: scipy's sparse product lets other threads run."""
    shares = np.linspace(0, U.nnz, threads + 1)
    cuts = np.searchsorted(U.indptr, shares).tolist()
    cuts[-1] = U.shape[0]
    W = np.empty(U.shape, np.float32)

    def part(first: int, last: int) -> None:
        W[first:last] = U[first:last] @ P

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))
    return W


def _refuse_above(limit: float, diagonal: Floats) -> None:
    """As G + Λ without what leaves is at least Λ, no P_jj is above 1/Λ_jj."""
    if not np.all(diagonal <= SLACK * limit):
        raise UpdateRefused(f"{NOT_IN_THE_MODEL}: a game would have less than no players")
