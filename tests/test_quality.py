"""The benchmark of picks: who is asked what, that known rankings get their known measures, and how sure a figure is."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from benchmarks.quality import child, intervals, report, results, splits
from benchmarks.quality.child import Cost
from benchmarks.quality.models import MODELS, OURS
from benchmarks.quality.peers import Score, by_sparse_weights
from benchmarks.quality.pictures import apart, write_pictures
from benchmarks.quality.questions import QUESTIONS, Answer, Shown, candidates, libraries, lists, marked
from benchmarks.quality.results import Result, Task
from benchmarks.quality.tune import combinations
from recommender.evaluate import Split
from recommender.shelf import Mask, Shelf
from tests import worlds

SEED = 42


@pytest.fixture(scope="module")
def parts() -> Split:
    return splits.for_test(worlds.interactions(), SEED)


@pytest.fixture(scope="module")
def shown(parts: Split) -> dict[str, Shown]:
    return libraries(parts, SEED)


@pytest.fixture(scope="module")
def masks(parts: Split) -> dict[str, Mask]:
    return candidates(parts.train, Shelf(worlds.catalog(), parts.train.items).indie)


def answers(score: Score, parts: Split, shown: dict[str, Shown], masks: dict[str, Mask]) -> dict[str, Answer]:
    ranked = child.rank(score, shown, masks)
    return {question.name: answer for question, answer in marked(ranked, parts, shown, masks)}


def oracle(parts: Split, shown: dict[str, Shown], sign: int) -> Score:
    """Ranks the targets by how long they were played, first or last; is asked about libraries in the order of lists."""
    asked = [shown[name].players for name in lists() if name in shown]
    queue = iter(sign * parts.targets.minutes[players].toarray().astype(np.float32) for players in asked)

    return lambda _: next(queue)


def test_nobody_is_tested_who_was_tuned_on_and_all_others_are_learned_from() -> None:
    everybody = worlds.interactions()
    tuned_on = splits.for_tuning(everybody).held_out
    tests = [splits.for_test(everybody, seed) for seed in (1, 2)]

    assert all(not np.intersect1d(tuned_on, test.held_out).size for test in tests)
    assert not np.array_equal(tests[0].held_out, tests[1].held_out)
    for test in tests:
        assert len(test.train) + len(test.held_out) == len(everybody)
        assert 0.04 < len(test.held_out) / len(everybody) < 0.16  # each player by a hash
        total = test.train.minutes.nnz + test.folded.minutes.nnz + test.targets.minutes.nnz
        assert total == everybody.minutes.nnz


def test_the_stamp_changes_with_one_minute_of_one_player() -> None:
    everybody, other = worlds.interactions(), worlds.interactions().take(np.arange(142))
    same = splits.stamp(other)
    other.minutes.data[0] += 1

    assert same == splits.stamp(everybody) != splits.stamp(other)


def test_so_many_games_are_known_of_those_who_have_as_many(parts: Split, shown: dict[str, Shown]) -> None:
    folded = np.diff(parts.folded.minutes.indptr)

    assert set(shown) == {"whole", "3"}  # nobody of this world has ten games
    assert np.array_equal(shown["3"].players, np.flatnonzero(folded >= 3))
    assert set(np.diff(shown["3"].folded.indptr)) == {3}
    assert (shown["3"].folded.toarray() <= parts.folded.minutes[shown["3"].players].toarray()).all()


def test_no_list_has_a_game_of_the_library_known_or_not_played_or_not(masks: dict[str, Mask]) -> None:
    everybody = worlds.interactions().take(np.arange(142))
    everybody.minutes.data[::2] = 0
    parts = splits.for_test(everybody, SEED)
    shown, n = libraries(parts, SEED), len(everybody.items)
    ranked = child.rank(lambda rows: np.tile(np.arange(n, dtype=np.float32), (rows.shape[0], 1)), shown, masks)

    for name, mask in (("whole", "all"), ("3", "all"), ("3", "indie")):
        one = shown[name]
        for row, listed in enumerate(ranked[f"{name}-{mask}"]):
            owned = set(one.excluded[row].indices)
            allowed = set(np.flatnonzero(masks[mask])) - owned

            assert set(listed[listed >= 0]) == allowed


def test_a_perfect_ranking_measures_one_everywhere_and_the_worst_zero_at_ten(
    parts: Split, shown: dict[str, Shown], masks: dict[str, Mask]
) -> None:
    best = answers(oracle(parts, shown, 1), parts, shown, masks)
    worst = answers(oracle(parts, shown, -1), parts, shown, masks)

    assert {"all", "indie", "indie_played", "all-3"} <= set(best)
    assert all(answer.measures.ndcg_10 == pytest.approx(1) for answer in best.values())
    assert all(answer.measures.recall_20 == 1 for answer in best.values())
    assert worst["all"].measures.ndcg_10 == 0
    assert worst["all"].measures.precision_10 == 0


def test_a_score_that_is_no_number_is_refused(shown: dict[str, Shown], masks: dict[str, Mask]) -> None:
    with pytest.raises(ValueError, match="not a number"):
        child.rank(lambda rows: np.full(rows.shape, np.nan, np.float32), shown, masks)


def test_every_game_is_head_middle_or_tail_by_thirds_of_what_is_owned(parts: Split, masks: dict[str, Mask]) -> None:
    players = parts.train.items.players
    three = [masks[name] for name in ("head", "middle", "tail")]

    assert np.array_equal(sum(mask.astype(int) for mask in three), np.ones(len(players)))
    for fewer, more in ((three[1], three[0]), (three[2], three[1])):
        assert players[fewer].max() <= players[more].min()
    largest = players.max()
    assert all(abs(players[mask].sum() - players.sum() / 3) <= largest for mask in three)
    assert np.array_equal(masks["rare"], players < 10)


def test_a_segment_is_asked_for_its_own_games_alone(
    parts: Split, shown: dict[str, Shown], masks: dict[str, Mask]
) -> None:
    found = answers(oracle(parts, shown, 1), parts, shown, masks)
    in_tail = np.asarray(parts.targets.minutes.toarray() + 0)[:, masks["tail"]].any(axis=1)

    assert found["tail"].players.tolist() == np.flatnonzero(in_tail).tolist()


def test_each_question_has_one_list_and_no_list_is_ranked_twice() -> None:
    wanted = lists()

    assert all(question.ranked in wanted[question.shown] for question in QUESTIONS)
    assert all(len(asked) == len(set(asked)) for asked in wanted.values())


def test_what_no_owned_game_leads_to_is_not_named() -> None:
    rows = worlds.interactions().minutes[:1]
    owned = rows.toarray().astype(np.float32)
    scores = by_sparse_weights(sparse.csr_matrix(owned.T @ owned))(rows)

    assert np.array_equal(np.isneginf(scores), owned == 0)


def test_the_interval_over_three_seeds_is_students() -> None:
    found = intervals.over_seeds([1.0, 2.0, 3.0])

    assert found.value == 2
    assert found.half == pytest.approx(4.302653 / np.sqrt(3), rel=1e-5)
    assert np.isnan(intervals.over_seeds([1.0]).half)


def test_a_constant_difference_has_no_width_and_chance_one_that_holds_zero() -> None:
    rng = np.random.default_rng(1)
    ones = rng.random(400)
    same = intervals.paired([np.arange(400)], [ones], [ones - 0.25])
    noise = intervals.paired([np.arange(400)], [ones], [rng.permutation(ones)])

    assert (same.value, same.low, same.high) == pytest.approx((-0.25, -0.25, -0.25))
    assert noise.low < 0 < noise.high


def test_one_player_of_two_seeds_is_drawn_whole() -> None:
    """A player whose two values cancel out tells nothing, however often drawn."""
    players, zeros = [np.array([7]), np.array([7])], [np.zeros(1), np.zeros(1)]
    found = intervals.paired(players, zeros, [np.array([1.0]), np.array([-1.0])])

    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_our_model_and_the_baseline_run_as_children_and_are_kept(
    parts: Split, shown: dict[str, Shown], masks: dict[str, Mask], tmp_path: Path
) -> None:
    child.write(tmp_path, parts.train.minutes, masks, shown)
    rows = []
    for name in ("popularity", OURS):
        model = next(model for model in MODELS if model.name == name)
        task = Task(name, SEED, model.setting, "stamp")
        found = results.run(model, task, parts, shown, masks, tmp_path, sys.executable)
        results.save(found, tmp_path / "kept" / f"{name}.json")
        kept = results.load(tmp_path / "kept" / f"{name}.json", task)
        assert kept is not None
        assert kept.measures == found.measures
        rows.append(report.Row(model, [kept]))
    text, figures = report.write(rows, rows[1], tmp_path / "out")
    pictures = write_pictures(rows, tmp_path / "out")

    assert rows[1].results[0].measures["all"].ndcg_10 > rows[0].results[0].measures["all"].ndcg_10 + 0.2
    assert "| ours, the default |" in text.read_text()
    assert "ours,42,indie_played,ndcg_10," in figures.read_text()
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_a_result_of_other_settings_or_data_is_computed_again(tmp_path: Path) -> None:
    task = Task("ours", 1, {"l2": 1.0}, "stamp")
    results.save(Result(task, Cost(1.0, 1.0, 1.0), "", {}, {}, {}), tmp_path / "one.json")

    assert results.load(tmp_path / "one.json", task) is not None
    assert results.load(tmp_path / "one.json", Task("ours", 1, {"l2": 2.0}, "stamp")) is None
    assert results.load(tmp_path / "one.json", Task("ours", 1, {"l2": 1.0}, "other")) is None
    assert results.load(tmp_path / "none.json", task) is None


def test_a_model_that_fails_says_what_it_said(
    parts: Split, shown: dict[str, Shown], masks: dict[str, Mask], tmp_path: Path
) -> None:
    child.write(tmp_path, parts.train.minutes, masks, shown)
    ours = next(model for model in MODELS if model.name == OURS).having({"l2": -1.0})

    with pytest.raises(RuntimeError, match="l2 must be at least 0"):
        results.run(ours, Task(OURS, SEED, ours.setting, ""), parts, shown, masks, tmp_path, sys.executable)


def test_every_setting_is_plain_and_every_grid_has_the_setting_in_force() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert json.loads(json.dumps(model.setting)) == model.setting
        assert all(model.setting[name] in values for name, values in model.grid.items()), model.name


def test_a_grid_is_tried_in_every_combination() -> None:
    model = next(model for model in MODELS if model.name == "ials")
    tried = [one.setting for one in combinations(model)]

    assert len(tried) == np.prod([len(values) for values in model.grid.values()])
    assert all(set(setting) == set(model.setting) for setting in tried)


def test_names_in_a_chart_keep_their_order_and_their_distance_below_the_top() -> None:
    assert apart([5.0, 1.0, 1.0], 1.0, 9.0) == [5, 1, 2]
    assert apart([9.0, 9.0, 8.5, 0.0], 1.0, 9.0) == [8, 9, 7, 0]
