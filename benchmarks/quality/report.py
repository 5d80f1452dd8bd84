"""The results as tables: Markdown for people, a CSV with every figure for everybody else."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.intervals import Difference, Mean, over_seeds, paired
from benchmarks.quality.models import Model
from benchmarks.quality.questions import GOALS, KNOWN, RARE, SEGMENTS
from benchmarks.quality.results import Result

WORDS = {"all": "all games", "indie": "indie", "indie_played": "indie, played over 2 h"}
DECIDES = "indie_played"


@dataclass(frozen=True, eq=False)
class Row:
    """One model with a result for each seed, in the order of the seeds."""

    model: Model
    results: Sequence[Result]

    @property
    def title(self) -> str:
        version = self.results[0].version
        return self.model.title.replace(")", f" {version})") if version else self.model.title

    def mean(self, question: str, measure: str) -> Mean | None:
        """None where nobody could be asked."""
        found = [result.measures[question] for result in self.results if question in result.measures]
        return over_seeds([float(getattr(one, measure)) for one in found]) if found else None

    def against(self, ours: Row, goal: str) -> Difference:
        """This model less ours, on the seeds that both have."""
        pairs = [(a, b) for a in ours.results for b in self.results if a.task.seed == b.task.seed]
        players = [np.array(a.players[goal]) for a, _ in pairs]
        return paired(
            players, [np.array(a.ndcg_10[goal]) for a, _ in pairs], [np.array(b.ndcg_10[goal]) for _, b in pairs]
        )


def write(rows: Sequence[Row], ours: Row | None, folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    text, figures = folder / "quality.md", folder / "quality.csv"
    text.write_text("\n\n".join(_parts(rows, ours)) + "\n")
    with figures.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "seed", "question", "measure", "value"])
        writer.writerows(_figures(rows))
    return text, figures


def _parts(rows: Sequence[Row], ours: Row | None) -> Iterable[str]:
    seeds = [result.task.seed for result in rows[0].results]
    yield (
        "Whole players held out, 80 % of their games folded in, the rest to be found; seeds "
        f"{', '.join(map(str, seeds))}. ± is half the 95 % interval over seeds (Student's t)."
    )
    yield "### nDCG@10\n\n" + _table(rows, {WORDS[goal]: _measure(goal, "ndcg_10") for goal in GOALS})
    if ours is not None:
        yield (
            "### nDCG@10 less ours\n\nPlayer by player, with the 95 % interval of a paired bootstrap over players.\n\n"
            + _table(rows, {WORDS[goal]: _difference(ours, goal) for goal in GOALS})
        )
    for measure, words in {"precision_10": "P@10", "recall_20": "Recall@20", "ndcg_100": "nDCG@100"}.items():
        yield f"### {words}\n\n" + _table(rows, {WORDS[goal]: _measure(goal, measure) for goal in GOALS})
    for goal in (DECIDES, "all"):
        known = {f"{k} games known": _measure(f"{goal}-{k}", "ndcg_10") for k in KNOWN}
        yield (
            f"### nDCG@10 by how much is known: {WORDS[goal]}\n\nOf players with as many games folded in, a random "
            "part of them; what is ranked and what is to be found stays.\n\n" + _table(rows, known)
        )
    yield (
        "### nDCG@10 by popularity\n\nOnly these games ranked and to be found. Head are the fewest games that hold a "
        "third of all interactions learned from, middle the next third, tail the rest, rare those with under "
        f"{RARE} players.\n\n" + _table(rows, {segment: _measure(segment, "ndcg_10") for segment in SEGMENTS})
    )
    for goal in ("all", "indie"):
        yield f"### Beyond accuracy: the first ten, {WORDS[goal]}\n\n" + _table(rows, _beyond(goal))
    yield "### Settings and cost\n\n" + _table(rows, {"settings": _setting, "fit, s": _seconds, "peak, MiB": _peak})


Cell = Callable[[Row], str]


def _table(rows: Sequence[Row], columns: dict[str, Cell]) -> str:
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row.title} | " + " | ".join(cell(row) for cell in columns.values()) + " |" for row in rows]
    return "\n".join(lines)


def _measure(question: str, measure: str, form: str = ".4f") -> Cell:
    def cell(row: Row) -> str:
        found = row.mean(question, measure)
        if found is None:
            return "–"
        return f"{found.value:{form}}" + ("" if np.isnan(found.half) else f" ± {found.half:{form}}")

    return cell


def _difference(ours: Row, goal: str) -> Cell:
    def cell(row: Row) -> str:
        if row is ours:
            return "–"
        found = row.against(ours, goal)
        return f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"

    return cell


def _beyond(goal: str) -> dict[str, Cell]:
    return {
        "distinct games": _measure(goal, "coverage", ",.0f"),
        "novelty, bits": _measure(goal, "novelty", ".2f"),
        "Gini of exposure": _measure(goal, "gini", ".3f"),
        "popularity percentile": _measure(goal, "percentile", ".1f"),
    }


def _setting(row: Row) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in row.results[0].task.setting.items()) or "–"


def _plain(value: object) -> str:
    return json.dumps(value).replace('"', "").strip("{}") if isinstance(value, dict) else str(value)


def _seconds(row: Row) -> str:
    return f"{np.median([result.cost.fit_seconds for result in row.results]):.1f}"


def _peak(row: Row) -> str:
    return f"{max(result.cost.peak for result in row.results):,.0f}"


def _figures(rows: Sequence[Row]) -> Iterable[tuple[str, int, str, str, float]]:
    for row in rows:
        for result in row.results:
            for question, measures in result.measures.items():
                for measure, value in asdict(measures).items():
                    yield row.model.name, result.task.seed, question, measure, value
            for measure, value in asdict(result.cost).items():
                yield row.model.name, result.task.seed, "cost", measure, value
