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
    axes.set_xlabel(f"nDCG@10, {WORDS[DECIDES]}; the whisker is the 95 % interval over seeds")
    axes.set_xlim(0, 1.12 * max(values))
    best = found[-1][0].title
    return f"{best} finds best what is played"


def _known(axes: Axes, rows: Sequence[Row]) -> str:
    best = 0.0
    for row in rows:
        means = [(k, mean.value) for k in KNOWN if (mean := row.mean(f"{DECIDES}-{k}", "ndcg_10"))]
        if not means:
            continue
        mine = row.model.name == OURS
        known, values = zip(*means, strict=True)
        best = max(best, values[0])
        axes.plot(
            known,
            values,
            color=MINE if mine else _color(row),
            marker="o",
            linewidth=2.5 if mine else 1,
            zorder=2 + mine,
        )
        axes.annotate(f" {row.title}", (known[-1], values[-1]), fontsize="x-small", va="center", color=_color(row))
    axes.set_xscale("log")
    axes.set_xticks(KNOWN, [str(k) for k in KNOWN])
    axes.minorticks_off()
    axes.set_xlim(right=6 * KNOWN[-1])
    axes.set(xlabel="games known of a player (log scale)", ylabel=f"nDCG@10, {WORDS[DECIDES]}")
    axes.grid(color=QUIET, alpha=0.5)
    return f"With {KNOWN[0]} games known the best reaches {best:.2f}"


def _coverage(axes: Axes, rows: Sequence[Row]) -> str:
    for row in rows:
        across, up = row.mean("indie", "coverage"), row.mean(DECIDES, "ndcg_10")
        if across is None or up is None:
            continue
        axes.scatter([across.value], [up.value], color=_color(row), zorder=3)
        axes.annotate(f"  {row.title}", (across.value, up.value), fontsize="x-small", va="center", color=_color(row))
    axes.set(xlabel="distinct indie games in the first ten of all players", ylabel=f"nDCG@10, {WORDS[DECIDES]}")
    axes.xaxis.set_major_formatter(GROUPED)
    axes.set_xlim(left=0, right=1.35 * axes.get_xlim()[1])
    axes.grid(color=QUIET, alpha=0.5)
    return "What is found, and how much of the catalogue is shown"


def _color(row: Row) -> str:
    return MINE if row.model.package is None and row.model.name != "popularity" else ALL
