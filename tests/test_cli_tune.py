"""`indiean tune` as a person meets it: what it prints, what it leaves behind, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.cli.tune import seconds_of
from bot.settings import read_settings
from recommender.tuning import SPACE
from storage.datasets.sample import SAMPLE_SOURCE, sample_games, sample_interactions
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.warehouse import games_batch
from tests.processes import running

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SECONDS = 120


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of the sample world; each test works on a copy."""
    made = tmp_path_factory.mktemp("imported") / "warehouse.duckdb"
    with DuckDBWarehouse(made) as warehouse:
        warehouse.load_games([games_batch(sample_games())], SAMPLE_SOURCE, NOW)
        warehouse.load_interactions(sample_interactions(players=300), SAMPLE_SOURCE, NOW)
    return made


@pytest.fixture(autouse=True)
def filled(home: Path, imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    shutil.copyfile(imported, home / "warehouse.duckdb")
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)


def environment(home: Path) -> dict[str, str]:
    return {"INDIEAN_HOME": str(home), "INDIEAN_DEVICE": "cpu", "INDIEAN_MIN_GAMES": "5"}


def records(home: Path) -> list[Path]:
    return sorted((home / "tuning").glob("*.jsonl")) if (home / "tuning").exists() else []


def measured(home: Path) -> list[Mapping[str, object]]:
    """The whole lines after the first of the only record."""
    (path,) = records(home)
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[1:-1]]


def test_four_trials_on_the_sample_world(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints for .env is the best that it measured, and is what the settings then are."""
    assert run(["tune", "--trials", "4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert run(["tune", "--trials", "4"]) == 0
    printed = capsys.readouterr().out
    told = dict(re.findall(r"^INDIEAN_(\w+)=(\S+)$", printed, re.MULTILINE))

    assert report["trials"] == measured(home)
    assert len(report["trials"]) == 4
    assert report["ended"] == "trials"
    assert report["plain"]["values"] == dict(zip(SPACE.names, SPACE.plain, strict=True))
    assert {name.lower(): float(value) for name, value in told.items()} == report["best"]
    Path(".env").write_text("".join(f"INDIEAN_{name}={value}\n" for name, value in told.items()))
    assert SPACE.point(read_settings().training().model) == tuple(report["best"].values())


def test_people_see_the_best_beside_what_is_in_use_and_that_the_players_are_synthetic(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", "--trials", "6"]) == 0
    said = capsys.readouterr().out

    assert "synthetic" in said
    assert all(
        words in said for words in ("in use", "plain EDLAE", "kept", "l2", "weight_played", str(records(home)[0]))
    )
    assert "indiean evaluate" in said


def test_settings_that_are_the_best_already_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "--trials", "2"]) == 0  # plain EDLAE, and the settings, which are better
    said = capsys.readouterr().out

    assert "Nothing better" in said
    assert "INDIEAN_" not in said


def test_floors_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "--trials", "4", "--keep-all", "1", "--keep-indie", "1", "--json"]) == 0
    strict = json.loads(capsys.readouterr().out)
    assert run(["tune", "--trials", "4", "--keep-all", "0", "--keep-indie", "0", "--json"]) == 0
    free = json.loads(capsys.readouterr().out)
    played = {json.dumps(one["values"]): sum(fold["indie_played"] for fold in one["folds"]) for one in free["trials"]}

    assert free["trials"] == strict["trials"]
    assert played[json.dumps(free["best"])] == max(played.values())
    best = next(one for one in strict["trials"] if one["values"] == strict["best"])
    for measure in ("all", "indie"):
        totals = [sum(fold[measure] for fold in one["folds"]) for one in (best, strict["plain"])]
        assert totals[0] >= totals[1]


def test_the_record_is_where_it_is_wanted(home: Path, tmp_path: Path) -> None:
    assert run(["tune", "--trials", "1", "--record", str(tmp_path / "mine.jsonl"), "--json"]) == 0

    assert len((tmp_path / "mine.jsonl").read_bytes().splitlines()) == 2
    assert records(home) == []


@pytest.mark.parametrize(
    ("said", "seconds"), [("30m", 1800), ("90s", 90), ("1h30m", 5400), ("2H", 7200), (" 5m10s ", 310)]
)
def test_a_budget_is_written_as_people_write_times(said: str, seconds: float) -> None:
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["", "30", "m", "-5m", "1.5h", "half an hour", "30m1h", "0s", "٣m"])
def test_a_wrong_budget_gets_one_clear_sentence(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", f"--budget={said}"]) == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())

    assert f"write how long it may take as 30m, 90s or 1h30m, not as {said!r}" in told


def test_nothing_imported_is_refused_with_a_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "warehouse.duckdb").unlink()

    assert run(["tune"]) == 1
    assert "indiean data import" in capsys.readouterr().err


async def until(home: Path, trials: int) -> None:
    for _ in range(100 * SECONDS):
        if records(home) and len(measured(home)) >= trials:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"no {trials} trials after {SECONDS} s")


@pytest.mark.parametrize("trials", [1, 6])
async def test_a_run_that_is_killed_is_gone_on_with(
    home: Path, tmp_path: Path, trials: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured twice, and nothing that was is lost."""
    async with running("bot", "tune", "--json", env=environment(home), log=tmp_path / "log", folder=tmp_path) as tuner:
        await until(home, trials)
        tuner.kill()
        await asyncio.wait_for(tuner.wait(), SECONDS)
    before = measured(home)
    assert await asyncio.to_thread(run, ["tune", "--trials", str(len(before) + 2), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert report["trials"][: len(before)] == before
    assert len(report["trials"]) == len(before) + 2
    points = [(one["games"], *one["values"].values()) for one in report["trials"]]
    assert len(set(points)) == len(points)


async def test_ctrl_c_shows_the_best_so_far_and_says_by_its_status_that_it_was_interrupted(
    home: Path, tmp_path: Path
) -> None:
    async with running("bot", "tune", env=environment(home), log=tmp_path / "log", folder=tmp_path) as tuner:
        await until(home, 3)
        with DuckDBWarehouse(home / "warehouse.duckdb"):
            pass  # whoever wants to write may do so while it searches
        tuner.send_signal(signal.SIGINT)
        status = await asyncio.wait_for(tuner.wait(), SECONDS)
    said = (tmp_path / "log").read_text()

    assert status == 130
    assert "interrupted" in said
    assert "plain EDLAE" in said
    assert "Traceback" not in said
    assert len(measured(home)) >= 3
