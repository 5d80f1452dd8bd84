"""The loop of the tuner: decide what to measure, measure it, keep it, until the budget or something else ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jobs.tuning_record import Record
from jobs.tuning_trials import Step
from recommender.proposals import Batch, Plan, next_batch
from recommender.tuning import Floors, Outcome, Point, Trial, ranked


class Ended(StrEnum):
    BUDGET = "no further trial would end within the budget"
    TRIALS = "as many trials as were asked for"
    EXHAUSTED = "nothing new is left to try"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Standing:
    """`elapsed` is seconds since the start; `best` is the best so far on all games, None before the first."""

    elapsed: float
    trials: int
    best: Trial | None
    doing: str


Told = Callable[[Standing], None]


class Measure(Protocol):
    def __call__(self, games: int, points: Sequence[Point], step: Step) -> Sequence[Outcome]:
        """One for each point, measured on the `games` most owned games."""
        ...


@dataclass(frozen=True)
class Limits:
    """`deadline` is a reading of `clock` in seconds."""

    clock: Callable[[], float]
    began: float
    deadline: float
    trials: int | None

    def cut(self, batch: Batch, known: Sequence[Trial]) -> Batch | Ended:
        """As much of the batch as ends in time, by the mean of the known trials of its size."""
        if not batch.points:
            return Ended.EXHAUSTED
        room = len(batch.points) if self.trials is None else self.trials - len(known)
        if room <= 0:
            return Ended.TRIALS
        took = [trial.seconds for trial in known if trial.games == batch.games]
        left = self.deadline - self.clock()
        in_time = int(left * len(took) // max(sum(took), 1e-9)) if took else int(left > 0) * len(batch.points)
        points = batch.points[: min(room, max(in_time, 0))]
        return Batch(batch.games, points) if points else Ended.BUDGET


def search(plan: Plan, record: Record, measure: Measure, limits: Limits, told: Told) -> Ended:
    """Adds to the record what is measured, a batch at a time, until an end.

    Raises:
        FitFailed: plain EDLAE cannot be fitted.
    """
    try:
        while True:
            batch = limits.cut(next_batch(plan, record.trials), record.trials)
            if isinstance(batch, Ended):
                return batch
            best = next(
                iter(ranked_in_full(record.trials, in_full(plan, record.trials, plan.start[0]), plan.floors)), None
            )

            def step(doing: str, batch: Batch = batch, best: Trial | None = best) -> None:
                words = f"{len(batch.points)} on {batch.games:,} games, {doing}"
                told(Standing(limits.clock() - limits.began, len(record.trials), best, words))

            began = limits.clock()
            outcomes = measure(batch.games, batch.points, step)
            each = (limits.clock() - began) / len(batch.points)
            record.add([Trial(batch.games, *of, each) for of in zip(batch.points, outcomes, strict=True)])
    except KeyboardInterrupt:
        return Ended.INTERRUPTED


def in_full(plan: Plan, trials: Sequence[Trial], point: Point) -> Trial | None:
    """What was measured there on all games."""
    return next((trial for trial in trials if (trial.games, trial.point) == (plan.full, point)), None)


def ranked_in_full(trials: Sequence[Trial], plain: Trial | None, floors: Floors) -> list[Trial]:
    """Those on all games, the best first; none before there is something to compare with."""
    if plain is None or plain.found is None:
        return []
    return ranked([trial for trial in trials if trial.games == plain.games], floors, plain.found)
