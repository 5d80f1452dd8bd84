"""What has to be kept of a fit, of the bot's own people, so that its model learns and forgets until the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from recommender.interactions import Interactions, Weighting
from recommender.updates import learned_rows
from recommender.version import Card
from storage.fitted_rows import FittedRows, Fitting, Rules
from storage.lake.events import OURS
from storage.warehouse import Warehouse


def fitting_of(
    interactions: Interactions, own: Mapping[str, int], weighting: Weighting, rules: Rules, warehouse: Warehouse
) -> Fitting:
    """The rows `own` of what is fitted, exactly as they stand in G, and all that the warehouse knows of such people.

    The warehouse may have heard more by now: that comes once more from the lake, and changes nothing then.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    theirs = interactions.take(np.fromiter(own.values(), np.int64, len(own)))
    rows = dict(zip(own, learned_rows(theirs.weighted(weighting)), strict=True))
    return Fitting(rules, rows, *warehouse.rows_of(OURS))


async def keep_fitted(kept: FittedRows, card: Card, fitting: Fitting | None, standing: Iterable[Card]) -> list[str]:
    """After each publication: keeps what was fitted, and lets go of it for versions that are no longer `standing`.

    Repeat it where it was cut off. Until it is done the model learns nothing in place. Without `fitting`, as of a model
    that cannot learn, it only lets go; the versions that it let go of are the answer.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    if fitting is not None and card.upto is not None:
        await kept.keep(card.base, card.upto, fitting)
    return await kept.retire({card.base, *(each.base for each in standing)})
