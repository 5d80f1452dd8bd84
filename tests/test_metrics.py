"""The measures, against answers worked out by hand and against slow, literal definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import metrics

lists = st.lists(st.lists(st.booleans(), min_size=20, max_size=20), min_size=1, max_size=5)


def test_precision_counts_places_not_targets() -> None:
    hits = np.array([[True, False, True, False]])

    assert metrics.precision(hits, 4).tolist() == [0.5]
    assert metrics.precision(hits, 1).tolist() == [1.0]


def test_recall_can_reach_one_when_there_are_more_targets_than_places() -> None:
    hits = np.array([[True, True]])

    assert metrics.recall(hits, np.array([7]), 2).tolist() == [1.0]
    assert metrics.recall(hits, np.array([2]), 2).tolist() == [1.0]


def test_ndcg_of_one_target_in_third_place() -> None:
    hits = np.array([[False, False, True, False]])

    assert metrics.ndcg(hits, np.array([1]), 4)[0] == pytest.approx(1 / math.log2(4))


@given(lists, st.integers(1, 20))
def test_ndcg_is_what_the_definition_says(rows: list[list[bool]], k: int) -> None:
    hits = np.array(rows)
    targets = np.maximum(hits.sum(axis=1), 1)

    def literal(row: list[bool], wanted: int) -> float:
        gain = sum(1 / math.log2(place + 2) for place in range(k) if row[place])
        return gain / sum(1 / math.log2(place + 2) for place in range(min(k, wanted)))

    expected = [literal(row, int(wanted)) for row, wanted in zip(rows, targets, strict=True)]

    assert metrics.ndcg(hits, targets, k) == pytest.approx(expected)


def test_coverage_ignores_empty_places() -> None:
    assert metrics.coverage(np.array([[0, 3, -1], [3, -1, -1]])) == 2


def test_popularity_percentile_runs_from_the_least_to_the_most_owned() -> None:
    assert metrics.popularity_percentile(np.array([[0]]), 11) == 100
    assert metrics.popularity_percentile(np.array([[10]]), 11) == 0
    assert metrics.popularity_percentile(np.array([[0, 10, -1]]), 11) == 50
    assert math.isnan(metrics.popularity_percentile(np.array([[-1]]), 11))
