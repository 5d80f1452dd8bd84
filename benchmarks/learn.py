"""Learning and forgetting against a full fit: seconds, memory, what rounding leaves, and whether picks are the same.

    python -m benchmarks.learn interactions.parquet [--games 10781] [--runs 3] [--steps 100] [--singles 10000] [--json]

The parquet file has the columns user_id, item_id and playtime_forever. 1,000 players are kept from the fit to be
learned and as many to be asked about; Λ is that of the fit without them, for the updates and for the refits that they
are compared with. Drift: `steps` times 100 players are learned and 100 others forgotten; and, on the 2,000 most owned
games, where the exact inverse is at hand in float64, `singles` times one player.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.rows import gathered
from benchmarks.watched import Phase
from recommender.drift import drift
from recommender.gram import gram
from recommender.interactions import Floats, Interactions, ItemIndex, Owned
from recommender.inverse import invert_in_place
from recommender.linear import TUNED, Linear, penalty
from recommender.recommend import top
from recommender.updates import Rows, update_in_place, updated

SIZES = (1, 10, 100, 1000)
KEPT = 1000
AT_ONCE = 100
FEW_GAMES = 2000
SETTINGS = TUNED


@dataclass
class World:
    """`fitted`, `late` and `asked` are rows [m x n] of different players; `added` [n] is Λ of the fit."""

    items: ItemIndex
    fitted: Rows
    late: Rows
    asked: Interactions
    added: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.added = penalty(SETTINGS, np.asarray(self.fitted.multiply(self.fitted).sum(axis=0)).ravel())

    def fit(self, X: Rows) -> Linear:
        P = gram(X)
        P.reshape(-1)[:: len(P) + 1] += self.added
        invert_in_place(P)
        players = np.bincount(X.indices, minlength=len(self.items)).astype(np.int32)
        return Linear(self.items.recounted(players), P, SETTINGS)


@dataclass(frozen=True)
class Line:
    """`ratio` is to the refit of the same run; `worst` the largest difference of a score over the largest score."""

    what: str
    players: int
    seconds: float
    ratio: float
    buffers: float
    off: float
    worst: float
    alike_10: float
    same_order: float


@dataclass(frozen=True)
class Drift:
    what: str
    updates: int
    games: int
    off: float
    estimated: float
    of_a_fit: float
    alike_10: float


def main() -> None:
    arguments = _arguments()
    world = _world(gathered([arguments.parquet], arguments.min_games).interactions, arguments.games)
    refit, lines = _lines(world, arguments.runs)
    drifts = [_in_steps(world, arguments.steps)]
    drifts.append(_one_by_one(_fewer(world, FEW_GAMES), arguments.singles))
    about = {
        "players": world.fitted.shape[0],
        "items": len(world.items),
        "games of a learned player": round(world.late.nnz / world.late.shape[0], 1),
        "refit, s": round(statistics.median(refit.seconds), 2),
        "runs": arguments.runs,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "numpy": np.__version__,
    }
    if arguments.json:
        tables = {"updates": [asdict(line) for line in lines], "drift": [asdict(line) for line in drifts]}
        print(json.dumps({"about": about, **tables}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()), "\n")
    _table(_told(lines))
    _table(_drift_told(drifts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--min-games", type=int, default=21)
    parser.add_argument("--games", type=int, default=0, help="only so many, the most owned first")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100, help="of 100 players learned and 100 forgotten")
    parser.add_argument("--singles", type=int, default=10_000, help="updates by one player, on few games")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _world(interactions: Interactions, games: int) -> World:
    order = np.random.default_rng(0).permutation(len(interactions))
    n = games or len(interactions.items)
    items = ItemIndex(interactions.items.app_ids[:n], interactions.items.players[:n])
    asked = Interactions(items, interactions.minutes[np.sort(order[KEPT : 2 * KEPT])][:, :n])
    X = interactions.weighted(SETTINGS.weighting)[:, :n]
    return World(items, X[np.sort(order[2 * KEPT :])], X[np.sort(order[:KEPT])], asked)


def _fewer(world: World, games: int) -> World:
    n = min(games, len(world.items))
    items = ItemIndex(world.items.app_ids[:n], world.items.players[:n])
    return World(items, world.fitted[:, :n], world.late[:, :n], Interactions(items, world.asked.minutes[:, :n]))


def _lines(world: World, runs: int) -> tuple[Phase, list[Line]]:
    refit, before = Phase(), world.fit(world.fitted)
    for _ in range(runs):
        with refit.watched():
            before = world.fit(world.fitted)
    seconds, lines = statistics.median(refit.seconds), []
    for size in SIZES:
        rows, none = world.late[:size], world.late[:0]
        after = world.fit(sparse.vstack([world.fitted, rows], format="csr"))
        for what, start, wanted, pair in (
            ("learned", before, after, (rows, none)),
            ("forgotten", after, before, (none, rows)),
        ):
            beside, in_place = _timed(start, pair, runs)
            apart = _apart(updated(start, *pair), wanted, world.asked)
            lines.append(_line(f"{what}, in place", size, in_place, seconds, len(world.items), apart))
            lines.append(_line(f"{what}, beside", size, beside, seconds, len(world.items), apart))
    return refit, lines


def _timed(start: Linear, pair: tuple[Rows, Rows], runs: int) -> tuple[Phase, Phase]:
    beside, in_place = Phase(), Phase()
    for _ in range(runs):
        with beside.watched():
            updated(start, *pair)
        P = np.array(start.inverse)
        with in_place.watched():
            update_in_place(P, *pair, least_penalty=SETTINGS.l2)
    return beside, in_place


def _line(what: str, size: int, phase: Phase, refit: float, n: int, apart: tuple[float, float, float, float]) -> Line:
    seconds = statistics.median(phase.seconds)
    return Line(what, size, seconds, seconds / refit, phase.peak / (4 * n * n), *apart)


def _apart(found: Linear, wanted: Linear, asked: Interactions) -> tuple[float, float, float, float]:
    """Relative distances of matrices and of scores, and the shares of first tens with the same games, and in order."""
    off = _distance(found.inverse, wanted.inverse)
    worst, alike, ordered = [], [], []
    for start in range(0, len(asked), 100):
        part = asked.take(np.arange(start, min(start + 100, len(asked))))
        ours, theirs = found.score_many(part), wanted.score_many(part)
        worst.append(np.abs(ours - theirs).max() / np.abs(theirs).max())
        for row in range(len(part)):
            our_ten, their_ten = _ten(ours[row], part.row(row)), _ten(theirs[row], part.row(row))
            alike.append(len(np.intersect1d(our_ten, their_ten)) / 10)
            ordered.append(np.array_equal(our_ten, their_ten))
    return off, float(np.max(worst)), float(np.mean(alike)), float(np.mean(ordered))


def _ten(scores: Floats, owned: Owned) -> NDArray[np.int32]:
    mask = np.ones(len(scores), bool)
    mask[owned.positions] = False
    return top(scores, mask, 10)


def _distance(found: Floats, wanted: Floats | NDArray[np.float64]) -> float:
    """In the Frobenius norm, by blocks of rows in float64."""
    blocks = [slice(at, at + 512) for at in range(0, len(found), 512)]
    apart = sum(float(np.square(found[b].astype(np.float64) - wanted[b]).sum()) for b in blocks)
    return float(np.sqrt(apart / sum(float(np.square(wanted[b].astype(np.float64)).sum()) for b in blocks)))


def _steps(world: World, count: int, at_once: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Players to learn and to forget of all that were fitted and came late, so that as many stay."""
    rng = np.random.default_rng(1)
    inside = np.arange(world.fitted.shape[0])
    outside = np.arange(len(inside), len(inside) + world.late.shape[0])
    for _ in range(count):
        joining = rng.choice(len(outside), at_once, replace=False)
        leaving = rng.choice(len(inside), at_once, replace=False)
        yield outside[joining], inside[leaving]
        outside[joining], inside[leaving] = inside[leaving].copy(), outside[joining].copy()


