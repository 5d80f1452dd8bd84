"""How commands that report speak: tables and progress for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from storage.bigquery.costs import Agree, Estimate

Yes = Annotated[bool, typer.Option("--yes", help="Agree beforehand to what queries of BigQuery cost.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


WIDTH_OF_A_FILE = 120


def out() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_OF_A_FILE)


def err() -> Console:
    return Console(stderr=True, highlight=False)


def print_json(found: Mapping[str, object] | list[dict[str, object]]) -> None:
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n")


def table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    """The first column is words and never cut, the others are numbers or short words."""
    made = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        made.add_column(column, justify="left" if at == 0 else "right", no_wrap=at == 0)
    for row in rows:
        made.add_row(*row)
    return made


class Phases:
    """Told of each phase and how far it is: a `jobs.training.Progress`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        if name not in self._tasks:
            _finish(self._progress)
            self._tasks[name] = self._progress.add_task(name, total=total or None)
        self._progress.update(self._tasks[name], completed=done, total=total or None)

    def note(self, words: str) -> None:
        """Says this in the line of the running phase, in place of its name."""
        if self._tasks:
            self._progress.update([*self._tasks.values()][-1], description=words)

    def agreeing(self, *, yes: bool) -> Agree:
        """Asks at the terminal whether a query may cost what it costs; without one, only `yes` agrees."""

        def agree(estimate: Estimate) -> bool:
            if yes:
                err().print(f"This reads {estimate} of the warehouse.")
                return True
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                err().print(f"This would read {estimate} of the warehouse: say --yes to agree.")
                return False
            self._progress.stop()
            try:
                said = err().input(f"This would read {estimate} of the warehouse. Go on? (y/n) ", markup=False)
            except EOFError:
                return False
            else:
                return said.strip().casefold() in {"y", "yes"}
            finally:
                self._progress.start()

        return agree


@contextmanager
def phases(*, quiet: bool = False) -> Iterator[Phases]:
    """A line for each phase, with a bar where there is something to count; on stderr, and silent when it is a file."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = err()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        yield Phases(progress)
        _finish(progress)


def _finish(progress: Progress) -> None:
    for task in progress.tasks:
        if not task.finished:
            total = task.total or 1
            progress.update(task.id, total=total, completed=total)
