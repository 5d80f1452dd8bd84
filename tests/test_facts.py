"""What is known of a player adds up as it does in a warehouse, in whatever order and however often it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.duckdb.warehouse import DuckDBWarehouse
from storage.facts import Facts, facts_of
from storage.lake.events import ALL, Kind
from storage.warehouse import FEEDBACK, INTERACTIONS, Warehouse
from tests.warehouses import Opined, Owned, later, opine, own, owned, table

PLAYERS, GAMES = st.sampled_from(["bot-a", "bot-b"]), st.integers(1, 4)
OWNED = st.builds(Owned, PLAYERS, GAMES, st.integers(0, 300))
OPINED = st.builds(Opined, PLAYERS, GAMES, st.sampled_from(["like", "own", "hide", None]), st.integers(0, 3).map(later))


def facts(
    owned_rows: Sequence[Owned], opined: Sequence[Opined], before: Mapping[str, Facts] | None = None
) -> dict[str, Facts]:
    return facts_of(table(owned_rows, INTERACTIONS), table(opined, FEEDBACK), before)


def rows(found: dict[str, Facts], *, opinions: bool) -> list[Owned]:
    each = ((player, one.counted(opinions=opinions)) for player, one in found.items())
    return sorted(Owned(player, app_id, minutes) for player, games in each for app_id, minutes in games.items())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(OWNED, max_size=4), st.lists(OPINED, max_size=4)), max_size=4))
def test_they_are_what_a_warehouse_learns_from(loads: list[tuple[list[Owned], list[Opined]]]) -> None:
    known: dict[str, Facts] = {}
    with TemporaryDirectory() as folder, DuckDBWarehouse(Path(folder) / "warehouse.duckdb") as warehouse:
        for owned_rows, opined in loads:
            own(warehouse, *owned_rows)
            opine(warehouse, *opined)
            known = facts(owned_rows, opined, known)

        for opinions in (True, False):
            assert rows(known, opinions=opinions) == owned(warehouse, opinions=opinions)
        assert facts_of(*warehouse.rows_of("bot-")) == known


@given(st.lists(OWNED, max_size=6), st.lists(OPINED, max_size=6), st.randoms(use_true_random=False))
def test_neither_their_order_nor_a_repetition_matters(
    owned_rows: list[Owned], opined: list[Opined], random: Random
) -> None:
    known = facts(owned_rows, opined)
    shuffled = [*owned_rows, *owned_rows[:3]], [*opined, *opined[:3]]
    random.shuffle(shuffled[0])
    random.shuffle(shuffled[1])

    assert facts(*shuffled) == known
    assert facts(*shuffled, known) == known


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        (ALL, Facts()),
        ({Kind.LIBRARY}, Facts({}, {20: (later(0), "like")})),
        ({Kind.REACTION}, Facts({10: 5})),
        ((), Facts({10: 5}, {20: (later(0), "like")})),
    ],
)
def test_what_is_erased_is_not_known(kinds: frozenset[Kind], left: Facts) -> None:
    assert Facts({10: 5}, {20: (later(0), "like")}).without(kinds) == left


def test_moments_are_told_apart_to_the_microsecond() -> None:
    one, other = datetime.fromisoformat("2026-01-01T00:00:00.000001+00:00"), later(0)

    assert facts([], [Opined("bot-a", 1, "like", one), Opined("bot-a", 1, "hide", other)])["bot-a"].opinions == {
        1: (one, "like")
    }


def test_a_warehouse_tells_all_rows_of_the_players_whose_names_begin_so(warehouse: Warehouse) -> None:
    own(warehouse, Owned("bot-a", 10, 5), Owned("bot-b", 20), Owned("robot", 10, 9), Owned("BOT-c", 10), Owned("76", 1))
    opine(warehouse, Opined("bot-a", 10, "like"), Opined("bot-a", 30, None, later(1)), Opined("x", 10, "hide"))

    interactions, feedback = warehouse.rows_of("bot-")

    assert (interactions.schema, feedback.schema) == (INTERACTIONS, FEEDBACK)
    assert facts_of(interactions, feedback) == {
        "bot-a": Facts({10: 5}, {10: (later(0), "like"), 30: (later(1), None)}),
        "bot-b": Facts({20: 0}),
    }


def test_a_warehouse_without_such_players_tells_empty_tables(warehouse: Warehouse) -> None:
    own(warehouse, Owned("somebody", 10, 5))

    interactions, feedback = warehouse.rows_of("bot-")

    assert (interactions.num_rows, feedback.num_rows) == (0, 0)
    assert (interactions.schema, feedback.schema) == (INTERACTIONS, FEEDBACK)
