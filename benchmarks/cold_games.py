"""How well games that nobody owns are placed: some are hidden from the fit and asked of players who own them.

    python -m benchmarks.cold_games interactions.parquet games.parquet [--hidden 0.1] [--asked 2000] [--json]

The interactions have the columns user_id, item_id and playtime_forever. A tenth of the players and a share of the
games of which the catalogue says something are left out of the fit. Every way ranks the hidden games for players who
own some of them, by their other games: nDCG@10, recall@50 and the mean percentile (1 is the best) of what they own.
`few` is the indie games of at most 150 players, which a new one most resembles. The ceiling has learned the hidden
games from the other players. Below, what the engine makes of the hidden indie games as new ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.rows import gathered
from jobs.training import TrainingSettings
from recommender import metrics
from recommender.catalog import Catalog, Game
from recommender.content import Content, ContentScorer, learn_content, spread
from recommender.enough import enough
from recommender.interactions import Floats, Interactions, ItemIndex
from recommender.linear import Linear, fit
from recommender.newcomers import Newcomers, with_new
from recommender.recommend import picks_for
from recommender.shelf import Shelf, Wish

FEW = 150
DEPTH = 50
SEED = 42
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class World:
    """`seen` and `hidden` are positions in `everything.items`; `asked` are players who are left out of the fit."""

    everything: Interactions
    games: list[Game | None]
    kept: NDArray[np.int64]
    asked: NDArray[np.int64]
    seen: NDArray[np.int64]
    hidden: NDArray[np.int64]

    def rows(self, players: NDArray[np.int64], games: NDArray[np.int64]) -> Interactions:
        counted = self.everything.items
        items = ItemIndex(counted.app_ids[games], counted.players[games])
        return Interactions(items, self.everything.minutes[players][:, games]).recounted()

    def known(self, games: NDArray[np.int64]) -> list[Game | None]:
        return [self.games[at] for at in games]


def main() -> None:
    arguments = _arguments()
    found = gathered([arguments.interactions, arguments.games])
    interactions, catalog = found.interactions, found.catalog
    world = _world(interactions, catalog, arguments.hidden, arguments.asked)
    settings = TrainingSettings().model
    train = world.rows(world.kept, world.seen)
    model = fit(train, settings)
    folded = world.rows(world.asked, world.seen)
    targets = world.rows(world.asked, world.hidden).minutes
    wanted = _has(targets)
    rows = [_row(name, scores, wanted, world) for name, scores in _ways(world, model, folded)]
    placed = _placed(world, model, train, folded)
    if arguments.json:
        print(json.dumps({"ways": rows, "new": placed}, indent=2))
        return
    heads = list(rows[0])
    print(f"{len(world.asked)} players, {len(world.hidden)} of {len(interactions.items)} games hidden\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print("| " + " | ".join(f"{x:.3f}" if isinstance(x, float) else x for x in row.values()) + " |")
    print("\n" + ", ".join(f"{name} {value:.4g}" for name, value in placed.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interactions", type=Path)
    parser.add_argument("games", type=Path)
    parser.add_argument("--hidden", type=float, default=0.1)
    parser.add_argument("--asked", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _world(everything: Interactions, catalog: Catalog, share: float, asked: int) -> World:
    rng = np.random.default_rng(SEED)
    games = [catalog.get(app_id) for app_id in everything.items.app_ids.tolist()]
    described = np.flatnonzero([game is not None and bool(game.tags or game.genres) for game in games])
    hidden = np.sort(rng.choice(described, round(share * len(games)), replace=False))
    seen = np.setdiff1d(np.arange(len(games)), hidden)
    order = rng.permutation(len(everything))
    out, kept = order[: len(order) // 10], np.sort(order[len(order) // 10 :])
    owners = out[np.diff(everything.minutes[out][:, hidden].indptr) > 0]
    return World(everything, games, kept, np.sort(owners[:asked]), seen, hidden)


def _ways(world: World, model: Linear, folded: Interactions) -> Iterator[tuple[str, Floats]]:
    """Each way's scores [b x hidden]."""
    shape = (len(world.asked), len(world.hidden))
    games = [game for game in world.known(world.hidden) if game is not None]
    yield "random", np.random.default_rng(SEED).random(shape, np.float32)
    yield "year and price", np.tile(_prior(world, model, games), (shape[0], 1))
    yield "most positive reviews", np.tile(np.array([g.positive or 0 for g in games], np.float32), (shape[0], 1))
    X = folded.weighted(model.settings.weighting)
    content = learn_content(model, world.known(world.seen))
    T, t = content.rows(world.known(world.seen)), content.rows(games)
    for name, weights in _weights(content, T, model):
        yield name, np.asarray((t @ (X @ weights).T).T, np.float32)
    everyone = np.arange(len(world.games))
    ceiling = fit(world.rows(world.kept, everyone), model.settings)
    B = -ceiling.inverse[:, world.hidden][world.seen] / ceiling.diagonal[world.hidden]
    yield "the warm model (ceiling)", np.asarray(X @ B)


def _weights(content: Content, T: sparse.csr_matrix[np.float32], model: Linear) -> Iterator[tuple[str, Floats]]:
    """W [n x f] of each way to score by content: x W t."""
    yield "(a) cosine of content", T.toarray()
    solve: Callable[[Floats, float], Floats] = lambda R, ridge: np.linalg.solve(  # noqa: E731
        (T.T @ T).toarray() + ridge * np.eye(T.shape[1], dtype=np.float32), R
    )
    B = -model.inverse / model.diagonal  # [n x n]
    np.fill_diagonal(B, 0)
    yield "(b) ridge to the columns", solve(np.asarray(T.T @ B.T), 8.0).T
    del B
    yield "(b) ridge to the columns over √players (chosen)", content.weights
    PT = np.asarray(T.T @ model.inverse).T  # [n x f]
    alpha = 1e4
    collective = np.linalg.solve((T.T @ PT) + np.eye(T.shape[1]) / alpha, PT.T).T
    yield "(c) side information in the Gram, α 10⁴", collective.astype(np.float32)


