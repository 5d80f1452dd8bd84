"""What DuckDB's file adds to the contract: one process that writes, older formats, and a sentence for every fault."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from recommender.catalog import Game
from storage.delta import Delta
from storage.duckdb.format import FORMAT, TABLES_1
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import WarehouseBusy, WarehouseError
from storage.warehouse import INTERACTIONS, Counts
from tests.warehouses import FULL, Owned, hear_store, own, owned, table, take_in


def test_a_text_file_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database")

    with pytest.raises(WarehouseError, match=r"notes\.txt"):
        DuckDBWarehouse(path)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(path) as other:
        other.execute("CREATE TABLE theirs (n INTEGER)")
    with pytest.raises(WarehouseError, match="choose another path"):
        DuckDBWarehouse(path)

    with duckdb.connect(path) as other:
        assert other.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("theirs",)]


def test_a_truncated_file_is_a_warehouse_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.duckdb"
    with DuckDBWarehouse(path) as whole:
        own(whole, *(Owned(f"player {n}", n, n) for n in range(5000)))
    path.write_bytes(path.read_bytes()[:20_000])

    with pytest.raises(WarehouseError, match=r"cut\.duckdb"), DuckDBWarehouse(path, read_only=True) as cut:
        owned(cut)


def test_reading_before_anything_was_imported_says_to_import(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="indiean data import"):
        DuckDBWarehouse(tmp_path / "none.duckdb", read_only=True)


def test_a_read_only_warehouse_reads_all_and_refuses_loads(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with DuckDBWarehouse(path) as writer:
        own(writer, Owned("a", 10, 7))
    with DuckDBWarehouse(path, read_only=True) as reader:
        found = owned(reader, min_games=1, min_players=1)
        with pytest.raises(WarehouseError, match="reading only"):
            own(reader, Owned("b", 10, 7))

    assert found == [Owned("a", 10, 7)]


HOLD = """
import sys
from pathlib import Path
from storage.duckdb.warehouse import DuckDBWarehouse
with DuckDBWarehouse(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_file_held_by_another_process_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    with subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match="try again"):
            DuckDBWarehouse(path)
        holder.communicate("\n", timeout=10)
    DuckDBWarehouse(path).close()


