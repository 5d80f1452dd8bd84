"""CSV files of games as Kaggle has them in many spellings: columns are found by their names, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from storage.datasets.delimited import csv_rows
from storage.datasets.fields import GameRow, game_row, read_app_id, read_names
from storage.datasets.reading import Advance, Tally, batched, quiet
from storage.errors import DatasetRefused
from storage.warehouse import GAMES

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "app_id": ("appid", "steamappid", "id"),
    "title": ("name", "title", "appname", "gamename"),
    "tags": ("tags", "tag", "populartags", "steamspytags"),
    "genres": ("genres", "genre"),
    "developer": ("developer", "developers"),
    "publisher": ("publisher", "publishers"),
    "price": ("initialprice", "originalprice", "priceusd", "price"),
    "released": ("releasedate", "released", "dateofrelease"),
    "positive": ("positivereviews", "positiveratings", "positive"),
    "negative": ("negativereviews", "negativeratings", "negative"),
}
"""Our field to what headers call it, without case, spaces and signs; of several that are there the first counts."""


def game_columns(header: Sequence[str]) -> dict[str, int] | None:
    """Our fields and their positions; None where the header lacks an app id or a name and is no list of games."""
    at: dict[str, int] = {}
    for position, said in enumerate(header):
        at.setdefault("".join(c for c in said.casefold() if c.isalnum()), position)
    found = {
        ours: at[theirs]
        for ours, names in SYNONYMS.items()
        if (theirs := next((name for name in names if name in at), None)) is not None
    }
    return found if {"app_id", "title"} <= found.keys() else None


def read_kaggle_games(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of GAMES out of any CSV whose header has an app id and a name.

    Raises:
        DatasetRefused: the header lacks one of the two, or a row has not as many fields as the header.
    """
    return batched(_rows(path, tally, advance), GAMES)


def _rows(path: Path, tally: Tally, advance: Advance) -> Iterator[GameRow]:
    rows = csv_rows(path, advance)
    _, header = next(rows, (1, []))
    columns = game_columns(header)
    if columns is None:
        raise DatasetRefused(path, 1, "the header has no App ID or no Name: name these two columns")
    for number, row in rows:
        if len(row) != len(header):
            why = f"the row has {len(row)} fields, the header {len(header)}: export the file again"
            raise DatasetRefused(path, number, why)
        said = {ours: row[position] for ours, position in columns.items()}
        if (app_id := read_app_id(said.pop("app_id"))) is None:
            tally.missing_ids += 1
            continue
        early = "Early Access" in (read_names(said.get("genres")) or ())
        yield game_row(app_id, tally, early_access=early or None, **said)
