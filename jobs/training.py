"""Training and measuring: gather the interactions, fit, measure on held-out players, publish."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from jobs.fitting import fitting_of
from jobs.jury import Jury, Preferences, nobody, preferences
from jobs.machine import free_bytes
from recommender.calibration import calibrated
from recommender.catalog import Catalog, Game
from recommender.confidence import Calibration, calibrate
from recommender.content import Content, learn_content
from recommender.device import Device
from recommender.enough import enough
from recommender.errors import FitFailed, NoRoom
from recommender.evaluate import Report, SplitSettings, evaluate, measured, split
from recommender.evidence import Evidence
from recommender.held_out import Keys, keys_of
from recommender.interactions import Interactions
from recommender.linear import TUNED, Equations, Linear, LinearSettings, prepare
from recommender.popularity import Popularity
from recommender.registry import Registry
from recommender.shelf import Shelf
from recommender.sparse_linear import LocalEquations, prepare_approximation
from recommender.tempered import Tempered
from recommender.version import Card, Fitted
from storage.fitted_rows import Fitting, Rules
from storage.lake.events import OURS
from storage.warehouse import Warehouse

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Told (phase, done, total); total 0 where there is nothing to count."""


@dataclass(frozen=True)
class TrainingSettings:
    """`min_games` a player and `min_players` a game: those with fewer are left out, in that order.

    With `opinions`, what people told the bot counts as well: see `Warehouse`. A model of more games than `dense_limit`
    is approximated, and without a limit one of more games than the free memory holds.
    """

    model: LinearSettings = TUNED
    split: SplitSettings = field(default_factory=SplitSettings)
    min_games: int = 21
    min_players: int = 1
    device: Device = Device.AUTO
    opinions: bool = True
    dense_limit: int | None = None

    @property
    def recipe(self) -> str:
        """Twelve hex digits of all that decides what comes of the same data, but for the machine."""
        told = (self.model, self.split, self.min_games, self.min_players, self.opinions, self.dense_limit)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


@dataclass(frozen=True, eq=False)
class Gathered:
    """`own` are the rows of `interactions` of people of the bot, by pseudonym."""

    interactions: Interactions
    games: list[Game]
    fingerprint: str
    synthetic: bool
    own: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def catalog(self) -> Catalog:
        """Laid out once, which takes a second for 70,000 games."""
        return Catalog(self.games, self.interactions.items.owners)

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.catalog, self.interactions.items)


@dataclass(frozen=True)
class Evaluation:
    """One model and popularity measured on the same held-out players, which neither was fitted on.

    `calibration` says how sure the model's picks are, None where there are too few to tell. `preferences` are those of
    the same model, of a jury that it was not fitted on either.
    """

    model: Report
    popularity: Report
    calibration: Calibration | None = None
    evidence: Evidence | None = None
    preferences: Preferences | None = None

    def as_dict(self) -> dict[str, object]:
        calibration = asdict(self.calibration) if self.calibration else None
        return {
            "model": self.model.as_dict(),
            "popularity": self.popularity.as_dict(),
            "calibration": calibration,
        }


@dataclass(frozen=True)
class TrainReport:
    """`evaluation` is None where it was not asked for; `seconds` is wall time a phase, `jury` who was asked besides.

    `fitting` is what has to be kept of the fit so that it can be learned on, for `jobs.fitting.keep_fitted`; None where
    it cannot.
    """

    card: Card
    evaluation: Evaluation | None
    seconds: dict[str, float]
    jury: Jury | None = None
    fitting: Fitting | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, object]:
        fitted = self.card.fitted
        found = asdict(self.card) | {"created": self.card.created.isoformat(), "fitted": fitted and fitted.isoformat()}
        evaluation = self.evaluation.as_dict() if self.evaluation else None
        return found | {"evaluation": evaluation, "seconds": self.seconds, "preferences": self._preferences()}

    def _preferences(self) -> dict[str, object] | None:
        if self.jury is None or self.evaluation is None or self.evaluation.preferences is None:
            return None
        return {"candidate": asdict(self.evaluation.preferences), "incumbent": asdict(self.jury.incumbent)}


