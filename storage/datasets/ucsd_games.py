"""UCSD `steam_games.json.gz`: one game a line, as the store showed it in 2018."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from storage.datasets.fields import GameRow, game_row, read_app_id
from storage.datasets.literals import evaluate
from storage.datasets.reading import Advance, Tally, batched, lines, quiet
from storage.warehouse import GAMES


def read_ucsd_games(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of GAMES; the file knows no review counts.

    Raises:
        DatasetRefused: the file breaks off, or a line is no dict.
    """
    return batched(_rows(path, tally, advance), GAMES)


def _rows(path: Path, tally: Tally, advance: Advance) -> Iterator[GameRow]:
    for number, line in lines(path, advance):
        if line.isspace():
            continue
        said = evaluate(path, number, line)
        app_id = read_app_id(said.get("id"))
        if app_id is None:
            tally.missing_ids += 1
            continue
        early = said.get("early_access")
        yield game_row(
            app_id,
            tally,
            title=said.get("app_name") or said.get("title"),
            tags=said.get("tags"),
            genres=said.get("genres"),
            developer=said.get("developer"),
            publisher=said.get("publisher"),
            price=said.get("price"),
            released=said.get("release_date"),
            early_access=early if isinstance(early, bool) else None,
        )