def _drifted(world: World, steps: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[Linear, Rows]:
    everybody = sparse.vstack([world.fitted, world.late], format="csr")
    held = np.zeros(everybody.shape[0], bool)
    held[: world.fitted.shape[0]] = True
    model = world.fit(world.fitted)
    for joining, leaving in steps:
        update_in_place(model.inverse, everybody[joining], everybody[leaving], least_penalty=SETTINGS.l2)
        held[joining], held[leaving] = True, False
    return model, everybody[held]


def _in_steps(world: World, count: int) -> Drift:
    model, X = _drifted(world, _steps(world, count, AT_ONCE))
    refitted = world.fit(X)
    apart = _apart(model, refitted, world.asked)
    found, of_a_fit = (drift(m, X, world.added, np.random.default_rng(2)) for m in (model, refitted))
    what = f"{AT_ONCE} and {AT_ONCE}, from a fit"
    return Drift(what, 2 * AT_ONCE * count, len(world.items), apart[0], found, of_a_fit, apart[2])


def _one_by_one(world: World, count: int) -> Drift:
    model, X = _drifted(world, _steps(world, count // 2, 1))
    rows = X.astype(np.float64)
    exact = np.linalg.inv((rows.T @ rows).toarray() + np.diag(world.added.astype(np.float64)))
    refitted = world.fit(X)
    estimated = drift(model, X, world.added, np.random.default_rng(2))
    alike = _apart(model, refitted, world.asked)[2]
    what, off, of_a_fit = (
        "one and one, from float64",
        _distance(model.inverse, exact),
        _distance(refitted.inverse, exact),
    )
    return Drift(what, count, len(world.items), off, estimated, of_a_fit, alike)


def _told(lines: list[Line]) -> list[tuple[str, ...]]:
    head = ("", "players", "seconds", "of a refit", "peak over start, n x n buffers", "matrix off by")
    rows = [
        (
            line.what,
            f"{line.players:,}",
            f"{line.seconds:.2f}",
            f"{line.ratio:.3f}",
            f"{line.buffers:.2f}",
            f"{line.off:.1e}",
            f"{line.worst:.1e}",
            f"{line.alike_10:.4f}",
            f"{line.same_order:.3f}",
        )
        for line in lines
    ]
    return [(*head, "scores, at worst", "of the first 10 the same", "in the same order"), *rows]


def _drift_told(lines: list[Drift]) -> list[tuple[str, ...]]:
    head = ("drift", "updates by a player", "games", "matrix off by", "as estimated", "a fit itself")
    rows = [
        (
            line.what,
            f"{line.updates:,}",
            f"{line.games:,}",
            f"{line.off:.1e}",
            f"{line.estimated:.1e}",
            f"{line.of_a_fit:.1e}",
            f"{line.alike_10:.4f}",
        )
        for line in lines
    ]
    return [(*head, "of the first 10 the same"), *rows]


def _table(rows: list[tuple[str, ...]]) -> None:
    head, *others = (f"| {' | '.join(row)} |" for row in rows)
    print(head, "|---" * len(rows[0]) + "|", *others, "", sep="\n")


if __name__ == "__main__":
    main()
