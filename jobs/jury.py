"""Who has told the bot what they think since a model was fitted, and how models rank what they liked and hid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DamagedModel, NoModel
from recommender.held_out import Keys, keys_of
from recommender.interactions import Floats, ItemIndex
from recommender.library import Library
from recommender.registry import Registry
from recommender.scorer import Scorer
from storage.warehouse import RecentOpinions, Warehouse

WITHIN = timedelta(days=14)
"""What was said earlier says little about what people like now."""
MOST = 0.05
"""Of the players of a fit at most: whoever is asked is not learned from, and the others have to stand for all."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Juror:
    """What somebody owns, and of other games those they liked (or have by their word) and those they hid."""

    key: int
    library: Library
    liked: tuple[int, ...]
    hidden: tuple[int, ...]


@dataclass(frozen=True)
class Preferences:
    """One model's, a value for each juror in their order.

    Of `pairs` of a game liked and one hidden, the liked one stood above in `won`, a tie counting half: won over pairs
    is the pairwise AUC. `percentile` is the sum over the `liked` games of the share of other games that stand below.
    """

    pairs: tuple[int, ...]
    won: tuple[float, ...]
    liked: tuple[int, ...]
    percentile: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Jury:
    """`incumbent` are the preferences of the model in service; `apart` [m] who of the players of a fit is a juror."""

    jurors: tuple[Juror, ...]
    incumbent: Preferences
    apart: NDArray[np.bool_]


def empanel(warehouse: Warehouse, registry: Registry, learned: Keys, *, now: datetime, opinions: bool) -> Jury | None:
    """Of what was said since the model in service was fitted, for a fit of the players `learned` [m].

    None where no model is in service that could be compared with. Of the players of the fit some may be too many: those
    are no jurors, as they would be learned from.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    try:
        version = registry.current()
        served, card = registry.open(version), registry.card(version)
    except (NoModel, DamagedModel):
        return None
    since = max(card.fitted or card.created, now - WITHIN)
    found = jurors(warehouse.recent_opinions(since, opinions=opinions), served.scorer.items)
    keys = np.array([juror.key for juror in found], np.uint64)
    both = np.intersect1d(learned, keys)
    most = round(MOST * len(learned))
    sitting = tuple(juror for juror in found if juror.key not in set(both[most:].tolist()))
    return Jury(sitting, preferences(served.tempered, sitting), np.isin(learned, both[:most]))


def nobody(learned: Keys) -> Jury | None:
    """In place of `empanel`, where no model is compared with another."""
    del learned
    return None


def jurors(recent: RecentOpinions, items: ItemIndex) -> tuple[Juror, ...]:
    """Everybody with an opinion of a game that is among `items`."""
    said: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in recent.feedback.to_pylist():
        if items.position(row["app_id"]) is not None:
            said[row["player"]]["hidden" if row["opinion"] == "hide" else "liked"].append(row["app_id"])
    libraries = _libraries(recent)
    people = sorted(said)
    return tuple(
        Juror(int(key), libraries.get(name, Library({})), tuple(said[name]["liked"]), tuple(said[name]["hidden"]))
        for name, key in zip(people, keys_of(people), strict=True)
    )


def _libraries(recent: RecentOpinions) -> dict[str, Library]:
    columns = recent.libraries
    minutes: dict[int, dict[int, int]] = defaultdict(dict)
    for player, app_id, played in zip(
        columns.players.tolist(), columns.app_ids.tolist(), columns.minutes.tolist(), strict=True
    ):
        minutes[player][app_id] = played
    return {columns.player_ids[player]: Library(games) for player, games in minutes.items()}


def preferences(scorer: Scorer, jurors: Sequence[Juror]) -> Preferences:
    """A game that the model does not know stands below all others."""
    each = [_of_one(scorer, juror) for juror in jurors]
    pairs, won, liked, percentile = zip(*each, strict=True) if each else ((), (), (), ())
    return Preferences(pairs, won, liked, percentile)


def _of_one(scorer: Scorer, juror: Juror) -> tuple[int, float, int, float]:
    owned = scorer.items.owned(juror.library)
    scores = scorer.scores(owned)  # [n]
    liked, hidden = (_scores_of(scorer.items, scores, games) for games in (juror.liked, juror.hidden))
    above = liked[:, None] > hidden  # [liked x hidden]
    won = float(above.sum() + 0.5 * (liked[:, None] == hidden).sum())
    others = np.sort(np.delete(scores, owned.positions))
    below = np.searchsorted(others, liked) / max(1, len(others) - 1)
    return above.size, won, len(liked), float(below.sum())


def _scores_of(items: ItemIndex, scores: Floats, app_ids: Iterable[int]) -> Floats:
    positions = items.positions(list(app_ids))
    return np.where(positions >= 0, scores[positions], np.float32(-np.inf)).astype(np.float32)
