"""How a fit and an answer grow: seconds and memory over a grid of games and players, and the fitted exponents.

    python -m benchmarks.growth interactions.parquet [--games 1000 200000] [--players 10000] [--minutes 25]
                                [--folder growth] [--chart growth.png] [--dense-up-to 40000]

The parquet file has the columns user_id, item_id and playtime_forever. Interactions are drawn from it: the sizes of
libraries of at least 21 games, the popularity of the games, stretched to as many as wanted, and the minutes. Half of
a player's games come from the few themes that this player loves, so that games of a theme are owned together.

A cell of the grid is a process of its own. Its figures are kept in the folder, as JSON, and not measured again; what
would need more memory than is free is not run, and listed with the bytes that it would need.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.watched import memory
from jobs.charts import ALL, INDIE, QUIET
from jobs.machine import free_bytes
from recommender.device import Device
from recommender.interactions import Interactions
from recommender.linear import TUNED, Linear, fit
from recommender.neighbours import KEPT_A_NEIGHBOUR
from recommender.recommend import top
from recommender.room import BYTES_AN_INTERACTION, cpu_need
from recommender.sparse_linear import NEIGHBOURS, SparseLinear, approximate

MIN_GAMES = 21
GAMES_A_THEME = 250
LOVED = 3
TASTE = 0.5
PLAYERS_A_BATCH = 20_000
SEED = 7
ANSWERS = 30
BYTES_READ = 8
"""Of each interaction, before it is fitted: its game and its minutes."""

TIMES = ("gram", "solve", "fit", "answer")
MEMORY = ("gram_peak", "solve_peak", "model")

Values = dict[str, float]


@dataclass(frozen=True)
class Real:
    """Whole numbers as they occur: games a player, players a game (the most owned first), minutes a pair."""

    sizes: NDArray[np.int64]
    popularity: NDArray[np.int64]
    minutes: NDArray[np.int32]


@dataclass(frozen=True, order=True)
class Cell:
    """`way` is dense or sparse; fewer games than wanted are known where nobody owns some."""

    games: int
    players: int
    way: str

    @property
    def name(self) -> str:
        return f"{self.way}-{self.games}-{self.players}"


def real(parquet: Path) -> Real:
    table = pq.read_table(parquet, columns=["user_id", "item_id", "playtime_forever"])
    sizes = pc.value_counts(table["user_id"]).field("counts").to_numpy()
    popularity = pc.value_counts(table["item_id"]).field("counts").to_numpy()
    minutes = np.minimum(table["playtime_forever"].to_numpy(), 2**31 - 1).astype(np.int32)
    return Real(sizes[sizes >= MIN_GAMES], -np.sort(-popularity), minutes)


def generated(source: Real, games: int, players: int) -> Interactions:
    columns = list(zip(*_batches(source, games, players), strict=True))
    owners, app_ids, minutes = (np.concatenate(column) for column in columns)
    return Interactions.from_columns(owners, app_ids, minutes)


def _batches(source: Real, games: int, players: int) -> Iterator[tuple[NDArray[np.int32], ...]]:
    """Owners, games and minutes; a game that a library draws twice is in it once."""
    rng = np.random.default_rng(SEED)
    theme = rng.integers(0, max(2, games // GAMES_A_THEME), games)  # [n]
    order = np.argsort(theme, kind="stable").astype(np.int32)  # games by theme
    edges = np.cumsum(_stretched(source.popularity, games)[order])  # [n] a game's part of [0, 1] ends there
    first = np.searchsorted(theme[order], np.arange(theme.max() + 2))  # [themes + 1]
    begins = np.concatenate(([0.0], edges))[first]
    for start in range(0, players, PLAYERS_A_BATCH):
        b = min(PLAYERS_A_BATCH, players - start)
        sizes = np.minimum(rng.choice(source.sizes, b), games // 2)
        owners = np.repeat(np.arange(b), sizes)
        loved = rng.integers(0, len(begins) - 1, (b, LOVED))[owners, rng.integers(0, LOVED, len(owners))]
        of_theme = rng.random(len(owners)) < TASTE
        low, high = np.where(of_theme, begins[loved], 0.0), np.where(of_theme, begins[loved + 1], edges[-1])
        drawn = order[np.minimum(np.searchsorted(edges, low + rng.random(len(owners)) * (high - low)), games - 1)]
        pairs = np.unique(owners * games + drawn)
        owned = (pairs // games + start, pairs % games, rng.choice(source.minutes, len(pairs)))
        yield tuple(column.astype(np.int32) for column in owned)


def _stretched(popularity: NDArray[np.int64], games: int) -> NDArray[np.float64]:
    """The share of each of so many games that the curve of the real ones gives them by rank."""
    rank = (np.arange(games) + 0.5) / games
    shares = np.interp(rank, (np.arange(len(popularity)) + 0.5) / len(popularity), popularity)
    return np.asarray(shares / shares.sum())


def needed(source: Real, cell: Cell) -> int:
    """Bytes at the peak of a fit, computed."""
    rows = cell.players * int(np.minimum(source.sizes, cell.games // 2).mean())
    if cell.way == "dense":
        return cpu_need(rows)(cell.games) + BYTES_READ * rows
    kept = cell.games * min(NEIGHBOURS, cell.games) * (8 * KEPT_A_NEIGHBOUR + 24)
    return kept + (BYTES_AN_INTERACTION + BYTES_READ) * rows


def measure(source: Real, cell: Cell) -> Values:
    interactions = generated(source, cell.games, cell.players)
    watch = Watch()
    model = _model(cell, interactions, watch)
    gram, solve = watch.stop()
    size = model.inverse.nbytes if isinstance(model, Linear) else 2 * model.weights.data.nbytes
    return {
        "rows": int(interactions.minutes.nnz),
        "known": len(interactions.items),
        "gram": gram[0],
        "solve": solve[0],
        "fit": gram[0] + solve[0],
        "answer": _answer(model, interactions),
        "gram_peak": gram[1],
        "solve_peak": solve[1],
        "peak": max(gram[1], solve[1]),
        "model": size,
    }


def _model(cell: Cell, interactions: Interactions, phase: Callable[[str], None]) -> Linear | SparseLinear:
    if cell.way == "dense":
        return fit(interactions, TUNED, Device.CPU, phase)
    return approximate(interactions, TUNED, phase)


class Watch:
    """Hears of phases; for each the seconds, and the most bytes that were resident over those at the start."""

    def __init__(self) -> None:
        self._found: list[tuple[float, int]] = []
        self._resident = memory("VmRSS")
        self._began = 0.0

    def __call__(self, _: str) -> None:
        self._note()
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        self._began = time.perf_counter()

    def _note(self) -> None:
        if self._began:
            self._found.append((time.perf_counter() - self._began, max(1, memory("VmHWM") - self._resident)))

    def stop(self) -> list[tuple[float, int]]:
        self._note()
        return self._found


def _answer(model: Linear | SparseLinear, interactions: Interactions) -> float:
    """The median over players of what the ten best games take."""
    seconds = []
    for player in np.linspace(0, len(interactions) - 1, ANSWERS).astype(int):
        owned = interactions.row(int(player))
        began = time.perf_counter()
        allowed = np.ones(len(model.items), bool)
        allowed[owned.positions] = False
        model.shares(owned, top(model.scores(owned), allowed, 10))
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def run(parquet: Path, cells: Sequence[Cell], folder: Path, source: Real, minutes: float) -> dict[Cell, Values | str]:
    """Figures of each cell, or why there are none; from what takes least to what takes most."""
    deadline = time.monotonic() + 60 * minutes
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[Cell, Values | str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(cells))
        for cell in sorted(cells, key=lambda cell: needed(source, cell)):
            progress.update(task, description=cell.name)
            found[cell] = _figures(parquet, cell, folder, needed(source, cell), deadline)
            progress.advance(task)
    return found


def _figures(parquet: Path, cell: Cell, folder: Path, need: int, deadline: float) -> Values | str:
    kept = folder / f"{cell.name}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    free = free_bytes(Device.CPU)
    if free is not None and need > free:
        return f"needs {need:,} bytes, {free:,} are free"
    command = [sys.executable, "-m", "benchmarks.growth", str(parquet), "--cell", *map(str, asdict(cell).values())]
    try:
        left = deadline - time.monotonic()
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=max(left, 0.01))  # noqa: S603  ourselves
    except subprocess.TimeoutExpired:
        return "left out: the time was up"
    except subprocess.CalledProcessError as failed:
        return f"failed: {failed.stderr.strip().splitlines()[-1] if failed.stderr.strip() else failed.returncode}"
    kept.write_text(done.stdout)
    return dict(json.loads(done.stdout))


def exponents(found: dict[Cell, Values | str], way: str, key: str) -> tuple[float, float] | None:
    """(a, b) of figure ~ games^a · players^b, least squares of the logarithms; None where too little was measured."""
    rows = [
        (v["known"], cell.players, v[key]) for cell, v in found.items() if cell.way == way and not isinstance(v, str)
    ]
    if not rows:
        return None
    games, players, figure = np.log(np.array(rows).T)
    A = np.stack([np.ones_like(games), games, players], axis=1)
    solved, _, rank, _ = np.linalg.lstsq(A, figure, rcond=None)
    return (float(solved[1]), float(solved[2])) if rank == A.shape[1] else None


def report(found: dict[Cell, Values | str], source: Real) -> None:
    print("| way | games | players | million pairs | gram, s | solve, s | fit, s | answer, ms | peak, MB | model, MB |")
    print("|---" * 10 + "|")
    for cell in sorted(found):
        figures = found[cell]
        if isinstance(figures, str):
            continue
        cells = [cell.way, f"{figures['known']:,.0f}", f"{cell.players:,}", f"{figures['rows'] / 1e6:.1f}"]
        cells += [f"{figures[key]:.2f}" for key in ("gram", "solve", "fit")] + [f"{1e3 * figures['answer']:.2f}"]
        cells += [f"{figures[key] / 1e6:,.0f}" for key in ("peak", "model")]
        print(f"| {' | '.join(cells)} |")
    print("\n| grows as games^a · players^b | dense a | b | sparse a | b |\n|---|---|---|---|---|")
    for key in (*TIMES, *MEMORY):
        pairs = (exponents(found, way, key) for way in ("dense", "sparse"))
        print(f"| {key.replace('_', ' ')} | {' | '.join(_told(pair) for pair in pairs)} |")
    left = {cell: figures for cell, figures in sorted(found.items()) if isinstance(figures, str)}
    if left:
        print("\n| not measured | games | players | bytes needed | why |\n|---|---|---|---|---|")
    for cell, why in left.items():
        print(f"| {cell.way} | {cell.games:,} | {cell.players:,} | {needed(source, cell):,} | {why} |")


def _told(pair: tuple[float, float] | None) -> str:
    return "– | –" if pair is None else f"{pair[0]:.2f} | {pair[1]:.2f}"


def write_csv(found: dict[Cell, Values | str], source: Real, path: Path) -> None:
    names = ["way", "games", "players", "needed", *TIMES, *MEMORY, "peak", "rows", "known", "why"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for cell, figures in sorted(found.items()):
            row = asdict(cell) | {"needed": needed(source, cell)}
            writer.writerow(row | ({"why": figures} if isinstance(figures, str) else figures))


def draw(found: dict[Cell, Values | str], path: Path) -> None:
    """A line for each way and number of the other axis: seconds above, memory below, by games and by players."""
    figure = Figure(figsize=(12, 8), dpi=120, layout="constrained")
    for row, (key, words, unit) in zip(
        figure.subplots(2, 2), (("fit", "seconds of a fit", 1), ("peak", "MB at the peak of a fit", 1e6)), strict=True
    ):
        for axes, by in zip(row, ("games", "players"), strict=True):
            for way, colour in (("dense", ALL), ("sparse", INDIE)):
                _lines(axes, found, way, key, by, colour, unit)
                slope = exponents(found, way, key)
                power = "" if slope is None else f", {by}^{slope[by == 'players']:.2f}"
                axes.plot([], [], marker="o", color=colour, label=way + power)
            axes.set(xscale="log", yscale="log", xlabel=f"{by} (log scale)", ylabel=f"{words} (log scale)")
            axes.grid(color=QUIET, alpha=0.5)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False)
    figure.suptitle("A line for each number of players (left) and of games (right)", x=0.01, ha="left", weight="bold")
    figure.savefig(path, format="png")


def _lines(axes: Axes, found: dict[Cell, Values | str], way: str, key: str, by: str, colour: str, unit: float) -> None:
    other = "players" if by == "games" else "games"
    lines: dict[int, list[tuple[float, float]]] = {}
    for cell, figures in sorted(found.items()):
        if cell.way == way and not isinstance(figures, str):
            lines.setdefault(getattr(cell, other), []).append((getattr(cell, by), figures[key] / unit))
    for at, points in enumerate(lines.values()):
        axes.plot(*zip(*points, strict=True), marker="o", color=colour, linewidth=2, alpha=(at + 2) / (len(lines) + 1))


def grid(games: Sequence[int], players: Sequence[int], dense_up_to: int, sparse_from: int) -> list[Cell]:
    dense = [Cell(n, m, "dense") for n in games for m in players if n <= dense_up_to]
    return dense + [Cell(n, m, "sparse") for n in games for m in players if n >= sparse_from]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--games", type=int, nargs="+", default=[1_000, 3_000, 10_000, 30_000, 100_000, 200_000])
    parser.add_argument("--players", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--dense-up-to", type=int, default=200_000, help="games")
    parser.add_argument("--sparse-from", type=int, default=10_000, help="games")
    parser.add_argument("--minutes", type=float, default=25.0, help="what has not begun or ended by then is left out")
    parser.add_argument("--folder", type=Path, default=Path("growth"), help="where figures are kept")
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--cell", nargs=3, metavar=("GAMES", "PLAYERS", "WAY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    source = real(arguments.parquet)
    if arguments.cell:
        games, players, way = arguments.cell
        print(json.dumps(measure(source, Cell(int(games), int(players), way))))
        return
    cells = grid(arguments.games, arguments.players, arguments.dense_up_to, arguments.sparse_from)
    found = run(arguments.parquet, cells, arguments.folder, source, arguments.minutes)
    report(found, source)
    write_csv(found, source, arguments.folder / "growth.csv")
    if arguments.chart:
        draw(found, arguments.chart)


if __name__ == "__main__":
    main()
