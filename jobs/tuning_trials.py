"""What a tuner measures on: everybody but the test players, in folds, with all games or the most owned ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from recommender.calibration import calibrated
from recommender.device import Device
from recommender.errors import FitFailed
from recommender.evaluate import Report, Split, SplitSettings, evaluate, split
from recommender.gram import gram
from recommender.interactions import Floats, Interactions, ItemIndex
from recommender.linear import Linear, LinearSettings, fit, fit_counted
from recommender.shelf import Shelf
from recommender.tuning import SPACE_VERSION, Outcome, Point, Renews, Scores, Space

FOLDS = tuple(SplitSettings(seed=seed) for seed in (101, 102, 103))
"""The players that trials are measured on; drawn from those that are left without the test players."""

Step = Callable[[str], None]
"""Told in words what a trial is at."""


def without_held_out(interactions: Interactions, settings: SplitSettings) -> Interactions:
    """As if the players that this split holds out had never been there: the games are counted and sorted anew.

    Raises:
        NotEnoughData: too few players to hold any out.
    """
    return split(interactions, settings).train.reindexed()


def fingerprint(interactions: Interactions, shelf: Shelf, space: Space, base: LinearSettings) -> str:
    """Twelve hex digits of all that a trial's scores depend on, besides its point."""
    rows = interactions.minutes
    told = hashlib.sha256(repr((SPACE_VERSION, FOLDS, space, space.settings(space.plain, base))).encode())
    for part in (interactions.items.app_ids, rows.indptr.astype("<i8"), rows.indices, rows.data, shelf.indie):
        told.update(np.ascontiguousarray(part).tobytes())
    return told.hexdigest()[:12]


@dataclass(frozen=True, eq=False)
class Bench:
    """`folds` are splits of the same players over the games of `shelf`; points are put into `base`."""

    space: Space
    base: LinearSettings
    device: Device
    shelf: Shelf
    folds: Sequence[Split]

    @classmethod
    def of(
        cls, interactions: Interactions, shelf: Shelf, games: int, space: Space, base: LinearSettings, device: Device
    ) -> Bench:
        """On the `games` most owned games; the folds hold three copies of the rows."""
        most = _most_owned(interactions, games)
        folds = [split(most, settings) for settings in FOLDS]
        return cls(space, base, device, Shelf(shelf.catalog, most.items), folds)

    def measure(self, points: Sequence[Point], step: Step) -> list[Outcome]:
        """One for each point; what several have in common, Gram or solve, is worked out once a fold.

        One n x n matrix at a time, two where points share a Gram and not its inverse.
        """
        reports: dict[Point, list[Report]] = {point: [] for point in points}
        refused: dict[Point, str] = {}
        for number, parts in enumerate(self.folds, 1):
            step(f"fold {number} of {len(self.folds)}")
            left = [point for point in points if point not in refused]
            for same_gram in self._sharing(left, Renews.GRAM):
                for same_solve, solve in self._solves(parts, same_gram):
                    try:
                        found = self._reports(parts, same_solve, solve)
                    except FitFailed as failed:
                        refused |= dict.fromkeys(same_solve, str(failed))
                        continue
                    for point, report in zip(same_solve, found, strict=True):
                        reports[point].append(report)
        return [Outcome(refused=refused[p]) if p in refused else _outcome(reports[p]) for p in points]

    def _reports(self, parts: Split, points: Sequence[Point], solve: Callable[[], Linear]) -> list[Report]:
        """The matrix goes with this call: the next one has its place."""
        model = solve()
        asked = (calibrated(replace(model, settings=self._settings(p)), self.shelf.indie) for p in points)
        return [evaluate(one, parts, self.shelf) for one in asked]

    def _solves(self, parts: Split, points: Sequence[Point]) -> Iterator[tuple[list[Point], Callable[[], Linear]]]:
        """For each solve, the points that share it."""
        solves = self._sharing(points, Renews.INVERSE)
        settings = self._settings(points[0])
        if len(solves) == 1:  # nothing to share: the fit that is used in service, on a GPU where there is one
            yield solves[0], partial(fit, parts.train, settings, self.device)
            return
        G = gram(parts.train.weighted(settings.weighting))  # [n x n]
        for same_solve in solves:
            yield same_solve, partial(self._solve, parts.train.items, G, self._settings(same_solve[0]))

    def _solve(self, items: ItemIndex, G: Floats, settings: LinearSettings) -> Linear:
        return fit_counted(items, G.copy(), settings, self.device)

    def _sharing(self, points: Sequence[Point], least: Renews) -> list[list[Point]]:
        groups: dict[Point, list[Point]] = {}
        for point in points:
            groups.setdefault(self.space.shared(point, least), []).append(point)
        return list(groups.values())

    def _settings(self, point: Point) -> LinearSettings:
        return self.space.settings(point, self.base)


def _outcome(reports: Sequence[Report]) -> Outcome:
    errors = [report.indie_played.error for report in reports]
    return Outcome(tuple(map(Scores.of, reports)), float(np.linalg.norm(errors) / len(errors)))


def _most_owned(interactions: Interactions, games: int) -> Interactions:
    items = interactions.items
    if games >= len(items):
        return interactions
    index = ItemIndex(items.app_ids[:games], items.players[:games])
    return Interactions(index, interactions.minutes[:, :games]).recounted()
