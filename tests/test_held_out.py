"""Who is held out and what of theirs is shown is theirs alone: nobody else's coming or going changes it."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.evaluate import SplitSettings, split
from recommender.evidence import Evidence, paired
from recommender.held_out import chosen, keys_of, shuffled
from recommender.interactions import Interactions

NAMES = [f"player-{number}" for number in range(20_000)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", [1, 42])
def test_on_average_it_is_the_share(share: float, seed: int) -> None:
    found = chosen(keys_of(NAMES), share, seed).mean()

    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(NAMES)) + 1e-9)


def test_two_seeds_choose_independently() -> None:
    one, other = (chosen(keys_of(NAMES), 0.1, seed) for seed in (1, 2))

    assert (one & other).mean() == pytest.approx(0.01, abs=0.003)


def test_which_games_are_shown_has_nothing_to_do_with_who_is_held_out() -> None:
    keys = keys_of(NAMES)
    order = shuffled(keys, np.full(len(keys), 440), 42).astype(np.float64)

    assert abs(np.corrcoef(order, chosen(keys, 0.5, 42))[0, 1]) < 0.03


def test_a_key_is_the_same_for_ever() -> None:
    """Versions that were published compare by it: a change of it makes all evidence worthless."""
    assert keys_of(["bot-1", "76561197960287930"]).tolist() == [8664327972447288031, 15990358688850119233]
    assert chosen(keys_of(NAMES), 0.1, 42)[:60].nonzero()[0].tolist() == [41]


def world(names: list[str], seed: int = 0) -> Interactions:
    """20 of 60 games each, the same for a name whoever else is there."""
    rows = [(name, np.random.default_rng([seed, *name.encode()]).choice(60, 20, replace=False)) for name in names]
    players = np.repeat(np.arange(len(names), dtype=np.int32), 20)
    app_ids = np.concatenate([games for _, games in rows]).astype(np.int32) + 1
    return Interactions.from_columns(players, app_ids, np.full(len(players), 600, np.int32), keys=keys_of(names))


def targets(interactions: Interactions) -> dict[int, set[int]]:
    """Of each held-out player by key, the app ids to be found."""
    parts = split(interactions, SplitSettings())
    rows = [parts.targets.row(at) for at in range(len(parts.targets))]
    ids = parts.train.items.app_ids
    return {key: set(ids[row.positions].tolist()) for key, row in zip(parts.targets.whose.tolist(), rows, strict=True)}


def test_the_same_are_held_out_with_the_same_targets_when_others_join_and_stand_in_another_order() -> None:
    few, many = targets(world(NAMES[100:400])), targets(world(NAMES[:500][::-1]))

    assert 15 < len(few) < len(many)
    assert {key: many[key] for key in few} == few


def test_players_apart_are_neither_learned_from_nor_measured() -> None:
    interactions = world(NAMES[:300])
    apart = np.arange(300) < 40
    parts, plain = split(interactions, SplitSettings(), apart), split(interactions, SplitSettings())

    assert np.array_equal(parts.held_out, plain.held_out)
    assert len(parts.train) == len(plain.train) - int((apart & ~np.isin(np.arange(300), plain.held_out)).sum())
    assert not np.isin(interactions.whose[apart], parts.train.whose).any()


def test_players_pair_by_their_keys() -> None:
    one = Evidence(keys_of("abc"), np.array([[1, 2, 3]] * 3, np.float32), SplitSettings())
    other = Evidence(keys_of("xcb"), np.array([[7, 8, 9]] * 3, np.float32), SplitSettings())
    mine, theirs = paired(one, other)

    assert sorted(zip(mine[0].tolist(), theirs[0].tolist(), strict=True)) == [(2, 9), (3, 8)]
