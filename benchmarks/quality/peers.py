"""The public systems behind one door: fitted on players x games, each scores games for players it has never seen.

Owned counts 1, whatever was played, as these systems have it. A game that a system would not name gets -inf. That the
scores rank as the system's own answers do is tested, in an interpreter that has the system.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Rows = sparse.csr_matrix[np.int32]
Floats = NDArray[np.float32]
Setting = Mapping[str, object]
Score = Callable[[Rows], Floats]
Fit = Callable[[Rows, Setting], Score]


def owned(rows: Rows) -> sparse.csr_matrix[np.float32]:
    ones = np.ones(len(rows.data), np.float32)
    return sparse.csr_matrix((ones, rows.indices, rows.indptr), shape=rows.shape)


def by_weights(B: Floats) -> Score:
    """Item-item models: X B with the B [n x n] that the system has learned."""
    return lambda rows: np.asarray(owned(rows) @ B, np.float32)


def by_sparse_weights(B: sparse.csr_matrix[np.float32]) -> Score:
    """The same where B is sparse; games that no owned one leads to are not named."""

    def score(rows: Rows) -> Floats:
        found = (owned(rows) @ B).tocsr()  # [b x n] sparse
        scores = np.full(found.shape, -np.inf, np.float32)
        scores[np.repeat(np.arange(found.shape[0]), np.diff(found.indptr)), found.indices] = found.data
        return scores

    return score


def implicit_neighbours(train: Rows, setting: Setting) -> Score:
    """`kind` is CosineRecommender, TFIDFRecommender or BM25Recommender, the rest its arguments."""
    from implicit import nearest_neighbours  # noqa: PLC0415 - not there in most interpreters

    arguments = dict(setting)
    model = getattr(nearest_neighbours, str(arguments.pop("kind")))(**arguments)
    model.fit(owned(train), show_progress=False)
    return by_sparse_weights(model.similarity.tocsr())


def implicit_als(train: Rows, setting: Setting) -> Score:
    """Players are folded in by `recalculate_user`, whose factors times those of the games are the scores.

    Its ridge is the same for all. Rendle et al. (2021) scale theirs by how much is known, which is not offered.
    """
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - not there in most interpreters
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with those that have implicit

    with threadpool_limits(1, "blas"):  # implicit has threads of its own, and asks for this
        model = AlternatingLeastSquares(random_state=0, **setting)
        model.fit(owned(train), show_progress=False)

    def score(rows: Rows) -> Floats:
        with threadpool_limits(1, "blas"):
            factors = model.recalculate_user(np.arange(rows.shape[0]), owned(rows))  # [b x f]
        return np.asarray(factors @ model.item_factors.T, np.float32)

    return score


def lenskit_ease(train: Rows, setting: Setting) -> Score:
    from lenskit.knn import EASEScorer  # noqa: PLC0415 - not there in most interpreters
    from lenskit.training import TrainingOptions  # noqa: PLC0415 - the same

    model = EASEScorer(**setting)
    model.train(lenskit_dataset(train), TrainingOptions())
    return by_weights(model.weights)


def lenskit_slim(train: Rows, setting: Setting) -> Score:
    from lenskit.knn import SLIMScorer  # noqa: PLC0415 - not there in most interpreters
    from lenskit.training import TrainingOptions  # noqa: PLC0415 - the same

    model = SLIMScorer(**setting)
    model.train(lenskit_dataset(train), TrainingOptions())
    return by_sparse_weights(sparse.csr_matrix(model.weights))


def lenskit_dataset(train: Rows) -> object:
    """LensKit's Dataset of all n games, numbered by their position, whether anybody owns them or not."""
    import pandas as pd  # noqa: PLC0415 - comes with those that have LensKit
    from lenskit.data import DatasetBuilder  # noqa: PLC0415 - not there in most interpreters

    builder = DatasetBuilder()
    builder.add_entities("item", np.arange(train.shape[1]))
    builder.add_entities("user", np.arange(train.shape[0]))
    builder.add_interactions(
        "rating", pd.DataFrame({"user_id": _players(train), "item_id": train.indices}), entities=["user", "item"]
    )
    return builder.build()


def cornac_ease(train: Rows, setting: Setting) -> Score:
    """Cornac scores none but players it was fitted on, so the weights it learned are all that is asked for."""
    from cornac.models import EASE  # noqa: PLC0415 - not there in most interpreters

    model = EASE(verbose=False, **setting)
    model.fit(cornac_dataset(train))
    B = np.asarray(model.B, np.float32)
    del model  # float64 and a second copy
    return by_weights(B)


def cornac_dataset(train: Rows) -> object:
    from cornac.data import Dataset  # noqa: PLC0415 - not there in most interpreters

    m, n = train.shape
    triples = (_players(train), train.indices, np.ones(len(train.data), np.float32))
    return Dataset(m, n, {player: player for player in range(m)}, {game: game for game in range(n)}, triples)


def rectools_ease(train: Rows, setting: Setting) -> Score:
    """RecTools 0.19 multiplies by the transpose of its weights when it recommends, and so do we."""
    from rectools.models import EASEModel  # noqa: PLC0415 - not there in most interpreters

    model = EASEModel(**setting)
    model.fit(rectools_dataset(train))
    return by_weights(np.ascontiguousarray(model.weight.T))


def rectools_dataset(rows: Rows) -> object:
    """RecTools' Dataset of all n games, numbered by their position; other players may be folded in by such a one."""
    import pandas as pd  # noqa: PLC0415 - comes with those that have RecTools
    from rectools.dataset import Dataset, IdMap, Interactions  # noqa: PLC0415 - not there in most interpreters

    table = pd.DataFrame({"user_id": _players(rows), "item_id": rows.indices, "weight": 1.0})
    table["datetime"] = pd.Timestamp("2026-01-01")
    players, games = IdMap(np.arange(rows.shape[0])), IdMap(np.arange(rows.shape[1]))
    return Dataset(players, games, Interactions(table))


def sansa(train: Rows, setting: Setting) -> Score:
    """The CHOLMOD factorisation, the better one of the two for so few games; `density`, `scans` and `steps` are its."""
    from sansa import (  # noqa: PLC0415 - not there in most interpreters
        SANSA,
        CHOLMODGramianFactorizerConfig,
        SANSAConfig,
        UMRUnitLowerTriangleInverterConfig,
    )

    logging.disable(logging.INFO)  # it sets up logging for everybody
    inverter = UMRUnitLowerTriangleInverterConfig(scans=setting["scans"], finetune_steps=setting["steps"])
    model = SANSA(SANSAConfig(setting["l2"], setting["density"], CHOLMODGramianFactorizerConfig(), inverter))
    model.fit(owned(train))
    return lambda rows: np.asarray(model.forward(owned(rows)).todense(), np.float32)


def _players(rows: Rows) -> NDArray[np.int64]:
    return np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
