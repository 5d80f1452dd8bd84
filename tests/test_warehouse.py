"""What every warehouse promises of loading, reading and forgetting: see `open_warehouse` for the implementations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.catalog import Game
from storage.errors import WarehouseBusy
from storage.warehouse import INTERACTIONS, SAMPLE_SOURCE, Counts, Loaded, Warehouse
from tests.warehouses import (
    FULL,
    NOW,
    Open,
    Opined,
    Owned,
    Review,
    batch,
    catalogue,
    hear_store,
    later,
    opine,
    own,
    owned,
    review,
    said_by_store,
)


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


def test_the_fingerprint_forgives_another_order_of_loading(open_warehouse: Open) -> None:
    one, other = Owned("a", 10, 7), Owned("b", 20, 3)
    with open_warehouse("one") as together, open_warehouse("two") as apart:
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


def test_one_batch_may_be_of_any_size(warehouse: Warehouse) -> None:
    """DuckDB once lost every row of a batch that filled a row group of 122,880."""
    rows = [Owned(f"p{n % 1000:03}", n // 1000, n) for n in range(130_000)]

    loaded = own(warehouse, *rows)

    assert loaded == Loaded(read=130_000, added=130_000, changed=0, repeated=0)
    assert warehouse.counts().interactions == 130_000


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


def test_what_was_loaded_outlives_the_process(open_warehouse: Open) -> None:
    with open_warehouse("kept") as first:
        own(first, Owned("a", 10, 7))
        catalogue(first, FULL)
    with open_warehouse("kept") as second:
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


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(loads=st.lists(ROWS, max_size=3))
def test_loads_add_up_to_the_largest_playtime_of_each_pair(open_warehouse: Open, loads: list[list[Owned]]) -> None:
    best: dict[tuple[str, int], int] = {}
    for row in (row for rows in loads for row in rows):
        best[row.player, row.app_id] = max(row.minutes, best.get((row.player, row.app_id), 0))
    with open_warehouse(uuid4().hex) as warehouse:
        added = sum(own(warehouse, *rows).added for rows in loads)
        found = owned(warehouse)

    assert added == len(best)
    assert {(row.player, row.app_id): row.minutes for row in found} == best


def test_the_store_replaces_what_was_known(warehouse: Warehouse) -> None:
    catalogue(warehouse, FULL)
    news = replace(FULL, title="Ten Reborn", tags=("Puzzle",), price=9.99, released=date(2020, 1, 1), year=2020)

    loaded = hear_store(warehouse, news)

    assert loaded == Loaded(read=1, added=0, changed=1, repeated=0)
    assert warehouse.games() == [news]


def test_what_the_store_does_not_say_stays_but_no_price_is_news(warehouse: Warehouse) -> None:
    catalogue(warehouse, FULL)
    hear_store(warehouse, Game(10, ""))

    assert warehouse.games() == [replace(FULL, price=None)]


def test_a_delisted_game_stays_known_and_is_not_for_sale(warehouse: Warehouse) -> None:
    hear_store(warehouse, replace(FULL, delisted=True))
    (gone,) = warehouse.games()

    assert gone == replace(FULL, delisted=True)
    assert not gone.for_sale


def test_a_game_may_come_back_to_the_store(warehouse: Warehouse) -> None:
    hear_store(warehouse, replace(FULL, delisted=True))
    hear_store(warehouse, FULL, seen=later(1))

    assert warehouse.games() == [FULL]


def test_of_what_the_store_said_the_later_holds_in_whatever_order_it_comes(warehouse: Warehouse) -> None:
    hear_store(warehouse, replace(FULL, price=1.0), seen=later(1))

    older = hear_store(warehouse, replace(FULL, price=2.0), seen=NOW)
    same = hear_store(warehouse, replace(FULL, price=3.0), seen=later(1))

    assert older == same == Loaded(read=1, added=0, changed=0, repeated=0)
    assert warehouse.games() == [replace(FULL, price=1.0)]


def test_in_one_load_the_store_says_each_field_as_in_several(warehouse: Warehouse) -> None:
    first, last = replace(FULL, price=1.0), Game(10, "", tags=("Puzzle",))

    loaded = hear_all(warehouse, [(last, 2), (first, 1)])

    assert loaded == Loaded(read=2, added=1, changed=0, repeated=1)
    assert warehouse.games() == [replace(FULL, tags=("Puzzle",), price=None)]


def hear_all(warehouse: Warehouse, said: Sequence[tuple[Game, int]]) -> Loaded:
    batches = [said_by_store(game, seen=later(minutes)).combine_chunks().to_batches()[0] for game, minutes in said]
    return warehouse.load_store_games(batches, "store", NOW)


def test_a_price_that_the_store_took_away_is_not_filled_in_again(warehouse: Warehouse) -> None:
    hear_store(warehouse, Game(10, "Ten"))

    loaded = catalogue(warehouse, FULL)

    assert loaded.changed == 1
    assert warehouse.games() == [replace(FULL, price=None)]


def test_the_later_opinion_holds_in_whatever_order_they_come(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7))
    opine(warehouse, Opined("a", 10, "hide", later(2)))

    older = opine(warehouse, Opined("a", 10, "like", later(1)))
    newer = opine(warehouse, Opined("a", 10, "own", later(3)), Opined("a", 10, "hide", NOW))

    assert (older.added, older.changed) == (0, 0)
    assert newer == Loaded(read=2, added=0, changed=1, repeated=1)
    assert owned(warehouse, opinions=True) == [Owned("a", 10, 7)]


def test_an_opinion_that_was_taken_back_does_not_come_back_with_an_older_row(warehouse: Warehouse) -> None:
    opine(warehouse, Opined("a", 10, "like"), Opined("a", 20, "like"))
    opine(warehouse, Opined("a", 10, None, later(1)))
    opine(warehouse, Opined("a", 10, "like"))

    assert owned(warehouse, opinions=True) == [Owned("a", 20)]
    assert warehouse.counts().feedback == 1


def test_a_withdrawal_may_arrive_before_what_it_takes_back(warehouse: Warehouse) -> None:
    first = opine(warehouse, Opined("a", 10, None, later(1)))
    opine(warehouse, Opined("a", 10, "like"))

    assert first.added == 1
    assert owned(warehouse, opinions=True) == []


def test_of_two_opinions_of_one_moment_one_holds_in_whatever_order_they_come(open_warehouse: Open) -> None:
    said = [Opined("a", 10, "own"), Opined("a", 10, "hide"), Opined("b", 10, "like"), Opined("b", 10, None)]
    with open_warehouse("one") as forth, open_warehouse("two") as back:
        for one, other in zip(said, reversed(said), strict=True):
            opine(forth, one)
            opine(back, other)
        for warehouse in (forth, back):
            own(warehouse, Owned("a", 10), Owned("b", 10, 3))
        found = owned(forth, opinions=True), owned(back, opinions=True)

    assert found == ([Owned("b", 10, 3)], [Owned("b", 10, 3)])


def test_opinions_count_as_ownership_only_where_they_are_asked_for(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1, 60), Owned("a", 2, 5))
    opine(warehouse, Opined("a", 2, "hide"), Opined("a", 1, "like"), Opined("a", 3, "like"), Opined("b", 3, "own"))

    assert owned(warehouse) == [Owned("a", 1, 60), Owned("a", 2, 5)]
    assert owned(warehouse, opinions=True) == [Owned("a", 1, 60), Owned("a", 3), Owned("b", 3)]


def test_opinions_count_before_players_and_games_with_few_are_left_out(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("a", 2), Owned("b", 1))
    opine(warehouse, Opined("a", 2, "hide"), Opined("b", 3, "like"))

    assert owned(warehouse, min_games=2, opinions=True) == [Owned("b", 1), Owned("b", 3)]


def test_the_fingerprint_notices_opinions_where_they_count(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1))
    before = warehouse.fingerprint(), warehouse.fingerprint(opinions=True)
    opine(warehouse, Opined("a", 2, "like"))

    assert warehouse.fingerprint() == before[0]
    assert warehouse.fingerprint(opinions=True) != before[1]


def test_a_forgotten_player_leaves_no_row(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("a", 2), Owned("b", 1))
    review(warehouse, Review("a", 1, True))
    opine(warehouse, Opined("a", 3, "like"), Opined("a", 4, None), Opined("b", 4, "own"))

    forgotten = warehouse.forget("a")

    assert forgotten == {"interactions": 2, "reviews": 1, "feedback": 2}
    assert owned(warehouse, opinions=True) == [Owned("b", 1), Owned("b", 4)]
    assert warehouse.counts() == Counts(interactions=1, players=1, items=1, games=0, reviews=0, feedback=1)


def test_forgetting_again_finds_nothing(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1))
    warehouse.forget("a")

    assert warehouse.forget("a") == warehouse.forget("nobody") == {}


def test_the_player_who_is_forgotten_is_that_very_one(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 1), Owned("A", 1), Owned("a%", 1), Owned("a' OR 'a'='a", 1))
    warehouse.forget("a' OR 'a'='a")

    assert [row.player for row in owned(warehouse)] == ["A", "a", "a%"]


def test_two_who_write_at_once_leave_one_row_a_pair(open_warehouse: Open) -> None:
    """Each either does all or is told that the warehouse is busy; what is then loaded again is there already."""
    rows = [Owned(f"p{n}", n % 7, n) for n in range(40)]

    def load(_: int) -> None:
        with open_warehouse("shared") as mine, suppress(WarehouseBusy):
            own(mine, *rows)

    with open_warehouse("shared") as warehouse:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(load, range(8)))
        own(warehouse, *rows)

        assert owned(warehouse) == sorted(rows)


def test_all_of_a_player_can_be_seen(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 20, 3), Owned("a", 10), Owned("b", 10))
    review(warehouse, Review("a", 10, True, date(2020, 1, 2)))
    opine(warehouse, Opined("a", 30, "hide"), Opined("a", 40, None))

    assert warehouse.about("a") == {
        "interactions": [
            {"player": "a", "app_id": 10, "minutes": 0},
            {"player": "a", "app_id": 20, "minutes": 3},
        ],
        "reviews": [{"player": "a", "app_id": 10, "recommend": True, "posted": date(2020, 1, 2)}],
        "feedback": [
            {"player": "a", "app_id": 30, "opinion": "hide", "since": NOW},
            {"player": "a", "app_id": 40, "opinion": None, "since": NOW},
        ],
    }
    assert warehouse.about("nobody") == {}


def recent(warehouse: Warehouse, minutes: int = 0, *, opinions: bool = False) -> tuple[list[Opined], list[Owned]]:
    """The opinions since so many minutes after NOW, and the libraries that stand beside them."""
    found = warehouse.recent_opinions(later(minutes), opinions=opinions)
    ids = found.libraries.player_ids
    rows = zip(found.libraries.players, found.libraries.app_ids.tolist(), found.libraries.minutes.tolist(), strict=True)
    return [Opined(*row.values()) for row in found.feedback.to_pylist()], sorted(
        Owned(ids[p], a, m) for p, a, m in rows
    )


def test_recent_opinions_come_with_the_rest_of_the_libraries(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7), Owned("a", 20, 3), Owned("b", 10, 1), Owned("c", 10, 5))
    like, hide, old = (
        Opined("a", 20, "like", later(2)),
        Opined("b", 30, "hide", later(3)),
        Opined("c", 40, "like", later(1)),
    )
    opine(warehouse, like, hide, old)

    assert recent(warehouse, 1) == ([like, hide], [Owned("a", 10, 7), Owned("b", 10, 1)])
    assert recent(warehouse, 3) == ([], [])


def test_what_was_taken_back_is_no_recent_opinion(warehouse: Warehouse) -> None:
    opine(warehouse, Opined("a", 20, "like", later(1)), Opined("b", 20, "own", later(1)))
    opine(warehouse, Opined("a", 20, None, later(2)))

    assert recent(warehouse) == ([Opined("b", 20, "own", later(1))], [])


def test_older_opinions_are_part_of_the_library_where_they_count(warehouse: Warehouse) -> None:
    own(warehouse, Owned("a", 10, 7), Owned("a", 15, 9))
    new = Opined("a", 40, "like", later(5))
    opine(warehouse, Opined("a", 20, "like", later(1)), Opined("a", 15, "hide", later(1)), new)

    assert recent(warehouse, 4) == ([new], [Owned("a", 10, 7), Owned("a", 15, 9)])
    assert recent(warehouse, 4, opinions=True) == ([new], [Owned("a", 10, 7), Owned("a", 20, 0)])
