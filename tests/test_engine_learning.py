"""The engine learns and forgets while it answers: by player, once however often it is said, for one version only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import numpy as np
import pytest
import pytest_asyncio

from recommender.device import Device
from recommender.engine import Answer, Engine, recommend
from recommender.errors import UpdateRefused
from recommender.linear import Linear, LinearSettings, fit
from recommender.served import Players, Served
from recommender.shelf import Wish
from recommender.updates import NOTHING, Learned, learned_rows
from tests import worlds

SETTINGS = LinearSettings(l2=5.0, dropout=0.0)
INTERACTIONS = worlds.interactions()
ROWS = {f"player {at}": row for at, row in enumerate(learned_rows(INTERACTIONS.weighted(SETTINGS.weighting)))}
FITTED = {player: ROWS[player] for player in list(ROWS)[:-22]}
"""All but 22 of the 24 lovers of puzzles."""
LATE = {player: ROWS[player] for player in list(ROWS)[-22:]}
LIBRARY = worlds.library("Tessera", "Loop & Knot")


def served_of(players: int, version: str = "v1") -> Served:
    """The world fitted to the first of its players."""
    known = INTERACTIONS.take(np.arange(players)).recounted()
    return Served(version, fit(known, SETTINGS, Device.CPU), worlds.catalog())


def served_of_all() -> Served:
    """The world fitted to all, but that `played` is as the fit before counted it: rows tell weights, not hours."""
    before, after = served_of(len(FITTED)), served_of(len(ROWS))
    items = before.scorer.items.recounted(after.scorer.items.players)
    assert isinstance(after.scorer, Linear)
    return replace(after, scorer=replace(after.scorer, items=items))


class Held(dict[str, Learned]):
    """Rows that are read once the gate is opened."""

    def __init__(self, rows: Players) -> None:
        super().__init__(rows)
        self.reached, self.gate = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[str]:
        self.reached.set()
        assert self.gate.wait(timeout=20), "the gate stayed shut"
        return super().__iter__()


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    found = Engine(served_of(len(FITTED)))
    yield found
    found.close()


def alike(found: Answer, expected: Answer, served: Served) -> bool:
    every = recommend(served, LIBRARY, Wish(), len(worlds.GAMES)).picks
    picked = [(pick.game.app_id, pick.score) for pick in found.picks]
    return worlds.alike_but_for_ties(picked, expected.picks, every)


def answers_of(served: Served) -> Answer:
    return recommend(served, LIBRARY, Wish(), 5)


def matrix(engine: Engine) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    assert isinstance(engine.served.scorer, Linear)
    return engine.served.scorer.inverse


async def test_learned_players_count_in_the_next_answer_as_if_they_had_been_in_the_fit(engine: Engine) -> None:
    before, refitted = engine.served, served_of_all()

    taken = await engine.learn("v1", LATE)

    answer = await engine.recommend(LIBRARY, Wish(), 5)
    assert (taken, answer.version) == (True, "v1")
    assert alike(answer, answers_of(refitted), refitted)
    assert not alike(answers_of(before), answers_of(refitted), refitted)
    counts = dict(zip(refitted.scorer.items.app_ids.tolist(), refitted.scorer.items.players.tolist(), strict=True))
    assert all(pick.players == counts[pick.game.app_id] for pick in answer.picks)


async def test_popularity_and_themes_follow_the_counts(engine: Engine) -> None:
    refitted = served_of_all()
    theme = await engine.curate("Puzzle", Wish(), 3)

    await engine.learn("v1", LATE)

    learned = await engine.curate("Puzzle", Wish(), 3)
    assert np.array_equal(engine.served.popularity.prior, refitted.popularity.prior)
    assert np.array_equal(engine.served.shelf.head, refitted.shelf.head)
    assert np.array_equal(engine.served.themes.items.players, refitted.themes.items.players)
    assert [pick.players for pick in theme.picks] < [pick.players for pick in learned.picks]


async def test_what_is_learned_twice_counts_once(engine: Engine) -> None:
    await engine.learn("v1", LATE)
    once = engine.served

    again = await engine.learn("v1", LATE)

    assert again
    assert engine.served is once


async def test_the_fit_s_own_rows_change_nothing(engine: Engine) -> None:
    before = engine.served

    assert await engine.learn("v1", FITTED, FITTED)
    assert engine.served is before


async def test_a_learned_player_is_forgotten_by_name_and_leaves_no_trace(engine: Engine) -> None:
    before = matrix(engine).copy()
    await engine.learn("v1", LATE)

    await engine.forget("v1", LATE)

    np.testing.assert_allclose(matrix(engine), before, atol=1e-6)
    assert {len(row) for row in engine.served.learned.values()} == {0}


async def test_a_player_of_the_fit_is_forgotten_by_the_row_that_it_saw_and_only_once(engine: Engine) -> None:
    last = list(FITTED)[-1]
    without = served_of(len(FITTED) - 1)
    assert isinstance(without.scorer, Linear)

    for _ in range(2):
        assert await engine.forget("v1", [last], FITTED)

    np.testing.assert_allclose(matrix(engine), without.scorer.inverse, atol=1e-6)
    assert np.array_equal(engine.served.scorer.items.players, without.scorer.items.players)


async def test_a_changed_row_takes_the_place_of_the_one_before(engine: Engine) -> None:
    """Two players of the fit change their libraries with each other, and change them back: all is as it was."""
    one, *_, other = FITTED
    before = matrix(engine).copy()

    await engine.learn("v1", {one: FITTED[other]}, FITTED)
    moved = matrix(engine).copy()
    await engine.learn("v1", {other: FITTED[one]}, FITTED)

    assert np.abs(moved - before).max() > 1e-3
    np.testing.assert_allclose(matrix(engine), before, atol=1e-6)


async def test_who_is_forgotten_may_come_back(engine: Engine) -> None:
    last = list(FITTED)[-1]
    before = matrix(engine).copy()

    await engine.forget("v1", [last], FITTED)
    await engine.learn("v1", {last: FITTED[last]}, FITTED)

    np.testing.assert_allclose(matrix(engine), before, atol=1e-6)


async def test_rows_for_another_version_are_not_taken(engine: Engine) -> None:
    before = engine.served

    assert not await engine.learn("v0", LATE)
    assert engine.served is before


async def test_a_swap_meanwhile_stands_and_what_was_learned_goes_with_the_version_it_was_learned_for() -> None:
    engine, held = Engine(served_of(len(FITTED))), Held(LATE)
    learning = asyncio.create_task(engine.learn("v1", held))
    await asyncio.to_thread(held.reached.wait, 20)
    newer = served_of(len(ROWS), "v2")
    engine.swap(newer)

    held.gate.set()

    assert not await learning
    assert engine.served is newer
    assert newer.learned == {}
    engine.close()


async def test_after_a_swap_the_same_rows_are_learned_again_for_the_new_version(engine: Engine) -> None:
    await engine.learn("v1", LATE)
    engine.swap(served_of(len(FITTED), "v2"))

    taken = await engine.learn("v2", LATE)

    refitted = served_of_all()
    assert taken
    assert alike(await engine.recommend(LIBRARY, Wish(), 5), answers_of(refitted), refitted)


async def test_answers_go_on_from_the_model_before_while_rows_are_learned() -> None:
    engine, held = Engine(served_of(len(FITTED)), threads=1), Held(LATE)
    before = engine.served
    learning = asyncio.create_task(engine.learn("v1", held))
    await asyncio.to_thread(held.reached.wait, 20)

    answer = await asyncio.wait_for(engine.recommend(LIBRARY, Wish(), 5), timeout=10)
    held.gate.set()
    taken = await learning
    engine.close()

    assert answer == answers_of(before)
    assert taken


async def test_two_who_teach_at_once_are_both_learned(engine: Engine) -> None:
    names = list(LATE)
    halves = [{name: LATE[name] for name in part} for part in (names[:11], names[11:])]

    taken = await asyncio.gather(*(engine.learn("v1", half) for half in halves))

    refitted = served_of_all()
    assert taken == [True, True]
    assert alike(await engine.recommend(LIBRARY, Wish(), 5), answers_of(refitted), refitted)


async def test_every_answer_is_of_the_model_before_or_after_and_never_between(engine: Engine) -> None:
    before, after = engine.served, served_of_all()
    answers: list[Answer] = []
    done = asyncio.Event()

    async def ask() -> None:
        while not done.is_set() and len(answers) < 5000:
            answers.append(await engine.recommend(LIBRARY, Wish(), 5))

    async def teach() -> None:
        for _ in range(20):
            await engine.learn("v1", LATE)
            await engine.forget("v1", LATE)
        done.set()

    await asyncio.gather(teach(), *(ask() for _ in range(6)))

    seen = {(alike(a, answers_of(before), before), alike(a, answers_of(after), after)) for a in answers}
    assert seen == {(True, False), (False, True)}


async def test_a_row_that_is_not_in_the_model_is_refused_and_all_stays(engine: Engine) -> None:
    before = engine.served
    stranger = Learned(
        np.arange(len(before.scorer.items), dtype=np.int32), np.full(len(before.scorer.items), 20, np.float32)
    )

    with pytest.raises(UpdateRefused, match="not in the model"):
        await engine.forget("v1", ["stranger"], {"stranger": stranger})

    assert engine.served is before
    assert await engine.learn("v1", LATE)


async def test_a_model_that_is_no_matrix_does_not_learn() -> None:
    served = served_of(len(FITTED))
    engine = Engine(replace(served, scorer=served.popularity))

    with pytest.raises(UpdateRefused, match="linear"):
        await engine.learn("v1", {"somebody": NOTHING})
    engine.close()


async def test_closing_lets_what_is_being_learned_finish_and_takes_no_more() -> None:
    engine, held = Engine(served_of(len(FITTED))), Held(LATE)
    learning = asyncio.create_task(engine.learn("v1", held))
    await asyncio.to_thread(held.reached.wait, 20)

    held.gate.set()
    engine.close()

    assert await learning
    with pytest.raises(RuntimeError):
        await engine.learn("v1", LATE)
