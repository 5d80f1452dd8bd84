"""The nightly retrain: what was heard since, a candidate fitted beside the bot, and a decision by what it is worth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypedDict, TypeVar

import numpy as np

from jobs.charts_of_nights import Night, nights_of
from jobs.child import answer_of
from jobs.drifting import Drift
from jobs.errors import ChildFailed, JobError, StepFailed
from jobs.export import ExportReport, export
from jobs.jury import Preferences
from jobs.patience import Opening, opened_when_free
from jobs.training import Progress, Stopwatch, TrainingSettings
from jobs.verdict import Contender, Verdict, decide
from recommender.errors import DamagedModel, NoModel, RecommenderError
from recommender.online import OnlineMeasures
from recommender.registry import Registry
from storage.database import Database
from storage.errors import StorageError
from storage.lake.lake import Lake
from storage.retention import Pruned, prune

log = logging.getLogger(__name__)

STEPS = ("export", "prune", "drift", "fit", "evaluate", "decide", "publish")
MEASURING = frozenset({"held-out gram", "held-out inverse", "measure", "calibrate"})
"""The phases of the child that are of the step evaluate; all others are of the step fit."""

T = TypeVar("T")
Metrics = Mapping[str, Mapping[str, float]]
Sleep = Callable[[float], Awaitable[object]]


class Counted(TypedDict):
    rows: int | None
    players: int
    games: int


@dataclass(frozen=True)
class NightlySettings:
    """`command` is what fits a candidate, see `answer_of`; requests are kept for `retention_days`, models as `keep`."""

    training: TrainingSettings
    command: Sequence[str]
    retention_days: int = 365
    keep: int = 7


@dataclass(frozen=True)
class NightlyReport:
    """What came of a night.

    `verdict` is None where nothing has changed since the last fit, so that none was made; then the numbers are those of
    the model in service. `version` is in service now, `candidate` what was fitted, also if it was refused and is gone.
    `metrics` are by candidate, incumbent and popularity, of what there is. `seconds` is wall time a phase. `removed`
    are versions that are not kept any more. `drift` says how far learning in place had come from a fit, `online` what
    people did with the picks of each version. `nights` are this one and those before it, for a chart.
    """

    at: datetime
    version: str | None
    candidate: str | None
    verdict: Verdict | None
    rows: int | None
    players: int
    games: int
    metrics: Mapping[str, Metrics]
    fingerprint: str
    recipe: str
    seconds: Mapping[str, float]
    exported: ExportReport
    pruned: Pruned
    removed: Sequence[str] = ()
    drift: Drift | None = None
    online: OnlineMeasures | None = None
    nights: Sequence[Night] = field(default=(), repr=False)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, without the nights before."""
        found = {name: value for name, value in vars(self).items() if name != "nights"}
        pruned = self.pruned.as_dict() | {"before": self.pruned.before and self.pruned.before.isoformat()}
        verdict = self.verdict.as_dict() if self.verdict else None
        found |= {"at": self.at.isoformat(), "exported": self.exported.as_dict(), "pruned": pruned, "verdict": verdict}
        found |= {"seconds": dict(self.seconds), "removed": list(self.removed)}
        found["online"] = self.online.as_dict() if self.online else None
        return found | {"drift": self.drift.as_dict() if self.drift else None}


async def _no_drift() -> None:
    """Where nobody answers in this process, nothing was learned in place."""


