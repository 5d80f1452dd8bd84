"""The fit, phase by phase, against its floors: seconds, ratio to the floor, and peak memory in n x n buffers.

    python -m benchmarks.fit interactions.parquet [--min-games 21] [--runs 3] [--json]

The parquet file has the columns user_id, item_id and playtime_forever. Floors are measured in the same run: the
Gram's is one multiply-add for each pair of games that a player owns, at the rate at which this machine adds cached
float32 vectors; the inverse's is n³ operations at its float32 matrix rate.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.gram import gram
from recommender.interactions import Interactions, Weighting
from recommender.inverse import invert_in_place

PAGE = os.sysconf("SC_PAGE_SIZE")
MATRIX = 4096
VECTOR = 8192


@dataclass
class Phase:
    seconds: list[float] = field(default_factory=list)
    peak: int = 0  # bytes over what was resident when the phase began

    @contextmanager
    def watched(self) -> Iterator[None]:
        before, stop, peaks = _resident(), threading.Event(), [0]

        def sample() -> None:
            while not stop.wait(0.005):
                peaks[0] = max(peaks[0], _resident())

        sampler = threading.Thread(target=sample)
        sampler.start()
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.append(time.perf_counter() - began)
            stop.set()
            sampler.join()
            self.peak = max(self.peak, peaks[0] - before, _resident() - before)


def main() -> None:
    arguments = _arguments()
    read, build, invert = Phase(), Phase(), Phase()
    interactions = read_interactions(arguments.parquet, arguments.min_games)  # warms what the first run would pay for
    X = interactions.weighted(Weighting())
    G = gram(X)
    matrix_rates, add_rates = [], []
    for _ in range(arguments.runs):  # floors and phases alternate, so that a slow minute slows both
        matrix_rates.append(_matrix_rate())
        add_rates.append(_add_rate())
        with read.watched():
            interactions = read_interactions(arguments.parquet, arguments.min_games)
        X = interactions.weighted(Weighting())
        with build.watched():
            G = gram(X)
        G.reshape(-1)[:: len(G) + 1] += 200.0
        with invert.watched():
            invert_in_place(G)
    owned = np.diff(X.indptr).astype(np.float64)
    n = len(G)
    floors = {
        "gram": float((owned * (owned + 1) / 2).sum() / max(add_rates)),
        "inverse": n**3 / max(matrix_rates),
    }
    rows = {"read": read, "gram": build, "inverse": invert}
    table = [_row(name, phase, floors.get(name), n) for name, phase in rows.items()]
    about = {
        "players": len(interactions),
        "items": n,
        "interactions": int(X.nnz),
        "runs": arguments.runs,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "numpy": np.__version__,
        "matrix_gflops": round(max(matrix_rates) / 1e9, 1),
        "adds_per_second": round(max(add_rates) / 1e9, 2) * 1e9,
    }
    if arguments.json:
        print(json.dumps({"about": about, "phases": table}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()), "\n")
    print("| phase | seconds (median, spread) | floor, s | ratio | peak over start, n x n buffers |")
    print("|---|---|---|---|---|")
    for row in table:
        floor, ratio = (f"{row[key]:.2f}" if row[key] is not None else "–" for key in ("floor", "ratio"))
        spread = f"{row['seconds']:.2f} ({row['fastest']:.2f}–{row['slowest']:.2f})"
        print(f"| {row['phase']} | {spread} | {floor} | {ratio} | {row['peak_buffers']:.2f} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--min-games", type=int, default=21)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _row(name: str, phase: Phase, floor: float | None, n: int) -> dict[str, float | str | None]:
    seconds = statistics.median(phase.seconds)
    return {
        "phase": name,
        "seconds": seconds,
        "fastest": min(phase.seconds),
        "slowest": max(phase.seconds),
        "floor": floor,
        "ratio": seconds / floor if floor else None,
        "peak_buffers": phase.peak / (4 * n * n),
    }


def read_interactions(path: Path, min_games: int) -> Interactions:
    table = pq.read_table(path, columns=["user_id", "item_id", "playtime_forever"])
    players = pc.dictionary_encode(table["user_id"].combine_chunks()).indices.to_numpy()
    items, minutes = table["item_id"].to_numpy(), table["playtime_forever"].to_numpy()
    keys = np.lexsort((-minutes, items, players))
    players, items, minutes = players[keys], items[keys], minutes[keys]
    first = np.concatenate(([True], (np.diff(players) != 0) | (np.diff(items) != 0)))
    players, items, minutes = players[first], items[first], minutes[first]
    kept = np.bincount(players)[players] >= min_games
    _, codes = np.unique(players[kept], return_inverse=True)
    return Interactions.from_columns(codes.astype(np.int32), items[kept], minutes[kept])


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


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    main()
