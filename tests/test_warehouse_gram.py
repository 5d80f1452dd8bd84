"""What every warehouse promises of counting where the rows are: the same Gram as from rows, and the same model."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations_with_replacement
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.device import Device
from recommender.errors import NotEnoughData
from recommender.gram import gram
from recommender.interactions import Interactions, Weighting
from recommender.linear import LinearSettings, fit, fit_counted
from recommender.recommend import picks_for
from recommender.shelf import Shelf, Wish
from storage.warehouse import GRAM, Warehouse
from tests import worlds
from tests.warehouses import Open, Opined, Owned, catalogue, opine, own, owned

WEIGHTING = Weighting(owned=1.0, played=0.5, log_hours=0.25)

Cell = tuple[int, int]


def counted(
    warehouse: Warehouse, weighting: Weighting = WEIGHTING, min_games: int = 1, min_players: int = 1
) -> tuple[list[int], list[int], int, dict[Cell, tuple[int, float]]]:
    """App ids, their players, how many players, and players and weight by pair of app ids, the more popular last."""
    with warehouse.gram(weighting, min_games, min_players, opinions=True) as found:
        ids = found.items.app_ids.tolist()
        cells = {
            (ids[row], ids[column]): (players, weight)
            for batch in found.cells
            for row, column, players, weight in zip(*batch.to_pydict().values(), strict=True)
        }
        return ids, found.items.players.tolist(), found.players, cells


def by_definition(
    rows: list[Owned], weighting: Weighting, min_games: int, min_players: int
) -> tuple[list[int], list[int], int, dict[Cell, tuple[int, float]]]:
    """In Python, a pair at a time."""
    libraries: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        libraries[row.player][row.app_id] = row.minutes
    kept = [library for library in libraries.values() if len(library) >= min_games]
    players = {app_id: sum(app_id in library for library in kept) for library in kept for app_id in library}
    ids = sorted((a for a in players if players[a] >= min_players), key=lambda app_id: (-players[app_id], app_id))
    cells: dict[Cell, tuple[int, float]] = {}
    for library in kept:
        theirs = [app_id for app_id in ids if app_id in library]
        for popular, other in combinations_with_replacement(theirs, 2):
            both, weight = cells.get((other, popular), (0, 0.0))
            product = worth(library[popular], weighting) * worth(library[other], weighting)
            cells[other, popular] = both + 1, weight + product
    there = sum(any(app_id in library for app_id in ids) for library in kept)
    return ids, [players[app_id] for app_id in ids], there, cells


def same_cells(found: dict[Cell, tuple[int, float]], expected: dict[Cell, tuple[int, float]]) -> bool:
    """Players exactly, weights as near as float32 is."""
    return found.keys() == expected.keys() and all(
        found[pair][0] == players and math.isclose(found[pair][1], weight, rel_tol=1e-5)
        for pair, (players, weight) in expected.items()
    )


def worth(minutes: int, weighting: Weighting) -> float:
    return weighting.owned + weighting.played * (minutes > 120) + weighting.log_hours * math.log(1 + minutes / 60)


def test_cells_come_as_arrow_in_the_promised_schema(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7), Owned("a", 20), Owned("b", 20))
    with warehouse.gram(Weighting()) as found:
        schemas = [batch.schema for batch in found.cells]

    assert schemas
    assert all(schema.equals(GRAM) for schema in schemas)


def test_the_more_popular_game_stands_first_and_the_smaller_id_where_they_are_equal(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 30), Owned("a", 20), Owned("a", 10), Owned("b", 20))

    assert counted(warehouse)[:3] == ([20, 10, 30], [2, 1, 1], 2)


def test_players_and_weights_of_each_pair_are_those_of_the_definition(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 121), Owned("a", 20, 120), Owned("b", 10, 0), Owned("b", 30, 6000), Owned("c", 20))

    found, expected = counted(warehouse), by_definition(owned(warehouse), WEIGHTING, 1, 1)

    assert found[:3] == expected[:3]
    assert same_cells(found[3], expected[3])


def test_opinions_are_counted_as_they_are_read(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 300), Owned("a", 20, 5))
    opine(warehouse, Opined("a", 20, "hide"), Opined("a", 30, "like"))

    found, expected = counted(warehouse), by_definition(owned(warehouse, opinions=True), WEIGHTING, 1, 1)

    assert found[0] == [10, 30]
    assert same_cells(found[3], expected[3])


def test_without_rows_there_is_nothing_to_count(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10))
    with pytest.raises(NotEnoughData, match="data import"), warehouse.gram(Weighting(), min_games=2):
        pass


def test_who_stops_reading_half_way_blocks_nobody(warehouse: Warehouse) -> None:
    own(warehouse, *(Owned(f"p{n}", game) for n in range(9) for game in range(n)))
    with warehouse.gram(Weighting()) as found:
        next(found.cells)
    own(warehouse, Owned("late", 99))

    assert len(owned(warehouse)) == 37


def test_cells_are_of_one_state_even_if_somebody_loads_meanwhile(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10), Owned("a", 20))
    with warehouse.gram(Weighting()) as found:
        own(warehouse, Owned("b", 10), Owned("b", 30))
        cells = [row for batch in found.cells for row in batch.to_pylist()]

    assert found.items.app_ids.tolist() == [10, 20]
    assert [cell["players"] for cell in cells] == [1, 1, 1]


WORLDS = st.lists(
    st.builds(Owned, st.sampled_from("abcdefg"), st.integers(1, 12), st.sampled_from([0, 59, 120, 121, 90_000])),
    min_size=1,
    max_size=60,
)
WEIGHTINGS = st.builds(
    Weighting, st.sampled_from([1.0, 0.3]), st.sampled_from([0.0, 0.1, 2.0]), st.sampled_from([0.0, 0.7])
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=WORLDS, weighting=WEIGHTINGS, min_games=st.integers(1, 4), min_players=st.integers(1, 3))
def test_random_worlds_are_counted_as_their_rows_are(
    open_warehouse: Open, rows: list[Owned], weighting: Weighting, min_games: int, min_players: int
) -> None:
    with open_warehouse(uuid4().hex) as warehouse:
        own(warehouse, *rows)
        expected = by_definition(owned(warehouse), weighting, min_games, min_players)
        if not expected[0]:
            with pytest.raises(NotEnoughData), warehouse.gram(weighting, min_games, min_players):
                pass
            return
        found = counted(warehouse, weighting, min_games, min_players)
        columns = warehouse.training_interactions(min_games, min_players)

    interactions = Interactions.from_columns(columns.players, columns.app_ids, columns.minutes)
    G = gram(interactions.weighted(weighting))
    assert found[:3] == expected[:3]
    assert interactions.items.app_ids.tolist() == found[0]
    assert interactions.items.players.tolist() == found[1]
    assert same_cells(found[3], expected[3])
    for (row, column), (_, weight) in found[3].items():
        assert G[found[0].index(row), found[0].index(column)] == pytest.approx(weight, rel=1e-5)


def test_a_model_fitted_from_counts_picks_what_one_fitted_from_rows_does(warehouse: Warehouse) -> None:
    world, model_settings = worlds.interactions(), LinearSettings(l2=5.0, dropout=0.3, weighting=WEIGHTING)
    rows = [(f"p{player:03}", world.row(player)) for player in range(len(world))]
    libraries = [
        (name, zip(world.items.app_ids[row.positions].tolist(), row.minutes.tolist(), strict=True))
        for name, row in rows
    ]
    own(warehouse, *(Owned(name, app_id, minutes) for name, library in libraries for app_id, minutes in library))
    catalogue(warehouse, *worlds.GAMES)
    with warehouse.gram(WEIGHTING) as found:
        from_counts = fit_counted(found.items, found.triangle(), model_settings, Device.CPU)
    from_rows = fit(world, model_settings, Device.CPU)

    shelf = Shelf(worlds.catalog(), world.items)
    assert from_counts.items.app_ids.tolist() == world.items.app_ids.tolist()
    np.testing.assert_allclose(from_counts.inverse, from_rows.inverse, rtol=1e-4, atol=1e-6)
    for player in range(0, len(world), 9):
        picked = picks_for(world.row(player), from_counts, shelf, Wish(), 5)
        ranking = picks_for(world.row(player), from_rows, shelf, Wish(), len(world.items))
        assert worlds.alike_but_for_ties([(pick.game.app_id, pick.score) for pick in picked], ranking[:5], ranking)
