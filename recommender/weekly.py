"""What is worth a word to many at once: games that rise, games that are new, and what suits their taste together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from recommender.crowd import PEOPLE, Crowd, Taste
from recommender.newcomers import LATEST, belongs_to_another
from recommender.recommend import REACH, Pick, of_theme, picks_for
from recommender.served import Served
from recommender.shelf import Mask, Shelf, Wish
from recommender.variety import thinned

__all__ = ["PEOPLE", "Evidence", "Feature", "Part", "Rise", "Taste", "Weekly", "in_turn", "weekly"]

LIKED = 3
"""People who came to like a game within a week: from so many on it may be said to rise."""
NEW_DAYS = 31
OF_A_KIND = 1
"""Games of one studio or series in a list as short as this."""


class Part(StrEnum):
    """`theme` and `popular` stand in for `taste` where too little is known of anybody's."""

    RISING = "rising"
    NEW = "new"
    TASTE = "taste"
    THEME = "theme"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Rise:
    """People who came to like a game `lately`, within a week, and in a week on average of those `before`."""

    lately: int
    before: float = 0.0

    @property
    def more(self) -> float:
        return self.lately - self.before


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known besides the model: of the people whom it is for, of everybody's likes, and what day it is."""

    today: date
    tastes: tuple[Taste, ...] = ()
    rises: Mapping[int, Rise] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feature:
    """A pick with the part that it comes from; `people` came to like it, `tags` are what speaks for it."""

    pick: Pick
    part: Part
    people: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weekly:
    """The choice, and the version of the model that made it."""

    features: tuple[Feature, ...]
    version: str


def weekly(served: Served, evidence: Evidence, themes: Sequence[str], wish: Wish, k: int) -> list[Feature]:
    """At most k games: rising, new and fitting ones take turns, no studio or series twice if it can be helped.

    With `themes` there is nothing else than games of them. `wish.hidden` is what was shown of late. The taste of
    PEOPLE people or more counts, each as much as any other; that of fewer is not heard at all, and what the themes
    have best, or what many own, takes its place.
    """
    shelf = served.themes
    allowed = shelf.allowed(wish)
    if themes:
        allowed &= np.logical_or.reduce([shelf.tagged(tag) for tag in themes])
    crowd = Crowd.of(evidence.tastes, served, wish)
    parts = (
        _rising(evidence.rises, shelf, allowed),
        _new(served, crowd, allowed, evidence.today, REACH * k),
        [
            *_gems_first(_fitting(served, crowd, allowed, REACH * k), shelf),
            *_gems_first(_instead(served, themes, wish, REACH * k), shelf),
        ],
    )
    found = {feature.pick.game.app_id: feature for feature in in_turn(parts, 3 * REACH * k)}
    ranked = shelf.items.positions(found).astype(np.int32)  # [c] in the order of their turns
    chosen = thinned(ranked, np.zeros(len(ranked), bool), (k, 0), shelf.kinds, OF_A_KIND)
    return [found[app_id] for app_id in shelf.items.app_ids[chosen].tolist()]


def in_turn(parts: Sequence[Sequence[Feature]], most: int) -> list[Feature]:
    """The first of each part, then its next, and so on; a game of several parts counts for the first to have it."""
    chosen: dict[int, Feature] = {}
    turns = deque(iter(part) for part in parts)
    while turns and len(chosen) < most:
        part = turns.popleft()
        feature = next((one for one in part if one.pick.game.app_id not in chosen), None)
        if feature is not None:
            chosen[feature.pick.game.app_id] = feature
            turns.append(part)
    return list(chosen.values())


def _rising(rises: Mapping[int, Rise], shelf: Shelf, allowed: Mask) -> list[Feature]:
    """Those that more people came to like than in a week before, the steepest first."""
    up = sorted((-rise.more, app_id) for app_id, rise in rises.items() if rise.lately >= LIKED and rise.more > 0)
    places = [(app_id, shelf.items.position(app_id)) for _, app_id in up]
    return [
        Feature(_pick(shelf, at, rises[app_id].more), Part.RISING, people=rises[app_id].lately)
        for app_id, at in places
        if at is not None and allowed[at]
    ]


def _new(served: Served, crowd: Crowd | None, allowed: Mask, today: date, most: int) -> list[Feature]:
    """Out for a month at most, those that suit the crowd first, then those that are liked best.

    What the catalogue knows tells the time, if it ends before today: an old one has news of its own.
    """
    shelf = served.themes
    recent = np.flatnonzero(allowed & _recent(shelf, today)).astype(np.int32)
    suits = crowd.suits(recent) if crowd is not None else np.zeros(len(recent), np.float32)
    order = np.lexsort((-shelf.days[recent], -shelf.liked[recent], -suits))
    found: list[Feature] = []
    for place in order.tolist():
        at = int(recent[place])
        if belongs_to_another(shelf.row(at), shelf.catalog):
            continue
        tags = crowd.shared(shelf.game(at)) if crowd is not None and suits[place] > 0 else ()
        found.append(Feature(replace(_pick(shelf, at, float(suits[place])), new=True), Part.NEW, tags=tags))
        if len(found) == most:
            break
    return found


def _recent(shelf: Shelf, today: date) -> Mask:
    days = shelf.days
    dated = days[shelf.indie & shelf.dated & (days <= today.toordinal())]
    if not len(dated):
        return np.zeros(len(days), bool)
    end = min(today.toordinal(), int(np.quantile(dated, LATEST, method="higher")))
    return np.asarray(shelf.indie & shelf.dated & (days > end - NEW_DAYS) & (days <= today.toordinal()))


def _fitting(served: Served, crowd: Crowd | None, allowed: Mask, most: int) -> list[Feature]:
    if crowd is None:
        return []
    best: NDArray[np.int32] = crowd.best(allowed[: len(served.shelf.items)], most)
    picks = [(_pick(served.shelf, at, float(crowd.together[at]))) for at in best.tolist()]
    return [Feature(pick, Part.TASTE, tags=crowd.shared(pick.game)) for pick in picks]


def _instead(served: Served, themes: Sequence[str], wish: Wish, most: int) -> list[Feature]:
    """The best of each theme in turn, or what many own where there is none."""
    if themes:
        lists = [of_theme(tag, served.themes, wish, most) for tag in themes]
        return in_turn(
            [
                [Feature(pick, Part.THEME, tags=(tag,)) for pick in picks]
                for tag, picks in zip(themes, lists, strict=True)
            ],
            most,
        )
    nobody = served.scorer.items.owned(Taste().library)
    return [Feature(pick, Part.POPULAR) for pick in picks_for(nobody, served.popularity, served.shelf, wish, most)]


def _gems_first(features: Sequence[Feature], shelf: Shelf) -> list[Feature]:
    """Hits come last: a digest is for what one has not heard of."""
    positions = shelf.items.positions([feature.pick.game.app_id for feature in features])
    hits = shelf.head[positions].tolist()
    return [feature for _, feature in sorted(zip(hits, features, strict=True), key=itemgetter(0))]


def _pick(shelf: Shelf, at: int, score: float) -> Pick:
    return Pick(shelf.game(at), score, players=int(shelf.items.players[at]))
