"""One model on one split: run in its interpreter, marked here, and kept as a JSON file that is not computed again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality import child
from benchmarks.quality.child import Cost
from benchmarks.quality.models import Model
from benchmarks.quality.questions import GOALS, Answer, Shown, marked
from recommender.evaluate import Measures, Split
from recommender.metrics import Values
from recommender.shelf import Mask

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Task:
    """What a result is of; `data` is the stamp of the interactions."""

    model: str
    seed: int
    setting: Mapping[str, object]
    data: str


@dataclass(frozen=True, eq=False)
class Result:
    """`players` are rows of the interactions, `ndcg_10` the value of each of them; both by goal."""

    task: Task
    cost: Cost
    version: str
    measures: Mapping[str, Measures]
    players: Mapping[str, list[int]]
    ndcg_10: Mapping[str, list[float]]


def run(
    model: Model, task: Task, parts: Split, shown: Mapping[str, Shown], masks: Mapping[str, Mask], at: Path, python: str
) -> Result:
    """`at` is a folder in which `child.write` has left the split.

    Raises:
        RuntimeError: the model failed; what it said last.
    """
    (at / "setting.json").write_text(json.dumps(task.setting))
    ended = subprocess.run(  # noqa: S603 - interpreters that the command line named
        [python, "-m", "benchmarks.quality.child", model.name, str(at)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise RuntimeError(f"{model.name} failed with {ended.returncode}: {ended.stderr.strip()[-2000:]}")
    ranked, cost = child.read(at)
    answers = {question.name: answer for question, answer in marked(ranked, parts, shown, masks)}
    return _result(task, cost, version(model, python), answers, parts)


def version(model: Model, python: str) -> str:
    """Of the model's package in that interpreter; "" where it is not there, and for our own."""
    if model.package is None:
        return ""
    code = f"import importlib.metadata; print(importlib.metadata.version({model.package!r}))"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip()


def save(result: Result, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(result)))
    partial.replace(path)


def load(path: Path, task: Task) -> Result | None:
    """None where there is none of just this task: the data or the settings may have been others."""
    if not path.exists():
        return None
    said = json.loads(path.read_text())
    if said["task"] != json.loads(json.dumps(asdict(task))):
        return None
    measures = {name: Measures(**values) for name, values in said["measures"].items()}
    rest = {name: said[name] for name in ("version", "players", "ndcg_10")}
    return Result(task, Cost(**said["cost"]), measures=measures, **rest)


def _result(task: Task, cost: Cost, version: str, answers: Mapping[str, Answer], parts: Split) -> Result:
    goals = {goal: answers[goal] for goal in GOALS if goal in answers}
    return Result(
        task,
        cost,
        version,
        {name: answer.measures for name, answer in answers.items()},
        {goal: parts.held_out[answer.players].tolist() for goal, answer in goals.items()},
        {goal: _rounded(answer.ndcg_10) for goal, answer in goals.items()},
    )


def _rounded(values: Values) -> list[float]:
    return [float(value) for value in np.round(values, 6)]
