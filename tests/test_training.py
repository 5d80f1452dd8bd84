"""From the warehouse to a published model, and batches of players answered by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.batch import BatchReport, recommend_batch
from jobs.training import TrainingSettings, gather, train
from recommender.catalog import Game
from recommender.device import Device
from recommender.engine import recommend
from recommender.errors import NotEnoughData
from recommender.evaluate import SplitSettings
from recommender.library import Library
from recommender.linear import LinearSettings
from recommender.registry import Registry
from recommender.shelf import Wish
from recommender.sparse_linear import SparseLinear
from recommender.version import Kind
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import DatasetRefused
from storage.warehouse import INTERACTIONS, games_batch
from tests.warehouses import Opined, opine
from tests.worlds import alike_but_for_ties

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SETTINGS = TrainingSettings(LinearSettings(l2=5), SplitSettings(held_out=0.3), min_games=5, device=Device.CPU)
GAMES = 40


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    """Even players like even games and odd players odd ones, but for one residue modulo 5; two own next to nothing."""
    rows = [(f"p{p:03}", g, 600) for p in range(100) for g in range(1, GAMES) if g % 2 == p % 2 and g % 5 != p % 5]
    rows += [("rare-1", 1, 5), ("rare-2", 2, 5)]
    batch = pa.RecordBatch.from_pylist(
        [dict(zip(INTERACTIONS.names, row, strict=True)) for row in rows], schema=INTERACTIONS
    )
    games = games_batch([Game(g, f"Game {g}", genres=("Indie",), price=5.0) for g in range(1, GAMES)])
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as made:
        made.load_interactions([batch], "checkerboard", NOW)
        made.load_games([games], "checkerboard", NOW)
        yield made


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_what_is_trained_answers(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    report = train(warehouse, registry, SETTINGS, now=NOW)
    served = registry.open_current()
    answer = recommend(served, Library({2: 600, 6: 600, 8: 600}), Wish(), 5)

    assert served.version == report.card.version
    assert (report.card.players, report.card.items) == (100, GAMES - 1)
    assert all(pick.game.app_id % 2 == 0 for pick in answer.picks)
    assert report.card.fingerprint == warehouse.fingerprint()


def test_more_games_than_the_limit_are_approximated_and_answer(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    report = train(warehouse, registry, replace(SETTINGS, dense_limit=GAMES - 2), now=NOW)
    served = registry.open_current()
    answer = recommend(served, Library({2: 600, 6: 600, 8: 600}), Wish(), 5)

    assert report.card.kind is Kind.SPARSE
    assert isinstance(served.scorer, SparseLinear)
    assert all(pick.game.app_id % 2 == 0 and pick.because for pick in answer.picks)
    assert list(report.seconds)[-4:] == ["gram", "inverse", "content", "publish"]
    assert report.evaluation is not None
    assert report.evaluation.model.all.ndcg_10 > report.evaluation.popularity.all.ndcg_10


def test_without_a_limit_the_free_memory_decides(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    scarce = train(warehouse, registry, SETTINGS, now=NOW, measured=False, room=lambda _: 1 << 20)
    plenty = train(warehouse, registry, SETTINGS, now=NOW, measured=False, room=lambda _: 1 << 30)

    assert (scarce.card.kind, plenty.card.kind) == (Kind.SPARSE, Kind.DENSE)


def test_as_many_games_as_the_limit_are_fitted_densely(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    report = train(warehouse, registry, replace(SETTINGS, dense_limit=GAMES - 1), now=NOW, measured=False)

    assert report.card.kind is Kind.DENSE


def test_opinions_are_learned_unless_the_setting_says_no(warehouse: DuckDBWarehouse) -> None:
    plain = gather(warehouse, SETTINGS)
    opine(warehouse, *(Opined(f"fan {fan}", game, "like") for fan in range(3) for game in range(1, 8)))
    with_them, without = gather(warehouse, SETTINGS), gather(warehouse, replace(SETTINGS, opinions=False))

    assert len(with_them.interactions) == len(plain.interactions) + 3
    assert with_them.fingerprint != plain.fingerprint
    assert len(without.interactions) == len(plain.interactions)
    assert without.fingerprint == plain.fingerprint


def test_the_metrics_are_those_of_held_out_players(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    report = train(warehouse, registry, SETTINGS, now=NOW)

    assert report.evaluation is not None
    assert report.evaluation.model.all.players == 41  # by the hashes of their names
    assert report.evaluation.model.all.ndcg_10 > report.evaluation.popularity.all.ndcg_10
    assert registry.versions()[0].metrics["all"]["ndcg_10"] == report.evaluation.model.all.ndcg_10


def test_how_sure_picks_are_is_measured_published_and_told(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    crowd = [(f"q{p:03}", g, 600) for p in range(900) for g in range(1, GAMES) if g % 2 == p % 2 and g % 5 != p % 5]
    rows = [dict(zip(INTERACTIONS.names, row, strict=True)) for row in crowd]
    warehouse.load_interactions([pa.RecordBatch.from_pylist(rows, schema=INTERACTIONS)], "crowd", NOW)

    report = train(warehouse, registry, SETTINGS, now=NOW)
    served = registry.open_current()
    answer = recommend(served, Library({2: 600, 6: 600, 8: 600}), Wish(), 5)

    assert report.evaluation is not None
    assert report.evaluation.calibration is not None
    assert served.confidence == report.evaluation.calibration.confidence
    assert [pick.chance for pick in answer.picks] == [served.confidence.chance(3, pick.score) for pick in answer.picks]
    json.dumps(report.as_dict())


def test_each_phase_is_told_and_timed(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    heard: list[str] = []
    report = train(warehouse, registry, SETTINGS, now=NOW, progress=lambda name, *_: heard.append(name))

    assert list(dict.fromkeys(heard)) == list(report.seconds)
    assert list(report.seconds)[-3:] == ["inverse", "content", "publish"]
    json.dumps(report.as_dict())


def test_unmeasured_training_has_no_metrics(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    report = train(warehouse, registry, SETTINGS, now=NOW, measured=False)

    assert report.evaluation is None
    assert registry.versions()[0].metrics == {}
    assert registry.open_current().confidence is None


def test_nobody_with_enough_games_leaves_the_registry_as_it_was(warehouse: DuckDBWarehouse, registry: Registry) -> None:
    demanding = TrainingSettings(min_games=10_000, device=Device.CPU)

    with pytest.raises(NotEnoughData, match="import"):
        train(warehouse, registry, demanding, now=NOW)
    assert registry.versions() == []


@pytest.fixture
def batch(warehouse: DuckDBWarehouse, registry: Registry, tmp_path: Path) -> tuple[Registry, Path, Path]:
    train(warehouse, registry, SETTINGS, now=NOW, measured=False)
    return registry, tmp_path / "players.jsonl", tmp_path / "picks.jsonl"


def line(name: str, games: list[int]) -> str:
    return json.dumps({"player": name, "games": [{"appid": g, "playtime_forever": 600} for g in games]}) + "\n"


def test_a_batch_answers_each_player_as_alone_and_in_order(batch: tuple[Registry, Path, Path]) -> None:
    registry, source, target = batch
    served = registry.open_current()
    libraries = [[2, 6, 8], [77_777], [1, 3, 7], []] * 200  # more than are worked on at once
    source.write_text("".join(line(f"p{at}", games) for at, games in enumerate(libraries)))
    report = recommend_batch(served, source, target, Wish(), 4)
    found = [json.loads(text) for text in target.read_text().splitlines()]

    assert report == BatchReport(players=800, unknown=400)
    assert [one["player"] for one in found] == [f"p{at}" for at in range(800)]
    for one, games in zip(found, libraries, strict=True):
        library = Library(dict.fromkeys(games, 600))
        alone, ranking = (recommend(served, library, Wish(), k).picks for k in (4, 1_000))
        reasons = {
            pick.game.app_id: {b.game.app_id for first in pick.because for b in (first, *first.series)}
            for pick in ranking
        }
        assert alike_but_for_ties([(pick["appid"], pick["score"]) for pick in one["picks"]], alone, ranking)
        assert all({b["appid"] for b in pick["because"]} == reasons[pick["appid"]] for pick in one["picks"])


@pytest.mark.parametrize(
    "bad", ["{", "[]", '{"player": "x"}', '{"player": 3, "games": []}', '{"player": "x", "games": [{"appid": "y"}]}']
)
def test_a_bad_line_is_refused_with_its_number_and_no_half_answer(batch: tuple[Registry, Path, Path], bad: str) -> None:
    registry, source, target = batch
    target.write_text("of the run before")
    source.write_text(line("a", [2]) + "\n" + bad + "\n")

    with pytest.raises(DatasetRefused) as refused:
        recommend_batch(registry.open_current(), source, target, Wish(), 4)
    assert refused.value.line == 3
    assert target.read_text() == "of the run before"
    assert sorted(p.name for p in target.parent.glob("*picks*")) == ["picks.jsonl"]