def _prior(world: World, model: Linear, games: list[Game]) -> Floats:
    """The mean logarithm of players of the games of that year and price."""
    kind: Callable[[Game], tuple[object, object]] = lambda g: (g.year, None if g.price is None else int(g.price) // 5)  # noqa: E731
    known: dict[tuple[object, object], list[float]] = {}
    for game, players in zip(world.known(world.seen), model.items.players, strict=True):
        if game is not None:
            known.setdefault(kind(game), []).append(float(np.log1p(players)))
    return np.array([np.mean(known.get(kind(game), [0.0])) for game in games], np.float32)


def _row(name: str, scores: Floats, wanted: Mask, world: World) -> dict[str, float | str]:
    indie = np.array([game is not None and game.indie for game in world.known(world.hidden)])
    few = indie & (world.everything.items.players[world.hidden] <= FEW)
    found: dict[str, float | str] = {"way": name}
    for group, games in (("all", np.ones_like(indie)), ("indie", indie), ("few", few)):
        ndcg, recall, percentile = _measured(scores[:, games], wanted[:, games])
        found |= {f"{group}: nDCG@10": ndcg, f"{group}: recall@50": recall, f"{group}: percentile": percentile}
    return found


def _measured(scores: Floats, wanted: Mask) -> tuple[float, float, float]:
    asked = wanted.any(axis=1)
    scores, wanted = scores[asked], wanted[asked]
    order = np.argsort(-scores, axis=1, kind="stable")
    hits, targets = np.take_along_axis(wanted, order, axis=1), wanted.sum(axis=1)
    places = (hits * np.arange(hits.shape[1])).sum(axis=1) / targets
    percentile = 1 - places.mean() / (hits.shape[1] - 1)
    return (
        float(metrics.ndcg(hits, targets, 10).mean()),
        float(metrics.recall(hits, targets, DEPTH).mean()),
        float(percentile),
    )


def _has(minutes: sparse.csr_matrix[np.int32]) -> Mask:
    found = np.zeros(minutes.shape, bool)
    found[np.repeat(np.arange(minutes.shape[0]), np.diff(minutes.indptr)), minutes.indices] = True
    return found


def _placed(world: World, model: Linear, train: Interactions, folded: Interactions) -> dict[str, float]:
    """What the engine does with the hidden games as new ones: how often it picks one, and whether that is owned."""
    catalog = Catalog([game for game in world.games if game is not None])
    shelf = Shelf(catalog, model.items)
    began = time.perf_counter()
    content = learn_content(model, shelf.games)
    learned = time.perf_counter() - began
    least = enough(content, model, train, shelf)
    calibrated = time.perf_counter() - began - learned
    themes = Shelf.of_all(catalog, model.items)
    scorer = ContentScorer(themes.items, themes.games, replace(content, enough=least), model.settings.weighting)
    newcomers = _AllHidden(themes, shelf, scorer)
    newcomers.prepare()
    owned_hidden = _has(world.rows(world.asked, world.hidden).minutes)
    column = {int(world.everything.items.app_ids[at]): place for place, at in enumerate(world.hidden)}
    new = hits = 0
    expected, seconds = 0.0, []
    share = world.everything.items.players[world.hidden] / len(world.everything)
    for player in range(len(folded)):
        owned = folded.row(player)
        picks = picks_for(owned, model, shelf, Wish(), 5)
        began = time.perf_counter()
        picks = with_new(picks, owned, newcomers, Wish(), 5)
        seconds.append(time.perf_counter() - began)
        for pick in picks:
            if pick.new:
                new += 1
                hits += bool(owned_hidden[player, column[pick.game.app_id]])
                expected += float(share[column[pick.game.app_id]])
    return {
        "percentile among all games not owned": _among_all(world, model, content, folded),
        "learned in s": learned,
        "threshold in s": calibrated,
        "features": float(len(content.features)),
        "score asked for": least,
        "players given a new game": new / len(folded),
        "of those owned": hits / max(new, 1),
        "times more often than by chance": hits / max(expected, 1e-12),
        "ms a player (median)": 1000 * float(np.median(seconds)),
    }


def _among_all(world: World, model: Linear, content: Content, folded: Interactions) -> float:
    """Of hidden games that are owned: those by content, the others by the model, in units that compare."""
    T = content.rows(world.known(world.hidden))
    X = folded.weighted(model.settings.weighting)
    cold = np.asarray((T @ (X @ content.weights).T).T)  # [b x hidden]
    warm = model.score_many(folded) * spread(model.items)  # [b x seen]
    warm[_has(folded.minutes)] = -np.inf
    wanted = _has(world.rows(world.asked, world.hidden).minutes)
    placed = []
    for player in range(len(folded)):
        others = np.sort(np.concatenate([warm[player][np.isfinite(warm[player])], cold[player]]))
        below = np.searchsorted(others, cold[player][wanted[player]])
        placed.append(below.mean() / (len(others) - 1))
    return float(np.mean(placed))


class _AllHidden(Newcomers):
    """Every indie game that the fit has not seen is news here, whenever it came out."""

    @property
    def new(self) -> Mask:
        return np.asarray(self.shelf.indie & (self.shelf.items.players == 0))


if __name__ == "__main__":
    main()
