"""`indiean data export|check|prune` as an operator meets them, killed in the middle and without a database."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.settings import read_settings
from recommender.library import Library
from storage.database import Database
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.lake.events import library_read
from storage.lake.lake import Lake

PLAYERS = 40


pytestmark = pytest.mark.usefixtures("home")


def fill(players: int = PLAYERS, at: datetime | None = None) -> None:
    """The lake with a library of three games a player."""

    async def append() -> None:
        database = Database(read_settings().database)
        await database.migrate()
        moment = at or datetime.now(UTC)
        games = [Library({10: number, 20: 2, 30 + number: 3}) for number in range(players)]
        events = [library_read("discord", f"p{number}", owned, moment) for number, owned in enumerate(games)]
        await Lake(database).append(events)
        await database.close()

    asyncio.run(append())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join("".join(capsys.readouterr()).split())


def test_an_export_says_what_it_told_and_the_next_one_that_all_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    first, told = run(["data", "export"]), said(capsys)
    second, again = run(["data", "export"]), said(capsys)

    assert (first, second) == (0, 0)
    assert "library 40 0" in told
    assert "interactions 120 120 0 0" in told
    assert "has heard all 40 events" in again


def test_a_check_counts_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    run(["data", "export"])
    said(capsys)
    status, found = run(["data", "check"]), said(capsys)

    assert status == 0
    assert "events 40 40" in found
    assert "rows of interactions 120 120" in found
    assert "Everything adds up." in found


def test_a_check_that_finds_something_says_what_and_ends_with_1(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    run(["data", "export"])
    with DuckDBWarehouse(home / "warehouse.duckdb") as warehouse:
        warehouse._database.execute("DELETE FROM interactions WHERE app_id = 20")
    status, found = run(["data", "check"]), said(capsys)

    assert status == 1
    assert "told once more, the lake comes to 120 interactions, and the warehouse has 80" in found
    assert list(home.glob("check-*")) == []


def test_all_reports_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    run(["data", "export", "--json"])
    exported = json.loads(capsys.readouterr().out)
    run(["data", "check", "--json"])
    checked = json.loads(capsys.readouterr().out)

    assert exported["events"] == {"library": 40}
    assert checked["problems"] == []
    assert checked["tally"] == {"last": 40, "events": 40, "removed": 0}


def test_pruning_keeps_what_was_not_told_yet(capsys: pytest.CaptureFixture[str]) -> None:
    fill(at=datetime.now(UTC) - timedelta(days=400))
    run(["data", "prune"])
    before = said(capsys)
    run(["data", "export"])
    run(["data", "prune"])
    after = said(capsys)

    assert "0 events of the lake" in before
    assert "40 events of the lake" in after
    assert run(["data", "check"]) == 0


def test_a_lake_that_was_put_back_says_how_to_go_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    run(["data", "export"])
    for file in home.glob("indiean.sqlite*"):
        file.rename(file.with_name("kept-" + file.name))
    fill(3)
    name = asyncio.run(_name(home / "kept-indiean.sqlite"))
    asyncio.run(_rename(home / "indiean.sqlite", name))
    said(capsys)
    refused, why = run(["data", "export"]), said(capsys)
    anew, told = run(["data", "export", "--from-start"]), said(capsys)

    assert refused == 1
    assert "--from-start" in why
    assert anew == 0
    assert "library 3 0" in told


async def _name(file: Path) -> str:
    database = Database(f"sqlite:///{file}")
    name = await Lake(database).name()
    await database.close()
    return name


async def _rename(file: Path, name: str) -> None:
    """As a backup of the same database would have it."""
    database = Database(f"sqlite:///{file}")
    async with database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE lake_sequence SET lake = ?", (name,))
    await database.close()


@pytest.mark.parametrize("command", ["export", "check", "prune"])
def test_a_database_that_is_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("INDIEAN_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/indiean")
    status, why = run(["data", command]), said(capsys)

    assert status == 1
    assert why.startswith("refused")
    assert "Traceback" not in why
    assert "hunter2" not in why


def test_a_warehouse_that_another_process_holds_is_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(1)
    holds = "import duckdb, sys, time; held = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", holds, str(home / "warehouse.duckdb")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        status, why = run(["data", "export"]), said(capsys)
    finally:
        holder.kill()
        holder.communicate()

    assert status == 1
    assert "another program has" in why
    assert run(["data", "export"]) == 0


EXPORT = """
import asyncio, sys
from datetime import UTC, datetime
from jobs.export import export
from storage.database import Database
from storage.lake.lake import Lake
from storage.duckdb.warehouse import DuckDBWarehouse

async def main():
    lake = Lake(Database(sys.argv[1]))
    with DuckDBWarehouse(__import__("pathlib").Path(sys.argv[2])) as warehouse:
        print("begins", flush=True)
        await export(lake, warehouse, now=lambda: datetime.now(UTC), events=1)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.3, 0.6])
def test_killed_at_any_moment_the_next_export_goes_on(
    home: Path, capsys: pytest.CaptureFixture[str], after: float
) -> None:
    fill()
    settings = read_settings()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", EXPORT, settings.database, str(settings.warehouse_file)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(after)  # any moment will do: what has to hold, holds at each
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert run(["data", "export"]) == 0
    said(capsys)
    assert run(["data", "check"]) == 0
    assert "rows of interactions 120 120" in said(capsys)
