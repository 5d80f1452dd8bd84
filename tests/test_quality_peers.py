"""The scores that the benchmark takes from a public system rank as its own answers do; an absent one is skipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.quality import ours, peers, splits
from benchmarks.quality.peers import Floats, Rows
from recommender.evaluate import Split, best
from tests import worlds

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

TOP = 5


@pytest.fixture(scope="module")
def parts() -> Split:
    return splits.for_test(worlds.interactions(), 42)


def values(scores: Floats, rows: Rows, places: np.ndarray[Any, np.dtype[np.integer]]) -> Floats:
    """[b x TOP] the scores at these places. The world ties games exactly, so scores are compared and not games."""
    assert not rows.toarray()[np.arange(len(places))[:, None], places].any()
    return np.take_along_axis(scores, places, axis=1)


def first(scores: Floats, rows: Rows) -> Floats:
    scores = scores.copy()
    scores[rows.nonzero()] = -np.inf
    return np.take_along_axis(scores, best(scores)[:, :TOP], axis=1)


@pytest.mark.parametrize("kind", ["CosineRecommender", "BM25Recommender"])
def test_neighbours_rank_as_implicits_recommend_does(parts: Split, kind: str) -> None:
    implicit = pytest.importorskip("implicit")
    rows = parts.folded.minutes
    scores = peers.implicit_neighbours(parts.train.minutes, {"kind": kind, "K": 10})(rows)
    model = getattr(implicit.nearest_neighbours, kind)(K=10)
    model.fit(peers.owned(parts.train.minutes), show_progress=False)

    for at in range(rows.shape[0]):
        row = rows[[at]]
        ids, theirs = model.recommend(0, peers.owned(row), N=TOP)
        ids, theirs = ids[theirs > 0], theirs[theirs > 0]  # it fills up with owned games, at zero
        assert len(ids)
        assert np.allclose(values(scores[[at]], row, ids[None]), theirs, rtol=1e-5)
        assert np.allclose(first(scores[[at]], row)[:, : len(ids)], theirs, rtol=1e-5)


def test_ials_ranks_as_implicits_recommend_does(parts: Split) -> None:
    implicit = pytest.importorskip("implicit")
    rows, setting = parts.folded.minutes, {"factors": 8, "alpha": 2.0, "regularization": 1.0, "iterations": 5}
    scores = peers.implicit_als(parts.train.minutes, setting)(rows)
    model = implicit.cpu.als.AlternatingLeastSquares(random_state=0, num_threads=1, **setting)
    model.fit(peers.owned(parts.train.minutes), show_progress=False)
    ids, _ = model.recommend(np.arange(rows.shape[0]), peers.owned(rows), N=TOP, recalculate_user=True)

    assert np.allclose(values(scores, rows, ids), first(scores, rows), atol=1e-3)


@pytest.mark.parametrize("name", ["EASEScorer", "SLIMScorer"])
def test_weights_score_as_lenskits_own_scorers_do(parts: Split, name: str) -> None:
    pytest.importorskip("lenskit")
    from lenskit.data import ItemList, RecQuery  # noqa: PLC0415 - not there in most interpreters
    from lenskit.knn import EASEScorer, SLIMScorer  # noqa: PLC0415 - the same
    from lenskit.training import TrainingOptions  # noqa: PLC0415 - the same

    rows = parts.folded.minutes
    dataset: Any = peers.lenskit_dataset(parts.train.minutes)
    model = EASEScorer(regularization=5.0) if name == "EASEScorer" else SLIMScorer(l1_reg=0.1, l2_reg=1.0)
    model.train(dataset, TrainingOptions())
    fit = {"EASEScorer": peers.lenskit_ease, "SLIMScorer": peers.lenskit_slim}[name]
    scores = fit(parts.train.minutes, model.config.model_dump())(rows)

    for at, found in enumerate(scores):
        known = ItemList(item_nums=rows[[at]].indices, vocabulary=dataset.items)
        asked = ItemList(item_nums=np.arange(rows.shape[1]), vocabulary=dataset.items)
        theirs = model(RecQuery(user_items=known, history_items=known), asked).scores()
        named = np.isfinite(found)
        assert np.allclose(found[named], theirs[named], atol=1e-5)
        assert not theirs[~named].any()


def test_weights_score_as_cornacs_own_score_does(parts: Split) -> None:
    """Cornac scores players it was fitted on, so these are asked about."""
    pytest.importorskip("cornac")
    from cornac.models import EASE  # noqa: PLC0415 - not there in most interpreters

    train = parts.train.minutes
    model = EASE(lamb=5.0, posB=True, verbose=False).fit(peers.cornac_dataset(train))
    scores = peers.cornac_ease(train, {"lamb": 5.0, "posB": True})(train[:7])

    assert np.allclose(scores, [np.ravel(model.score(player)) for player in range(7)], atol=1e-5)


def test_weights_rank_as_rectools_recommend_does(parts: Split) -> None:
    rectools = pytest.importorskip("rectools")
    from rectools.models import EASEModel  # noqa: PLC0415 - not there in most interpreters

    rows = parts.folded.minutes
    model = EASEModel(regularization=5.0).fit(peers.rectools_dataset(parts.train.minutes))
    scores = peers.rectools_ease(parts.train.minutes, {"regularization": 5.0})(rows)
    told = model.recommend(np.arange(rows.shape[0]), peers.rectools_dataset(rows), k=TOP, filter_viewed=True)
    places = told[rectools.Columns.Item].to_numpy().reshape(-1, TOP)

    assert np.allclose(values(scores, rows, places), first(scores, rows), atol=1e-5)


def test_sansa_scores_as_its_own_forward_does_and_near_to_ease_where_nothing_is_dropped(parts: Split) -> None:
    pytest.importorskip("sansa")
    rows = parts.folded.minutes
    setting = {"l2": 5.0, "density": 1.0, "scans": 3, "steps": 30}
    scores = peers.sansa(parts.train.minutes, setting)(rows)
    ease = ours.linear(parts.train.minutes, {"l2": 5.0, "dropout": 0.0, "weighting": {}})(rows)
    unknown = ~np.asarray(rows.toarray(), bool)

    assert np.allclose(scores[unknown], ease[unknown], atol=0.02)


def test_all_three_of_the_others_ease_are_ours_where_they_keep_the_formula(parts: Split) -> None:
    pytest.importorskip("lenskit")
    pytest.importorskip("cornac")
    train, rows = parts.train.minutes, parts.folded.minutes
    mine = ours.linear(train, {"l2": 5.0, "dropout": 0.0, "weighting": {}})(rows)
    theirs = [
        peers.lenskit_ease(train, {"regularization": 5.0})(rows),
        peers.cornac_ease(train, {"lamb": 5.0, "posB": False})(rows),
    ]
    unknown = ~np.asarray(rows.toarray(), bool)

    assert all(np.allclose(scores[unknown], mine[unknown], atol=1e-4) for scores in theirs)


def test_owned_counts_one_whatever_was_played() -> None:
    rows = sparse.csr_matrix((np.array([0, 900], np.int32), (np.array([0, 0]), np.array([1, 2]))), shape=(1, 4))

    assert peers.owned(rows).toarray().tolist() == [[0, 1, 1, 0]]
