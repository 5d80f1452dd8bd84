"""The warehouse in DuckDB: loading against a plain INSERT, the Gram in SQL against the Gram from rows, and its growth.

    python -m benchmarks.warehouse interactions.parquet [--millions 0.5 5 50] [--gram-up-to 50] [--chart growth.png]

The parquet file has the columns user_id, item_id and playtime_forever. Every figure is of a process of its own: wall
seconds, seconds of processor time and the most memory that was resident. Growth is measured on generated rows: the
size of each library, the popularity of the games and the minutes are drawn, each by itself, from those of the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.watched import memory
from jobs.charts import ALL, INDIE, QUIET, SIZE
from recommender.gram import gram
from recommender.interactions import Interactions, Weighting
from storage.datasets.parquet import read_parquet_interactions
from storage.datasets.reading import Tally
from storage.duckdb.warehouse import MEMORY_LIMIT, DuckDBWarehouse
from storage.warehouse import INTERACTIONS

Figures = dict[str, float]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MIN_GAMES = 21
WEIGHTING = Weighting(played=0.1)
PLAYERS_A_BATCH = 2000
SEED = 7

GROWTH = (
    *("million rows", "load, s", "of processor time", "rows/s", "file, MB", "peak, MB"),
    *("read, s", "Gram in SQL, s", "of processor time", "peak, MB"),
)

PLAIN = """
CREATE TABLE interactions AS
SELECT user_id AS player, CAST(item_id AS INTEGER) AS app_id, CAST(playtime_forever AS INTEGER) AS minutes
FROM read_parquet('{}')
"""


def load(parquet: Path, file: Path, _: float) -> Figures:
    with DuckDBWarehouse(file) as warehouse:
        loaded = warehouse.load_interactions(
            read_parquet_interactions(parquet, Tally(), lambda *_: None), "benchmark", NOW
        )
    return {"rows": loaded.read, "bytes": file.stat().st_size}


def load_plainly(parquet: Path, file: Path, _: float) -> Figures:
    """The same rows without looking for repeats, keys or what is there already."""
    with duckdb.connect(file, config={"memory_limit": MEMORY_LIMIT}) as db:
        [(rows,)] = db.execute(PLAIN.format(str(parquet).replace("'", "''"))).fetchall()
    return {"rows": rows, "bytes": file.stat().st_size}


def load_again(parquet: Path, file: Path, _: float) -> Figures:
    """Every row is there already."""
    return load(parquet, file, _)


def load_generated(parquet: Path, file: Path, millions: float) -> Figures:
    with DuckDBWarehouse(file) as warehouse:
        loaded = warehouse.load_interactions(generated(parquet, round(1e6 * millions)), "benchmark", NOW)
    return {"rows": loaded.read, "bytes": file.stat().st_size}


def generate_only(parquet: Path, _: Path, millions: float) -> Figures:
    return {"rows": sum(batch.num_rows for batch in generated(parquet, round(1e6 * millions)))}


def read_rows(_: Path, file: Path, __: float) -> Figures:
    with DuckDBWarehouse(file, read_only=True) as warehouse:
        return {"rows": len(warehouse.training_interactions(MIN_GAMES))}


def gram_in_sql(_: Path, file: Path, __: float) -> Figures:
    with DuckDBWarehouse(file, read_only=True) as warehouse, warehouse.gram(WEIGHTING, MIN_GAMES) as counted:
        G = counted.triangle()
    return {"games": len(G), "cells": int(np.count_nonzero(G))}


def gram_from_rows(_: Path, file: Path, __: float) -> Figures:
    """Reading the rows included, as they would have to travel first."""
    with DuckDBWarehouse(file, read_only=True) as warehouse:
        columns = warehouse.training_interactions(MIN_GAMES)
    interactions = Interactions.from_columns(columns.players, columns.app_ids, columns.minutes)
    G = gram(interactions.weighted(WEIGHTING))
    return {"games": len(G), "cells": int(np.count_nonzero(np.tril(G)))}


CASES: dict[str, Callable[[Path, Path, float], Figures]] = {
    case.__name__: case
    for case in (
        *(load, load_plainly, load_again, load_generated),
        *(generate_only, read_rows, gram_in_sql, gram_from_rows),
    )
}


def generated(parquet: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """At least `rows` rows; a game that a library draws twice is a repeat, as in the real set."""
    real = pq.read_table(parquet, columns=["user_id", "item_id", "playtime_forever"])
    sizes = pc.value_counts(real["user_id"]).field("counts").to_numpy()
    items, minutes = real["item_id"].to_numpy(), real["playtime_forever"].to_numpy()
    rng = np.random.default_rng(SEED)
    player = done = 0
    while done < rows:
        owned = rng.choice(sizes, PLAYERS_A_BATCH)
        owned = owned[: int(np.searchsorted(np.cumsum(owned), rows - done)) + 1]
        names = np.char.mod("generated-%09d", np.arange(player, player + len(owned)))
        drawn = int(owned.sum())
        columns = [np.repeat(names, owned), rng.choice(items, drawn), rng.choice(minutes, drawn)]
        yield pa.RecordBatch.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, INTERACTIONS, strict=True)], schema=INTERACTIONS
        )
        player, done = player + len(owned), done + drawn


def measured(case: str, parquet: Path, file: Path, millions: float = 0) -> Figures:
    command = [sys.executable, "-m", "benchmarks.warehouse", str(parquet), "--case", case, str(file), str(millions)]
    answered = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  ourselves
    figures: Figures = json.loads(answered.stdout)
    print(case, f"{millions:g} million" if millions else "", figures, file=sys.stderr, flush=True)
    return figures


def run_case(case: str, parquet: Path, file: Path, millions: float) -> None:
    began, worked = time.perf_counter(), time.process_time()
    figures = CASES[case](parquet, file, millions)
    figures |= {"seconds": time.perf_counter() - began, "cpu": time.process_time() - worked, "peak": memory("VmHWM")}
    print(json.dumps(figures))


def compare(parquet: Path, folder: Path) -> None:
    file = folder / "real.duckdb"
    plain = measured("load_plainly", parquet, folder / "plain.duckdb")
    rows = {
        "plain INSERT from parquet": plain,
        "load": measured("load", parquet, file),
        "load again": measured("load_again", parquet, file),
        "read the rows": measured("read_rows", parquet, file),
        "Gram from rows": measured("gram_from_rows", parquet, file),
        "Gram in SQL": measured("gram_in_sql", parquet, file),
    }
    print("| | seconds | of processor time | rows/s | peak, MB |\n|---|---|---|---|---|")
    for name, found in rows.items():
        rate = f"{found['rows'] / found['seconds']:,.0f}" if "rows" in found else "–"
        print(f"| {name} | {found['seconds']:.1f} | {found['cpu']:.1f} | {rate} | {found['peak'] / 1e6:,.0f} |")


def grow(parquet: Path, folder: Path, millions: list[float], gram_up_to: float) -> list[Figures]:
    print(f"\n| {' | '.join(GROWTH)} |\n{'|---' * len(GROWTH)}|")
    table = []
    for size in millions:
        file = folder / "growing.duckdb"
        file.unlink(missing_ok=True)
        made, loaded = (measured(case, parquet, file, size) for case in ("generate_only", "load_generated"))
        read = measured("read_rows", parquet, file)
        counted = measured("gram_in_sql", parquet, file) if size <= gram_up_to else None
        seconds, cpu = (loaded[key] - made[key] for key in ("seconds", "cpu"))  # without drawing the rows
        cells = [f"{size:g}", f"{seconds:.1f}", f"{cpu:.1f}", f"{loaded['rows'] / seconds:,.0f}"]
        cells += [f"{loaded['bytes'] / 1e6:,.0f}", f"{loaded['peak'] / 1e6:,.0f}", f"{read['seconds']:.1f}"]
        cells += [f"{counted['seconds']:.1f}", f"{counted['cpu']:.1f}"] if counted else ["–", "–"]
        cells += [f"{counted['peak'] / 1e6:,.0f}" if counted else "–"]
        print(f"| {' | '.join(cells)} |", flush=True)
        row = {"millions": size, "load": cpu, "read": read["cpu"]}
        table.append(row | {"gram": counted["cpu"]} if counted else row)
    return table


def draw(table: list[Figures], path: Path) -> None:
    """Processor time, which other work on the machine disturbs less."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import writes a font cache

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    for name, label, colour in (
        ("load", "load", ALL),
        ("read", "read the rows", QUIET),
        ("gram", "Gram in SQL", INDIE),
    ):
        known = [(row["millions"], row[name]) for row in table if name in row]
        axes.plot(*zip(*known, strict=True), marker="o", color=colour, linewidth=2, label=label)
    took, millions = table[-1]["load"], table[-1]["millions"]
    axes.set_title(f"{millions:g} million rows load in {took:.0f} s of processor time", loc="left", weight="bold")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="million interactions (log scale)",
        ylabel="seconds of processor time (log scale)",
    )
    axes.set_xticks([row["millions"] for row in table], [f"{row['millions']:g}" for row in table])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color=QUIET, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, format="png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--millions", type=float, nargs="*", default=[0.5, 1.5, 5, 15, 50])
    parser.add_argument("--gram-up-to", type=float, default=50.0, help="million rows; beyond them the Gram is left out")
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--case", nargs=3, metavar=("CASE", "FILE", "MILLIONS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        case, file, millions = arguments.case
        run_case(case, arguments.parquet, Path(file), float(millions))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments.parquet, Path(folder))
        table = grow(arguments.parquet, Path(folder), arguments.millions, arguments.gram_up_to)
    if arguments.chart and table:
        draw(table, arguments.chart)


if __name__ == "__main__":
    main()
