"""EASE, the closed form: one symmetric matrix that scores, folds in new players and explains itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.device import Device, resolve
from recommender.gram import gram, gram_torch, on_torch
from recommender.interactions import Floats, Interactions, ItemIndex, Owned, Weighting
from recommender.inverse import invert_in_place, invert_torch

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

CUDA = "cuda"

Phases = Callable[[str], None]
"""Told the name of each phase of a fit as it begins."""


@dataclass(frozen=True)
class LinearSettings:
    """Λ = l2 + dropout/(1-dropout)·diag(G): `dropout` in [0, 1) is EDLAE's (Steck 2020), 0 is plain EASE."""

    l2: float = 200.0
    dropout: float = 0.3
    weighting: Weighting = field(default_factory=lambda: Weighting(played=0.1))

    def __post_init__(self) -> None:
        if not (self.l2 >= 0 and 0 <= self.dropout < 1):
            raise ValueError(f"l2 must be at least 0 and dropout in [0, 1), not {self.l2} and {self.dropout}")


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted EASE model (Steck 2019, https://arxiv.org/abs/1905.03375): P = (XᵀX + Λ)⁻¹ and nothing else.

    score(x)_j = -(xP)_j / P_jj for a game j the player does not own. P is dense float32, 4n² bytes: 465 MB for
    10,781 games, 40 GB for 100,000. It may be a read-only memory map.
    """

    items: ItemIndex
    inverse: Floats  # P [n x n], symmetric
    settings: LinearSettings

    @cached_property
    def diagonal(self) -> Floats:
        return np.ascontiguousarray(self.inverse.diagonal())  # [n]

    @cached_property
    def prior(self) -> Floats:
        return np.zeros(len(self.items), np.float32)  # [n]

    @cached_property
    def _scale(self) -> Floats:
        return np.float32(1) / self.diagonal  # [n] what each game's sum is multiplied by

    @cached_property
    def _rows(self) -> Floats:
        return np.ascontiguousarray(self.inverse)  # [n x n] the same memory, without the ways of a memory map

    def scores(self, owned: Owned) -> Floats:
        weights = self.settings.weighting.weights(owned.minutes)  # [r]
        x = sparse.csr_matrix((weights, owned.positions, [0, len(owned)]), shape=(1, len(self.items)))
        return np.asarray(self._scored(x)[0])

    def score_many(self, players: Interactions) -> Floats:
        return self._scored(players.weighted(self.settings.weighting))

    def _scored(self, X: sparse.csr_matrix[np.float32]) -> Floats:
        """[m x n] scores of sparse rows [m x n].

        scipy adds each owned game's row of P, times its weight, to the player's sum: rows are read where they lie, not
        gathered first, and the interpreter's lock is free meanwhile.
        """
        total: Floats = -X @ self._rows  # [m x n]
        total *= self._scale
        return total

    def shares(self, owned: Owned, position: int) -> Floats:
        weights = self.settings.weighting.weights(owned.minutes)
        return np.asarray(-weights * self._rows[position, owned.positions] * self._scale[position])


def fit(
    interactions: Interactions,
    settings: LinearSettings,
    device: Device = Device.AUTO,
    phase: Phases = lambda _: None,
) -> Linear:
    """Solves once over all interactions; `phase` hears "gram" and "inverse" as each begins.

    On a CPU the n x n buffer that holds G becomes P in place; there is no second one.

    Raises:
        FitFailed: the regularised Gram matrix is not positive definite, or CUDA was asked for and is not there.
    """
    on_gpu = resolve(device) is Device.CUDA
    started = time.perf_counter()
    phase("gram")
    X = interactions.weighted(settings.weighting)  # [m x n] sparse
    P = _solve_torch(gram_torch(X, CUDA), settings, phase) if on_gpu else _solve_lapack(gram(X), settings, phase)
    log.info("fitted %d games in %.1f s", len(interactions.items), time.perf_counter() - started)
    return Linear(interactions.items, P, settings)


def fit_counted(
    items: ItemIndex,
    G: Floats,
    settings: LinearSettings,
    device: Device = Device.AUTO,
    phase: Phases = lambda _: None,
) -> Linear:
    """Solves once for a G = XᵀX [n x n] that was counted elsewhere; only its lower triangle is read.

    X has to be weighted as `settings` say. On a CPU, G's own memory becomes P: the caller gives it away.

    Raises:
        FitFailed: the regularised Gram matrix is not positive definite, or CUDA was asked for and is not there.
        ValueError: G is of another size, type or order.
    """
    if G.shape != (len(items), len(items)):
        raise ValueError(f"{len(items)} games need a Gram matrix of {len(items)} x {len(items)}, not {G.shape}")
    on_gpu = resolve(device) is Device.CUDA
    P = _solve_torch(on_torch(G, CUDA), settings, phase) if on_gpu else _solve_lapack(G, settings, phase)
    return Linear(items, P, settings)


def _solve_lapack(G: Floats, settings: LinearSettings, phase: Phases) -> Floats:
    diagonal = G.reshape(-1)[:: len(G) + 1]  # [n] a view
    diagonal += _penalty(settings, diagonal)  # G + Λ
    phase("inverse")
    invert_in_place(G)  # (G + Λ)⁻¹
    return G


def _solve_torch(G: torch.Tensor, settings: LinearSettings, phase: Phases) -> Floats:
    import torch  # noqa: PLC0415 - seconds to import, and a CPU fit does without

    penalty = _penalty(settings, G.diagonal().cpu().numpy())
    G.diagonal().add_(torch.from_numpy(penalty).to(G.device))  # G + Λ
    phase("inverse")
    P: Floats = invert_torch(G).cpu().numpy()  # (G + Λ)⁻¹
    return P


def _penalty(settings: LinearSettings, gram_diagonal: Floats) -> Floats:
    dropped = settings.dropout / (1 - settings.dropout)
    return np.asarray(settings.l2 + dropped * gram_diagonal, dtype=np.float32)
