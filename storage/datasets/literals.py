"""One Python literal a line, evaluated as data and never as code."""

from __future__ import annotations

import ast
from pathlib import Path

from storage.errors import DatasetRefused


def evaluate(path: Path, number: int, line: str) -> dict[str, object]:
    """The dict that the line writes down.

    Raises:
        DatasetRefused: the line is no literal, or one of something else than a dict with names as keys.
    """
    try:
        value: object = ast.literal_eval(line.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        why = "the line is no Python literal: the file is damaged or foreign, download it again"
        raise DatasetRefused(path, number, why) from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise DatasetRefused(path, number, "the line is no dict of named values: is this the UCSD file?")
    return value
