"""A set from its files by the lake into the warehouse, and the proof that it adds up: seconds and memory a step.

    python -m benchmarks.circle FILE [FILE ...] [--postgres postgresql://...] [--json]

On SQLite in a folder that is gone afterwards, and on a Postgres where one is named, whose tables are then this run's.
Beside it the same files straight into DuckDB, and a plain COPY of the same events into a table of the database. Each
way runs in a process of its own; peak is its resident memory over what it had when it began.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from jobs.export import export
from jobs.reconcile import reconcile
from jobs.through_lake import ThroughLake
from storage.database import Database
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.importing import import_paths
from storage.lake.lake import Lake

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """`rows` of the files; `peak` in MiB."""

    way: str
    step: str
    seconds: float
    rows: int
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--postgres")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    urls = {"SQLite": None} | ({"Postgres": chosen.postgres} if chosen.postgres else {})
    found = _apart(_straight, chosen.files, None)
    for name, url in urls.items():
        found += _apart(_by_the_lake, chosen.files, (name, url))
    if chosen.json:
        print(json.dumps([asdict(step) for step in found], indent=2))
        return
    print("| way | step | seconds | rows a second | peak, MiB |\n|---|---|---|---|---|")
    for step in found:
        speed = f"{step.rows / step.seconds:,.0f}" if step.rows else "–"
        print(f"| {step.way} | {step.step} | {step.seconds:.1f} | {speed} | {step.peak:,.0f} |")


Way = tuple[str, str | None] | None


def _apart(run: Callable[[list[Path], Way], list[Step]], files: list[Path], way: Way) -> list[Step]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (files, way))


class Watch:
    def __init__(self, way: str) -> None:
        self.way, self.steps = way, list[Step]()
        self._began, self._before = time.perf_counter(), _resident()

    def step(self, name: str, rows: int = 0) -> None:
        now = time.perf_counter()
        self.steps.append(Step(self.way, name, now - self._began, rows, _resident() - self._before))
        self._began = time.perf_counter()


def _resident() -> float:
    """The most that there has been, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _straight(files: list[Path], _: Way) -> list[Step]:
    watch = Watch("straight into DuckDB")
    with tempfile.TemporaryDirectory() as folder, DuckDBWarehouse(Path(folder) / "warehouse.duckdb") as warehouse:
        report = import_paths(files, warehouse, home=Path(folder), now=NOW, progress=lambda _: None)
        watch.step("import", sum(file.read for file in report.files))
    return watch.steps


def _by_the_lake(files: list[Path], way: Way) -> list[Step]:
    assert way is not None
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_circle(files, Path(folder), *way))


async def _circle(files: list[Path], folder: Path, name: str, url: str | None) -> list[Step]:
    database = Database(url or f"sqlite:///{folder / 'lake.sqlite'}", patience=60.0)
    await database.migrate()
    lake = Lake(database)
    watch = Watch(f"{name} and DuckDB")
    with DuckDBWarehouse(folder / "warehouse.duckdb") as warehouse:
        through = ThroughLake(lake, warehouse, asyncio.get_running_loop(), lambda: NOW)
        report = await asyncio.to_thread(import_paths, files, through, home=folder, now=NOW, progress=lambda _: None)
        rows = sum(file.read for file in report.files)
        watch.step("import by the lake", rows)
        with DuckDBWarehouse(folder / "anew.duckdb") as anew:
            await export(lake, anew, now=lambda: NOW)
        watch.step("export anew", rows)
        with DuckDBWarehouse(folder / "again.duckdb") as again:
            found = await reconcile(lake, warehouse, again, now=lambda: NOW)
        watch.step("check", rows)
        assert not found.problems, found.problems
    events = [(one.seq, one.event.key, one.event.body) for one in await lake.after(0, 1_000_000)]
    watch.step("read the events")
    await (_copied(url, events) if url else asyncio.to_thread(_executed, folder / "plain.sqlite", events))
    watch.step("plain COPY of the same events", rows)
    await database.close()
    return watch.steps


async def _copied(url: str, events: list[tuple[int, str, bytes | None]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TEMP TABLE plain (seq BIGINT, key TEXT, body BYTEA)")
        await connection.copy_records_to_table("plain", records=events)
    finally:
        await connection.close()


def _executed(file: Path, events: list[tuple[int, str, bytes | None]]) -> None:
    """SQLite has no COPY: executemany in one transaction comes nearest."""
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE plain (seq INTEGER, key TEXT, body BLOB)")
        connection.executemany("INSERT INTO plain VALUES (?, ?, ?)", events)
    connection.close()


if __name__ == "__main__":
    main()
