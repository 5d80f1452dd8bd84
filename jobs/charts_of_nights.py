"""The nights in a picture: how good each candidate was beside popularity, and which were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.charts import ALL, INDIE, QUIET, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NIGHTS = 30
MEASURE = "indie_played"
REFUSED = "#b3202c"
DATES = 10
"""So many nights have their date below them at most."""


@dataclass(frozen=True)
class Night:
    """nDCG@10 of indie games played: the candidate's, its standard error, and that of popularity."""

    at: datetime
    ndcg_10: float
    error: float
    popularity: float
    published: bool


def nights_of(reports: Sequence[Mapping[str, object]]) -> tuple[Night, ...]:
    """The last 30 nights that fitted anything, of reports as `NightlyReport.as_dict` gives them, the latest last."""
    nights = [night for report in reports if (night := _night(report)) is not None]
    return tuple(nights[-NIGHTS:])


def _night(report: Mapping[str, Any]) -> Night | None:
    """None where nothing was fitted, or the report is of another release."""
    try:
        candidate, popularity = (report["metrics"][who][MEASURE] for who in ("candidate", "popularity"))
        return Night(
            datetime.fromisoformat(report["at"]),
            float(candidate["ndcg_10"]),
            float(candidate["error"]),
            float(popularity["ndcg_10"]),
            bool(report["verdict"]["publish"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def drawn(nights: Sequence[Night]) -> bytes:
    """A PNG file of one night or more; takes a second the first time.

    In English, as matplotlib's own font has no Korean.
    """
    return picture(lambda axes: _plot(axes, nights))


def _title(nights: Sequence[Night]) -> str:
    """The finding: what the last night's candidate found beside popularity."""
    last = nights[-1]
    over = f", {last.ndcg_10 / last.popularity:.1f} times popularity" if last.popularity > 0 else ""
    return f"Indie games that are played: nDCG@10 of {last.ndcg_10:.3f}{over}"


def _plot(axes: Axes, nights: Sequence[Night]) -> str:
    days = list(range(len(nights)))
    values = [night.ndcg_10 for night in nights]
    axes.plot(days, values, color=ALL, linewidth=1.5)
    axes.errorbar(
        days,
        values,
        [night.error for night in nights],
        fmt="o",
        color=ALL,
        capsize=3,
        label="candidate",
    )
    refused = [day for day in days if not nights[day].published]
    if refused:
        axes.plot(refused, [values[day] for day in refused], "x", color=REFUSED, markersize=12, label="refused")
    axes.plot(days, [night.popularity for night in nights], color=INDIE, linestyle="--", label="popularity")
    axes.set_ylabel("nDCG@10")
    axes.set_ylim(bottom=0)
    axes.grid(color=QUIET, alpha=0.5)
    some = days[:: -(-len(days) // DATES)]
    axes.set_xticks(some, [f"{nights[day].at:%m-%d}" for day in some])
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, frameon=False)
    return _title(nights)
