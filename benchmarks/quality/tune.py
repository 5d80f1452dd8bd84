"""Settings for the models that have a grid, on players whom no test asks about.

    python -m benchmarks.quality.tune interactions.parquet games.parquet reviews.parquet --out folder
        [--only NAME ...] [--players 4000] [--peer-python rectools=PATH]

Every combination of a model's grid is fitted on nine tenths of the players and measured on the rest; the best is the
one with the highest nDCG@10 of indie games played over two hours, the measure that decides. What is found is written
down in `benchmarks.quality.models` by hand.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.quality import child, results, splits
from benchmarks.quality.arguments import Wanted, arguments
from benchmarks.quality.models import Model
from benchmarks.quality.questions import GOALS, candidates, libraries
from benchmarks.quality.results import Result, Task
from recommender.catalog import Catalog
from recommender.shelf import Shelf


def main() -> None:
    wanted = arguments(__doc__ or "")
    found = list(_tried(wanted))
    with (wanted.out / "tuning.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "settings", *GOALS, "fit seconds"])
        for one in found:
            values = [f"{one.measures[goal].ndcg_10:.4f}" for goal in GOALS]
            writer.writerow([one.task.model, json.dumps(one.task.setting), *values, f"{one.cost.fit_seconds:.1f}"])
    for name, tried in itertools.groupby(found, lambda one: one.task.model):
        best = max(tried, key=lambda one: one.measures["indie_played"].ndcg_10)
        print(name, json.dumps(best.task.setting), {goal: round(best.measures[goal].ndcg_10, 4) for goal in GOALS})


def combinations(model: Model) -> Iterator[Model]:
    for values in itertools.product(*model.grid.values()):
        yield model.having({**model.setting, **dict(zip(model.grid, values, strict=True))})


def _tried(wanted: Wanted) -> Iterator[Result]:
    gathered = splits.read(wanted.files, wanted.players)
    parts, data = splits.for_tuning(gathered.interactions), splits.stamp(gathered.interactions)
    shown = {"whole": libraries(parts, splits.TUNING_SEED)["whole"]}
    masks = candidates(parts.train, Shelf(Catalog(gathered.games), parts.train.items).indie)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child.write(folder, parts.train.minutes, masks, shown)
        for model in itertools.chain.from_iterable(combinations(model) for model in wanted.models if model.grid):
            task = Task(model.name, splits.TUNING_SEED, model.setting, data)
            path = wanted.out / "tuning" / f"{model.name}-{_digest(model)}.json"
            kept = results.load(path, task)
            if kept is None:
                kept = results.run(model, task, parts, shown, masks, folder, wanted.python(model))
                results.save(kept, path)
            print(model.name, json.dumps(model.setting), kept.measures["indie_played"].ndcg_10, file=sys.stderr)
            yield kept


def _digest(model: Model) -> str:
    return hashlib.sha256(json.dumps(model.setting, sort_keys=True).encode()).hexdigest()[:8]


if __name__ == "__main__":
    main()