async def nightly(
    database: Database,
    opening: Opening,
    registry: Registry,
    settings: NightlySettings,
    *,
    now: Callable[[], datetime],
    rng: np.random.Generator,
    earlier: Sequence[Mapping[str, object]] = (),
    drift: Callable[[], Awaitable[Drift | None]] = _no_drift,
    online: OnlineMeasures | None = None,
    progress: Progress = lambda *_: None,
    sleep: Sleep = asyncio.sleep,
) -> NightlyReport:
    """Export, prune, fit, evaluate, decide, publish; `progress` hears of each, and of the phases within.

    `opening` opens the warehouse for writing, `earlier` are the reports of earlier nights as dicts, the latest last.
    `drift` is asked once the warehouse has heard all of the lake, and before anything is fitted.
    The fit is a child process that publishes a candidate; whatever ends this half-way, the model in service stays, and
    what was left over is swept away by the next night.

    Raises:
        StepFailed: a step could not be done; it says which, and why.
    """
    night = _Night(registry, settings, now(), progress)
    exporting = partial(_exported, database, opening, settings, now, night.watch, sleep)
    exported, fingerprint = await night.do("export", exporting)
    pruned = await night.do("prune", partial(prune, database, night.at, settings.retention_days, exported.upto))
    drifted = await night.do("drift", drift)
    incumbent = await night.do("fit", partial(asyncio.to_thread, in_service, registry))
    found = _Found(incumbent)
    if not _unchanged(incumbent, earlier, fingerprint, settings.training.recipe):
        found = await night.do("fit", partial(night.fitted, incumbent))
        found = await night.do("decide", partial(asyncio.to_thread, found.decided, rng))
        await night.do("publish", partial(asyncio.to_thread, night.published, found))
    report = NightlyReport(
        at=night.at,
        version=await asyncio.to_thread(night.current),
        candidate=found.candidate.card.version if found.candidate else None,
        verdict=found.verdict,
        metrics=found.metrics,
        fingerprint=fingerprint,
        recipe=settings.training.recipe,
        seconds=night.seconds,
        exported=exported,
        pruned=pruned,
        removed=night.removed,
        drift=drifted,
        online=online,
        **found.counts,
    )
    return replace(report, nights=nights_of([*earlier, report.as_dict()]))


async def _exported(
    database: Database,
    opening: Opening,
    settings: NightlySettings,
    now: Callable[[], datetime],
    watch: Stopwatch,
    sleep: Sleep,
) -> tuple[ExportReport, str]:
    """And the fingerprint of what the warehouse holds then."""
    async with opened_when_free(opening, sleep) as warehouse:
        told = await export(Lake(database), warehouse, now=now, progress=watch.step)
        fingerprint = partial(warehouse.fingerprint, opinions=settings.training.opinions)
        return told, await asyncio.to_thread(fingerprint)


def in_service(registry: Registry) -> Contender | None:
    """The model in service; None where there is none, without evidence where that is damaged."""
    try:
        card = registry.card(registry.current())
    except (NoModel, DamagedModel):
        return None
    try:
        return Contender(card, registry.evidence(card.version))
    except DamagedModel as damage:
        log.warning("the evidence of model %s is not read: %s", card.version, damage)
        return Contender(card, None)


def _unchanged(
    incumbent: Contender | None, earlier: Sequence[Mapping[str, object]], fingerprint: str, recipe: str
) -> bool:
    """Whether the very same was fitted before: into the model in service, or last night into one that was refused."""
    if incumbent is None:
        return False
    fitted: list[tuple[object, object]] = [(incumbent.card.fingerprint, incumbent.card.recipe)]
    fitted += [(one.get("fingerprint"), one.get("recipe")) for one in earlier[-1:]]
    return (fingerprint, recipe) in fitted


@dataclass(frozen=True, eq=False)
class _Found:
    """What a night came to so far; `popularity` is measured beside the candidate."""

    incumbent: Contender | None
    candidate: Contender | None = None
    popularity: Metrics = field(default_factory=dict)
    verdict: Verdict | None = None

    def decided(self, rng: np.random.Generator) -> _Found:
        assert self.candidate is not None
        return replace(self, verdict=decide(self.candidate, self.incumbent, rng))

    @property
    def metrics(self) -> dict[str, Metrics]:
        found = {"candidate": self.candidate, "incumbent": self.incumbent}
        measured = {name: one.card.metrics for name, one in found.items() if one is not None and one.card.metrics}
        return measured | ({"popularity": self.popularity} if self.popularity else {})

    @property
    def counts(self) -> Counted:
        """Of what was fitted; where nothing was, of what is in service."""
        fitted = self.candidate or self.incumbent
        assert fitted is not None
        return {"rows": fitted.card.rows, "players": fitted.card.players, "games": fitted.card.items}


