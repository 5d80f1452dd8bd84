"""Unusual players: how good their picks are beside popularity, and beside the same players with all that they own.

    python -m benchmarks.cold_players interactions.parquet games.parquet [--players 1000] [--log-hours 0.0] [--json]

One fit, on the players that are not held out. Each case is made of real held-out players, a fifth of whose games is
to be found. The games shown that a case leaves out are neither picked nor counted, so that all cases look for the same.
Prints nDCG@10 of indie games and of those played over two hours, and five picks for one of the players.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.rows import gathered
from jobs.training import TrainingSettings
from recommender.calibration import calibrated
from recommender.evaluate import Split, evaluate, split
from recommender.interactions import Floats, Interactions, Ints, ItemIndex, Owned
from recommender.linear import Linear, fit
from recommender.popularity import Popularity
from recommender.recommend import picks_for
from recommender.scorer import Scorer
from recommender.shelf import Shelf, Wish
from recommender.tempered import Tempered

HOUR = 60
COLLECTED = 7000

Case = Callable[[Owned, ItemIndex, np.random.Generator], Owned]


@dataclass(frozen=True)
class Found:
    """nDCG@10 of what is served, of the model alone and of popularity; `games` is how many they knew, in the mean."""

    case: str
    games: float
    indie: float
    indie_model: float
    indie_popular: float
    played: float
    played_model: float
    played_popular: float
    example: Sequence[str]


def main() -> None:
    arguments = _arguments()
    settings, world = TrainingSettings(), gathered([arguments.interactions, arguments.games])
    parts = split(world.interactions, settings.split)
    weighting = replace(settings.model.weighting, log_hours=arguments.log_hours)
    shelf = Shelf(world.catalog, parts.train.items)
    model = calibrated(fit(parts.train, replace(settings.model, weighting=weighting)), shelf.indie)
    found = list(measured(model, parts, shelf, arguments.players))
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        print(f"{min(arguments.players, len(parts.folded)):,} held-out players, {weighting}\n")
        _show(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interactions", type=Path)
    parser.add_argument("games", type=Path)
    parser.add_argument("--players", type=int, default=1000)
    parser.add_argument("--log-hours", type=float, default=0.0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _show(found: Sequence[Found]) -> None:
    print("| case | games known | indie: served | model | popularity | indie, played: served | model | popularity |")
    print("|---|---|---|---|---|---|---|---|")
    for one in found:
        indie = (one.indie, one.indie_model, one.indie_popular)
        measures = (*indie, one.played, one.played_model, one.played_popular)
        print(f"| {one.case} | {one.games:,.0f} | {' | '.join(f'{measure:.3f}' for measure in measures)} |")
    print("\n| case | five picks for one of them |\n|---|---|")
    for one in found:
        print(f"| {one.case} | {', '.join(one.example)} |")


def measured(model: Linear, parts: Split, shelf: Shelf, players: int, seed: int = 7) -> Iterator[Found]:
    rows = np.sort(np.random.default_rng(seed).permutation(len(parts.folded))[:players])
    shown, targets = parts.folded.take(rows), parts.targets.take(rows)
    for name, case in CASES.items():
        rng = np.random.default_rng(seed)
        told = [_without(case(shown.row(at), model.items, rng), targets.row(at)) for at in range(len(rows))]
        closed = [_both(one, shown.row(at)) for at, one in enumerate(told)]
        asked = Split(parts.train, Interactions.of_rows(model.items, closed), targets, parts.held_out[rows])
        nobody = Popularity.of_played(model.items)
        scorer: Scorer = Tempered(model, nobody) if len(told[0]) else nobody
        found = evaluate(_Told(scorer, told), asked, shelf)
        plain = evaluate(_Told(model, told), asked, shelf)
        popular = evaluate(Popularity(model.items), asked, shelf)
        yield Found(
            name,
            float(np.mean([len(one) for one in told])),
            found.indie.ndcg_10,
            plain.indie.ndcg_10,
            popular.indie.ndcg_10,
            found.indie_played.ndcg_10,
            plain.indie_played.ndcg_10,
            popular.indie_played.ndcg_10,
            [pick.game.title for pick in picks_for(told[0], scorer, shelf, Wish(), 5)],
        )


class _Told:
    """Scores by what a case tells of each player, whatever is closed to them; asked in the order of the rows."""

    def __init__(self, scorer: Scorer, told: Sequence[Owned]) -> None:
        self.items, self.prior = scorer.items, scorer.prior
        self._scorer, self._told, self._at = scorer, told, 0

    def scores(self, owned: Owned) -> Floats:
        return self._scorer.scores(owned)

    def score_many(self, players: Interactions) -> Floats:
        rows = list(self._told[self._at : self._at + len(players)])
        self._at += len(players)
        return self._scorer.score_many(Interactions.of_rows(self.items, rows))

    def shares(self, owned: Owned, positions: Ints) -> Floats:
        return self._scorer.shares(owned, positions)


def _without(owned: Owned, others: Owned) -> Owned:
    keep = ~np.isin(owned.positions, others.positions)
    return Owned(owned.positions[keep], owned.minutes[keep])


def _both(one: Owned, other: Owned) -> Owned:
    positions, first = np.unique(np.concatenate([one.positions, other.positions]), return_index=True)
    return Owned(positions, np.concatenate([one.minutes, other.minutes])[first])


def _untouched(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    del items, rng
    return owned


def _unplayed(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    del items, rng
    return replace(owned, minutes=np.zeros_like(owned.minutes))


def _nothing(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    del items, rng
    return Owned(owned.positions[:0], owned.minutes[:0])


def _titles(count: int) -> Case:
    def case(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
        """As somebody types what comes to mind: of the games that were played most."""
        del items
        likely = np.argsort(-owned.minutes, kind="stable")[: 5 * count]
        kept = np.sort(rng.permutation(likely)[:count])
        return Owned(owned.positions[kept], np.zeros(len(kept), np.int32))

    return case


def _only_the_most_played(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    del items, rng
    most = np.flatnonzero(np.arange(len(owned)) == owned.minutes.argmax())
    return Owned(owned.positions[most], np.full(1, 4000 * HOUR, np.int32))


def _one_of_4000_hours(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    del items, rng
    most = np.arange(len(owned)) == owned.minutes.argmax()
    return replace(owned, minutes=np.where(most, 4000 * HOUR, owned.minutes).astype(np.int32))


def _collector(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    """With bundles on top, never started."""
    others = np.setdiff1d(np.arange(len(items), dtype=np.int32), owned.positions)
    bought = rng.permutation(others)[: max(0, COLLECTED - len(owned))]
    return _both(owned, Owned(bought, np.zeros(len(bought), np.int32)))


def _cards(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    """Every game idled until its cards have dropped."""
    del items
    return replace(owned, minutes=rng.integers(2 * HOUR, 4 * HOUR, len(owned), dtype=np.int32))


def _idled(owned: Owned, items: ItemIndex, rng: np.random.Generator) -> Owned:
    """Five games left running for months."""
    del items
    minutes = owned.minutes.copy()
    minutes[rng.permutation(len(owned))[:5]] = 6000 * HOUR
    return replace(owned, minutes=minutes)


CASES: Mapping[str, Case] = {
    "untouched": _untouched,
    "playtime hidden": _unplayed,
    "nothing: an empty or private library": _nothing,
    "one title": _titles(1),
    "three titles": _titles(3),
    "ten titles": _titles(10),
    "one game, 4,000 hours": _only_the_most_played,
    "the most played of all for 4,000 hours": _one_of_4000_hours,
    "7,000 games": _collector,
    "all idled for their cards": _cards,
    "five idled for 6,000 hours": _idled,
}


if __name__ == "__main__":
    main()
