"""EASE, the closed form: one symmetric matrix that scores, folds in new players and explains itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.device import Device, resolve
from recommender.dual import Form, cheaper, invert_dual
from recommender.gram import gram
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned, Weighting
from recommender.inverse import invert_in_place
from recommender.panels import gram_torch, invert_torch
from recommender.room import check_room, cpu_need, dual_need, gpu_need

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

CUDA = "cuda"

Phases = Callable[[str], None]
"""Told the name of each phase of a fit as it begins."""


@dataclass(frozen=True)
class LinearSettings:
    """Λ_jj = l2·G_jj^l2_power + dropout/(1-dropout)·G_jj, where G_jj is at least 1.

    `dropout` in [0, 1) is EDLAE's (Steck 2020), 0 is plain EASE. `weighting` is of what is learned from; in the library
    of who asks, two hours of play add `folded_played`, None for the same. `played_power` and `rare_power` are of the
    factors by which the scores of indie games are multiplied: see `recommender.calibration`.
    """

    l2: float = 200.0
    dropout: float = 0.3
    weighting: Weighting = field(default_factory=Weighting)
    folded_played: float | None = None
    l2_power: float = 0.0
    played_power: float = 0.0
    rare_power: float = 0.0

    def __post_init__(self) -> None:
        if not (self.l2 >= 0 and 0 <= self.dropout < 1):
            raise ValueError(f"l2 must be at least 0 and dropout in [0, 1), not {self.l2} and {self.dropout}")

    @property
    def heard(self) -> Weighting:
        """What the games of who asks count."""
        return self.weighting if self.folded_played is None else replace(self.weighting, played=self.folded_played)


TUNED = LinearSettings(140.0, 0.14, Weighting(played=0.28), 0.12, 0.165, 0.12, 0.15)
"""The settings that a host gets: how they were found says docs/benchmarks.md."""


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted EASE model (Steck 2019, https://arxiv.org/abs/1905.03375): P = (XᵀX + Λ)⁻¹, and a factor a game.

    score(x)_j = -(xP)_j c_j / P_jj for a game j the player does not own; without `factor` c is 1. P is dense float32,
    4n² bytes: 465 MB for 10,781 games, 40 GB for 100,000. It may be a read-only memory map.
    """

    items: ItemIndex
    inverse: Floats  # P [n x n], symmetric
    settings: LinearSettings
    factor: Floats | None = None  # c [n]

    @cached_property
    def diagonal(self) -> Floats:
        return np.ascontiguousarray(self.inverse.diagonal())  # [n]

    @cached_property
    def prior(self) -> Floats:
        return np.zeros(len(self.items), np.float32)  # [n]

    @cached_property
    def _scale(self) -> Floats:
        """[n] what each game's sum is multiplied by."""
        factor = np.float32(1) if self.factor is None else self.factor
        return np.asarray(factor / self.diagonal)

    @cached_property
    def _rows(self) -> Floats:
        return np.ascontiguousarray(self.inverse)  # [n x n] the same memory, without the ways of a memory map

    def scores(self, owned: Owned) -> Floats:
        weights = self.settings.heard.weights(owned.minutes)  # [r]
        x = sparse.csr_matrix((weights, owned.positions, [0, len(owned)]), shape=(1, len(self.items)))
        return np.asarray(self._scored(x)[0])

    def score_many(self, players: Interactions) -> Floats:
        return self._scored(players.weighted(self.settings.heard))

    def _scored(self, X: sparse.csr_matrix[np.float32]) -> Floats:
        """[m x n] scores of sparse rows [m x n].

        scipy adds each owned game's row of P, times its weight, to the player's sum: rows are read where they lie, not
        gathered first, and the interpreter's lock is free meanwhile.
        """
        total: Floats = -X @ self._rows  # [m x n]
        total *= self._scale
        return total

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        weights, of_each = self.settings.heard.weights(owned.minutes), positions[:, None]
        return np.asarray(-weights * self._rows[of_each, owned.positions] * self._scale[of_each])


@dataclass(frozen=True, eq=False)
class Equations:
    """The normal equations (XᵀX + Λ)P = I of one fit, to be solved once; in the primal form the rows may go."""

    items: ItemIndex
    settings: LinearSettings
    invert: Callable[[], Floats]

    def solve(self) -> Linear:
        """In the memory that the equations take.

        Raises:
            FitFailed: the regularised Gram matrix is not positive definite.
        """
        started = time.perf_counter()
        P = self.invert()
        log.info("inverted a matrix of %d games in %.1f s", len(self.items), time.perf_counter() - started)
        return Linear(self.items, P, self.settings)


