"""One fit in a process of its own: how long it took and how much memory it held over what stood there before.

    python benchmarks/fit_cases.py NAME place min_games

Prints one line of JSON, {"phases": {name: [seconds, bytes]}, "games": n}, or ends with NOT_HERE where the library is
not installed. `place` is a folder with `rows.npz`, the players' games in compressed sparse rows, and
`warehouse.duckdb`, the same rows on disk. Peers get the rows in their own format before the clock begins. Imports
nothing of this project for them, so that a peer may run in an interpreter of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

PAGE = os.sysconf("SC_PAGE_SIZE")
L2 = 200.0
NOT_HERE = 3
EVERY = 0.005

Matrix = sparse.csr_matrix[np.float32]
Phases = dict[str, tuple[float, int]]
Fit = Callable[[], object]


class Watch:
    """Seconds a phase, and the most that was resident in it over what was at the start."""

    def __init__(self) -> None:
        self._start = resident()
        self._phase: str | None = None
        self.phases: Phases = {}

    def phase(self, name: str, *_: int) -> None:
        """Begins another one; the first word about a phase counts."""
        if name != self._phase:
            self._phase, self._began = name, time.perf_counter()
        self._see()

    @contextmanager
    def watching(self) -> Iterator[None]:
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(EVERY):
                self._see()

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
            self._see()
        finally:
            stop.set()
            looking.join()

    def _see(self) -> None:
        if self._phase is not None:
            _, most = self.phases.get(self._phase, (0.0, 0))
            self.phases[self._phase] = (time.perf_counter() - self._began, max(most, resident() - self._start))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE


def indiean(place: Path, min_games: int) -> tuple[Phases, int]:
    """The whole way, from the rows on disk to a published model; the held-out players are not measured."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only this case

    from jobs.training import TrainingSettings, train  # noqa: PLC0415 - a peer's interpreter has no such thing
    from recommender.interactions import Interactions  # noqa: PLC0415
    from recommender.linear import TUNED, fit  # noqa: PLC0415
    from recommender.registry import Registry  # noqa: PLC0415
    from storage.duckdb.warehouse import DuckDBWarehouse  # noqa: PLC0415

    fit(Interactions.from_columns(*np.array([[0, 1], [1, 2], [0, 0]], np.int32)), TUNED)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        DuckDBWarehouse(Path(folder) / "empty.duckdb").close()  # code that is loaded when it is first used
        watch = Watch()
        with watch.watching(), DuckDBWarehouse(place / "warehouse.duckdb", read_only=True) as warehouse:
            settings = TrainingSettings(min_games=min_games)
            now = datetime.now(UTC)
            report = train(warehouse, Registry(Path(folder)), settings, now=now, progress=watch.phase, measured=False)
    return watch.phases, report.card.items


def lenskit(X: Matrix) -> Fit:
    data = import_module("lenskit.data").from_interactions_df(frame(X))
    scorer = import_module("lenskit.knn.ease").EASEScorer(regularization=L2)
    return lambda: scorer.train(data)


def cornac(X: Matrix) -> Fit:
    rows, (m, n) = X.tocoo(), X.shape
    ids = ({at: at for at in range(size)} for size in (m, n))
    data = import_module("cornac.data").Dataset(m, n, *ids, (rows.row, rows.col, rows.data))
    model = import_module("cornac.models").EASE(lamb=L2, posB=False, verbose=False)
    return lambda: model.fit(data)


def rectools(X: Matrix) -> Fit:
    columns = import_module("rectools").Columns
    rated = frame(X).assign(**{columns.Weight: 1.0, columns.Datetime: "2026-01-01"})
    data = import_module("rectools.dataset").Dataset.construct(rated)
    model = import_module("rectools.models").EASEModel(regularization=L2)
    return lambda: model.fit(data)


def plain(X: Matrix) -> Fit:
    def fit() -> object:
        G = (X.T @ X).toarray()
        G[np.diag_indices(len(G))] += np.float32(L2)
        return np.linalg.inv(G)

    return fit


def frame(X: Matrix) -> Any:  # noqa: ANN401 - pandas is a peer's
    rows = X.tocoo()
    return import_module("pandas").DataFrame({"user_id": rows.row, "item_id": rows.col})


PEERS: dict[str, Callable[[Matrix], Fit]] = {"lenskit": lenskit, "cornac": cornac, "rectools": rectools, "numpy": plain}


def beside(name: str, place: Path) -> tuple[Phases, int]:
    if find_spec(name) is None:
        sys.exit(NOT_HERE)
    with np.load(place / "rows.npz") as found:
        indptr, indices, n = found["indptr"], found["indices"], int(found["games"])
    ones = np.ones(len(indices), np.float32)
    fit = PEERS[name](sparse.csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, n)))
    del ones
    watch = Watch()
    with watch.watching():
        watch.phase("fit")
        fit()
    return watch.phases, n


def main() -> None:
    name, place, min_games = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    phases, games = indiean(place, min_games) if name == "indiean" else beside(name, place)
    print(json.dumps({"phases": phases, "games": games}))


if __name__ == "__main__":
    main()
