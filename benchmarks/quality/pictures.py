"""The results as pictures: one finding a chart, said in its title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.models import OURS
from benchmarks.quality.questions import KNOWN
from benchmarks.quality.report import DECIDES, WORDS, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL, MINE, QUIET = "#4c6f91", "#e07a3f", "#c9d3dc"
SIZE = (8.0, 4.8)  # inches
GROUPED = "{x:,.0f}"


def write_pictures(rows: Sequence[Row], folder: Path) -> list[Path]:
    drawings: dict[str, Callable[[Axes, Sequence[Row]], str]] = {
        "quality-ndcg": _accuracy,
        "quality-known": _known,
        "quality-coverage": _coverage,
    }
    return [_write(folder / f"{name}.png", draw, rows) for name, draw in drawings.items()]


def _write(path: Path, draw: Callable[[Axes, Sequence[Row]], str], rows: Sequence[Row]) -> Path:
    """A Figure of its own and no pyplot, as in `jobs.charts`."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import writes a font cache, and importing us does nothing

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    figure.suptitle(draw(axes, rows), x=0.01, ha="left", weight="bold", fontsize="large")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    figure.savefig(path, format="png")
    return path


def _accuracy(axes: Axes, rows: Sequence[Row]) -> str:
    found = [(row, mean) for row in rows if (mean := row.mean(DECIDES, "ndcg_10"))]
    found.sort(key=lambda pair: pair[1].value)
    halves = [float(np.nan_to_num(mean.half)) for _, mean in found]  # there is none for one seed
    values = [mean.value for _, mean in found]
    bars = axes.barh([row.title for row, _ in found], values, color=[_color(row) for row, _ in found], xerr=halves)
    axes.bar_label(bars, [f"{value:.3f}" for value in values], padding=6, fontsize="small")
    axes.set_xlabel(f"nDCG@10, {WORDS[DECIDES]}\n(the whisker is the 95 % interval over seeds)")
    axes.set_xlim(0, min(1.1 * max(np.add(values, halves)), 1))
    return f"What is played is found best by {found[-1][0].title}"


def _known(axes: Axes, rows: Sequence[Row]) -> str:
    asked = [k for k in KNOWN if any(row.mean(f"{DECIDES}-{k}", "ndcg_10") for row in rows)]
    ends: list[tuple[Row, float]] = []
    for row in rows:
        means = [row.mean(f"{DECIDES}-{k}", "ndcg_10") for k in asked]
        values = [mean.value for mean in means if mean is not None]
        wide, above = (2.5, 3) if row.model.name == OURS else (1.0, 2)
        axes.plot(asked[: len(values)], values, color=_color(row), marker="o", linewidth=wide, zorder=above)
        ends.append((row, values[-1]))
    axes.set_xscale("log")
    axes.set_xticks(asked, [str(k) for k in asked])
    axes.minorticks_off()
    axes.set_xlim(right=asked[-1] * (asked[-1] / asked[0]) ** 0.6)  # room for the names
    axes.set(xlabel="games known of a player (log scale)", ylabel=f"nDCG@10, {WORDS[DECIDES]}")
    axes.grid(color=QUIET, alpha=0.5)
    _named(axes, [(row, float(asked[-1]), value) for row, value in ends])
    return f"What is found with {asked[0]} to {asked[-1]} games known of a player"


def _coverage(axes: Axes, rows: Sequence[Row]) -> str:
    points = []
    for row in rows:
        across, up = row.mean("indie", "coverage"), row.mean(DECIDES, "ndcg_10")
        if across is not None and up is not None:
            axes.scatter([across.value], [up.value], color=_color(row), zorder=3)
            points.append((row, across.value, up.value))
    axes.set(xlabel="distinct indie games in the first ten of all players", ylabel=f"nDCG@10, {WORDS[DECIDES]}")
    axes.xaxis.set_major_formatter(GROUPED)
    axes.set_xlim(left=0, right=1.8 * max(across for _, across, _ in points))  # room for the names
    axes.grid(color=QUIET, alpha=0.5)
    _named(axes, points)
    return "What is found, and how much of the catalogue is shown"


def _named(axes: Axes, points: Sequence[tuple[Row, float, float]]) -> None:
    """Names in one column at the right, in the order of their height and none over another, each tied to its point."""
    low, high = axes.get_ylim()
    heights = apart([y for *_, y in points], (high - low) / 24, high)
    for (row, x, y), height in zip(points, heights, strict=True):
        axes.annotate(
            row.title,
            (x, y),
            (0.76, height),
            textcoords=axes.get_yaxis_transform(),
            fontsize="x-small",
            va="center",
            color=_color(row),
            arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "color": QUIET, "linewidth": 0.7},
        )


def apart(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """The heights in their order, pushed up to `gap` from each other, and down again where they leave the top."""
    order = np.argsort(heights, kind="stable")
    found = np.array(heights, np.float64)[order]
    for at in range(1, len(found)):
        found[at] = max(found[at], found[at - 1] + gap)
    found[-1] = min(found[-1], top)
    for at in range(len(found) - 2, -1, -1):
        found[at] = min(found[at], found[at + 1] - gap)
    return [float(found[place]) for place in np.argsort(order)]


def _color(row: Row) -> str:
    return MINE if row.model.package is None and row.model.name != "popularity" else ALL
