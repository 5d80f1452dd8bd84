"""The whole fit, from rows on disk to a published model, against its floors and the EASE of other libraries.

    python -m benchmarks.fit interactions.parquet [--min-games 21] [--runs 3] [--json]
        [--peers lenskit numpy] [--peer-python rectools=/elsewhere/bin/python]

The parquet file has the columns user_id, item_id and playtime_forever; it is imported into a warehouse first, which is
not timed. Every fit is a process of its own, on the same rows, and all take turns, so that a slow minute slows all;
numpy's plain inverse, which takes a minute, has one turn. Floors are measured between the turns: the Gram's is one
multiply-add for each pair of games that a player owns, at the rate at which this machine adds cached float32 vectors;
the inverse's is n³ operations at its float32 matrix rate. Memory is what a process held over what it held when the
first phase began, in n x n buffers of float32. A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.fit_cases import NOT_HERE, PEERS
from recommender.interactions import Interactions
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.importing import import_paths

CASES = Path(__file__).with_name("fit_cases.py")
MATRIX = 4096
VECTOR = 8192
OURS, ONCE = "indiean", "numpy"


@dataclass
class Phase:
    """Of one fit: seconds a run, and the most memory of any run in bytes."""

    seconds: list[float] = field(default_factory=list)
    peak: int = 0

    def add(self, seconds: float, peak: int) -> None:
        self.seconds.append(seconds)
        self.peak = max(self.peak, peak)


@dataclass(frozen=True)
class Row:
    fit: str
    phase: str
    seconds: float
    fastest: float
    slowest: float
    floor: float | None
    ratio: float | None
    peak_buffers: float


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        interactions = _laid_out(arguments.parquet, Path(folder), arguments.min_games)
        found, matrix_rates, add_rates = _measured(Path(folder), arguments)
    owned = np.diff(interactions.minutes.indptr).astype(np.float64)
    n = len(interactions.items)
    inverse, pairs = n**3 / max(matrix_rates), float((owned * (owned + 1) / 2).sum() / max(add_rates))
    floors = {"gram": pairs, "inverse": inverse, "fit": inverse, "whole": inverse}
    rows = [_row(fit, phase, told, floors.get(phase), n) for (fit, phase), told in found.items()]
    about = {
        "players": len(interactions),
        "items": n,
        "interactions": int(interactions.minutes.nnz),
        "runs": arguments.runs,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "numpy": np.__version__,
        "matrix_gflops": round(max(matrix_rates) / 1e9, 1),
        "adds_per_second": round(max(add_rates) / 1e9, 2) * 1e9,
    }
    if arguments.json:
        print(json.dumps({"about": about, "phases": [asdict(row) for row in rows]}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()), "\n")
    print("| fit | phase | seconds (median, spread) | floor, s | ratio | peak over start, n x n buffers |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        floor, ratio = (f"{value:.2f}" if value is not None else "–" for value in (row.floor, row.ratio))
        spread = f"{row.seconds:.2f} ({row.fastest:.2f}–{row.slowest:.2f})"
        print(f"| {row.fit} | {row.phase} | {spread} | {floor} | {ratio} | {row.peak_buffers:.2f} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--min-games", type=int, default=21)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="only these, or none")
    parser.add_argument("--peer-python", action="append", default=[], metavar="PEER=PATH")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _laid_out(parquet: Path, folder: Path, min_games: int) -> Interactions:
    """The rows as a warehouse, and as compressed sparse rows for the peers."""
    with DuckDBWarehouse(folder / "warehouse.duckdb") as warehouse:
        import_paths([parquet], warehouse, home=folder, now=datetime.now(UTC), progress=lambda _: None)
        columns = warehouse.training_interactions(min_games)
    interactions = Interactions.from_columns(columns.players, columns.app_ids, columns.minutes)
    rows = interactions.minutes
    np.savez(folder / "rows.npz", indptr=rows.indptr, indices=rows.indices, games=len(interactions.items))
    return interactions


def _measured(
    folder: Path, arguments: argparse.Namespace
) -> tuple[dict[tuple[str, str], Phase], list[float], list[float]]:
    """Phases by (fit, phase), and the rates that floors are made of."""
    pythons = dict(named.split("=", 1) for named in arguments.peer_python)
    fits = [OURS, *arguments.peers]
    found: dict[tuple[str, str], Phase] = {}
    matrix_rates, add_rates = [], []
    for turn in range(arguments.runs):
        for fit in list(fits):
            if fit == ONCE and turn:
                continue
            matrix_rates.append(_matrix_rate())
            add_rates.append(_add_rate())
            phases = _fitted(fit, pythons.get(fit, sys.executable), folder, arguments.min_games)
            if phases is None:
                fits.remove(fit)
                print(f"{fit} is not installed for {pythons.get(fit, sys.executable)}: left out", file=sys.stderr)
                continue
            for phase, (seconds, peak) in phases.items():
                found.setdefault((fit, phase), Phase()).add(seconds, peak)
    return found, matrix_rates, add_rates


def _fitted(fit: str, python: str, folder: Path, min_games: int) -> dict[str, tuple[float, int]] | None:
    """None where the library is not there."""
    command = [python, str(CASES), fit, str(folder), str(min_games)]
    root = {"PYTHONPATH": str(CASES.parents[1])} if fit == OURS else {}
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=os.environ | root)  # noqa: S603 - ours
    if told.returncode == NOT_HERE:
        return None
    if told.returncode:
        raise SystemExit(f"{fit} failed: see above")
    phases: dict[str, tuple[float, int]] = json.loads(told.stdout.splitlines()[-1])["phases"]
    whole = (sum(seconds for seconds, _ in phases.values()), max(peak for _, peak in phases.values()))
    return phases | {"whole": whole} if fit == OURS else phases


def _row(fit: str, name: str, phase: Phase, floor: float | None, n: int) -> Row:
    seconds = statistics.median(phase.seconds)
    ratio = seconds / floor if floor else None
    spread = min(phase.seconds), max(phase.seconds)
    return Row(fit, name, seconds, *spread, floor, ratio, phase.peak / (4 * n * n))


def _matrix_rate() -> float:
    """Operations a second of a float32 product, the best of three."""
    A = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    return 2 * MATRIX**3 / min(_timed(lambda: A @ A) for _ in range(3))


def _add_rate() -> float:
    """Float32 additions a second over all cores, vectors staying in the cache."""
    threads, rounds = os.cpu_count() or 1, 20_000

    def add(_: int) -> None:
        total, more = np.zeros(VECTOR, np.float32), np.ones(VECTOR, np.float32)
        for _ in range(rounds):
            total += more

    with ThreadPoolExecutor(threads) as pool:
        return threads * rounds * VECTOR / _timed(lambda: list(pool.map(add, range(threads))))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
