"""The tuner at work: budget, record, the players it does not look at, and what it measures."""

from __future__ import annotations

import fcntl
import hashlib
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jobs.errors import RecordRefused
from jobs.training import TrainingSettings, gather
from jobs.tuning import TuningReport, TuningSettings, tune
from jobs.tuning_record import open_record
from jobs.tuning_search import Ended, Limits, Standing, Told, search
from jobs.tuning_trials import Bench, Step, without_held_out
from recommender.calibration import calibrated
from recommender.catalog import Catalog, Game
from recommender.device import Device
from recommender.evaluate import SplitSettings, evaluate, split
from recommender.interactions import Interactions
from recommender.linear import LinearSettings, fit
from recommender.proposals import Plan
from recommender.shelf import Shelf
from recommender.tuning import SPACE, Floors, Knob, Outcome, Point, Scores, Space, Trial
from storage.datasets.sample import sample_games, sample_interactions
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.warehouse import INTERACTIONS, games_batch

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TRAINING = TrainingSettings(min_games=5, device=Device.CPU)
ABOUT = {"key": "of these data"}
FOUR = Space(SPACE.knobs[:4])


@dataclass
class World:
    """A clock, and trials that take `seconds` each and score by how near they are to the middle of every knob."""

    seconds: float = 10.0
    now: float = 1000.0
    measured: list[tuple[int, Point]] = field(default_factory=list)
    interrupted_after: int = 10**9

    def clock(self) -> float:
        return self.now

    def measure(self, games: int, points: Sequence[Point], step: Step) -> list[Outcome]:
        step("fold 1 of 1")
        if len(self.measured) >= self.interrupted_after:
            raise KeyboardInterrupt
        self.measured += [(games, point) for point in points]
        self.now += self.seconds * len(points) * (1.0 if games > 4000 else 0.1)
        off = np.abs(FOUR.units(points) - 0.5).sum(axis=1)
        return [Outcome((Scores(0.6, 0.5, 0.5 - 0.1 * float(by)),), 0.01) for by in off]


def searched(
    world: World, path: Path, *, budget: float = 1e9, trials: int | None = None, told: Told = lambda _: None
) -> tuple[Ended, list[Trial]]:
    plan = Plan(FOUR, 10_000, 4000, (FOUR.plain, (100.0, 0.2, 0.1, 0.0)), Floors(), 0)
    with open_record(path, ABOUT, FOUR) as record:
        ended = search(plan, record, world.measure, Limits(world.clock, world.now, world.now + budget, trials), told)
        return ended, list(record.trials)


@pytest.mark.parametrize("budget", [5.0, 25.0, 45.0, 100.0, 333.0])
def test_no_trial_begins_that_would_end_after_the_budget(tmp_path: Path, budget: float) -> None:
    """The first trial of a size alone may: nothing says how long it takes."""
    world = World()
    ended, found = searched(world, tmp_path / "r.jsonl", budget=budget)

    assert ended is Ended.BUDGET
    assert world.now - 1000 <= max(budget, 10.0)
    next_one = 10.0 if len(found) < 2 or (len(found) - 4) % 13 == 12 else 1.0
    assert world.now - 1000 + next_one > budget


def test_a_budget_that_is_spent_before_the_first_trial_begins_none(tmp_path: Path) -> None:
    assert searched(World(), tmp_path / "r.jsonl", budget=0) == (Ended.BUDGET, [])


@pytest.mark.parametrize("trials", [1, 3, 7, 20])
def test_as_many_trials_are_measured_as_were_asked_for(tmp_path: Path, trials: int) -> None:
    ended, found = searched(World(), tmp_path / "r.jsonl", trials=trials)

    assert (ended, len(found)) == (Ended.TRIALS, trials)


