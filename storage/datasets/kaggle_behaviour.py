"""Kaggle `steam-200k.csv`: user, title, purchase or play, hours, 0. Titles are matched to the catalogue."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from recommender.catalog import Game, fold
from storage.datasets.delimited import csv_rows
from storage.datasets.fields import LARGEST
from storage.datasets.reading import Advance, Tally, batched, quiet
from storage.errors import DatasetRefused
from storage.warehouse import INTERACTIONS

FIELDS = 5
PURCHASE, PLAY = "purchase", "play"


def is_behaviour(row: Sequence[str]) -> bool:
    return len(row) == FIELDS and row[2] in (PURCHASE, PLAY) and _hours(row[3]) is not None


def titles(games: Iterable[Game]) -> dict[str, int]:
    """Folded title to app id; of several games with one title the one with the most reviews is meant."""
    known: dict[str, int] = {}
    for game in sorted(games, key=lambda game: (-(game.positive or 0) - (game.negative or 0), game.app_id)):
        known.setdefault(fold(game.title), game.app_id)
    known.pop("", None)
    return known


def read_kaggle_behaviour(
    path: Path, tally: Tally, advance: Advance = quiet, *, games: Iterable[Game]
) -> Iterator[pa.RecordBatch]:
    """Batches of INTERACTIONS, one row a (user, game): purchase and play become one, with the hours in minutes.

    Its user numbers are of another numbering than Steam's ids: the player is "kaggle-" and the number. All pairs
    are held in memory, which the one file in this format (200,000 rows) allows.

    Raises:
        DatasetRefused: a row is no behaviour.
    """
    known = titles(games)
    minutes: dict[tuple[str, int], int] = {}
    seen: set[tuple[str, int, str]] = set()
    for number, row in csv_rows(path, advance):
        hours = _hours(row[3]) if is_behaviour(row) else None
        if hours is None:
            why = "the row is not user, title, purchase or play, hours, 0: download steam-200k.csv again"
            raise DatasetRefused(path, number, why)
        user, title, behaviour = row[:3]
        app_id = known.get(fold(title))
        if app_id is None or not user:
            tally.missing_ids += not user
            tally.unmatched.update([title] if user else [])
            continue
        key = (f"kaggle-{user}", app_id)
        tally.repeated += (*key, behaviour) in seen
        seen.add((*key, behaviour))
        minutes[key] = max(minutes.get(key, 0), round(hours * 60) if behaviour == PLAY else 0)
    rows = ({"player": player, "app_id": app_id, "minutes": played} for (player, app_id), played in minutes.items())
    yield from batched(rows, INTERACTIONS)


def _hours(said: str) -> float | None:
    try:
        hours = float(said)
    except ValueError:
        return None
    return hours if math.isfinite(hours) and 0 <= hours * 60 < LARGEST else None
