"""What the wait is made of: an answer by the size of the library, a player of a batch, and the start.

    INDIEAN_HOME=... python -m benchmarks.serve [--runs 31] [--starts 5] [--json]

It measures the model in service on libraries of the warehouse, and draws by popularity those of a size that too few
have. Everything runs in child processes with one thread; answers on one core. Beside it stands what plain numpy takes
for the same, in turns with it: gather the rows of P, add them up, sort all games. `late` is the longest that a thread
which wakes every half millisecond had to wait for its turn while another opened the model, and beside it while nothing
was opened.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from bot.hosting.garbage import settled
from bot.hosting.opening import opened
from bot.hosting.turns import short_turns
from bot.settings import Settings, read_settings
from bot.warehouse import open_warehouse
from recommender.interactions import Interactions, Ints, Owned
from recommender.library import Library
from recommender.linear import Linear
from recommender.recommend import picks_for, picks_for_many, top
from recommender.registry import Registry
from recommender.served import Served
from recommender.shelf import Wish

T = TypeVar("T")

SIZES = (50, 500, 5000)
BATCH, BATCHES = 256, 4
K = 10
WISH = Wish()
WAKE = 0.0005
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


@dataclass(frozen=True)
class Row:
    """Seconds; `plain` is plain numpy's p50."""

    what: str
    p50: float
    p99: float | None = None
    plain: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=["answers", "start"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        measured = answers(arguments.runs) if arguments.child == "answers" else start()
        print(json.dumps([vars(row) for row in measured]))
        return
    rows = [*_child("answers", arguments.runs), *_starts(arguments.starts)]
    print(json.dumps([vars(row) for row in rows], indent=2) if arguments.json else _table(rows))


def _table(rows: Sequence[Row]) -> str:
    lines = ["| milliseconds | p50 | p99 | plain numpy | times as long |", "|---|---|---|---|---|"]
    for row in rows:
        times = (f"{1000 * value:.2f}" if value is not None else "–" for value in (row.p50, row.p99, row.plain))
        ratio = f"{row.plain / row.p50:.1f}" if row.plain is not None else "–"
        lines.append(f"| {row.what} | {' | '.join(times)} | {ratio} |")
    return "\n".join(lines)


def _child(part: str, runs: int) -> list[Row]:
    command = [sys.executable, "-m", "benchmarks.serve", "--child", part, "--runs", str(runs)]
    ran = subprocess.run(  # noqa: S603 - ourselves
        command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return [Row(**row) for row in json.loads(ran.stdout)]


def _starts(count: int) -> list[Row]:
    """The median of each part over so many fresh processes, and the worst of all delays."""
    found = list(zip(*(_child("start", 1) for _ in range(count)), strict=True))
    middle = [Row(same[0].what, statistics.median(row.p50 for row in same)) for same in found]
    return [
        Row(m.what, max(r.p50 for r in same)) if "late" in m.what else m for m, same in zip(middle, found, strict=True)
    ]


def answers(runs: int) -> Iterator[Row]:
    """Each size with its parts, then the batch."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    settings = read_settings()
    served = Registry(settings.models).open_current()
    served.prepare()
    if not isinstance(served.scorer, Linear):
        raise SystemExit("only a linear model can be measured beside its definition")
    players = _players(settings, served, BATCH * BATCHES)
    for size in SIZES:
        yield from _of_size(size, _libraries(size, players, served, runs), served, served.scorer)
    yield from _of_batch(players, served, served.scorer)


def _of_size(size: int, libraries: list[Owned], served: Served, model: Linear) -> Iterator[Row]:
    shelf = served.shelf

    def candidates(owned: Owned) -> tuple[Owned, np.ndarray[tuple[int], np.dtype[np.float32]]]:
        return owned, model.scores(owned)

    def best(of: tuple[Owned, np.ndarray[tuple[int], np.dtype[np.float32]]]) -> Ints:
        mask = shelf.allowed(WISH)
        mask[of[0].positions] = False
        return top(of[1], mask, K)

    scored = [candidates(owned) for owned in libraries]
    ready = [(of[0], best(of)) for of in scored]
    whole, plain = _in_turns(
        libraries, lambda owned: picks_for(owned, model, shelf, WISH, K), lambda owned: _plainly(owned, model, served)
    )
    yield Row(f"{size:,} games, all heard: picks with reasons", *_ends(whole), statistics.median(plain))
    yield Row("of it the scores", *_ends(_timed(libraries, model.scores)))
    yield Row(f"the {K} best of them", *_ends(_timed(scored, best)))
    yield Row("the parts of their scores", *_ends(_timed(ready, lambda of: model.shares(*of))))
    as_served = _timed(libraries, lambda owned: picks_for(owned, served.tempered, shelf, WISH, K))
    yield Row(f"{size:,} games, as served", *_ends(as_served))


def _of_batch(players: list[Owned], served: Served, model: Linear) -> Iterator[Row]:
    blocks = [Interactions.of_rows(model.items, players[at : at + BATCH]) for at in range(0, len(players), BATCH)]
    whole, plain = _in_turns(
        blocks,
        lambda block: picks_for_many(block, served.tempered, served.shelf, WISH, K),
        lambda block: [_plainly(block.row(row), model, served) for row in range(len(block))],
    )
    yield Row(
        "a player of a batch, as served", statistics.median(whole) / BATCH, None, statistics.median(plain) / BATCH
    )
    yield Row("of it the scores", statistics.median(_timed(blocks, model.score_many)) / BATCH)


def _plainly(owned: Owned, model: Linear, served: Served) -> list[tuple[int, Ints]]:
    """The k best and the three strongest owned games of each, from the definition."""
    P, weights = model.inverse, model.settings.weighting.weights(owned.minutes)
    scores = -(weights[:, None] * P[owned.positions]).sum(axis=0) / P.diagonal()  # [n]
    mask = served.shelf.allowed(WISH)
    mask[owned.positions] = False
    best = np.argsort(np.where(mask, -scores, np.inf), kind="stable")[:K]
    shares = (-weights * P[at, owned.positions] / P[at, at] for at in best)
    return [(int(at), owned.positions[np.argsort(-of)[:3]]) for at, of in zip(best, shares, strict=True)]


def _in_turns(
    inputs: Sequence[T], ours: Callable[[T], object], plain: Callable[[T], object]
) -> tuple[list[float], list[float]]:
    """So that a slow minute slows both; the first of each is for warming up."""
    times: tuple[list[float], list[float]] = [], []
    for one in (inputs[0], *inputs):
        for work, found in zip((ours, plain), times, strict=True):
            began = time.perf_counter()
            work(one)
            found.append(time.perf_counter() - began)
    return times[0][1:], times[1][1:]


def _timed(inputs: Sequence[T], work: Callable[[T], object]) -> list[float]:
    return _in_turns(inputs, work, lambda _: None)[0]


def _ends(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[int(0.99 * len(times))]


def _players(settings: Settings, served: Served, count: int) -> list[Owned]:
    """Drawn from those whom a fit would see, and the largest of them, with what the model knows of their games."""
    with open_warehouse(settings, read_only=True) as warehouse:
        columns = warehouse.training_interactions(settings.min_games, settings.min_players)
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(columns.players)) + 1, [len(columns)]))
    order = np.random.default_rng(0).permutation(len(bounds) - 1)[:count]
    largest = np.argsort(-np.diff(bounds))[:count]
    ids, minutes = columns.app_ids, columns.minutes
    rows = [slice(*bounds[player : player + 2]) for player in (*order, *largest)]
    known = (Library(dict(zip(ids[r].tolist(), minutes[r].tolist(), strict=True))) for r in rows)
    return [served.scorer.items.owned(library) for library in known]


def _libraries(size: int, players: list[Owned], served: Served, count: int) -> list[Owned]:
    """Of exactly that size: of real players who have that many, cut down to it, else drawn by popularity."""
    rng, n = np.random.default_rng(size), len(served.scorer.items)
    size = min(size, n // 2)
    real = [owned for owned in players if size <= len(owned) <= 2 * size][:count]
    weight = served.scorer.items.players / served.scorer.items.players.sum()
    drawn = (np.sort(rng.choice(n, size, replace=False, p=weight)) for _ in range(count - len(real)))
    made = [Owned(at.astype(np.int32), rng.integers(0, 3000, size, dtype=np.int32)) for at in drawn]
    kept = [(owned, np.sort(rng.choice(len(owned), size, replace=False))) for owned in real]
    return [*(Owned(owned.positions[at], owned.minutes[at]) for owned, at in kept), *made]


def start() -> Iterator[Row]:
    """In a process that has done nothing yet but import."""
    registry = Registry(read_settings().models)
    moments = [time.perf_counter()]
    served = registry.open_current()
    moments.append(time.perf_counter())
    served.prepare()
    moments.append(time.perf_counter())
    took = [after - before for before, after in pairwise(moments)]
    yield Row("start: a published model opened", took[0])
    yield Row("start: prepared", took[1])
    yield Row("start: both", sum(took))
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import bot.__main__"], check=True)
    yield Row("start: the interpreter and all imports", time.perf_counter() - began)
    with settled(), short_turns():  # as `indiean serve` runs
        yield Row("late, a model being opened", _latest(lambda: opened(registry, served.version)))
        yield Row("late, nothing being opened", _latest(lambda: time.sleep(sum(took))))


def _latest(work: Callable[[], object]) -> float:
    worker, latest = threading.Thread(target=work), 0.0
    worker.start()
    while worker.is_alive():
        began = time.perf_counter()
        time.sleep(WAKE)
        latest = max(latest, time.perf_counter() - began - WAKE)
    return latest


if __name__ == "__main__":
    main()
