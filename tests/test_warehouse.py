"""What every warehouse promises, and what DuckDB's file adds: one writer, and a sentence for a file that is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.catalog import Game
from storage.errors import WarehouseBusy, WarehouseError
from storage.warehouse import (
    INTERACTIONS,
    REVIEWS,
    SAMPLE_SOURCE,
    Counts,
    Loaded,
    Warehouse,
    games_batch,
)
from storage.warehouse_duckdb import DuckDBWarehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Make = Callable[[Path], Warehouse]


class Owned(NamedTuple):
    player: str
    app_id: int
    minutes: int = 0


class Review(NamedTuple):
    player: str
    app_id: int
    recommend: bool
    posted: date | None = None


def batch(rows: Sequence[Owned | Review], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: [getattr(row, name) for row in rows] for name in schema.names}, schema)


def own(warehouse: Warehouse, *rows: Owned, source: str = "test") -> Loaded:
    return warehouse.load_interactions([batch(rows, INTERACTIONS)], source, NOW)


def catalogue(warehouse: Warehouse, *games: Game) -> Loaded:
    return warehouse.load_games([games_batch(games)], "test", NOW)


def review(warehouse: Warehouse, *rows: Review) -> Loaded:
    return warehouse.load_reviews([batch(rows, REVIEWS)], "test", NOW)


def owned(warehouse: Warehouse, min_games: int = 1, min_players: int = 1) -> list[Owned]:
    found = warehouse.training_interactions(min_games, min_players)
    columns = (found.players.tolist(), found.app_ids.tolist(), found.minutes.tolist())
    return [Owned(found.player_ids[code], app, minutes) for code, app, minutes in zip(*columns, strict=True)]


@pytest.fixture(params=[DuckDBWarehouse], ids=["duckdb"])
def make(request: pytest.FixtureRequest) -> Make:
    """The implementations that must behave alike; each takes a path that is its own for the test."""
    chosen: Make = request.param
    return chosen


@pytest.fixture
def warehouse(make: Make, tmp_path: Path) -> Iterator[Warehouse]:
    with make(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def test_an_empty_warehouse_answers_with_nothing(warehouse: Warehouse) -> None:
    columns = warehouse.training_interactions()

    assert len(columns) == 0
    assert list(columns.player_ids) == []
    assert warehouse.games() == []
    assert warehouse.counts() == Counts(0, 0, 0, 0, 0)
    assert not warehouse.is_synthetic()


def test_interactions_come_back_sorted_by_player_then_game(warehouse: Warehouse) -> None:
    rows = [Owned("b", 20, 5), Owned("a", 30, 0), Owned("a", 10, 7)]

    loaded = own(warehouse, *rows)

    assert loaded == Loaded(read=3, added=3, changed=0, repeated=0)
    assert owned(warehouse) == sorted(rows)


def test_columns_have_the_types_that_a_fit_reads(warehouse: Warehouse) -> None:
    own(warehouse, Owned("b", 20, 5), Owned("a", 30, 0))

    columns = warehouse.training_interactions()

    assert [columns.players.dtype, columns.app_ids.dtype, columns.minutes.dtype] == ["int32"] * 3
    assert columns.players.tolist() == [0, 1]


def test_loading_the_same_again_changes_nothing(warehouse: Warehouse) -> None:
    rows = (Owned("a", 10, 7), Owned("a", 20, 0), Owned("b", 10, 1))
    own(warehouse, *rows)
    before = warehouse.fingerprint()

    again = own(warehouse, *rows)

    assert again == Loaded(read=3, added=0, changed=0, repeated=0)
    assert warehouse.fingerprint() == before


def test_a_repeated_pair_keeps_the_larger_playtime_within_a_load(warehouse: Warehouse) -> None:
    loaded = own(warehouse, Owned("a", 10, 7), Owned("a", 10, 9), Owned("a", 10, 8))

    assert loaded == Loaded(read=3, added=1, changed=0, repeated=2)
    assert owned(warehouse) == [Owned("a", 10, 9)]


def test_a_repeated_pair_keeps_the_larger_playtime_across_loads(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7), Owned("b", 10, 7))

    loaded = own(warehouse, Owned("a", 10, 9), Owned("b", 10, 3), Owned("c", 10, 1))

    assert loaded == Loaded(read=3, added=1, changed=1, repeated=0)
    assert owned(warehouse) == [Owned("a", 10, 9), Owned("b", 10, 7), Owned("c", 10, 1)]


def test_the_fingerprint_notices_one_changed_row(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7), Owned("b", 20, 3))
    before = warehouse.fingerprint()
    own(warehouse, Owned("b", 20, 4))

    assert warehouse.fingerprint() != before


def test_the_fingerprint_forgives_another_order_of_loading(make: Make, tmp_path: Path) -> None:
    one, other = Owned("a", 10, 7), Owned("b", 20, 3)
    with make(tmp_path / "one") as together, make(tmp_path / "two") as apart:
        own(together, one, other)
        own(apart, other)
        own(apart, one)
        prints = together.fingerprint(), apart.fingerprint()

    assert prints[0] == prints[1]


def test_games_and_reviews_do_not_touch_the_fingerprint(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7))
    before = warehouse.fingerprint()
    catalogue(warehouse, Game(10, "Ten"))
    review(warehouse, Review("a", 10, True))

    assert warehouse.fingerprint() == before


def broken(rows: Sequence[Owned]) -> Iterator[pa.RecordBatch]:
    yield batch(rows, INTERACTIONS)
    raise LookupError("refused half-way")


def test_a_load_that_breaks_off_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7))
    before = warehouse.fingerprint(), warehouse.counts()
    with pytest.raises(LookupError, match="half-way"):
        warehouse.load_interactions(broken([Owned("a", 10, 99), Owned("b", 20, 1)]), SAMPLE_SOURCE, NOW)

    assert (warehouse.fingerprint(), warehouse.counts()) == before
    assert not warehouse.is_synthetic()


def test_a_load_works_after_one_that_broke_off(warehouse: Warehouse) -> None:
    with pytest.raises(LookupError):
        warehouse.load_interactions(broken([Owned("a", 10, 99)]), "test", NOW)
    own(warehouse, Owned("b", 20, 1))

    assert owned(warehouse) == [Owned("b", 20, 1)]


def test_players_with_few_games_go_first_then_games_with_few_players(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("a", 2), Owned("b", 1), Owned("b", 3), Owned("c", 2))

    kept = owned(warehouse, min_games=2, min_players=2)

    # c has one game and goes; then game 2 has one player left and goes too, though a is left with one game.
    assert kept == [Owned("a", 1), Owned("b", 1)]


def test_a_player_left_without_games_is_not_among_the_ids(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("b", 1), Owned("c", 3))

    columns = warehouse.training_interactions(min_players=2)

    assert list(columns.player_ids) == ["a", "b"]
    assert columns.players.tolist() == [0, 1]


FULL = Game(
    app_id=10,
    title="Ten",
    tags=("Roguelike", "Action"),
    genres=("Indie",),
    developer="Dev",
    publisher="Pub",
    price=4.99,
    released=date(2017, 2, 24),
    year=2017,
    positive=5,
    negative=1,
    early_access=True,
    adult=True,
)


def test_a_game_comes_back_as_it_went_in(warehouse: Warehouse) -> None:
    catalogue(warehouse, FULL, Game(7, "Seven"))

    assert warehouse.games() == [Game(7, "Seven"), FULL]


def test_a_later_source_fills_what_is_unknown(warehouse: Warehouse) -> None:
    catalogue(warehouse, Game(10, "Ten", developer="Dev"))

    loaded = catalogue(warehouse, FULL)

    assert loaded == Loaded(read=1, added=0, changed=1, repeated=0)
    assert warehouse.games() == [FULL]


def test_a_later_source_takes_nothing_and_overrides_nothing(warehouse: Warehouse) -> None:
    catalogue(warehouse, FULL)

    bare = catalogue(warehouse, Game(10, ""))
    other = catalogue(warehouse, replace(FULL, title="Other", tags=("Puzzle",), price=9.99, year=2019, released=None))

    assert bare == other == Loaded(read=1, added=0, changed=0, repeated=0)
    assert warehouse.games() == [FULL]


def test_two_rows_of_a_game_in_one_load_complete_each_other(warehouse: Warehouse) -> None:
    loaded = catalogue(warehouse, Game(10, "First", price=1.0), Game(10, "Second", price=2.0, developer="Dev"))

    assert loaded == Loaded(read=2, added=1, changed=0, repeated=1)
    assert warehouse.games() == [Game(10, "First", price=1.0, developer="Dev")]


def test_the_year_follows_the_exact_day(warehouse: Warehouse) -> None:
    catalogue(warehouse, Game(10, "Ten", year=2016))
    catalogue(warehouse, FULL)

    assert [(game.released, game.year) for game in warehouse.games()] == [(date(2017, 2, 24), 2017)]


def test_a_game_without_a_title_waits_for_one(warehouse: Warehouse) -> None:
    catalogue(warehouse, replace(FULL, title=""))
    before = warehouse.games()
    catalogue(warehouse, Game(10, "Ten"))

    assert before == []
    assert warehouse.games() == [FULL]


def test_of_two_reviews_the_later_is_kept_in_whatever_order_they_come(warehouse: Warehouse) -> None:
    early, late = Review("a", 10, False, date(2014, 1, 1)), Review("a", 10, True, date(2015, 1, 1))

    loads = [review(warehouse, early), review(warehouse, late), review(warehouse, early, late)]

    assert [(load.added, load.changed, load.repeated) for load in loads] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert warehouse.counts().reviews == 1


def test_an_undated_review_yields_to_a_dated_one(warehouse: Warehouse) -> None:
    review(warehouse, Review("a", 10, True))

    dated = review(warehouse, Review("a", 10, False, date(2014, 1, 1)))
    undated = review(warehouse, Review("a", 10, True))

    assert (dated.changed, undated.changed) == (1, 0)


def test_counts_tell_players_and_items_from_rows(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("a", 2), Owned("b", 1))
    catalogue(warehouse, Game(1, "One"))
    review(warehouse, Review("a", 1, True), Review("a", 2, False))

    assert warehouse.counts() == Counts(interactions=3, players=2, items=2, games=1, reviews=2)


def test_the_sample_world_marks_the_warehouse_for_good(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), source=SAMPLE_SOURCE)
    own(warehouse, Owned("b", 1), source="real")

    assert warehouse.is_synthetic()


def test_what_was_loaded_outlives_the_process(make: Make, tmp_path: Path) -> None:
    with make(tmp_path / "kept") as first:
        own(first, Owned("a", 10, 7))
        catalogue(first, FULL)
    with make(tmp_path / "kept") as second:
        found = owned(second), second.games()

    assert found == ([Owned("a", 10, 7)], [FULL])


def test_threads_may_load_and_read_at_once(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(own, warehouse, Owned("a", 1, n), Owned(f"p{n}", 2, n)) for n in range(12)]
        reads = [pool.submit(owned, warehouse) for _ in range(12)]
        sizes = [len(read.result()) for read in reads]
        assert all(load.result().read == 2 for load in loads)

    assert all(size == 0 or 2 <= size <= 13 for size in sizes)
    assert max(row.minutes for row in owned(warehouse) if row.player == "a") == 11
    assert len(owned(warehouse)) == 13


ROWS = st.lists(
    st.builds(Owned, st.sampled_from(["a", "b", "é", ""]), st.integers(0, 4), st.integers(0, 2**31 - 1)), max_size=12
)


@settings(max_examples=12, deadline=None)
@given(loads=st.lists(ROWS, max_size=3))
def test_loads_add_up_to_the_largest_playtime_of_each_pair(
    tmp_path_factory: pytest.TempPathFactory, loads: list[list[Owned]]
) -> None:
    best: dict[tuple[str, int], int] = {}
    for row in (row for rows in loads for row in rows):
        best[row.player, row.app_id] = max(row.minutes, best.get((row.player, row.app_id), 0))
    with DuckDBWarehouse(tmp_path_factory.mktemp("any") / "w.duckdb") as warehouse:
        added = sum(own(warehouse, *rows).added for rows in loads)
        found = owned(warehouse)

    assert added == len(best)
    assert {(row.player, row.app_id): row.minutes for row in found} == best


def test_a_text_file_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database")

    with pytest.raises(WarehouseError, match=r"notes\.txt"):
        DuckDBWarehouse(path)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(path) as other:
        other.execute("CREATE TABLE theirs (n INTEGER)")
    with pytest.raises(WarehouseError, match="choose another path"):
        DuckDBWarehouse(path)

    with duckdb.connect(path) as other:
        assert other.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("theirs",)]


def test_a_truncated_file_is_a_warehouse_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.duckdb"
    with DuckDBWarehouse(path) as whole:
        own(whole, *(Owned(f"player {n}", n, n) for n in range(5000)))
    path.write_bytes(path.read_bytes()[:20_000])

    with pytest.raises(WarehouseError, match=r"cut\.duckdb"), DuckDBWarehouse(path, read_only=True) as cut:
        owned(cut)


def test_reading_before_anything_was_imported_says_to_import(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="indiean data import"):
        DuckDBWarehouse(tmp_path / "none.duckdb", read_only=True)


def test_a_read_only_warehouse_reads_all_and_refuses_loads(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with DuckDBWarehouse(path) as writer:
        own(writer, Owned("a", 10, 7))
    with DuckDBWarehouse(path, read_only=True) as reader:
        found = owned(reader, min_games=1, min_players=1)
        with pytest.raises(WarehouseError, match="reading only"):
            own(reader, Owned("b", 10, 7))

    assert found == [Owned("a", 10, 7)]


HOLD = """
import sys
from pathlib import Path
from storage.warehouse_duckdb import DuckDBWarehouse
with DuckDBWarehouse(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_file_held_by_another_process_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    with subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match="try again"):
            DuckDBWarehouse(path)
        holder.communicate("\n", timeout=10)
    DuckDBWarehouse(path).close()