def fit(
    interactions: Interactions,
    settings: LinearSettings,
    device: Device = Device.AUTO,
    phase: Phases = lambda _: None,
    room: int | None = None,
) -> Linear:
    """Solves once over all interactions; `phase` hears "gram" and "inverse" as each begins.

    On a CPU the n x n buffer that holds G becomes P in place; there is no second one. Who wants the memory of the
    rows back meanwhile calls `prepare`, lets go of them and solves.

    Raises:
        FitFailed: as of `prepare` and `Equations.solve`.
    """
    phase("gram")
    equations = prepare(interactions, settings, device, room)
    phase("inverse")
    return equations.solve()


def prepare(
    interactions: Interactions, settings: LinearSettings, device: Device = Device.AUTO, room: int | None = None
) -> Equations:
    """What a fit is before the inverse: the Gram matrix, or the rows where the dual form is cheaper (see dual.py).

    `room` is how many bytes are free, of the GPU's memory where that is the device; None where nobody knows.

    Raises:
        FitFailed: CUDA was asked for and is not there, or the matrix does not fit into `room`.
    """
    X = interactions.weighted(settings.weighting)  # [m x n] sparse
    m, n = X.shape
    if resolve(device) is Device.CUDA:
        check_room(n, room, gpu_need)
        invert = partial(_solve_torch, gram_torch(X, CUDA), settings)
    elif form_of(X, settings) is Form.DUAL:
        check_room(n, room, dual_need(m, X.nnz))
        invert = partial(_solve_dual, X, settings)
    else:
        check_room(n, room, cpu_need(X.nnz))
        invert = partial(_solve_lapack, gram(X), settings)
    return Equations(interactions.items, settings, invert)


def fit_counted(items: ItemIndex, G: Floats, settings: LinearSettings, device: Device = Device.AUTO) -> Linear:
    """Solves once for a G = XᵀX [n x n] that was counted elsewhere; only its lower triangle is read.

    X has to be weighted as `settings` say. On a CPU, G's own memory becomes P: the caller gives it away.

    Raises:
        FitFailed: the regularised Gram matrix is not positive definite, or CUDA was asked for and is not there.
        ValueError: G is of another size, type or order.
    """
    if G.shape != (len(items), len(items)):
        raise ValueError(f"{len(items)} games need a Gram matrix of {len(items)} x {len(items)}, not {G.shape}")
    on_gpu = resolve(device) is Device.CUDA
    invert = partial(_solve_torch, _on_gpu(G), settings) if on_gpu else partial(_solve_lapack, G, settings)
    return Equations(items, settings, invert).solve()


def form_of(X: sparse.csr_matrix[np.float32], settings: LinearSettings) -> Form:
    """The form that a CPU fits X [m x n] in."""
    m, n = X.shape
    if m >= n:  # then it is not worth counting what the weights add up to
        return Form.PRIMAL
    of_games = squares(X)
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = of_games / penalty(settings, of_games)
    return cheaper(m, n, X.nnz, float(np.max(gains, initial=0.0)))


def squares(X: sparse.csr_matrix[np.float32]) -> Floats:
    """[n] the diagonal of XᵀX."""
    return np.bincount(X.indices, weights=np.square(X.data), minlength=X.shape[1]).astype(np.float32)


def _solve_dual(X: sparse.csr_matrix[np.float32], settings: LinearSettings) -> Floats:
    return invert_dual(X, penalty(settings, squares(X)))


def _solve_lapack(G: Floats, settings: LinearSettings) -> Floats:
    diagonal = G.reshape(-1)[:: len(G) + 1]  # [n] a view
    diagonal += penalty(settings, diagonal)  # G + Λ
    invert_in_place(G)  # (G + Λ)⁻¹
    return G


def _solve_torch(G: torch.Tensor, settings: LinearSettings) -> Floats:
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    added = penalty(settings, G.diagonal().cpu().numpy())
    G.diagonal().add_(torch.from_numpy(added).to(G.device))  # G + Λ
    invert_torch(G)  # (G + Λ)⁻¹
    P: Floats = G.cpu().numpy()
    return P


def _on_gpu(G: Floats) -> torch.Tensor:
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    return torch.from_numpy(G).to(CUDA)


def penalty(settings: LinearSettings, gram_diagonal: Floats) -> Floats:
    """Λ's diagonal [n] for that of G = XᵀX [n]."""
    dropped = settings.dropout / (1 - settings.dropout)
    ridge = settings.l2 * np.maximum(gram_diagonal, 1) ** settings.l2_power
    return np.asarray(ridge + dropped * gram_diagonal, dtype=np.float32)
