"""The description's figures, on a world small enough to count by hand and on the real data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.charts import write_charts
from jobs.describe import Matrix, Quantiles, Topic, describe
from recommender.catalog import Game
from recommender.errors import NotEnoughData
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.warehouse import INTERACTIONS, SAMPLE_SOURCE, Warehouse, games_batch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"

# a owns three games, b two, c one; game 1 has three players, game 2 two, game 3 one and no metadata.
OWNED = [("a", 1, 0), ("a", 2, 30), ("a", 3, 600), ("b", 1, 0), ("b", 2, 60), ("c", 1, 6)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with DuckDBWarehouse(tmp_path / "w.duckdb") as opened:
        games = [
            Game(1, "One", tags=("Indie", "Puzzle"), genres=("Indie",), price=1.0, year=2018),
            Game(2, "Two", genres=("Action",)),
        ]
        opened.load_games([games_batch(games)], "test", NOW)
        opened.load_interactions([batch()], "test", NOW)
        yield opened


def batch() -> pa.RecordBatch:
    players, app_ids, minutes = zip(*OWNED, strict=True)
    return pa.RecordBatch.from_pydict({"player": players, "app_id": app_ids, "minutes": minutes}, schema=INTERACTIONS)


def test_size_and_density_before_and_after_the_rule(warehouse: Warehouse) -> None:
    found = describe(warehouse, min_games=2)

    assert (found.everything, found.kept) == (Matrix(6, 3, 3), Matrix(5, 2, 3))
    assert found.everything.density == pytest.approx(6 / 9)
    assert found.kept.density == pytest.approx(5 / 6)


def test_quantiles_are_numbers_that_occur(warehouse: Warehouse) -> None:
    assert describe(warehouse).items_per_player == Quantiles(min=1, p5=1, p25=1, p50=2, p75=2, p95=2, max=3)


def test_playtime_falls_into_classes_of_hours(warehouse: Warehouse) -> None:
    found = describe(warehouse)

    assert found.never_started == pytest.approx(2 / 6)
    # never; then from 0, 0.1, 0.5, 1, 2, 5, 10, ... hours: 6, 30, 60 and 600 minutes
    assert found.shapes.playtime.tolist() == [2, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0]


def test_indie_is_counted_among_games_and_among_rows(warehouse: Warehouse) -> None:
    found = describe(warehouse)

    assert found.indie_games == 1
    assert found.indie_game_share == pytest.approx(1 / 3)
    assert found.indie_row_share == pytest.approx(3 / 6)


def test_topics_count_a_game_once_though_it_is_tag_and_genre(warehouse: Warehouse) -> None:
    assert describe(warehouse).shapes.topics == (
        Topic("Indie", 1 / 3, 3 / 6),
        Topic("Puzzle", 1 / 3, 3 / 6),
        Topic("Action", 1 / 3, 2 / 6),
    )


def test_coverage_is_over_the_games_that_anyone_owns(warehouse: Warehouse) -> None:
    known = {name: round(3 * share) for name, share in describe(warehouse).coverage.items()}

    assert known == {
        "title": 2,
        "genres": 2,
        "tags": 1,
        "price": 1,
        "year": 1,
        "developer": 0,
        "publisher": 0,
        "reviews": 0,
    }


def test_a_rule_that_keeps_nobody_leaves_an_empty_matrix(warehouse: Warehouse) -> None:
    found = describe(warehouse, min_games=4)

    assert (found.kept, found.kept.density) == (Matrix(0, 0, 0), 0.0)


def test_an_empty_warehouse_says_to_import(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "empty.duckdb") as empty, pytest.raises(NotEnoughData, match="import"):
        describe(empty)


def test_the_description_is_plain_json(warehouse: Warehouse) -> None:
    plain = json.loads(json.dumps(describe(warehouse, min_games=2).as_dict()))

    assert plain["kept"] == {"rows": 5, "players": 2, "games": 3, "density": pytest.approx(5 / 6)}
    assert plain["synthetic"] is False
    assert "shapes" not in plain


def test_five_charts_are_drawn_even_of_the_smallest_world(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "w.duckdb") as bare:
        bare.load_interactions([batch()], "test", NOW)
        paths = write_charts(describe(bare), tmp_path / "new" / "charts")

    assert len({path.name for path in paths}) == 5
    assert all(path.read_bytes().startswith(PNG) for path in paths)


def test_charts_of_the_sample_world_say_so(warehouse: Warehouse, tmp_path: Path) -> None:
    real = write_charts(describe(warehouse), tmp_path / "real")
    warehouse.load_interactions([batch()], SAMPLE_SOURCE, NOW)
    found = describe(warehouse)
    marked = write_charts(found, tmp_path / "marked")

    # The interactions are the same, so nothing but the words "synthetic players" can make the pictures differ.
    assert found.synthetic
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(real, marked, strict=True))
