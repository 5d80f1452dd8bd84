"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import settings

from bot.settings import PREFIX, Settings
from storage.bigquery.place import Place
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.warehouse import Warehouse
from tests.databases import KEEPER, POSTGRES, drop_databases
from tests.postgres_server import keeper
from tests.warehouses import Open

if TYPE_CHECKING:
    from tests.loopback_bigquery import LoopbackBigQuery

settings.register_profile("steady", deadline=None, max_examples=60)  # a busy machine is no failure
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """One Postgres a run, kept by the process that hands the tests out; its workers inherit the environment."""
    if POSTGRES in os.environ or KEEPER in os.environ:
        return
    held = ExitStack()
    config.add_cleanup(held.close)
    held.callback(os.environ.pop, KEEPER)
    os.environ[KEEPER] = str(held.enter_context(keeper()))


def pytest_sessionfinish() -> None:
    drop_databases()


@pytest.fixture(scope="session")
def steam_data() -> Path:
    """The folder of real Steam data: beside the checkout, or where INDIEAN_TEST_DATA says."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "steam"
    folder = Path(os.environ.get("INDIEAN_TEST_DATA", beside))
    if not (folder / "interactions.parquet").exists():
        pytest.skip(f"real Steam data is not at {folder}: set INDIEAN_TEST_DATA to run this")
    return folder


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that the operator who runs the tests has set, and no `.env` in the current folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(bare_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The home folder of all that reads the environment; it is not there yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INDIEAN_HOME", str(folder))
    return folder


@pytest.fixture
def open_duckdb(tmp_path: Path) -> Open:
    return lambda name: DuckDBWarehouse(tmp_path / f"{name}.duckdb")


@pytest.fixture(scope="session")
def bigquery() -> Iterator[LoopbackBigQuery]:
    from tests.loopback_bigquery import LoopbackBigQuery  # noqa: PLC0415 - a second to import, and most tests do without

    with LoopbackBigQuery() as running:
        yield running


@pytest.fixture
def open_bigquery(bigquery: LoopbackBigQuery) -> Open:
    from storage.bigquery.warehouse import BigQueryWarehouse  # noqa: PLC0415 - a second to import

    ours = uuid4().hex
    return lambda name: BigQueryWarehouse(Place(bigquery.project, f"t{ours}_{name}", api_url=bigquery.url))


@pytest.fixture(params=["duckdb", "bigquery"])
def open_warehouse(request: pytest.FixtureRequest) -> Open:
    """The implementations that must behave alike: another one adds its name here and a fixture `open_NAME`."""
    chosen: Open = request.getfixturevalue(f"open_{request.param}")
    return chosen


@pytest.fixture
def warehouse(open_warehouse: Open) -> Iterator[Warehouse]:
    with open_warehouse("warehouse") as opened:
        yield opened
