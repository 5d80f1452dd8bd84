"""Rows that join and leave the closed form, against its inverse in float64; and what is refused."""

from __future__ import annotations

import threading
import time
import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from recommender.device import Device
from recommender.errors import UpdateRefused
from recommender.gram import add_square
from recommender.interactions import Floats, Interactions, Owned, Weighting
from recommender.linear import Linear, LinearSettings, fit, penalty
from recommender.recommend import picks_for
from recommender.shelf import Shelf, Wish
from recommender.updates import (
    NOTHING,
    RANK,
    Learned,
    Rows,
    learned_rows,
    stacked,
    update_in_place,
    updated,
)
from tests import worlds
from tests.unfit import UNFIT

Doubles = NDArray[np.float64]
WORLD = LinearSettings(l2=5.0, dropout=0.0)


@dataclass(frozen=True, eq=False)
class Drawn:
    """`fitted` [m x n] is in the fit, `others` [r x n] are not; Λ's diagonal [n] is what the fit made of its rows."""

    fitted: Rows
    others: Rows
    settings: LinearSettings

    @property
    def penalty(self) -> Floats:
        return penalty(self.settings, np.asarray(self.fitted.multiply(self.fitted).sum(axis=0)).ravel())

    def exact(self, *rows: Rows) -> Doubles:
        """(XᵀX + Λ)⁻¹ of these rows in float64."""
        X = sparse.vstack(rows).toarray().astype(np.float64)
        return np.asarray(np.linalg.inv(X.T @ X + np.diag(self.penalty.astype(np.float64))))

    def fit(self, *rows: Rows) -> Floats:
        return self.exact(*rows).astype(np.float32)


def rows(rng: np.random.Generator, m: int, n: int, *, weighted: bool = True) -> Rows:
    """About a third of the games, some rows without any; weights from 0 to 2."""
    owned = rng.random((m, n)) < rng.choice([0.0, 0.2, 0.5], (m, 1))
    found = sparse.csr_matrix(owned.astype(np.float32))
    if weighted:
        found.data[:] = rng.choice(np.array([0.0, 0.4, 1.0, 1.1, 2.0], np.float32), found.nnz)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 40))
    fitted = rows(rng, draw(st.integers(0, 60)), n)
    settings = LinearSettings(draw(st.sampled_from([1.0, 20.0, 200.0])), draw(st.sampled_from([0.0, 0.3])))
    return Drawn(fitted, rows(rng, draw(st.integers(0, 12)), n), settings)


def far(found: Floats, expected: Doubles) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def none_of(world: Drawn) -> Rows:
    return world.others[:0]


@given(drawn())
def test_learning_is_the_fit_with_those_rows(world: Drawn) -> None:
    P = world.fit(world.fitted)

    update_in_place(P, world.others, none_of(world))

    assert far(P, world.exact(world.fitted, world.others)) < 1e-4
    assert np.array_equal(P, P.T)


@given(drawn())
def test_forgetting_is_the_fit_without_those_rows(world: Drawn) -> None:
    P = world.fit(world.fitted, world.others)

    update_in_place(P, none_of(world), world.others, least_penalty=world.settings.l2)

    assert far(P, world.exact(world.fitted)) < 1e-4
    assert np.array_equal(P, P.T)


@given(drawn())
def test_what_was_learned_and_is_forgotten_leaves_no_trace(world: Drawn) -> None:
    P = world.fit(world.fitted)

    update_in_place(P, world.others, none_of(world))
    update_in_place(P, none_of(world), world.others, least_penalty=world.settings.l2)

    assert far(P, world.exact(world.fitted)) < 1e-4


