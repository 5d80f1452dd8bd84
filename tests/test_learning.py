"""What is learned between two fits is what the next fit would learn, whatever people do, in whatever order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jobs.learning import decide, row_of
from recommender.interactions import Weighting
from recommender.library import Library
from recommender.shelf import Wish
from recommender.updates import NOTHING, Learned
from storage.facts import Facts
from storage.fitted_rows import FittedRow, Rules
from storage.lake.events import player_of
from tests import worlds
from tests.databases import KINDS
from tests.town import FARM, HORROR, PLATFORM, PUZZLE, ROGUE, SETTINGS, Replica, Town, far_apart, matrix, open_town

CLOSE = 1e-3
"""Relative, of the whole matrix. One player's row moves that of this small world by some hundredths."""
ITEMS = worlds.interactions().items
UNKNOWN = 5_000_001

Deed = Callable[[Town], Awaitable[None]]


@pytest.fixture(params=KINDS)
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def settled(town: Town) -> Town:
    """Ann loves roguelikes and has hidden one, Bob farms, and of Eve too little is known."""
    await town.reads_library("ann", dict.fromkeys(ROGUE[:5], 300))
    await town.says("ann", "hide", ROGUE[0])
    await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM[:6])})
    await town.says("bob", "like", PUZZLE[0])
    await town.says("eve", "like", HORROR[0])
    await town.fit()
    return town


async def learns_as_a_fit(town: Town, replica: Replica) -> None:
    """And without it, it would not be so."""
    await replica.catch_up()
    refitted = await town.refitted()

    assert far_apart(replica.engine.served, refitted) < CLOSE


def deeds() -> dict[str, Deed]:
    async def nothing_known_then_a_library(town: Town) -> None:
        await town.reads_library("new", dict.fromkeys(HORROR, 500))

    async def a_library_that_grew(town: Town) -> None:
        await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM)})

    async def more_minutes(town: Town) -> None:
        await town.reads_library("bob", dict.fromkeys(FARM[:6], 9000))

    async def fewer_minutes_do_not_count(town: Town) -> None:
        await town.reads_library("bob", dict.fromkeys(FARM[:6], 0))
        await town.reads_library("ann", dict.fromkeys(ROGUE[5:], 10))

    async def a_like(town: Town) -> None:
        await town.says("ann", "like", *PUZZLE[:3])

    async def a_like_taken_back(town: Town) -> None:
        await town.says("bob", "unlike", PUZZLE[0])

    async def likes_of_who_has_too_few_games_until_they_are_enough(town: Town) -> None:
        await town.says("eve", "like", *HORROR[1:4])

    async def likes_of_who_still_has_too_few(town: Town) -> None:
        await town.says("eve", "own", HORROR[1])
        await town.says("ann", "own", HORROR[1])

    async def games_hidden_until_too_few_are_left(town: Town) -> None:
        await town.says("ann", "hide", *ROGUE[1:3])

    async def a_hidden_game_comes_back_with_its_minutes(town: Town) -> None:
        await town.says("ann", "unhide", ROGUE[0])

    async def liked_then_hidden_then_liked(town: Town) -> None:
        for opinion in ("like", "hide", "like"):
            await town.says("ann", opinion, FARM[0])

    async def games_that_no_model_knows(town: Town) -> None:
        """The next fit would know them, so they are left out of it by as many players as it asks for."""
        town.settings = replace(town.settings, min_players=2)
        await town.reads_library("new", {UNKNOWN: 5, FARM[0]: 5, FARM[1]: 500})

    async def who_unlinks(town: Town) -> None:
        await town.unlinks("bob")

    async def who_unlinks_and_liked_enough_games(town: Town) -> None:
        await town.says("bob", "like", *PUZZLE[1:4])
        await town.unlinks("bob")

    async def who_is_forgotten(town: Town) -> None:
        await town.is_forgotten("ann")

    async def who_is_forgotten_after_more_was_learned(town: Town) -> None:
        await town.reads_library("ann", dict.fromkeys(ROGUE, 400))
        await town.says("new", "like", *FARM[:4])
        await town.is_forgotten("ann")
        await town.is_forgotten("new")

    async def who_is_forgotten_and_comes_back(town: Town) -> None:
        await town.is_forgotten("ann")
        await town.reads_library("ann", dict.fromkeys(HORROR, 400))

    async def who_is_forgotten_and_comes_back_as_before(town: Town) -> None:
        await town.is_forgotten("bob")
        await town.reads_library("bob", {app_id: 60 * at for at, app_id in enumerate(FARM[:6])})
        await town.says("bob", "like", PUZZLE[0])

    async def who_is_forgotten_twice(town: Town) -> None:
        for _ in range(2):
            await town.is_forgotten("ann")
            await town.says("ann", "like", *FARM[:4])
        await town.is_forgotten("ann")

    return {name: deed for name, deed in locals().items()}


