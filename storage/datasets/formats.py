"""Which format a file has, by its content: magic bytes, the first line, the header or the schema."""

from __future__ import annotations

import ast
import csv
from enum import StrEnum
from pathlib import Path

from storage.datasets.kaggle_behaviour import is_behaviour
from storage.datasets.kaggle_games import game_columns
from storage.datasets.parquet import INTERACTION_COLUMNS, MAGIC, NAME_COLUMNS, REVIEW_COLUMNS, parquet_columns
from storage.datasets.reading import first_line
from storage.errors import DatasetRefused

KNOWN = "UCSD items or games, Kaggle's steam-200k, a CSV of games with App ID and Name, or parquet of the same"
ZIP = b"PK\x03\x04"


class Format(StrEnum):
    """In the order of loading: games before what refers to them, the richer games first, titles to be matched last."""

    PARQUET_GAMES = "parquet games"
    KAGGLE_GAMES = "kaggle games"
    UCSD_GAMES = "ucsd games"
    PARQUET_NAMES = "parquet names"
    PARQUET_REVIEWS = "parquet reviews"
    PARQUET_INTERACTIONS = "parquet interactions"
    UCSD_ITEMS = "ucsd items"
    KAGGLE_BEHAVIOUR = "kaggle behaviour"

    @property
    def of_games(self) -> bool:
        return self in (self.PARQUET_GAMES, self.KAGGLE_GAMES, self.UCSD_GAMES, self.PARQUET_NAMES)


def recognise(path: Path) -> Format:
    """The format of a file.

    Raises:
        DatasetRefused: the file is foreign or empty, cannot be read, or is damaged at its beginning.
    """
    found = find_format(path)
    if found is None and _magic(path) == ZIP:
        raise DatasetRefused(path, None, "the file is a zip archive: unpack it and give what is inside")
    if found is None:
        raise DatasetRefused(path, 1, f"the file is in none of the known formats: give {KNOWN}")
    return found


def find_format(path: Path) -> Format | None:
    """The format of a file, None for a foreign one.

    Raises:
        DatasetRefused: the file is empty, cannot be read, or is damaged at its beginning.
    """
    magic = _magic(path)
    if magic == MAGIC:
        return _of_columns(parquet_columns(path))
    if not magic:
        raise DatasetRefused(path, 1, "the file is empty: download it again")
    if (first := first_line(path)) is None:
        return None
    return _of_literal(first) if first.startswith("{") else _of_header(first)


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC))
    except FileNotFoundError as error:
        raise DatasetRefused(path, None, "there is no such file: check the path") from error
    except OSError as error:
        raise DatasetRefused(
            path, None, f"the file cannot be read ({error.strerror}): check path and rights"
        ) from error


def _of_columns(columns: frozenset[str]) -> Format | None:
    if INTERACTION_COLUMNS.keys() <= columns:
        return Format.PARQUET_INTERACTIONS
    if REVIEW_COLUMNS.keys() <= columns:
        return Format.PARQUET_REVIEWS
    if {"app_id", "name"} <= columns:
        return Format.PARQUET_GAMES
    return Format.PARQUET_NAMES if columns.issuperset(NAME_COLUMNS) else None


def _of_literal(line: str) -> Format | None:
    try:
        value: object = ast.literal_eval(line.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if {"user_id", "items"} <= value.keys():
        return Format.UCSD_ITEMS
    return Format.UCSD_GAMES if "id" in value and value.keys() & {"app_name", "title", "genres", "tags"} else None


def _of_header(line: str) -> Format | None:
    try:
        row = next(csv.reader([line]), [])
    except csv.Error:
        return None
    if is_behaviour(row):
        return Format.KAGGLE_BEHAVIOUR
    return Format.KAGGLE_GAMES if game_columns(row) is not None else None
