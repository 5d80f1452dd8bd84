"""Which points to measure next, on how many games: decided from what was measured so far and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.errors import FitFailed
from recommender.tuning import Floors, Point, Renews, Scores, Space, Trial, Unit, ranked

GROUP = 4
"""Small trials in a row that share a Gram."""
SMALL_A_FULL = 12
"""Small trials for each one of full size: together they take about as long as it."""
FIRST_A_KNOB = 3
"""Points of Sobol's before the first surface."""
CANDIDATES = 512
STEPS = (0.2, 0.1, 0.05, 0.025)
"""Of candidates around the best point, in widths of the space."""
TRUST = (0.95, 0.5, 0.9, 0.7)
"""How much what is foretold decides, and the rest how far a candidate is from all that is known; in turns."""
APART = 0.01
"""Points nearer than this to one that is known tell nothing new."""


@dataclass(frozen=True)
class Plan:
    """`full` is how many games there are; where they are twice as many, a first look takes `small` of them.

    `start` is what everything is compared with: plain EDLAE, then others.
    """

    space: Space
    full: int
    small: int
    start: tuple[Point, ...]
    floors: Floors
    seed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.full, self.small) if self.full >= 2 * self.small else (self.full,)

    def plain(self, trials: Sequence[Trial], games: int) -> Scores | None:
        """What plain EDLAE reached on so many games; None before it was measured.

        Raises:
            FitFailed: it could not be fitted, so nothing can be compared with it.
        """
        for trial in trials:
            if (trial.games, trial.point) == (games, self.start[0]):
                if trial.found is None:
                    raise FitFailed(f"plain EDLAE cannot be fitted to this: {trial.outcome.refused}")
                return trial.found
        return None


@dataclass(frozen=True)
class Batch:
    games: int
    points: tuple[Point, ...]


def next_batch(plan: Plan, trials: Sequence[Trial]) -> Batch:
    """What is compared with comes first; then in turns a dozen small trials, and the best of all small ones in full.

    Successive halving (Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943) without an end that has to be
    known, so that a search may be stopped at any time and gone on with. No points are left where nothing new is.

    Raises:
        FitFailed: plain EDLAE cannot be fitted.
    """
    for games in plan.sizes:
        known = {trial.point for trial in trials if trial.games == games}
        missing = [point for point in plan.start if point not in known]
        if missing:
            return Batch(games, tuple(missing[:1]))
    games = plan.sizes[-1]
    tried, full = ([trial for trial in trials if trial.games == size] for size in (games, plan.full))
    if games < plan.full and len(tried) >= SMALL_A_FULL * (len(full) - len(plan.start) + 1):
        return _promoted(plan, tried, full)
    plain = plan.plain(trials, games)
    assert plain is not None  # it is what came first
    count = GROUP if games <= plan.small else 1  # one large matrix at a time
    points = propose(plan.space, tried, plan.floors, plain, count=count, seed=plan.seed)
    return Batch(games, tuple(point for point in points if point not in {trial.point for trial in tried}))


def _promoted(plan: Plan, small: Sequence[Trial], full: Sequence[Trial]) -> Batch:
    """The best small one that is not known in full, and those that cost no solve more."""
    plain = plan.plain(small, plan.small)
    assert plain is not None  # it is what came first
    known = {trial.point for trial in full}
    points = [trial.point for trial in ranked(small, plan.floors, plain) if trial.point not in known]
    best = [plan.space.shared(point, Renews.INVERSE) for point in points[:1]]
    return Batch(plan.full, tuple(p for p in points if plan.space.shared(p, Renews.INVERSE) in best)[:GROUP])


