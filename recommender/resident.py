"""A fitted model on a GPU: P stays in its memory, rows go there and scores come back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from recommender.device import Device, resolve
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.linear import CUDA, Linear, LinearSettings
from recommender.scorer import Scorer

if TYPE_CHECKING:
    import torch

PLAYERS_AT_ONCE = 4096
"""Their scores for 100,000 games are 1.6 GB."""


@dataclass(frozen=True, eq=False)
class Resident:
    """Scores as `Linear` does, from a P [n x n] float32 tensor on any torch device.

    One player is a gather of some rows of P, many are one sparse product a few thousand at a time.
    """

    items: ItemIndex
    inverse: torch.Tensor  # P [n x n], symmetric
    settings: LinearSettings
    factor: torch.Tensor | None = None  # c [n]

    @classmethod
    def of(cls, model: Linear, device: torch.device | str) -> Resident:
        import torch  # noqa: PLC0415 - seconds to import, and a CPU does without

        factor = None if model.factor is None else torch.tensor(model.factor, device=device)
        return cls(model.items, torch.tensor(model.inverse, device=device), model.settings, factor)

    @cached_property
    def _scale(self) -> torch.Tensor:
        diagonal = self.inverse.diagonal()
        return 1 / diagonal if self.factor is None else self.factor / diagonal  # [n]

    @cached_property
    def prior(self) -> Floats:
        return np.zeros(len(self.items), np.float32)  # [n]

    def scores(self, owned: Owned) -> Floats:
        weights, positions = self._row(owned)
        total = weights @ self.inverse[positions]  # [r] @ [r x n]
        return self._home(0 - total * self._scale)

    def score_many(self, players: Interactions) -> Floats:
        found = np.empty((len(players), len(self.items)), np.float32)  # [m x n]
        for start in range(0, len(players), PLAYERS_AT_ONCE):
            rows = slice(start, start + PLAYERS_AT_ONCE)
            found[rows] = self._block(Interactions(self.items, players.minutes[rows]))
        return found

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        import torch  # noqa: PLC0415 - seconds to import, and a CPU does without

        weights, of_owned = self._row(owned)
        of_each = torch.from_numpy(positions.astype(np.int64)).to(self.inverse.device)[:, None]
        return self._home(-weights * self.inverse[of_each, of_owned] * self._scale[of_each])

    def _block(self, players: Interactions) -> Floats:
        import torch  # noqa: PLC0415 - seconds to import, and a CPU does without

        rows = players.weighted(self.settings.heard).tocoo()  # [b x n] sparse
        where = torch.from_numpy(np.stack([rows.row, rows.col]).astype(np.int64))
        X = torch.sparse_coo_tensor(
            where, torch.from_numpy(rows.data), rows.shape, device=self.inverse.device, check_invariants=False
        )
        return self._home(0 - X @ self.inverse * self._scale)  # [b x n]

    def _row(self, owned: Owned) -> tuple[torch.Tensor, torch.Tensor]:
        import torch  # noqa: PLC0415 - seconds to import, and a CPU does without

        weights = torch.from_numpy(self.settings.heard.weights(owned.minutes))
        positions = torch.from_numpy(owned.positions.astype(np.int64))
        return weights.to(self.inverse.device), positions.to(self.inverse.device)

    def _home(self, scores: torch.Tensor) -> Floats:
        found: Floats = scores.cpu().numpy()
        return found


def placed(scorer: Scorer, device: Device) -> Scorer:
    """The scorer where it answers fastest: a linear model in the GPU's memory, if there is one.

    Raises:
        FitFailed: CUDA was asked for and there is none.
    """
    if isinstance(scorer, Linear) and resolve(device) is Device.CUDA:
        return Resident.of(scorer, CUDA)
    return scorer