@given(drawn(), st.integers(0, 12), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(world: Drawn, first: int, random: object) -> None:
    assert hasattr(random, "sample")
    order = random.sample(range(world.others.shape[0]), world.others.shape[0])
    together, one_by_one = world.fit(world.fitted), world.fit(world.fitted)

    update_in_place(together, world.others, none_of(world))
    for part in (order[:first], order[first:]):
        update_in_place(one_by_one, world.others[part], none_of(world))

    assert far(one_by_one, together.astype(np.float64)) < 1e-4


@given(drawn(), st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_a_changed_row_is_the_fit_with_the_new_one_alone(world: Drawn, seed: int, count: int) -> None:
    """One update takes the old rows out and the new ones in, however many there are of each."""
    now = rows(np.random.default_rng(seed), count, world.fitted.shape[1])
    P = world.fit(world.fitted, world.others)

    update_in_place(P, now, world.others, least_penalty=world.settings.l2)

    assert far(P, world.exact(world.fitted, now)) < 1e-4
    assert np.array_equal(P, P.T)


def test_more_rows_than_go_into_one_pass_are_all_learned_and_forgotten() -> None:
    rng = np.random.default_rng(1)
    world = Drawn(rows(rng, 100, 30), rows(rng, 2 * RANK + 7, 30), WORLD)
    P = world.fit(world.fitted)

    update_in_place(P, world.others, none_of(world))
    learned = far(P, world.exact(world.fitted, world.others))
    update_in_place(P, world.fitted[:3], world.others, least_penalty=5.0)

    assert learned < 1e-4
    assert far(P, world.exact(world.fitted, world.fitted[:3])) < 1e-3


def test_with_dropout_the_penalty_stays_as_the_fit_left_it() -> None:
    """So what was learned differs from a new fit, whose penalty follows diag(G), and not from one with the old."""
    rng = np.random.default_rng(2)
    edlae = LinearSettings(l2=5.0, dropout=0.3)
    before, after = Drawn(rows(rng, 60, 20), rows(rng, 30, 20), edlae), None
    P = before.fit(before.fitted)
    update_in_place(P, before.others, none_of(before))
    after = Drawn(sparse.vstack([before.fitted, before.others], format="csr"), none_of(before), edlae)

    assert far(P, before.exact(before.fitted, before.others)) < 1e-5
    assert far(P, after.exact(after.fitted)) > 1e-2


def test_a_row_is_forgotten_as_it_was_learned_whatever_the_settings_are_by_then() -> None:
    interactions = worlds.interactions()
    then, now = Weighting(played=0.1), Weighting(owned=0.5, log_hours=0.3)
    kept = learned_rows(interactions.weighted(then))[40:50]
    n = len(interactions.items)
    model = fit(interactions, replace(WORLD, weighting=then), Device.CPU)
    others = np.delete(np.arange(len(interactions)), np.arange(40, 50))
    changed = replace(model, settings=replace(model.settings, weighting=now))

    forgotten = updated(changed, stacked([], n), stacked(kept, n))

    refitted = fit(interactions.take(others).recounted(), model.settings, Device.CPU)
    assert far(forgotten.inverse, refitted.inverse.astype(np.float64)) < 1e-5
    assert np.array_equal(forgotten.items.players, refitted.items.players)


def test_rows_come_out_as_they_went_in() -> None:
    X = rows(np.random.default_rng(3), 9, 12)

    kept = learned_rows(X)
    again = stacked(kept, 12)

    assert np.array_equal(again.toarray(), X.toarray())
    assert again.nnz == X.nnz
    assert not any(np.shares_memory(row.positions, X.indices) for row in kept)
    assert [row.same_as(other) for row, other in zip(kept, learned_rows(again), strict=True)] == [True] * 9


def test_rows_differ_by_games_and_by_weights() -> None:
    row = Learned(np.array([1, 4], np.int32), np.array([1, 1], np.float32))

    assert not row.same_as(replace(row, weights=np.array([1, 1.1], np.float32)))
    assert not row.same_as(replace(row, positions=np.array([1, 5], np.int32)))
    assert not row.same_as(NOTHING)
    assert NOTHING.same_as(Learned(np.zeros(0, np.int32), np.zeros(0, np.float32)))


def puzzle_lovers_learned() -> tuple[Linear, Linear, Linear]:
    """The world's model without all but two lovers of puzzles; the same with them learned; and the fit of all."""
    interactions = worlds.interactions()
    m = len(interactions)
    fewer = interactions.take(np.arange(m - 22)).recounted()
    X = interactions.weighted(WORLD.weighting)
    before = fit(fewer, WORLD, Device.CPU)
    return before, updated(before, X[m - 22 :], X[:0]), fit(interactions, WORLD, Device.CPU)


def test_the_picks_of_a_similar_player_move_as_those_of_a_fit_do() -> None:
    before, learned, refitted = puzzle_lovers_learned()
    shelf = Shelf(worlds.catalog(), refitted.items)
    owned = refitted.items.owned(worlds.library("Tessera", "Loop & Knot"))
    asked = Wish(), 10

    picked, expected, earlier = (picks_for(owned, model, shelf, *asked) for model in (learned, refitted, before))

    every = picks_for(owned, refitted, shelf, Wish(), len(refitted.items))
    assert worlds.alike_but_for_ties([(pick.game.app_id, pick.score) for pick in picked], expected, every)
    assert picked[0].score > 1.2 * earlier[0].score
    assert [pick.because[0].game for pick in picked] == [pick.because[0].game for pick in expected]


def test_what_depends_on_the_matrix_and_the_counts_follows() -> None:
    before, learned, refitted = puzzle_lovers_learned()
    _ = before.diagonal

    np.testing.assert_allclose(learned.diagonal, refitted.diagonal, rtol=1e-5)
    assert np.array_equal(learned.items.players, refitted.items.players)
    assert learned.items.stamp == refitted.items.stamp
    assert learned.items.position(worlds.BLOCKBUSTER.app_id) == refitted.items.position(worlds.BLOCKBUSTER.app_id)


def test_the_model_before_stays_as_it_was() -> None:
    """Also one that is a read-only memory map."""
    before, _, _ = puzzle_lovers_learned()
    P = before.inverse.copy()
    P.flags.writeable = False
    X = worlds.interactions().weighted(WORLD.weighting)

    after = updated(replace(before, inverse=P), X[-1:], X[:0])

    assert np.array_equal(P, before.inverse)
    assert not np.shares_memory(after.inverse, P)


def test_a_row_whose_game_nobody_owns_was_never_learned() -> None:
    before, _, _ = puzzle_lovers_learned()
    rarest = Owned(np.array([len(before.items) - 1], np.int32), np.zeros(1, np.int32))
    unowned = Interactions.of_rows(before.items, [rarest])
    model = replace(before, items=before.items.recounted(np.minimum(before.items.players, 1)))
    row = unowned.weighted(WORLD.weighting)
    once = updated(model, row[:0], row)

    with pytest.raises(UpdateRefused, match="nobody owns"):
        updated(once, row[:0], row)


@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_a_row_that_the_matrix_does_not_hold_is_refused_and_the_matrix_stays(weight: float) -> None:
    """Either the matrix would not be positive definite, or its inverse would be larger than Λ allows."""
    rng = np.random.default_rng(4)
    world = Drawn(rows(rng, 80, 20, weighted=False), rows(rng, 1, 20), LinearSettings(2.0, 0.0))
    stranger = sparse.csr_matrix(np.full((1, 20), weight, np.float32)) * 10
    P = world.fit(world.fitted)
    before = P.copy()

    with pytest.raises(UpdateRefused, match="not in the model"):
        update_in_place(P, none_of(world), stranger, least_penalty=2.0)

    assert np.array_equal(P, before)


def test_a_game_of_nobody_cannot_lose_a_player_even_where_the_matrix_would_stay_positive_definite() -> None:
    P = np.diag(np.full(3, 0.1, np.float32))
    row = sparse.csr_matrix(np.array([[1, 0, 0]], np.float32))

    with pytest.raises(UpdateRefused, match="less than no players"):
        update_in_place(P, row[:0], row, least_penalty=10.0)

    assert np.array_equal(P, np.diag(np.full(3, 0.1, np.float32)))


def test_refused_in_a_later_pass_the_earlier_ones_are_taken_back() -> None:
    rng = np.random.default_rng(5)
    known = rows(rng, RANK + 50, 25)
    world = Drawn(rows(rng, 50, 25), known, WORLD)
    stranger = sparse.csr_matrix(np.full((1, 25), 40, np.float32))
    P = world.fit(world.fitted, known)
    before = P.copy()

    with pytest.raises(UpdateRefused):
        update_in_place(P, none_of(world), sparse.vstack([known, stranger], format="csr"), least_penalty=5.0)

    assert far(P, before.astype(np.float64)) < 1e-3
    assert np.array_equal(P, P.T)


def test_no_rows_change_nothing() -> None:
    P = np.eye(3, dtype=np.float32)

    update_in_place(P, stacked([], 3), stacked([NOTHING], 3), least_penalty=1.0)

    assert np.array_equal(P, np.eye(3, dtype=np.float32))


@pytest.mark.parametrize("P", UNFIT.values(), ids=UNFIT)
def test_what_cannot_hold_the_result_is_refused(P: Floats) -> None:
    with pytest.raises(ValueError, match="in place"):
        update_in_place(P, stacked([], 4), stacked([], 4))


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of 5 and 4 games for a model of 4"):
        update_in_place(np.eye(4, dtype=np.float32), stacked([], 5), stacked([], 4))


@pytest.mark.parametrize("position", [-1, 4])
def test_a_position_that_is_none_of_the_games_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match="ind"):
        stacked([Learned(np.array([position], np.int32), np.ones(1, np.float32))], 4)


def test_there_is_no_second_matrix() -> None:
    n = 3000
    P = np.eye(n, dtype=np.float32)
    U = rows(np.random.default_rng(6), RANK, n)
    tracemalloc.start()
    try:
        update_in_place(P, U, U[:0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < P.nbytes / 2


def test_other_threads_run_while_blas_works() -> None:
    P = np.eye(2500, dtype=np.float32)
    Z = np.random.default_rng(7).random((1000, 2500), np.float32)
    worker = threading.Thread(target=add_square, args=(Z, P, 1.0))
    ticks = 0

    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        ticks += 1

    assert ticks >= 5
