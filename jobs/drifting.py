"""How far what was learned in place has taken the model in service from a fit of the same rows: for the nightly report.

The job that measures it has just told the warehouse all of the lake, and gathered what the next fit learns from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import sparse

from recommender.drift import drift, refit_due
from recommender.interactions import Interactions, ItemIndex, Weighting
from recommender.linear import Linear, penalty, squares
from recommender.served import Players, Served
from recommender.updates import NOTHING, Learned, Rows, stacked
from storage.fitted_rows import FittedRow, FittedRows


@dataclass(frozen=True, slots=True)
class Drift:
    """`error` is ‖P - (XᵀX + Λ)⁻¹‖/‖P‖ of the rows X as they were learned: what arithmetic has lost.

    `changed` people of the bot were learned, forgotten or have another row since the fit, of `rows` that the fit saw in
    all. `different` are those of whom the model holds another row than the warehouse would have it learn now: some, as
    the warehouse may have heard less; many, where learning in place is at fault. `due` says that only a fit will do.
    """

    error: float
    changed: int
    different: int
    rows: int
    due: bool

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


async def drift_of(
    served: Served,
    version: str,
    kept: FittedRows,
    interactions: Interactions,
    own: Mapping[str, int],
    rng: np.random.Generator,
) -> Drift | None:
    """Of the model as it answers now, whose fit was `version` (`Card.base`); None where it does not learn in place.

    `interactions` with the rows of the bot's `own` people are what the next fit learns from. Imported players are taken
    to have the rows of the last fit: where they have others the error is large, and the next fit due.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    if not isinstance(served.scorer, Linear) or not await kept.kept(version):
        return None
    fitted = await kept.all(version)
    return await asyncio.to_thread(_measured, served, served.scorer, fitted, interactions, own, rng)


def _measured(
    served: Served,
    model: Linear,
    fitted: Sequence[tuple[str | None, FittedRow]],
    interactions: Interactions,
    own: Mapping[str, int],
    rng: np.random.Generator,
) -> Drift:
    weighting, n = model.settings.weighting, len(model.items)
    theirs = np.ones(len(interactions), bool)
    theirs[list(own.values())] = False
    imported = on_index(interactions.take(np.flatnonzero(theirs)), model.items, weighting)
    of_fit = stacked([row.row for _, row in fitted], n)
    held = [*(served.learned.get(row.key, row.row) for _, row in fitted), *_joined(served.learned, fitted).values()]
    penalties = penalty(model.settings, squares(imported) + squares(of_fit))  # as the fit made them
    X = sparse.vstack([imported, stacked(held, n)], format="csr")
    error = drift(model, X, penalties, rng)
    changed, rows = _changed(served.learned, fitted), imported.shape[0] + len(fitted)
    different = _different(served.learned, fitted, interactions, own, model)
    return Drift(error, changed, different, rows, refit_due(error, changed, rows))


def on_index(interactions: Interactions, items: ItemIndex, weighting: Weighting) -> Rows:
    """The rows, weighed, over the games of another index [m x n]; what that does not know is left out."""
    X = interactions.weighted(weighting).tocoo()
    places = items.positions(interactions.items.app_ids.tolist())[X.col]
    known = places >= 0
    cells = (X.data[known], (X.row[known], places[known]))
    return sparse.csr_matrix(cells, shape=(len(interactions), len(items)))


def _joined(learned: Players, fitted: Sequence[tuple[str | None, FittedRow]]) -> dict[str, Learned]:
    """Rows by player that the fit did not see."""
    seen = {row.key for _, row in fitted}
    return {key: row for key, row in learned.items() if len(row) and key not in seen}


def _changed(learned: Players, fitted: Sequence[tuple[str | None, FittedRow]]) -> int:
    """Who has another row counts once, though one left and one joined."""
    left = {row.key: player for player, row in fitted if not len(learned.get(row.key, row.row))}
    return len(left) + len(_joined(learned, fitted).keys() - set(left.values()))


def _different(
    learned: Players,
    fitted: Sequence[tuple[str | None, FittedRow]],
    interactions: Interactions,
    own: Mapping[str, int],
    model: Linear,
) -> int:
    standing = [(player, row.row) for player, row in fitted if len(learned.get(row.key, row.row))]
    forgotten = sum(player is None for player, _ in standing)
    held = {player: row for player, row in standing if player is not None}
    held |= _joined(learned, fitted)
    taken = interactions.take(np.fromiter(own.values(), np.int64, len(own)))
    X = on_index(taken, model.items, model.settings.weighting)
    X.sort_indices()
    wanted = {
        player: Learned(X.indices[a:b], X.data[a:b])
        for player, a, b in zip(own, X.indptr[:-1], X.indptr[1:], strict=True)
        if b > a
    }
    every = held.keys() | wanted.keys()
    return forgotten + sum(not held.get(player, NOTHING).same_as(wanted.get(player, NOTHING)) for player in every)