@pytest.mark.parametrize("first", [1, 2, 4, 8, 12, 16, 17])
def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(tmp_path: Path, first: int) -> None:
    whole, halves = World(), World()
    _, expected = searched(whole, tmp_path / "whole.jsonl", trials=24)
    searched(halves, tmp_path / "halves.jsonl", trials=first)
    ended, found = searched(halves, tmp_path / "halves.jsonl", trials=24)

    assert ended is Ended.TRIALS
    assert [(one.games, one.point, one.outcome) for one in found] == [
        (one.games, one.point, one.outcome) for one in expected
    ]
    assert halves.measured == whole.measured


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    ended, found = searched(World(interrupted_after=8), tmp_path / "r.jsonl")

    assert (ended, len(found)) == (Ended.INTERRUPTED, 8)
    assert searched(World(), tmp_path / "r.jsonl", trials=8) == (Ended.TRIALS, found)


def test_the_best_so_far_is_told_with_what_is_being_done(tmp_path: Path) -> None:
    heard: list[Standing] = []
    searched(World(), tmp_path / "r.jsonl", trials=30, told=heard.append)

    assert heard[0] == Standing(0.0, 0, None, "1 on 10,000 games, fold 1 of 1")
    assert heard[4].doing == "4 on 4,000 games, fold 1 of 1"
    played = [one.best.found.indie_played for one in heard if one.best is not None and one.best.found is not None]
    assert played == sorted(played)
    assert played[-1] > played[0]


def recorded(path: Path, trials: int = 6) -> list[bytes]:
    searched(World(), path, trials=trials)
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("cut", [1, 20, 10_000])
def test_a_last_line_that_was_cut_short_is_dropped_and_measured_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "r.jsonl"
    lines = recorded(path, trials=5)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: min(cut, len(lines[-1]) - 1)])
    with open_record(path, ABOUT, FOUR) as record:
        assert record.torn
        assert len(record.trials) == 4
    with open_record(path, ABOUT, FOUR) as record:
        assert not record.torn
    searched(World(), path, trials=5)

    assert path.read_bytes() == b"".join(lines)


def test_a_record_whose_first_line_was_cut_short_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = recorded(path)
    path.write_bytes(lines[0][:9])

    assert recorded(path) == lines


@pytest.mark.parametrize("foreign", [b"", b'{"l2": 3}\n', b"my shopping list", b"my shopping\nlist\n", b"\xff\x00\n"])
def test_a_file_that_is_no_record_is_refused_and_stays_as_it_was(tmp_path: Path, foreign: bytes) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(foreign)

    if not foreign:
        assert len(recorded(path)) == 7
        return
    with pytest.raises(RecordRefused, match="no record"):
        searched(World(), path)
    assert path.read_bytes() == foreign


def test_the_record_of_other_data_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = recorded(path)

    with pytest.raises(RecordRefused, match="other data"), open_record(path, {"key": "else"}, FOUR):
        pass
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("line", [b"{}\n", b"[1]\n", b"hm\n", b'{"games": "many"}\n', b"\n"])
def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "r.jsonl"
    lines = recorded(path)
    path.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))

    with pytest.raises(RecordRefused, match="line 3 is damaged"):
        searched(World(), path)


def test_a_record_that_another_tuner_writes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recorded(path)

    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RecordRefused, match="another `indiean tune`"):
            searched(World(), path)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    return [row for batch in sample_interactions(players=300) for row in batch.to_pylist()]


Stocked = Callable[[str, Sequence[dict[str, object]]], DuckDBWarehouse]


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Stocked]:
    """Makes a warehouse of such rows and the games of the sample world."""
    made: list[DuckDBWarehouse] = []

    def make(name: str, rows: Sequence[dict[str, object]]) -> DuckDBWarehouse:
        warehouse = DuckDBWarehouse(tmp_path / f"{name}.duckdb")
        made.append(warehouse)
        warehouse.load_games([games_batch(sample_games())], "sample", NOW)
        batch = pa.RecordBatch.from_pylist(list(rows), schema=INTERACTIONS)
        warehouse.load_interactions([batch], "sample", NOW)
        return warehouse

    yield make
    for warehouse in made:
        warehouse.close()


def tuned(
    warehouse: DuckDBWarehouse, home: Path, trials: int = 4, training: TrainingSettings = TRAINING, small: int = 4000
) -> TuningReport:
    settings = TuningSettings(training, 1e9, trials, small=small)
    return tune(gather(warehouse, training), home, settings, clock=lambda: 0.0)


