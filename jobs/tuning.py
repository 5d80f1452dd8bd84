"""Searching the model's settings on players of their own: within a budget, and gone on with after any end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jobs.training import Gathered, TrainingSettings
from jobs.tuning_record import as_dict, open_record
from jobs.tuning_search import Ended, Limits, Told, in_full, ranked_in_full, search
from jobs.tuning_trials import Bench, Step, fingerprint, without_held_out
from recommender.catalog import Catalog
from recommender.proposals import Plan
from recommender.shelf import Shelf
from recommender.tuning import SPACE, Floors, Outcome, Point, Space, Trial

SMALL = 4000
"""Games that a first look takes: what is best on them is best on all, at a tenth of the time (docs/decisions.md)."""


@dataclass(frozen=True)
class TuningSettings:
    """`budget` is wall time in seconds, `trials` how many the record shall hold at the end: what comes first ends it.

    A first look at points takes `small` games, where there are twice as many. `record` is where the record is instead
    of a file for these very data in the home folder.
    """

    training: TrainingSettings
    budget: float
    trials: int | None = None
    floors: Floors = field(default_factory=Floors)
    seed: int = 0
    small: int = SMALL
    record: Path | None = None


@dataclass(frozen=True)
class TuningReport:
    """`ranked` holds the trials on all games that could be fitted, the best first; `plain` and `used` are among them.

    `used` is what the settings are now, `small` counts the trials on fewer games; `torn` says that the record's last
    line had been cut short, and was dropped.
    """

    record: Path
    players: int
    games: int
    synthetic: bool
    space: Space
    floors: Floors
    trials: tuple[Trial, ...]
    plain: Trial | None
    used: Trial | None
    ended: Ended
    torn: bool

    @property
    def ranked(self) -> list[Trial]:
        return ranked_in_full(self.trials, self.plain, self.floors)

    @property
    def small(self) -> int:
        return sum(trial.games < self.games for trial in self.trials)

    def kept(self, trial: Trial) -> bool:
        """Whether it is above both floors."""
        plain = self.plain and self.plain.found
        return bool(plain and trial.found and self.floors.kept(trial.found, plain))

    def best(self) -> dict[str, float]:
        """The best values by the names of the bot's settings; empty before anything was measured."""
        return {name: value for trial in self.ranked[:1] for name, value in self.values(trial).items()}

    def values(self, trial: Trial) -> dict[str, float]:
        return dict(zip(self.space.names, trial.point, strict=True))

    def as_dict(self) -> dict[str, object]:
        return {
            "record": str(self.record),
            "players": self.players,
            "games": self.games,
            "synthetic": self.synthetic,
            "floors": asdict(self.floors),
            "ended": self.ended.name.lower(),
            "torn": self.torn,
            "best": self.best(),
            "plain": self.plain and as_dict(self.plain, self.space),
            "used": self.used and as_dict(self.used, self.space),
            "trials": [as_dict(trial, self.space) for trial in self.trials],
        }


def tune(
    gathered: Gathered,
    home: Path,
    settings: TuningSettings,
    *,
    clock: Callable[[], float],
    told: Told = lambda _: None,
    space: Space = SPACE,
) -> TuningReport:
    """Measures points of the space on validation players; who is held out by `settings.training.split` is not read.

    Ctrl-C ends it as the budget does. It takes long, and no warehouse is open meanwhile.

    Raises:
        NotEnoughData: too few players.
        FitFailed: plain EDLAE cannot be fitted.
        RecordRefused: the record is damaged, somebody else's, or of other data.
    """
    began, training = clock(), settings.training
    kept = without_held_out(gathered.interactions, training.split)
    shelf, base = Shelf(Catalog(gathered.games), kept.items), training.model
    key = fingerprint(kept, shelf, space, base)
    path = settings.record or home / "tuning" / f"{key}.jsonl"
    plan = _plan(space, len(kept.items), settings)
    benches: dict[int, Bench] = {}

    def measure(games: int, points: Sequence[Point], step: Step) -> list[Outcome]:
        if games not in benches:
            benches[games] = Bench.of(kept, shelf, games, space, base, training.device)
        return benches[games].measure(points, step)

    with open_record(path, {"key": key, "players": len(kept), "games": plan.full}, space) as record:
        limits = Limits(clock, began, began + settings.budget, settings.trials)
        ended = search(plan, record, measure, limits, told)
        trials, torn = tuple(record.trials), record.torn
    plain, used = (in_full(plan, trials, point) for point in (plan.start[0], plan.start[-1]))
    return TuningReport(
        path,
        len(kept),
        plan.full,
        gathered.synthetic,
        space,
        settings.floors,
        trials,
        plain,
        used,
        ended,
        torn,
    )


def _plan(space: Space, games: int, settings: TuningSettings) -> Plan:
    start = tuple(dict.fromkeys((space.plain, space.point(settings.training.model))))
    return Plan(space, games, settings.small, start, settings.floors, settings.seed)
