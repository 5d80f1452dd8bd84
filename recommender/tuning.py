"""What a tuner may change and how it compares what came of it: a table of knobs, and one rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.evaluate import Report
from recommender.linear import LinearSettings

Point = tuple[float, ...]
"""A value for each knob of a space, in its order."""
Unit = NDArray[np.float64]
"""A point [d] or points [p x d] on the scales of the knobs: 0 is the low end of each, 1 the high one."""

SPACE_VERSION = 2
"""Raise it when a fit or a measure comes to mean something else: records of before are not gone on with then."""


class Scale(Enum):
    LINEAR = "linear"
    LOG = "log"


class Renews(IntEnum):
    """What has to be worked out anew when a knob is turned, and with it all that is below."""

    SCORES = 0
    INVERSE = 1
    GRAM = 2


@dataclass(frozen=True)
class Knob:
    """One number of `LinearSettings`, at `path` in it; `name` is that of the bot's setting.

    At `plain` it does nothing, or what EDLAE does without anything of ours.
    """

    name: str
    path: tuple[str, ...]
    low: float
    high: float
    scale: Scale
    plain: float
    renews: Renews


@dataclass(frozen=True)
class Space:
    knobs: tuple[Knob, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(knob.name for knob in self.knobs)

    @property
    def plain(self) -> Point:
        return tuple(knob.plain for knob in self.knobs)

    def point(self, settings: LinearSettings) -> Point:
        settings = replace(settings, folded_played=settings.heard.played)  # a number also where it is as learned
        return tuple(_value(settings, knob.path) for knob in self.knobs)

    def settings(self, point: Point, base: LinearSettings) -> LinearSettings:
        """`base` with the point's values; what has no knob stays.

        Raises:
            ValueError: the settings do not allow such a value.
        """
        for knob, value in zip(self.knobs, point, strict=True):
            base = _with(base, knob.path, value)
        return base

    def at(self, unit: Unit) -> Point:
        """To four digits, so that what is measured is what a person can write down."""
        low, high, logs = self._ends()
        values = low + unit * (high - low)
        return tuple(float(f"{value:.4g}") for value in np.where(logs, np.exp(values), values))

    def units(self, points: Sequence[Point]) -> Unit:
        """[p x d]; what lies outside a knob's range is taken for its end."""
        low, high, logs = self._ends()
        values = np.array(points, float).reshape(len(points), len(self.knobs))
        values = np.where(logs, np.log(np.maximum(values, 1e-300)), values)
        return np.clip((values - low) / (high - low), 0, 1)

    def renewing(self, least: Renews) -> NDArray[np.bool_]:
        """[d] the knobs that renew at least that."""
        return np.array([knob.renews >= least for knob in self.knobs])

    def shared(self, point: Point, least: Renews) -> Point:
        """The values that renew at least that: points that have them in common have its result in common."""
        return tuple(value for knob, value in zip(self.knobs, point, strict=True) if knob.renews >= least)

    def _ends(self) -> tuple[Unit, Unit, NDArray[np.bool_]]:
        logs = np.array([knob.scale is Scale.LOG for knob in self.knobs])
        low, high = (np.array([getattr(knob, end) for knob in self.knobs]) for end in ("low", "high"))
        with np.errstate(divide="ignore", invalid="ignore"):  # a linear knob may begin at 0
            return np.where(logs, np.log(low), low), np.where(logs, np.log(high), high), logs


SPACE = Space(
    (
        Knob("l2", ("l2",), 20.0, 5000.0, Scale.LOG, 200.0, Renews.INVERSE),
        Knob("dropout", ("dropout",), 0.0, 0.8, Scale.LINEAR, 0.3, Renews.INVERSE),
        Knob("weight_played", ("weighting", "played"), 0.0, 1.0, Scale.LINEAR, 0.0, Renews.GRAM),
        Knob("weight_log_hours", ("weighting", "log_hours"), 0.0, 0.3, Scale.LINEAR, 0.0, Renews.GRAM),
        Knob("folded_played", ("folded_played",), 0.0, 0.5, Scale.LINEAR, 0.0, Renews.SCORES),
        Knob("l2_power", ("l2_power",), 0.0, 0.5, Scale.LINEAR, 0.0, Renews.INVERSE),
        Knob("played_power", ("played_power",), 0.0, 0.4, Scale.LINEAR, 0.0, Renews.SCORES),
        Knob("rare_power", ("rare_power",), 0.0, 0.4, Scale.LINEAR, 0.0, Renews.SCORES),
    )
)
"""What an owned game counts has no knob: all weights c times larger and l2 c² times is the same model."""


@dataclass(frozen=True)
class Scores:
    """nDCG@10 as in `Report`."""

    all: float
    indie: float
    indie_played: float

    @classmethod
    def of(cls, report: Report) -> Scores:
        return cls(report.all.ndcg_10, report.indie.ndcg_10, report.indie_played.ndcg_10)

    @classmethod
    def mean(cls, several: Iterable[Scores]) -> Scores:
        return cls(*np.mean([one.as_row() for one in several], axis=0).tolist())

    def as_row(self) -> tuple[float, float, float]:
        return self.all, self.indie, self.indie_played


@dataclass(frozen=True)
class Outcome:
    """Scores a fold, or `refused`, why there could be no fit; `error` is that of the mean indie played."""

    folds: tuple[Scores, ...] = ()
    error: float = 0.0
    refused: str = ""

    @property
    def found(self) -> Scores | None:
        return Scores.mean(self.folds) if self.folds else None


@dataclass(frozen=True)
class Trial:
    """A point measured on the `games` most owned games; `seconds` is wall time."""

    games: int
    point: Point
    outcome: Outcome
    seconds: float

    @property
    def found(self) -> Scores | None:
        return self.outcome.found


@dataclass(frozen=True)
class Floors:
    """The shares of plain EDLAE's nDCG@10 that have to be kept of all games and of indie games."""

    all: float = 0.99
    indie: float = 0.99

    def keys(self, found: Unit, plain: Scores) -> tuple[Unit, Unit]:
        """([p] what is missing to the floors, [p] indie played) of rows [p x 3] in the order of `Scores`.

        Less missing is better whatever else, and of two that miss nothing the one with more indie played: the rules
        of Deb 2000 (https://doi.org/10.1016/S0045-7825(99)00389-8), which want no weight for a penalty.
        """
        floors = np.array([self.all * plain.all, self.indie * plain.indie])
        return np.maximum(floors - found[:, :2], 0).sum(axis=1), found[:, 2]

    def kept(self, found: Scores, plain: Scores) -> bool:
        missing, _ = self.keys(np.array([found.as_row()]), plain)
        return not missing[0]


def ranked(trials: Sequence[Trial], floors: Floors, plain: Scores) -> list[Trial]:
    """Those that were fitted, the best first; the earlier one where two are equal."""
    fitted = [(trial, found) for trial in trials if (found := trial.found) is not None]
    rows = np.array([found.as_row() for _, found in fitted]).reshape(len(fitted), 3)
    missing, played = floors.keys(rows, plain)
    return [fitted[at][0] for at in np.lexsort((-played, missing))]


def _value(settings: object, path: tuple[str, ...]) -> float:
    for name in path:
        settings = getattr(settings, name)
    return float(settings)  # type: ignore[arg-type] # the table names numbers


def _with(settings: Any, path: tuple[str, ...], value: float) -> Any:  # noqa: ANN401 - of any part of the settings
    first, *rest = path
    return replace(settings, **{first: _with(getattr(settings, first), tuple(rest), value) if rest else value})
