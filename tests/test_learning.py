"""What is learned between two fits is what the next fit would learn, whatever people do, in whatever order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.learning import decide, row_of
from recommender.engine import recommend
from recommender.interactions import Weighting
from recommender.library import Library
from recommender.shelf import Wish
from recommender.updates import NOTHING, Learned
from storage.facts import Facts
from storage.fitted_rows import FittedRow, Rules
from storage.lake.events import player_of
from tests import worlds
from tests.databases import KINDS
from tests.deeds import DEEDS, UNKNOWN, Deed, a_like, settle
from tests.town import (
    FARM,
    HORROR,
    PLATFORM,
    PUZZLE,
    ROGUE,
    SETTINGS,
    Replica,
    Town,
    counted_alike,
    far_apart,
    matrix,
    open_town,
)

CLOSE = 1e-3
"""Relative, of the whole matrix. One player's row moves that of this small world by some hundredths."""
ITEMS = worlds.interactions().items


@pytest.fixture(params=KINDS)
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def settled(town: Town) -> Town:
    await settle(town)
    return town


async def learns_as_a_fit(town: Town, replica: Replica) -> None:
    await replica.catch_up()
    refitted = await town.refitted()

    assert far_apart(replica.engine.served, refitted) < CLOSE
    assert counted_alike(replica.engine.served, refitted)


@pytest.mark.parametrize("name", DEEDS)
async def test_what_people_do_is_learned_as_the_next_fit_would(settled: Town, name: str) -> None:
    replica = settled.replica()
    await DEEDS[name](settled)
    await learns_as_a_fit(settled, replica)
    replica.close()


@pytest.mark.parametrize("name", DEEDS)
async def test_in_small_passes_and_after_each_event_it_comes_to_the_same(settled: Town, name: str) -> None:
    """By one who looks after each deed, by one who looks once, and by one who starts over in the end."""
    often, once = settled.replica(), settled.replica()

    async def looking(deed: Deed) -> None:
        await deed(settled)
        await often.catch_up()

    await looking(DEEDS[name])
    await looking(a_like)
    await once.catch_up()
    late = settled.replica()
    await late.catch_up()

    for other in (once, late):
        np.testing.assert_allclose(matrix(other.engine.served), matrix(often.engine.served), atol=2e-6)
    for each in (often, once, late):
        each.close()


async def test_each_deed_moves_the_model_by_more_than_what_is_taken_for_alike(settled: Town) -> None:
    """So that the tests above can fail."""
    before = settled.replica()
    await a_like(settled)
    refitted = await settled.refitted()

    assert far_apart(before.engine.served, refitted) > 10 * CLOSE
    before.close()


@pytest.mark.parametrize("seed", range(4))
async def test_sixty_deeds_at_random_come_to_the_same(town: Town, seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = [f"person {number}" for number in range(6)]
    games = [*ROGUE, *FARM, *HORROR, *PUZZLE]
    replicas: list[Replica] = []
    for step in range(60):
        person, some = people[rng.integers(6)], rng.choice(games, rng.integers(1, 7), replace=False).tolist()
        match rng.integers(12):
            case 0:
                await town.is_forgotten(person)
            case 1:
                await town.unlinks(person)
            case 2 | 3 | 4:
                await town.reads_library(person, {game: int(rng.integers(600)) for game in some})
            case _:
                said = rng.choice(["like", "unlike", "own", "disown", "hide", "unhide"])
                await town.says(person, str(said), *some)
        if step == 20:
            await town.fit()
            replicas.append(town.replica())
        if step in {30, 45}:
            replicas.append(town.replica())
        for replica in replicas[: rng.integers(3)]:
            await replica.catch_up()
    refitted = await town.refitted()
    for replica in replicas:
        await replica.catch_up()

        assert far_apart(replica.engine.served, refitted) < CLOSE
        replica.close()


async def test_answers_after_likes_are_those_of_a_refit(settled: Town) -> None:
    replica, library = settled.replica(), Library(dict.fromkeys(PUZZLE[:2], 300))
    before = await replica.engine.recommend(library, Wish(), 5)
    for number in range(8):
        await settled.says(f"fan {number}", "like", *PUZZLE[:2], *ROGUE[:2])

    await replica.catch_up()

    after = await replica.engine.recommend(library, Wish(), 5)
    expected = await settled.refitted()
    every = recommend(expected, library, Wish(), len(worlds.GAMES)).picks
    picked = [(pick.game.app_id, pick.score) for pick in after.picks]
    assert worlds.alike_but_for_ties(picked, every[:5], every)
    assert not worlds.alike_but_for_ties([(pick.game.app_id, pick.score) for pick in before.picks], every[:5], every)
    replica.close()


async def test_opinions_are_learned_only_where_the_fit_counted_them(town: Town) -> None:
    town.settings = replace(SETTINGS, opinions=False)
    await town.reads_library("ann", dict.fromkeys(ROGUE[:5], 300))
    await town.fit()
    replica = town.replica()
    await town.says("ann", "hide", ROGUE[0])
    await town.says("eve", "like", *HORROR[:4])
    await town.reads_library("bob", dict.fromkeys(FARM[:5], 300))

    await learns_as_a_fit(town, replica)
    replica.close()


async def test_a_library_of_7000_games_is_learned(settled: Town) -> None:
    """Of most of which the model knows nothing."""
    settled.settings = replace(SETTINGS, min_players=2)
    replica = settled.replica()
    await settled.reads_library("ann", dict.fromkeys([*ROGUE, *range(10_000, 17_000)], 300))

    await learns_as_a_fit(settled, replica)
    replica.close()


def test_a_row_counts_the_games_that_the_model_does_not_know_and_holds_the_others() -> None:
    rules, facts = Rules(min_games=3, opinions=True), Facts({ROGUE[0]: 300, UNKNOWN: 5, UNKNOWN + 1: 5})

    row = row_of(facts, ITEMS, Weighting(played=0.5), rules)

    assert row.positions.tolist() == [ITEMS.position(ROGUE[0])]
    assert row.weights.tolist() == [1.5]
    assert row_of(facts, ITEMS, Weighting(), replace(rules, min_games=4)) is NOTHING


def test_who_has_the_row_of_the_fit_again_is_again_that_row_of_the_fit() -> None:
    fitted = FittedRow(7, Learned(np.array([1, 2], np.int32), np.array([1, 1.5], np.float32)))
    ann, other = player_of(PLATFORM, "ann"), Learned(np.array([3], np.int32), np.array([1], np.float32))

    back, changed, gone = (decide(ann, row, fitted) for row in (fitted.row, other, NOTHING))

    assert not back.alters({})
    assert changed.alters({})
    assert changed.rows == {ann: other, "fitted 7": NOTHING}
    assert (changed.forgets, gone.forgets) == (False, True)
    assert back.alters(changed.rows)
    assert not gone.alters(gone.rows)
