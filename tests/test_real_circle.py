"""The whole real set by the lake into the warehouse, on both databases: none of it is lost, none of it twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.reconcile import reconcile
from jobs.through_lake import ThroughLake
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.importing import import_paths
from storage.lake.lake import Lake
from storage.warehouse import Counts
from tests.databases import KINDS, ready

NOW = datetime(2026, 5, 1, tzinfo=UTC)
FILES = ("interactions.parquet", "games.parquet", "reviews.parquet")
WHOLE = Counts(interactions=4_577_057, players=63_698, items=10_787, games=71_329, reviews=46_912)


@pytest.fixture(scope="module")
def fingerprint(steam_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the interactions that went straight into a warehouse."""
    folder = tmp_path_factory.mktemp("straight")
    with DuckDBWarehouse(folder / "warehouse.duckdb") as warehouse:
        import_paths([steam_data / FILES[0]], warehouse, home=folder, now=NOW, progress=lambda _: None)
        return warehouse.fingerprint()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_whole_set_comes_through_the_lake_as_it_was(
    steam_data: Path, fingerprint: str, tmp_path: Path, kind: str
) -> None:
    files = [steam_data / name for name in FILES]
    async with ready(kind, tmp_path, patience=60.0) as database:
        lake = Lake(database)
        with DuckDBWarehouse(tmp_path / "w.duckdb") as warehouse, DuckDBWarehouse(tmp_path / "again.duckdb") as again:
            through = ThroughLake(lake, warehouse, asyncio.get_running_loop(), lambda: NOW)
            await asyncio.to_thread(import_paths, files, through, home=tmp_path, now=NOW, progress=lambda _: None)
            found = await reconcile(lake, warehouse, again, now=lambda: NOW)

            assert found.problems == []
            assert found.warehouse == found.replayed == WHOLE
            assert (found.taken.rows["interactions"], found.taken.rejected) == (4_630_133, {})
            assert warehouse.fingerprint() == again.fingerprint() == fingerprint