@contextmanager
def process(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python at work, which is over afterwards, whatever it did."""
    with subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def heard(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def of_format_1(path: Path) -> None:
    """As the first version of the program left it."""
    with duckdb.connect(path) as db:
        db.execute(TABLES_1)
        db.execute("INSERT INTO interactions VALUES ('a', 10, 7)")
        db.execute("INSERT INTO games (app_id, title, price) VALUES (10, 'Ten', 4.99)")
        db.execute("INSERT INTO sources VALUES ('sample', 'games', 1, TIMESTAMP '2026-01-01')")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_format_1_is_brought_up_with_all_that_it_holds(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "old.duckdb"
    of_format_1(path)
    with DuckDBWarehouse(path, read_only=read_only) as opened:
        found = owned(opened, opinions=True), opened.games(), opened.watermark("lake"), opened.is_synthetic()

    assert found == ([Owned("a", 10, 7)], [Game(10, "Ten", price=4.99)], 0, True)


def test_a_file_that_was_brought_up_takes_in_all_that_a_new_one_does(tmp_path: Path) -> None:
    of_format_1(tmp_path / "old.duckdb")
    with DuckDBWarehouse(tmp_path / "old.duckdb") as opened:
        hear_store(opened, FULL)
        applied = take_in(opened, Delta(1, interactions=table([Owned("a", 10, 9)], INTERACTIONS)), 0, 1)
        found = opened.games(), owned(opened)

    assert applied.taken
    assert found == ([FULL], [Owned("a", 10, 9)])


def test_a_file_of_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    DuckDBWarehouse(path).close()
    with duckdb.connect(path) as db:
        db.execute("UPDATE indiean_warehouse SET format = 99")
    with pytest.raises(WarehouseError, match=f"format 99.*up to {FORMAT}: update"):
        DuckDBWarehouse(path)

    with duckdb.connect(path) as db:
        assert db.execute("SELECT format FROM indiean_warehouse").fetchall() == [(99,)]


def test_a_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "rotten.duckdb"
    with DuckDBWarehouse(path) as whole:
        own(whole, *(Owned(f"player {n}", n, n) for n in range(50_000)))
    healthy = path.read_bytes()
    rotten = bytearray(healthy)
    rotten[12_288:] = bytes(byte ^ 0x5A for byte in rotten[12_288:])  # all but the three headers
    path.write_bytes(rotten)

    with pytest.raises(WarehouseError, match=r"rotten\.duckdb"), DuckDBWarehouse(path) as opened:
        owned(opened)


KILLED_WITHIN_A_LOAD = """
import sys
from pathlib import Path
from storage.duckdb.warehouse import DuckDBWarehouse
from tests.warehouses import INTERACTIONS, NOW, Owned, batch

def batches():
    for start in range(0, 400_000, 100_000):  # more than DuckDB keeps back: it has written blocks before the commit
        yield batch([Owned(f"new {n}", n, 1) for n in range(start, start + 100_000)], INTERACTIONS)
    print("staged", flush=True)
    sys.stdin.readline()

with DuckDBWarehouse(Path(sys.argv[1])) as warehouse:
    warehouse.load_interactions(batches(), "killed", NOW)
"""


def test_a_load_that_is_killed_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with DuckDBWarehouse(path) as warehouse:
        own(warehouse, Owned("a", 10, 7))
        before = warehouse.fingerprint()
    with process(KILLED_WITHIN_A_LOAD, str(path)) as loading:
        assert heard(loading) == "staged"
        loading.send_signal(signal.SIGKILL)
        assert loading.wait(10) == -signal.SIGKILL
    with DuckDBWarehouse(path) as warehouse:
        after, rows = warehouse.fingerprint(), owned(warehouse)
        own(warehouse, Owned("b", 10, 1))

    assert after == before
    assert rows == [Owned("a", 10, 7)]


EXPORT = """
import sys
from pathlib import Path
from storage.delta import Delta
from storage.duckdb.warehouse import DuckDBWarehouse
from tests.warehouses import INTERACTIONS, Owned, table, take_in

with DuckDBWarehouse(Path(sys.argv[1])) as warehouse:
    for step in range(warehouse.watermark("lake"), 25):
        rows = [Owned(f"p{n}", step, 1) for n in range(200)]
        assert take_in(warehouse, Delta(200, interactions=table(rows, INTERACTIONS)), step, step + 1).taken
        print(step + 1, flush=True)
print("done", flush=True)
"""


def test_an_export_that_is_killed_again_and_again_takes_in_each_delta_once(tmp_path: Path) -> None:
    """Killed at four moments between and within transactions; each time the parts agree with one another."""
    path = tmp_path / "w.duckdb"
    for steps in (1, 4, 3, 6):
        with process(EXPORT, str(path)) as exporting:
            told = [int(heard(exporting)) for _ in range(steps)][-1]
            exporting.send_signal(signal.SIGKILL)
            exporting.wait(10)
        with DuckDBWarehouse(path) as warehouse:
            stands, ledger, counts = warehouse.watermark("lake"), warehouse.ledger("lake"), warehouse.counts()

        assert stands >= told
        assert [(entry.after, entry.upto) for entry in ledger] == [(step, step + 1) for step in range(stands)]
        assert counts.interactions == 200 * stands

    with process(EXPORT, str(path)) as exporting:
        assert exporting.communicate(timeout=60)[0].endswith("25\ndone\n")
    with DuckDBWarehouse(path, read_only=True) as warehouse:
        assert warehouse.counts() == Counts(5000, 200, 25, 0, 0)


def test_of_two_processes_that_load_at_once_one_is_told_to_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with process(KILLED_WITHIN_A_LOAD, str(path)) as first:
        assert heard(first) == "staged"
        with pytest.raises(WarehouseBusy, match="try again"):
            DuckDBWarehouse(path)
        first.communicate("\n", timeout=60)
    with DuckDBWarehouse(path) as second:
        own(second, Owned("a", 10, 7))

        assert second.counts().interactions == 400_001


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from storage.errors import WarehouseError
from storage.duckdb.warehouse import DuckDBWarehouse
from tests.warehouses import Owned, own

path = Path(sys.argv[1])
with DuckDBWarehouse(path) as warehouse:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # else the first write beyond the limit ends the process
    room = path.stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        own(warehouse, *(Owned(f"player {n * 7919 % 1_000_003}", n, n) for n in range(300_000)))
    except WarehouseError as error:
        print(error, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_is_said_in_words_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """No file may grow any further, which is how a full disk looks to who writes."""
    path = tmp_path / "w.duckdb"
    with DuckDBWarehouse(path) as warehouse:
        own(warehouse, Owned("a", 10, 7))
        before = warehouse.fingerprint()
    with process(FULL_DISK, str(path)) as loading:
        said, _ = loading.communicate(timeout=60)
    with DuckDBWarehouse(path) as warehouse:
        after = warehouse.fingerprint()
        own(warehouse, Owned("b", 10, 1))
        rows = owned(warehouse)

    assert "w.duckdb" in said
    assert "free" in said
    assert after == before
    assert rows == [Owned("a", 10, 7), Owned("b", 10, 1)]