class _Night:
    """Where a night has come to: the step it is at, and the seconds that each took."""

    def __init__(self, registry: Registry, settings: NightlySettings, at: datetime, progress: Progress) -> None:
        self._registry, self._settings, self._progress = registry, settings, progress
        self._step = STEPS[0]
        self.at = at
        self.watch = Stopwatch(progress)
        self.removed: list[str] = []
        self._child: dict[str, float] = {}

    async def do(self, step: str, work: Callable[[], Awaitable[T]]) -> T:
        """Raises StepFailed where the work refuses with a sentence; a bug passes, with a note of the step."""
        self._step = step
        try:
            self.watch.phase(step)
            return await work()
        except (JobError, RecommenderError, StorageError, OSError) as refused:
            raise StepFailed(self._step, str(refused), await asyncio.to_thread(self._stays)) from refused
        except Exception as bug:
            bug.add_note(f"at the step {self._step!r} of the nightly training")
            raise
        finally:
            self.watch.stop()

    async def fitted(self, incumbent: Contender | None) -> _Found:
        """By the child, which leaves a candidate in the registry."""
        self.removed += await asyncio.to_thread(self._registry.sweep)
        answer = await answer_of([*self._settings.command, "--at", self.at.isoformat()], self._hear)
        return await asyncio.to_thread(self._understood, answer, incumbent)

    def _hear(self, phase: str, done: int, total: int) -> None:
        self._step = "evaluate" if phase in MEASURING else "fit"
        self._progress(f"{self._step}: {phase}", done, total)

    def _understood(self, answer: Mapping[str, Any], incumbent: Contender | None) -> _Found:
        """Raises ChildFailed where it is not the answer of a fit."""
        try:
            version, asked = str(answer["version"]), answer["preferences"] or {}
            popularity = answer["evaluation"]["popularity"]
            self._child = {str(phase): float(seconds) for phase, seconds in answer["seconds"].items()}
            each = {who: Preferences(**{key: tuple(values) for key, values in asked[who].items()}) for who in asked}
        except (KeyError, TypeError, ValueError, AttributeError) as lacking:
            raise ChildFailed(f"the report of the fit lacks or distorts {lacking}") from lacking
        if version not in self._registry.candidates():
            raise ChildFailed(f"the fit reports the version {version}, which it has not left as a candidate")
        card, evidence = self._registry.card(version), self._registry.evidence(version)
        if incumbent is not None:
            incumbent = replace(incumbent, preferences=each.get("incumbent"))
        return _Found(incumbent, Contender(card, evidence, each.get("candidate")), popularity)

    def published(self, found: _Found) -> None:
        """Or removed again; and what is not kept any more goes with it."""
        assert found.candidate is not None
        assert found.verdict is not None
        version = found.candidate.card.version
        if found.verdict.publish:
            self._registry.promote(version)
        else:
            self._registry.discard(version)
        self.removed += self._registry.keep(self._settings.keep)

    def current(self) -> str | None:
        try:
            return self._registry.current()
        except NoModel:
            return None

    @property
    def seconds(self) -> dict[str, float]:
        """The child's phases by the step that they are of; `fit` is what it took besides, to start and to be heard."""
        found = dict(self.watch.seconds)
        for phase, seconds in self._child.items():
            found[f"{'evaluate' if phase in MEASURING else 'fit'}: {phase}"] = seconds
        found["fit"] = max(0.0, found.get("fit", 0.0) - sum(self._child.values()))
        return found

    def _stays(self) -> str:
        version = self.current()
        return f"; model {version} stays in service" if version else "; no model is in service yet"