def held_out(warehouse: DuckDBWarehouse, split: SplitSettings) -> set[str]:
    """By the rule of `evaluate.split`, said once more."""
    names = warehouse.training_interactions(TRAINING.min_games).player_ids
    return {name for name in names if splitmix64(key(name) ^ splitmix64(split.seed)) / 2**64 < split.held_out}


def key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def splitmix64(value: int) -> int:
    """In Python's own numbers: https://prng.di.unimi.it/splitmix64.c."""
    z = (value + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_the_test_players_are_not_looked_at(stocked: Stocked, rows: list[dict[str, object]], tmp_path: Path) -> None:
    """Whatever they own and however long they played it, the record is the same to the byte."""
    before = stocked("before", rows)
    hidden = held_out(before, TRAINING.split)
    ids = sorted({row["app_id"] for row in rows}, key=str)
    other = dict(zip(ids, ids[7:] + ids[:7], strict=True))
    spoilt = [
        {**row, "app_id": other[row["app_id"]], "minutes": 77_777} if row["player"] in hidden else row for row in rows
    ]
    after = stocked("after", spoilt)
    assert held_out(after, TRAINING.split) == hidden
    one, two = tuned(before, tmp_path / "one"), tuned(after, tmp_path / "two")

    assert 20 < len(hidden) < 45
    assert before.fingerprint() != after.fingerprint()
    assert one.record.name == two.record.name
    assert one.record.read_bytes() == two.record.read_bytes()


def test_the_same_split_is_taken_away_as_evaluate_measures_on(stocked: Stocked, rows: list[dict[str, object]]) -> None:
    interactions = gather(stocked("w", rows), TRAINING).interactions
    kept, train = without_held_out(interactions, TRAINING.split), split(interactions, TRAINING.split).train

    assert len(kept) == len(train) == 264
    for row in range(0, 264, 9):
        one, other = kept.row(row), train.row(row)
        assert dict(zip(kept.items.app_ids[one.positions], one.minutes, strict=True)) == dict(
            zip(train.items.app_ids[other.positions], other.minutes, strict=True)
        )


def test_other_players_begin_another_record(stocked: Stocked, rows: list[dict[str, object]], tmp_path: Path) -> None:
    one = tuned(stocked("one", rows), tmp_path, 1)
    two = tuned(stocked("two", rows[:-40]), tmp_path, 1)
    again = tuned(stocked("again", rows), tmp_path, 1)

    assert one.record != two.record
    assert again.record == one.record
    assert len(again.trials) == 1


def test_what_has_no_knob_begins_another_record(
    stocked: Stocked, rows: list[dict[str, object]], tmp_path: Path
) -> None:
    warehouse = stocked("w", rows)
    model = LinearSettings(weighting=replace(TRAINING.model.weighting, owned=2.0))
    one, other = tuned(warehouse, tmp_path, 1), tuned(warehouse, tmp_path, 1, training=replace(TRAINING, model=model))
    l2 = tuned(warehouse, tmp_path, 1, training=replace(TRAINING, model=LinearSettings(l2=7.0)))

    assert one.record != other.record
    assert one.record == l2.record


def test_a_first_look_at_fewer_games_goes_before_all_of_them(
    stocked: Stocked, rows: list[dict[str, object]], tmp_path: Path
) -> None:
    report = tuned(stocked("w", rows), tmp_path, 17, small=100)
    sizes = [trial.games for trial in report.trials]

    assert sizes == [report.games] * 2 + [100] * 14 + [report.games]
    assert report.small == 14
    assert {trial.point for trial in report.ranked} == {t.point for t in report.trials if t.games == report.games}


def bench_of(warehouse: DuckDBWarehouse) -> Bench:
    gathered = gather(warehouse, TRAINING)
    shelf = Shelf(Catalog(gathered.games), gathered.interactions.items)
    return Bench.of(gathered.interactions, shelf, 10**6, SPACE, LinearSettings(), Device.CPU)


@pytest.mark.parametrize("knob", SPACE.knobs, ids=lambda knob: knob.name)
def test_what_is_shared_with_other_points_changes_no_score(
    stocked: Stocked, rows: list[dict[str, object]], knob: Knob
) -> None:
    """A knob that says it renews less than it does would be measured on what another point left."""
    bench = bench_of(stocked("w", rows))
    turned = tuple(0.7 * knob.low + 0.3 * knob.high if one is knob else one.plain for one in SPACE.knobs)
    further = tuple(0.4 * knob.low + 0.6 * knob.high if one is knob else one.plain for one in SPACE.knobs)
    found = bench.measure([SPACE.plain, turned, further], lambda _: None)

    for point, outcome in zip((SPACE.plain, turned, further), found, strict=True):
        settings = SPACE.settings(point, LinearSettings())
        fits = [calibrated(fit(fold.train, settings, Device.CPU), bench.shelf.indie) for fold in bench.folds]
        alone = [evaluate(one, fold, bench.shelf) for one, fold in zip(fits, bench.folds, strict=True)]
        np.testing.assert_allclose(
            [scores.as_row() for scores in outcome.folds], [Scores.of(one).as_row() for one in alone], atol=1e-3
        )
    assert found[0].folds != found[1].folds != found[2].folds


def test_folds_are_other_players_each_and_the_error_is_that_of_their_mean(
    stocked: Stocked, rows: list[dict[str, object]]
) -> None:
    bench = bench_of(stocked("w", rows))
    (outcome,) = bench.measure([SPACE.plain], lambda _: None)
    model = SPACE.settings(SPACE.plain, LinearSettings())
    errors = [evaluate(fit(f.train, model, Device.CPU), f, bench.shelf).indie_played.error for f in bench.folds]

    assert len(outcome.folds) == len({fold.indie_played for fold in outcome.folds}) == 3
    assert outcome.error == pytest.approx(np.sqrt(np.mean(np.square(errors)) / 3), rel=0.01)


def indies(interactions: Interactions) -> Shelf:
    """All of its games, indie."""
    games = [Game(app_id, f"Game {app_id}", genres=("Indie",)) for app_id in interactions.items.app_ids.tolist()]
    return Shelf(Catalog(games), interactions.items)


def test_a_point_that_cannot_be_fitted_is_refused_and_the_others_are_measured() -> None:
    """Two games with the same owners and no penalty: the Gram has no inverse."""
    chosen = np.array([[1, 2, 3 + player % 5] for player in range(60)], np.int32).ravel()
    players = np.repeat(np.arange(60, dtype=np.int32), 3)
    interactions = Interactions.from_columns(players, chosen, np.full(180, 600, np.int32))
    bench = Bench.of(interactions, indies(interactions), 10, SPACE, LinearSettings(), Device.CPU)
    singular, sound = ((l2, 0.0, *SPACE.plain[2:]) for l2 in (0.0, 5.0))
    found = bench.measure([singular, sound], lambda _: None)

    assert "raise l2" in found[0].refused
    assert found[0].found is None
    assert found[1].found is not None
    assert bench.measure([singular], lambda _: None) == found[:1]


def test_one_point_at_a_time_takes_one_matrix_at_a_time() -> None:
    """Of n x n float32, whichever fold it is; all else is blocks of it, and a few players."""
    m, n, r = 2400, 2000, 5
    players = np.repeat(np.arange(m, dtype=np.int32), r)
    chosen = ((r * players + np.tile(np.arange(r), m) * (1 + players // 400)) % n).astype(np.int32)
    interactions = Interactions.from_columns(players, chosen, np.full(len(chosen), 600, np.int32))
    bench = Bench.of(interactions, indies(interactions), n, SPACE, LinearSettings(), Device.CPU)
    bench.measure([SPACE.plain], lambda _: None)  # what is worked out once
    tracemalloc.start()
    try:
        bench.measure([SPACE.plain], lambda _: None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 0.8 * n * n * 4  # beside the matrix itself, which is mapped and so not traced