def propose(
    space: Space, trials: Sequence[Trial], floors: Floors, plain: Scores, *, count: int, seed: int
) -> list[Point]:
    """`count` points that have in common what renews the Gram; the same for the same trials and seed.

    `trials` are all of one size. The search is the stochastic response surface of Regis and Shoemaker (2007,
    https://doi.org/10.1287/ijoc.1060.0182), with a surface for each measure so that the floors are foretold as well,
    as in Regis 2011. A trial takes seconds, so a hundred of them are many and a surface that passes through all of
    them costs nothing beside one.
    """
    rng = np.random.default_rng((seed, len(trials)))
    known = space.units([trial.point for trial in trials])  # [t x d]
    fixed = space.renewing(Renews.GRAM)  # [d]
    surfaced = _surfaced(space.units([trial.point for trial in trials if trial.found is not None]))
    first = len(trials) if count == 1 else 0  # of a group, the first point decides most, and trusts most
    chosen: list[Unit] = []
    for turn in range(count):
        if not surfaced:
            point = _sobol(len(space.knobs), len(trials) + turn, seed)
            if chosen:
                point[fixed] = chosen[0][fixed]
        else:
            candidates = _candidates(space, trials, floors, plain, rng)  # [c x d]
            if chosen:
                candidates[:, fixed] = chosen[0][fixed]
            taken, trust = np.vstack([known, *chosen]), TRUST[(first + turn) % len(TRUST)]
            point = _chosen(candidates, taken, _foretold(candidates, space, trials), floors, plain, trust)
        chosen.append(point)
    return list(dict.fromkeys(space.at(point) for point in chosen))


def _surfaced(known: Unit) -> bool:
    """Whether a surface can be laid through these points [t x d]: there are enough, and they do not lie in a plane."""
    t, d = known.shape
    rank = int(np.linalg.matrix_rank(np.column_stack([known, np.ones(t)])))
    return bool(t >= FIRST_A_KNOB * d and rank == d + 1)


def _sobol(d: int, at: int, seed: int) -> Unit:
    from scipy.stats import qmc  # noqa: PLC0415 - a second to import, and only the tuner needs it

    return np.asarray(qmc.Sobol(d, rng=seed).fast_forward(at).random(1)[0], float)


def _candidates(space: Space, trials: Sequence[Trial], floors: Floors, plain: Scores, rng: np.random.Generator) -> Unit:
    """Half of them anywhere, half around the best that is known."""
    d = len(space.knobs)
    anywhere = rng.random((CANDIDATES, d))
    best = space.units([ranked(trials, floors, plain)[0].point])  # [1 x d]
    steps = rng.choice(STEPS, (CANDIDATES, 1)) * rng.standard_normal((CANDIDATES, d))
    return np.vstack([anywhere, np.clip(best + steps, 0, 1)])


def _foretold(candidates: Unit, space: Space, trials: Sequence[Trial]) -> Unit:
    """[c x 3] by cubic radial basis functions with a linear tail through all that was measured."""
    from scipy.interpolate import RBFInterpolator  # noqa: PLC0415 - half a second, and only the tuner needs it

    fitted = [(trial.point, found.as_row()) for trial in trials if (found := trial.found) is not None]
    points, rows = space.units([point for point, _ in fitted]), np.array([row for _, row in fitted])
    points, first = np.unique(points, axis=0, return_index=True)  # of several beyond one end, one
    return np.asarray(RBFInterpolator(points, rows[first], kernel="cubic", smoothing=1e-6)(candidates))


def _chosen(candidates: Unit, taken: Unit, foretold: Unit, floors: Floors, plain: Scores, trust: float) -> Unit:
    missing, played = floors.keys(foretold, plain)
    place: NDArray[np.float64] = np.empty(len(candidates))
    place[np.lexsort((-played, missing))] = np.linspace(0, 1, len(candidates))  # 0 for the best
    gaps = np.linalg.norm(candidates[:, None] - taken[None], axis=2).min(axis=1)  # [c]
    near = 1 - gaps / max(gaps.max(), APART)
    wanted = trust * place + (1 - trust) * near
    return np.asarray(candidates[np.argmin(np.where(gaps < APART, wanted + 1, wanted))])
