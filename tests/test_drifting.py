"""The nightly report says how far learning in place has taken the model, and whether it holds what it should."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.drifting import Drift, drift_of
from jobs.training import gather
from recommender.drift import FAR
from recommender.served import Served
from tests.deeds import DEEDS, UNKNOWN, settle
from tests.town import FARM, HORROR, ROGUE, SETTINGS, Replica, Town, imported, matrix, open_town
from tests.warehouses import Owned, own

ARITHMETIC = 1e-5
"""What float32 loses in so small a world."""


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town("sqlite", tmp_path) as made:
        await settle(made)
        yield made


@pytest.fixture
def replica(town: Town) -> Iterator[Replica]:
    made = town.replica()
    yield made
    made.close()


async def measured(town: Town, served: Served) -> Drift | None:
    await town.export()
    gathered = gather(town.warehouse, town.settings)
    base = town.registry.card(served.version).base
    return await drift_of(served, base, town.kept, gathered.interactions, gathered.own, np.random.default_rng(7))


async def test_a_fit_that_has_learned_nothing_is_where_it_was(town: Town, replica: Replica) -> None:
    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.error < ARITHMETIC
    assert found == Drift(found.error, changed=0, different=0, rows=144, due=False)


@pytest.mark.parametrize("name", sorted(DEEDS.keys() - {"games_that_no_model_knows"}))
async def test_what_was_learned_leaves_only_what_arithmetic_loses(town: Town, replica: Replica, name: str) -> None:
    await DEEDS[name](town)
    await replica.catch_up()

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.error < ARITHMETIC
    assert found.different == 0
    assert not found.due


async def test_with_a_penalty_of_the_fit_that_follows_the_rows(town: Town) -> None:
    """EDLAE's dropout and the powers stay as the fit left them, and the measure knows."""
    model = replace(SETTINGS.model, dropout=0.2, l2_power=0.3)
    town.settings = replace(SETTINGS, model=model)
    await town.fit()
    replica = town.replica()
    await town.reads_library("new", dict.fromkeys(HORROR, 500))
    await town.is_forgotten("bob")
    await replica.catch_up()

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.error < ARITHMETIC
    assert (found.changed, found.different) == (2, 0)
    replica.close()


async def test_who_was_replaced_forgotten_or_new_counts_once_each(town: Town, replica: Replica) -> None:
    await town.says("ann", "like", FARM[0])
    await town.is_forgotten("bob")
    await town.reads_library("new", dict.fromkeys(HORROR, 500))
    await replica.catch_up()

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.changed == 3


async def test_who_has_not_caught_up_holds_other_rows_than_the_warehouse(town: Town, replica: Replica) -> None:
    await town.says("ann", "like", FARM[0])
    await town.is_forgotten("bob")
    await town.reads_library("new", dict.fromkeys(HORROR, 500))

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.error < ARITHMETIC
    assert (found.changed, found.different) == (0, 3)


async def test_a_game_that_the_model_does_not_know_makes_no_row_another(town: Town, replica: Replica) -> None:
    await town.reads_library("ann", {UNKNOWN: 500})
    await replica.catch_up()

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert (found.changed, found.different) == (0, 0)


async def test_a_matrix_that_is_wrong_is_far(town: Town, replica: Replica) -> None:
    served = replica.engine.served
    wrong = replace(served, scorer=replace(served.scorer, inverse=matrix(served) * np.float32(1.01)))  # type: ignore[type-var]

    found = await measured(town, wrong)

    assert found is not None
    assert found.error > FAR
    assert found.due


async def test_other_imported_players_are_far_too(town: Town, replica: Replica) -> None:
    own(town.warehouse, *(Owned(f"new {row.player}", row.app_id, row.minutes) for row in imported()))

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.due


async def test_many_changes_make_a_fit_due(town: Town, replica: Replica) -> None:
    for number in range(20):
        await town.reads_library(f"fan {number}", dict.fromkeys(ROGUE, 10 * number))
    await replica.catch_up()

    found = await measured(town, replica.engine.served)

    assert found is not None
    assert found.error < ARITHMETIC
    assert (found.changed, found.due) == (20, True)


async def test_a_model_that_does_not_learn_has_no_drift(town: Town, replica: Replica) -> None:
    served = replica.engine.served

    assert await measured(town, replace(served, scorer=served.popularity)) is None
    await town.kept.retire(())
    assert await measured(town, served) is None
