"""Rows become a matrix whose games stand by popularity, and weights become what the settings say."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import NotEnoughData
from recommender.interactions import PLAYED_MINUTES, Interactions, ItemIndex, Owned, Weighting, numbered
from recommender.library import Library

LIBRARIES = st.lists(st.dictionaries(st.integers(1, 30), st.integers(0, 9999), min_size=1), min_size=1, max_size=12)


def of_libraries(libraries: list[dict[int, int]]) -> Interactions:
    rows = [(player, app_id, m) for player, owned in enumerate(libraries) for app_id, m in owned.items()]
    players, app_ids, minutes = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    return Interactions.from_columns(players, app_ids, minutes)


@given(LIBRARIES)
def test_every_row_gives_back_the_library_it_came_from(libraries: list[dict[int, int]]) -> None:
    found = of_libraries(libraries)

    rows = [found.row(player) for player in range(len(found))]

    ids = found.items.app_ids
    assert [dict(zip(ids[r.positions].tolist(), r.minutes.tolist(), strict=True)) for r in rows] == libraries
    assert all((np.diff(row.positions) > 0).all() for row in rows)


@given(LIBRARIES)
def test_games_stand_by_players_and_then_by_the_smaller_id(libraries: list[dict[int, int]]) -> None:
    items = of_libraries(libraries).items

    counted = {app_id: sum(app_id in owned for owned in libraries) for owned in libraries for app_id in owned}
    expected = sorted(counted, key=lambda app_id: (-counted[app_id], app_id))
    assert items.app_ids.tolist() == expected
    assert items.players.tolist() == [counted[app_id] for app_id in expected]


@given(LIBRARIES)
def test_a_library_is_the_same_row_as_its_player(libraries: list[dict[int, int]]) -> None:
    found = of_libraries(libraries)

    for player, owned in enumerate(libraries):
        row, folded = found.row(player), found.items.owned(Library(owned))

        assert folded.positions.tolist() == row.positions.tolist()
        assert folded.minutes.tolist() == row.minutes.tolist()


def test_games_that_the_model_does_not_know_are_left_out_of_a_library() -> None:
    items = ItemIndex(np.array([50, 10], np.int32), np.array([2, 1], np.int32))

    owned = items.owned(Library({10: 5, 777: 9, 50: 2**40}))

    assert owned.positions.tolist() == [0, 1]
    assert owned.minutes.tolist() == [2**31 - 1, 5]


def test_an_id_has_its_popularity_rank_as_position_and_a_stranger_has_none() -> None:
    items = ItemIndex(np.array([50, 10], np.int32), np.array([2, 1], np.int32))

    assert (items.position(50), items.position(10), items.position(11)) == (0, 1, None)


def test_the_stamp_changes_with_any_id_and_with_the_order() -> None:
    players = np.array([2, 2], np.int32)

    stamps = {ItemIndex(np.array(ids, np.int32), players).stamp for ids in ([1, 2], [2, 1], [1, 3])}

    assert len(stamps) == 3
    assert ItemIndex(np.array([1, 2], np.int64), players).stamp in stamps


def test_nothing_to_learn_from_is_said_so() -> None:
    none = np.empty(0, np.int32)

    with pytest.raises(NotEnoughData):
        Interactions.from_columns(none, none, none)


@pytest.mark.parametrize(
    ("players", "app_ids"),
    [([-1, 0], [5, 6]), ([0, 0], [5, 5]), ([0, 1, 0], [5, 5, 5])],
    ids=["numbered below 0", "the same game twice", "the same game twice, elsewhere"],
)
def test_rows_that_would_corrupt_the_matrix_are_refused(players: list[int], app_ids: list[int]) -> None:
    columns = (np.array(column, np.int32) for column in (players, app_ids, [0] * len(players)))

    with pytest.raises(ValueError, match="rows"):
        Interactions.from_columns(*columns)


@given(LIBRARIES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(libraries: list[dict[int, int]], random: Random) -> None:
    rows = [(player, app_id, m) for player, owned in enumerate(libraries) for app_id, m in owned.items()]
    random.shuffle(rows)
    found = Interactions.from_columns(*(np.array(column, np.int32) for column in zip(*rows, strict=True)))

    expected = of_libraries(libraries)
    assert np.array_equal(found.items.app_ids, expected.items.app_ids)
    assert np.array_equal(found.minutes.toarray(), expected.minutes.toarray())
    assert found.minutes.has_canonical_format


@given(st.lists(st.sampled_from([-5, 0, 1, 2, 7, 2**31 - 1]), min_size=1))
def test_numbers_are_places_among_the_distinct_ids_however_large(app_ids: list[int]) -> None:
    """Small ids are looked up in a table, large ones sorted: with the same answer."""
    ids, numbers = numbered(np.array(app_ids, np.int32))

    assert ids.tolist() == sorted(set(app_ids))
    assert ids[numbers].tolist() == app_ids
    assert [ids.dtype, numbers.dtype] == ["int32", "int32"]


def test_a_player_number_without_rows_is_a_player_without_games() -> None:
    columns = (np.array(column, np.int32) for column in ([0, 2], [5, 5], [1, 2]))

    found = Interactions.from_columns(*columns)

    assert [len(found.row(player)) for player in range(len(found))] == [1, 0, 1]


def test_taking_players_keeps_their_rows_and_all_the_games() -> None:
    found = of_libraries([{1: 10, 2: 20}, {3: 30}, {1: 40}])

    taken = found.take(np.array([2, 0]))

    assert taken.items is found.items
    assert [taken.row(at).minutes.tolist() for at in (0, 1)] == [[40], [10, 20]]


def test_rows_of_a_model_make_interactions_over_its_games() -> None:
    items = of_libraries([{1: 10, 2: 20}, {3: 30}]).items
    rows = [items.owned(Library(owned)) for owned in ({3: 7, 1: 8}, {}, {2: 9})]

    found = Interactions.of_rows(items, rows)

    assert len(found) == 3
    assert [found.row(at).minutes.tolist() for at in range(3)] == [[8, 7], [], [9]]


def test_no_rows_at_all_make_no_players() -> None:
    items = of_libraries([{1: 10}]).items

    assert Interactions.of_rows(items, []).minutes.shape == (0, 1)


def test_more_than_two_hours_is_played_and_two_hours_is_not() -> None:
    weights = Weighting(owned=1.0, played=0.5).weights(np.array([0, PLAYED_MINUTES, PLAYED_MINUTES + 1]))

    assert weights.tolist() == [1.0, 1.0, 1.5]


def test_hours_count_by_their_logarithm() -> None:
    weights = Weighting(owned=0.7, log_hours=0.1).weights(np.array([0, 60, 60 * 99]))

    assert weights == pytest.approx([0.7, 0.7 + 0.1 * math.log(2), 0.7 + 0.1 * math.log(100)])


def test_weighing_leaves_minutes_alone_and_keeps_what_weighs_nothing() -> None:
    found = of_libraries([{1: 0, 2: 600}])

    X = found.weighted(Weighting(owned=0.0, played=2.0))

    assert X.dtype == np.float32
    assert (X.nnz, X.toarray().tolist()) == (2, [[0.0, 2.0]])
    assert found.row(0).minutes.tolist() == [0, 600]


def test_a_row_has_the_length_of_its_games() -> None:
    assert len(Owned(np.array([3, 4], np.int32), np.array([0, 0], np.int32))) == 2