class Stopwatch:
    """Seconds a phase, and the word to whoever shows the progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.perf_counter()
        self._phase: str | None = None
        self.seconds: dict[str, float] = {}

    def phase(self, name: str, total: int = 0) -> None:
        self.stop()
        self._phase = name
        self._progress(name, 0, total)

    def step(self, done: int, total: int) -> None:
        if self._phase is not None:
            self._progress(self._phase, done, total)

    def stop(self) -> None:
        now = time.perf_counter()
        if self._phase is not None:
            self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._began
        self._began, self._phase = now, None


def gather(warehouse: Warehouse, settings: TrainingSettings) -> Gathered:
    """What a fit needs, as it stands in the warehouse.

    Raises:
        NotEnoughData: no player has enough games.
        WarehouseError: the warehouse cannot be read.
    """
    interactions, own = players(warehouse, settings)
    fingerprint = warehouse.fingerprint(opinions=settings.opinions)
    return Gathered(interactions, warehouse.games(), fingerprint, warehouse.is_synthetic(), own)


def players(warehouse: Warehouse, settings: TrainingSettings) -> tuple[Interactions, dict[str, int]]:
    """The rows of a fit, and which of them are of people of the bot, by pseudonym; raises as `gather`."""
    columns = warehouse.training_interactions(settings.min_games, settings.min_players, opinions=settings.opinions)
    keys = keys_of(columns.player_ids)
    interactions = Interactions.from_columns(columns.players, columns.app_ids, columns.minutes, keys=keys)
    return interactions, {player: row for row, player in enumerate(columns.player_ids) if player.startswith(OURS)}


def prepared(interactions: Interactions, settings: TrainingSettings, room: int | None) -> Equations | LocalEquations:
    """Of a dense model where the limit and `room` bytes of memory allow one, else of its approximation.

    Raises:
        FitFailed: CUDA was asked for and is not there.
    """
    if settings.dense_limit is None or len(interactions.items) <= settings.dense_limit:
        try:
            return prepare(interactions, settings.model, settings.device, room)
        except NoRoom as refused:
            log.info("approximated, as %s", refused)
    return prepare_approximation(interactions, settings.model)


def measure(
    gathered: Gathered,
    settings: TrainingSettings,
    watch: Stopwatch,
    room: int | None = None,
    jury: Jury | None = None,
) -> Evaluation:
    """Fits on the players that are neither held out nor jurors; the model is thrown away."""
    parts = split(gathered.interactions, settings.split, jury.apart if jury else None)
    shelf = gathered.shelf
    watch.phase("held-out gram")
    equations = prepared(parts.train, settings, room)
    watch.phase("held-out inverse")
    model = _calibrated(equations.solve(), shelf)
    total = 2 * len(parts.folded)
    watch.phase("measure", total)
    found, each = measured(model, parts, shelf, lambda done: watch.step(done, total))
    baseline = Popularity(parts.train.items)
    beside = evaluate(baseline, parts, shelf, lambda done: watch.step(total // 2 + done, total))
    watch.phase("calibrate")
    served = Tempered(model, Popularity.of_played(parts.train.items))
    calibration = calibrate(served, parts, shelf)
    evidence = Evidence(parts.folded.whose, each, settings.split)
    return Evaluation(found, beside, calibration, evidence, preferences(served, jury.jurors) if jury else None)


def train(
    warehouse: Warehouse,
    registry: Registry,
    settings: TrainingSettings,
    *,
    now: datetime,
    progress: Progress = lambda *_: None,
    measured: bool = True,
    room: Callable[[Device], int | None] = free_bytes,
    heard: tuple[str, int] | None = None,
    promote: bool = True,
    empanel: Callable[[Keys], Jury | None] = nobody,
) -> TrainReport:
    """Measures on held-out players, then fits on all of them and publishes that model, with `promote` in service.

    `room` says how many bytes are free when a fit begins. `heard` is the name of the bot's lake and the watermark that
    the warehouse had of it before this; without it the model learns nothing between fits. `empanel` says who shall be
    asked besides, of the players that there are.

    Raises:
        NotEnoughData: too little to learn from or to measure on.
        FitFailed: the matrix could not be inverted or does not fit into memory, or the device asked for is missing.
    """
    watch = Stopwatch(progress)
    watch.phase("gather")
    gathered = gather(warehouse, settings)
    jury = empanel(gathered.interactions.whose)
    watch.phase("catalogue")
    _ = gathered.shelf  # laid out here, or a later phase would seem to take a second longer
    evaluation = measure(gathered, settings, watch, room(settings.device), jury) if measured else None
    watch.phase("gram")
    equations = prepared(gathered.interactions, settings, room(settings.device))
    watch.phase("inverse")
    model = _calibrated(equations.solve(), gathered.shelf)
    _check(model)
    watch.phase("content")
    content = place_content(model, gathered, settings) if isinstance(model, Linear) else None
    watch.phase("publish")
    fitting = _fitting(gathered, settings, warehouse) if heard is not None and isinstance(model, Linear) else None
    card = _publish(registry, model, content, gathered, evaluation, settings.recipe, now, heard, promote=promote)
    watch.stop()
    return TrainReport(card, evaluation, watch.seconds, jury, fitting)


def _fitting(gathered: Gathered, settings: TrainingSettings, warehouse: Warehouse) -> Fitting:
    rules = Rules(settings.min_games, settings.opinions)
    return fitting_of(gathered.interactions, gathered.own, settings.model.weighting, rules, warehouse)


def _check(model: Fitted) -> None:
    """A sum over all entries: one that is no number would make it none.

    Raises:
        FitFailed: the matrix has such an entry.
    """
    entries = model.inverse if isinstance(model, Linear) else model.weights.data
    if not np.isfinite(entries.sum(dtype=np.float32)):
        raise FitFailed("the fitted matrix has entries that are no numbers: raise INDIEAN_L2 and train again")


def _calibrated(model: Fitted, shelf: Shelf) -> Fitted:
    """An approximation stays as it is: its losses are larger than what the factors bring."""
    return calibrated(model, shelf.indie) if isinstance(model, Linear) else model


def place_content(model: Linear, gathered: Gathered, settings: TrainingSettings) -> Content:
    """What places games without players, and from which score on that is good enough."""
    shelf = gathered.shelf
    content = learn_content(model, shelf.games)
    return replace(content, enough=enough(content, model, gathered.interactions, shelf, settings.split.seed))


def _publish(
    registry: Registry,
    model: Fitted,
    content: Content | None,
    gathered: Gathered,
    evaluation: Evaluation | None,
    recipe: str,
    now: datetime,
    heard: tuple[str, int] | None,
    *,
    promote: bool,
) -> Card:
    return registry.publish(
        model,
        gathered.catalog.games,
        content=content,
        created=now,
        metrics=evaluation.model.as_dict() if evaluation else {},
        fingerprint=gathered.fingerprint,
        synthetic=gathered.synthetic,
        players=len(gathered.interactions),
        confidence=evaluation.calibration.confidence if evaluation and evaluation.calibration else None,
        heard=heard,
        evidence=evaluation.evidence if evaluation else None,
        rows=gathered.interactions.minutes.nnz,
        recipe=recipe,
        promote=promote,
    )
