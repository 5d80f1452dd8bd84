"""Our picks and those of the best public systems, on the same held-out players: a table, a CSV and charts.

    python -m benchmarks.quality interactions.parquet games.parquet reviews.parquet --out folder
        [--seeds 3] [--only NAME ...] [--players 4000] [--peer-python rectools=PATH]

`pip install -e '.[peers]'` brings what has a place beside our own packages; what has not is named with an interpreter
that has it, numpy, scipy, pydantic and rapidfuzz. A system that is nowhere is left out, which is said. Results are
kept in the folder, a JSON file for each model and seed, and not computed again while data and settings are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.quality import child, report, results, splits
from benchmarks.quality.arguments import Wanted, arguments
from benchmarks.quality.models import OURS, Model
from benchmarks.quality.pictures import write_pictures
from benchmarks.quality.questions import candidates, libraries
from benchmarks.quality.results import Result, Task
from jobs.training import Gathered
from recommender.catalog import Catalog
from recommender.shelf import Shelf


def main() -> None:
    wanted, console = arguments(__doc__ or ""), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("reading the files", total=len(wanted.models) * len(wanted.seeds))
        found: dict[str, list[Result]] = {}
        gathered = splits.read(wanted.files, wanted.players)
        for what, result in _measured(wanted, gathered, console):
            progress.update(bar, description=what, advance=1)
            if result is not None:
                found.setdefault(result.task.model, []).append(result)
    rows = [report.Row(model, found[model.name]) for model in wanted.models if model.name in found]
    ours = next((row for row in rows if row.model.name == OURS), None)
    for path in (*report.write(rows, ours, wanted.out), *write_pictures(rows, wanted.out)):
        print(path)


def _measured(wanted: Wanted, gathered: Gathered, console: Console) -> Iterator[tuple[str, Result | None]]:
    """A word and a result for each model and seed; None for one that failed, which is said and stops nothing else."""
    data = splits.stamp(gathered.interactions)
    for seed in wanted.seeds:
        tasks = {model: Task(model.name, seed, model.setting, data) for model in wanted.models}
        kept = {model: results.load(_path(wanted, task), task) for model, task in tasks.items()}
        yield from ((f"{model.name}, seed {seed}: kept", found) for model, found in kept.items() if found)
        missing = [model for model, found in kept.items() if found is None]
        if missing:
            yield from _computed(wanted, [(model, tasks[model]) for model in missing], gathered, console)


def _computed(
    wanted: Wanted, tasks: Sequence[tuple[Model, Task]], gathered: Gathered, console: Console
) -> Iterator[tuple[str, Result | None]]:
    """All of one seed."""
    seed = tasks[0][1].seed
    parts = splits.for_test(gathered.interactions, seed)
    shown = libraries(parts, seed)
    masks = candidates(parts.train, Shelf(Catalog(gathered.games), parts.train.items).indie)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child.write(folder, parts.train.minutes, masks, shown)
        for model, task in tasks:
            try:
                found = results.run(model, task, parts, shown, masks, folder, wanted.python(model))
            except RuntimeError as error:
                console.print(str(error), markup=False)
                yield f"{model.name}, seed {seed}: failed", None
                continue
            results.save(found, _path(wanted, task))
            yield f"{model.name}, seed {seed}", found


def _path(wanted: Wanted, task: Task) -> Path:
    return wanted.out / "results" / f"{task.model}-{task.seed}.json"


if __name__ == "__main__":
    main()
