"""What every warehouse promises of a lake's deltas: each is taken in once, whole, in its order, and written down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa
import pytest

from storage.delta import Applied, Delta, LedgerEntry, Rejected
from storage.errors import WarehouseBusy
from storage.warehouse import FEEDBACK, INTERACTIONS, Counts, Loaded, Warehouse, games_batch
from tests.warehouses import (
    DELTA,
    FULL,
    NOW,
    Open,
    Opined,
    Owned,
    hear_store,
    own,
    owned,
    said_by_store,
    table,
    take_in,
)

MORE = Delta(
    events=2,
    interactions=table([Owned("a", 10, 9), Owned("c", 10, 1)], INTERACTIONS),
    rejects=[Rejected(7, "library", "no app id"), Rejected(6, "opinion", "unknown opinion")],
)


def state(warehouse: Warehouse, lake: str = "lake") -> tuple[object, ...]:
    """All that anybody can see of it."""
    return (
        warehouse.counts(),
        warehouse.games(),
        owned(warehouse, opinions=True),
        warehouse.fingerprint(),
        warehouse.watermark(lake),
        warehouse.ledger(lake),
        warehouse.rejects(lake),
    )


def test_a_lake_that_was_never_heard_stands_at_0(warehouse: Warehouse) -> None:
    assert (warehouse.watermark("lake"), warehouse.ledger("lake"), warehouse.rejects("lake")) == (0, [], [])


def test_a_delta_is_merged_as_the_loads_merge(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 5), Owned("b", 20, 9))

    applied = take_in(warehouse, DELTA, 0, 5)

    assert applied.rows == {
        "interactions": Loaded(read=2, added=0, changed=1, repeated=0),
        "games": Loaded(read=2, added=2, changed=0, repeated=0),
        "reviews": Loaded(read=1, added=1, changed=0, repeated=0),
        "feedback": Loaded(read=1, added=1, changed=0, repeated=0),
    }
    assert warehouse.counts() == Counts(interactions=2, players=2, items=2, games=2, reviews=1, feedback=1)
    assert owned(warehouse, opinions=True) == [Owned("a", 10, 7), Owned("b", 10), Owned("b", 20, 9)]
    assert warehouse.games() == [FULL, replace(FULL, app_id=20, title="Twenty")]


def test_the_watermark_follows_and_the_next_delta_begins_there(warehouse: Warehouse) -> None:
    first, second = take_in(warehouse, DELTA, 0, 5), take_in(warehouse, MORE, 5, 7)

    assert (first.taken, first.watermark, second.taken, second.watermark) == (True, 5, True, 7)
    assert warehouse.watermark("lake") == 7
    assert owned(warehouse) == [Owned("a", 10, 9), Owned("b", 20, 3), Owned("c", 10, 1)]


@pytest.mark.parametrize(("after", "upto"), [(0, 5), (0, 9), (4, 9), (6, 9), (2, 5)])
def test_a_delta_that_does_not_begin_at_the_watermark_changes_nothing(
    warehouse: Warehouse, after: int, upto: int
) -> None:
    """The same again, an older one, one that overlaps, one that would leave a gap."""
    take_in(warehouse, DELTA, 0, 5)
    before = state(warehouse)

    applied = take_in(warehouse, MORE, after, upto)

    assert applied == Applied(taken=False, watermark=5)
    assert state(warehouse) == before


def test_a_lake_that_was_never_heard_refuses_to_begin_in_its_middle(warehouse: Warehouse) -> None:
    before = state(warehouse)

    assert take_in(warehouse, DELTA, 3, 5) == Applied(taken=False, watermark=0)
    assert state(warehouse) == before


@pytest.mark.parametrize(("after", "upto"), [(-1, 5), (5, 5), (5, 4)])
def test_a_delta_goes_forward(warehouse: Warehouse, after: int, upto: int) -> None:
    with pytest.raises(ValueError, match="after"):
        take_in(warehouse, DELTA, after, upto)


def test_lakes_do_not_touch_each_others_watermark(warehouse: Warehouse) -> None:
    take_in(warehouse, DELTA, 0, 5, lake="one")
    take_in(warehouse, MORE, 0, 2, lake="other's")

    assert (warehouse.watermark("one"), warehouse.watermark("other's")) == (5, 2)
    assert [entry.lake for entry in warehouse.ledger("one")] == ["one"]
    assert warehouse.rejects("one") == []


def test_the_ledger_adds_up_to_the_events_and_rows(warehouse: Warehouse) -> None:
    take_in(warehouse, DELTA, 0, 5)
    take_in(warehouse, MORE, 5, 7)

    assert warehouse.ledger("lake") == [
        LedgerEntry("lake", 0, 5, 5, {"interactions": 2, "games": 2, "reviews": 1, "feedback": 1}, {}, NOW),
        LedgerEntry(
            "lake",
            5,
            7,
            2,
            {"interactions": 2, "games": 0, "reviews": 0, "feedback": 0},
            {"library": 1, "opinion": 1},
            NOW,
        ),
    ]


def test_an_empty_delta_moves_the_watermark_and_is_in_the_ledger(warehouse: Warehouse) -> None:
    applied = take_in(warehouse, Delta(events=0), 0, 3)

    assert (applied.taken, warehouse.watermark("lake")) == (True, 3)
    assert [entry.upto for entry in warehouse.ledger("lake")] == [3]


def test_rejected_events_are_kept_the_latest_first(warehouse: Warehouse) -> None:
    take_in(warehouse, DELTA, 0, 5)
    take_in(warehouse, MORE, 5, 7)

    assert warehouse.rejects("lake") == [
        Rejected(7, "library", "no app id"),
        Rejected(6, "opinion", "unknown opinion"),
    ]
    assert [reject.sequence for reject in warehouse.rejects("lake", limit=1)] == [7]


def test_a_delta_that_breaks_off_in_its_last_table_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    """Its `feedback` lacks a column, which is a bug of whoever made it, and so arrives as it is."""
    take_in(warehouse, DELTA, 0, 5)
    before = state(warehouse)
    torn = replace(MORE, feedback=table([Opined("a", 10, "hide")], FEEDBACK).drop_columns("since"))
    with pytest.raises((pa.ArrowException, KeyError), match="since"):
        take_in(warehouse, torn, 5, 7)

    assert state(warehouse) == before
    assert take_in(warehouse, MORE, 5, 7).taken


def test_a_large_delta_of_many_chunks_is_taken_in_whole(warehouse: Warehouse) -> None:
    chunks = [table([Owned(f"p{n}", n, n) for n in range(at, at + 50)], INTERACTIONS) for at in range(0, 1000, 50)]

    applied = take_in(warehouse, Delta(events=1000, interactions=pa.concat_tables(chunks)), 0, 1000)

    assert applied.rows["interactions"].added == warehouse.counts().interactions == 1000


def test_a_delta_that_is_exported_twice_at_once_is_taken_in_once(open_warehouse: Open) -> None:
    def export(_: int) -> bool:
        with open_warehouse("shared") as mine, suppress(WarehouseBusy):
            return take_in(mine, DELTA, 0, 5).taken
        return False

    with open_warehouse("shared") as warehouse:
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(export, range(8)))

        assert sum(taken) == 1
        assert len(warehouse.ledger("lake")) == 1
        assert warehouse.counts().interactions == 2


def test_what_the_store_said_last_outlives_an_older_delta(warehouse: Warehouse) -> None:
    hear_store(warehouse, replace(FULL, price=1.0), seen=NOW.replace(year=2027))
    take_in(warehouse, DELTA, 0, 5)

    assert warehouse.games()[0].price == 1.0


def test_a_forgotten_player_is_in_no_record_of_what_was_taken_in(warehouse: Warehouse) -> None:
    take_in(warehouse, DELTA, 0, 5)
    warehouse.forget("a")

    assert not take_in(warehouse, DELTA, 0, 5).taken
    assert [row.player for row in owned(warehouse)] == ["b"]


def test_an_interrupted_export_that_is_repeated_ends_as_one_that_was_not(open_warehouse: Open) -> None:
    steps = [(DELTA, 0, 5), (MORE, 5, 7)]
    with open_warehouse("whole") as whole, open_warehouse("halting") as halting:
        for step in steps:
            take_in(whole, *step)
        for step in (steps[0], steps[0], *steps, *steps):
            take_in(halting, *step)

        assert state(halting) == state(whole)


def test_who_is_forgotten_goes_before_the_delta_s_own_rows_come_in(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 5), Owned("a", 20, 1), Owned("b", 20, 9))
    gone = Delta(
        events=2,
        interactions=table([Owned("a", 30, 3)], INTERACTIONS),
        forgotten={"interactions": ["a", "nobody"], "feedback": ["a"]},
    )

    assert take_in(warehouse, gone, 0, 2).forgotten == {"interactions": 2, "feedback": 0}
    assert owned(warehouse) == [Owned("a", 30, 3), Owned("b", 20, 9)]


def test_what_imported_sets_know_of_games_fills_and_what_the_store_says_counts_for_more(warehouse: Warehouse) -> None:
    delta = Delta(
        events=2,
        games=said_by_store(replace(FULL, price=1.0)),
        catalogue=pa.Table.from_batches([games_batch([FULL, replace(FULL, app_id=20, title="Twenty")])]),
    )
    applied = take_in(warehouse, delta, 0, 2)

    assert (applied.rows["games"].read, applied.rows["games"].added) == (3, 2)
    assert warehouse.games() == [replace(FULL, price=1.0), replace(FULL, app_id=20, title="Twenty")]
    assert warehouse.ledger("lake")[0].rows["games"] == 3
