"""Strong generalisation: what is held out stays out, and a world with a known answer gets its known measures."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.catalog import Catalog, Game
from recommender.device import Device
from recommender.errors import NotEnoughData
from recommender.evaluate import SplitSettings, evaluate, split
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.linear import LinearSettings, fit
from recommender.popularity import Popularity
from recommender.shelf import Shelf

GAMES = 40


def checkerboard(players: int = 120, minutes: int = 600) -> Interactions:
    """Even players own even games, odd players odd ones; each leaves out the games of one residue modulo 5."""
    rows = [(p, g, minutes) for p in range(players) for g in range(GAMES) if g % 2 == p % 2 and g % 5 != p % 5]
    columns = np.array(rows, np.int32).T
    return Interactions.from_columns(columns[0], columns[1] + 1, columns[2])


def shelf_of(interactions: Interactions, *, indie_below: int = GAMES + 1) -> Shelf:
    def genres(app_id: int) -> tuple[str, ...]:
        return ("Indie",) if app_id < indie_below else ("Action",)

    games = [Game(a, f"Game {a}", genres=genres(a), price=1.0) for a in interactions.items.app_ids.tolist()]
    return Shelf(Catalog(games), interactions.items)


class Oracle:
    """Knows each held-out player's targets by heart and ranks them first, or last."""

    def __init__(self, items: ItemIndex, targets: Interactions, sign: int) -> None:
        self.items = items
        self.prior = np.zeros(len(items), np.float32)
        self._scores: Floats = sign * np.sign(targets.minutes.toarray()).astype(np.float32)
        self._at = 0

    def scores(self, owned: Owned) -> Floats:
        raise NotImplementedError(len(owned))

    def score_many(self, players: Interactions) -> Floats:
        rows = self._scores[self._at : self._at + len(players)]
        self._at += len(players)
        return rows.copy()

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        raise NotImplementedError((len(owned), positions))


def test_no_held_out_player_is_learned_from_and_no_target_is_shown() -> None:
    interactions = checkerboard()
    parts = split(interactions, SplitSettings(held_out=0.25, seed=3))

    assert len(parts.train) + len(parts.folded) == len(interactions)
    assert parts.train.minutes.nnz + parts.folded.minutes.nnz + parts.targets.minutes.nnz == interactions.minutes.nnz
    assert not np.any(parts.folded.minutes.toarray() * parts.targets.minutes.toarray())


def test_the_baseline_counts_only_players_that_are_not_held_out() -> None:
    interactions = checkerboard()
    parts = split(interactions, SplitSettings(held_out=0.5))
    kept = np.bincount(parts.train.minutes.indices, minlength=len(interactions.items))

    assert np.array_equal(parts.train.items.players, kept)
    assert parts.train.items.players.sum() < interactions.items.players.sum()


def test_the_share_folded_in_is_each_players_own() -> None:
    parts = split(checkerboard(), SplitSettings(held_out=0.5, folded_in=0.8))
    shown = np.diff(parts.folded.minutes.indptr)
    wanted = np.diff(parts.targets.minutes.indptr)

    assert np.array_equal(shown, np.round(0.8 * (shown + wanted)))


def test_the_split_follows_its_seed() -> None:
    one, same, other = (split(checkerboard(), SplitSettings(seed=seed)) for seed in (1, 1, 2))

    assert np.array_equal(one.targets.minutes.toarray(), same.targets.minutes.toarray())
    assert not np.array_equal(one.targets.minutes.toarray(), other.targets.minutes.toarray())


def test_rows_without_playtime_are_targets_too() -> None:
    parts = split(checkerboard(minutes=0), SplitSettings(held_out=0.5))

    assert parts.targets.minutes.nnz > 0


def test_an_oracle_measures_one_and_its_opposite_zero() -> None:
    parts = split(checkerboard(), SplitSettings(held_out=0.5))
    shelf = shelf_of(parts.train)
    perfect = evaluate(Oracle(parts.train.items, parts.targets, 1), parts, shelf)
    worst = evaluate(Oracle(parts.train.items, parts.targets, -1), parts, shelf)

    assert (perfect.all.ndcg_10, perfect.all.recall_20, perfect.indie_played.ndcg_100) == (1, 1, 1)
    assert worst.all.ndcg_10 == 0


def test_ease_solves_the_checkerboard_and_popularity_does_not() -> None:
    parts = split(checkerboard(), SplitSettings(held_out=0.5))
    shelf = shelf_of(parts.train)
    ease = evaluate(fit(parts.train, LinearSettings(l2=5, dropout=0), Device.CPU), parts, shelf)
    baseline = evaluate(Popularity(parts.train.items), parts, shelf)

    assert ease.all.ndcg_10 > 0.9
    assert baseline.all.ndcg_10 < 0.6


def test_the_indie_measures_ask_for_indie_games_only() -> None:
    parts = split(checkerboard(), SplitSettings(held_out=0.5))
    shelf = shelf_of(parts.train, indie_below=11)
    found = evaluate(Oracle(parts.train.items, parts.targets, 1), parts, shelf)

    assert found.indie.coverage <= 10 < found.all.coverage
    assert found.indie.players <= found.all.players


def test_games_hardly_played_are_no_played_targets() -> None:
    parts = split(checkerboard(minutes=120), SplitSettings(held_out=0.5))

    with pytest.raises(NotEnoughData, match="import more"):
        evaluate(Popularity(parts.train.items), parts, shelf_of(parts.train))


def test_too_few_players_are_refused_with_their_number() -> None:
    with pytest.raises(NotEnoughData, match="3 players"):
        split(checkerboard(players=3), SplitSettings(held_out=0.1))
