"""Importing: all files recognised before any is loaded, games first, twice the same as once."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.datasets.formats import Format
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import DatasetRefused
from storage.importing import FileReport, ImportProgress, ImportReport, import_paths
from storage.warehouse import Counts, Warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ucsd(path: Path, *players: tuple[str, dict[int, int]]) -> Path:
    lines = [
        {"user_id": user, "items": [{"item_id": str(app), "playtime_forever": n} for app, n in owned.items()]}
        for user, owned in players
    ]
    path.write_bytes(gzip.compress("".join(f"{line!r}\n" for line in lines).encode()))
    return path


def text(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def silent(_: ImportProgress) -> None:
    pass


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with DuckDBWarehouse(tmp_path / "home" / "warehouse.duckdb") as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with one file of each kind, named so that their names are in the wrong order."""
    folder = tmp_path / "files"
    folder.mkdir()
    text(folder / "a-behaviour.csv", "7,Hades,purchase,1,0", "7,HADES,play,2,0", "7,Lost Title,purchase,1,0")
    ucsd(folder / "b-items.json.gz", ("p", {10: 5, 99: 1}), ("q", {}), ("p", {10: 3}))
    text(folder / "c-games.csv", "App ID,Name,Price,Release Date", "10,Hades,,Soon", "20,Celeste,19.99,2018")
    text(folder / "d-games.json", "{u'id': u'10', u'app_name': u'Hades', u'price': 24.99, u'tags': [u'Roguelike']}")
    text(folder / "readme.md", "nothing to import")
    return folder


def run(warehouse: Warehouse, home: Path, *paths: Path) -> ImportReport:
    return import_paths(paths, warehouse, home=home, now=NOW, progress=silent)


def formats(report: ImportReport) -> Sequence[Format]:
    return [file.format for file in report.files]


def test_a_folder_is_its_known_files_games_first_and_titles_last(
    warehouse: Warehouse, files: Path, tmp_path: Path
) -> None:
    report = run(warehouse, tmp_path, files)

    assert formats(report) == [Format.KAGGLE_GAMES, Format.UCSD_GAMES, Format.UCSD_ITEMS, Format.KAGGLE_BEHAVIOUR]
    assert warehouse.counts() == Counts(interactions=3, players=2, items=2, games=2, reviews=0)


def test_the_report_counts_what_was_handled(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    csv_games, ucsd_games, items, behaviour = run(warehouse, tmp_path, files).files

    assert (csv_games.added, csv_games.undated, csv_games.unpriced) == (2, 1, 1)
    assert (ucsd_games.added, ucsd_games.changed) == (0, 1)
    assert (items.read, items.added, items.repeated, items.unknown_games) == (3, 2, 1, 1)
    assert (behaviour.read, behaviour.added, behaviour.unmatched_titles) == (1, 1, 1)


def test_a_second_source_only_adds_to_a_game(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path, files)
    hades = warehouse.games()[0]

    assert (hades.title, hades.price, hades.tags) == ("Hades", 24.99, ("Roguelike",))


def test_unmatched_titles_are_listed_in_a_file(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    listed = run(warehouse, tmp_path, files).files[-1].unmatched_file

    assert listed == tmp_path / "unmatched" / "a-behaviour.csv"
    assert listed.read_text(encoding="utf-8").splitlines() == ["title,rows", "Lost Title,1"]


def test_importing_twice_changes_nothing(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path, files)
    before = warehouse.fingerprint(), warehouse.counts(), warehouse.games()

    again = run(warehouse, tmp_path, files)

    assert [(file.added, file.changed) for file in again.files] == [(0, 0)] * 4
    assert (warehouse.fingerprint(), warehouse.counts(), warehouse.games()) == before


def test_a_file_named_twice_is_read_once(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    games = files / "c-games.csv"

    assert formats(run(warehouse, tmp_path, games, files / ".." / "files" / "c-games.csv")) == [Format.KAGGLE_GAMES]


def test_a_foreign_file_among_good_ones_is_refused_before_any_is_loaded(
    warehouse: Warehouse, files: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetRefused, match=r"readme\.md"):
        run(warehouse, tmp_path, files / "c-games.csv", files / "readme.md")

    assert warehouse.counts() == Counts(0, 0, 0, 0, 0)


def test_a_folder_without_a_known_file_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(DatasetRefused, match="known format"):
        run(warehouse, tmp_path, tmp_path / "empty")


def test_titles_without_any_catalogue_are_refused_with_advice(
    warehouse: Warehouse, files: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetRefused, match="import a file of games too"):
        run(warehouse, tmp_path, files / "a-behaviour.csv")


def test_titles_are_matched_to_games_imported_earlier(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    run(warehouse, tmp_path, files / "c-games.csv")

    assert run(warehouse, tmp_path, files / "a-behaviour.csv").files[0].added == 1


LIBRARIES = [(f"p{n}", {app: n * app for app in range(1, 30)}) for n in range(1, 200)]


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_a_truncated_file_is_refused_and_leaves_the_warehouse_as_it_was(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder, DuckDBWarehouse(Path(folder) / "w.duckdb") as warehouse:
        run(warehouse, Path(folder), ucsd(Path(folder) / "good.json.gz", ("p1", {1: 10**6})))
        before = warehouse.fingerprint()
        path = ucsd(Path(folder) / "cut.json.gz", *LIBRARIES)
        path.write_bytes(path.read_bytes()[: data.draw(st.integers(2, path.stat().st_size - 1))])
        with pytest.raises(DatasetRefused) as refused:
            run(warehouse, Path(folder), path)
        after = warehouse.fingerprint()

    assert refused.value.line is not None
    assert after == before


def test_progress_tells_each_file_and_never_runs_back(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    told: list[ImportProgress] = []
    import_paths([files], warehouse, home=tmp_path, now=NOW, progress=told.append)
    places = [(step.number, step.done / step.total) for step in told]

    assert places == sorted(places)
    assert {step.number for step in told if step.done == step.total} == {1, 2, 3, 4}
    assert {step.files for step in told} == {4}


def test_the_report_is_plain_json(warehouse: Warehouse, files: Path, tmp_path: Path) -> None:
    report = run(warehouse, tmp_path, files)

    first = json.loads(json.dumps(report.as_dict()))["files"][0]

    assert first["path"] == str(files / "c-games.csv")
    assert first["format"] == "kaggle games"
    assert first["unmatched_file"] is None
    assert first.keys() == asdict(FileReport(files, Format.KAGGLE_GAMES, 0, 0, 0, 0)).keys()
