"""CSV rows with the number of the line on which each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from storage.datasets.reading import Advance, lines, quiet
from storage.errors import DatasetRefused


def csv_rows(path: Path, advance: Advance = quiet) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty; a quoted field may run over several lines.

    Raises:
        DatasetRefused: the file cannot be read, or a row is no CSV.
    """
    reader = csv.reader((line for _, line in lines(path, advance)), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DatasetRefused(path, begins, f"the row is no CSV ({error}): export the file again") from error
        if row is None:
            return
        if row:
            yield begins, row