@pytest.mark.parametrize("name", deeds())
async def test_what_people_do_is_learned_as_the_next_fit_would(settled: Town, name: str) -> None:
    replica = settled.replica()
    await deeds()[name](settled)
    await learns_as_a_fit(settled, replica)
    replica.close()


@pytest.mark.parametrize("name", deeds())
async def test_in_small_passes_and_after_each_event_it_comes_to_the_same(settled: Town, name: str) -> None:
    """By one who looks after each deed, by one who looks once, and by one who starts over in the end."""
    often, once = settled.replica(), settled.replica()
    append = settled.lake.append

    async def looking(deed: Deed) -> None:
        await deed(settled)
        await often.catch_up()

    await looking(deeds()[name])
    await looking(deeds()["a_like"])
    await once.catch_up()
    late = settled.replica()
    await late.catch_up()

    assert append
    for other in (once, late):
        np.testing.assert_allclose(matrix(other.engine.served), matrix(often.engine.served), atol=2e-6)
    for each in (often, once, late):
        each.close()


async def test_each_deed_moves_the_model_by_more_than_what_is_taken_for_alike(settled: Town) -> None:
    """So that the tests above can fail."""
    before = settled.replica()
    await deeds()["a_like"](settled)
    refitted = await settled.refitted()

    assert far_apart_in_all(before, refitted) > 10 * CLOSE
    before.close()


def far_apart_in_all(replica: Replica, refitted: object) -> float:
    from recommender.served import Served

    assert isinstance(refitted, Served)
    ours, theirs = replica.engine.served.scorer.items, refitted.scorer.items
    order = theirs.positions(ours.app_ids.tolist())
    expected = matrix(refitted)[np.ix_(order, order)]
    return float(np.linalg.norm(matrix(replica.engine.served) - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("seed", range(6))
async def test_a_hundred_deeds_at_random_come_to_the_same(town: Town, seed: int) -> None:
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


async def test_answers_after_a_like_are_those_of_a_refit(settled: Town) -> None:
    replica, library = settled.replica(), Library(dict.fromkeys(PUZZLE[:2], 300))
    before = await replica.engine.recommend(library, Wish(), 8)
    for number in range(8):
        await settled.says(f"fan {number}", "like", PUZZLE[0], PUZZLE[1], ROGUE[0], ROGUE[1])

    await replica.catch_up()

    after = await replica.engine.recommend(library, Wish(), 8)
    expected = await settled.refitted()
    scores = {pick.game.app_id: pick.score for pick in after.picks}
    refitted = expected.scorer.scores(expected.scorer.items.owned(library))
    for app_id, score in scores.items():
        position = expected.scorer.items.position(app_id)
        assert position is not None
        assert expected.tempered
        assert score == pytest.approx(
            float(expected.tempered.scores(expected.scorer.items.owned(library))[position]), rel=1e-2
        )
    assert len(refitted) == len(expected.scorer.items)
    assert {ROGUE[0], ROGUE[1]} <= set(scores)
    assert [pick.game.app_id for pick in before.picks] != [pick.game.app_id for pick in after.picks]
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
