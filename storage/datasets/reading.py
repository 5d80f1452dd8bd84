"""What all readers share: lines with their numbers, batches of rows, the tally of what was passed over."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from storage.errors import DatasetRefused

ROWS = 50_000  # rows a batch: big enough for Arrow, small enough to hold a few in memory
STEP = 1 << 18  # bytes of the file between two reports of progress
LONGEST_LINE = 1 << 26  # 64 MiB; the largest known library takes 1 MiB

GZIP = b"\x1f\x8b"

Advance = Callable[[int, int], None]
"""Hears how much of the file is done and how much there is: bytes of a text file, rows of a parquet file."""


@dataclass(slots=True)
class Tally:
    """What one reader passed over or could not read, counted while it reads.

    `missing_ids` rows had no usable app id (or player) and were left out. `undated` and `unpriced` games were kept
    without. `repeated` rows were merged into another by the reader itself. `unmatched` maps a title that no game
    has to its number of rows, which were left out.
    """

    missing_ids: int = 0
    undated: int = 0
    unpriced: int = 0
    repeated: int = 0
    unmatched: Counter[str] = field(default_factory=Counter)


def quiet(done: int, total: int) -> None:
    """The `Advance` of a caller that shows no progress."""


def lines(path: Path, advance: Advance = quiet) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text file, gzipped or not, with their numbers from 1.

    Raises:
        DatasetRefused: the file cannot be opened, breaks off, is damaged, or is no UTF-8 text.
    """
    for number, line in enumerate(_byte_lines(path, advance), 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DatasetRefused(path, number, "the line is no UTF-8 text: save the file as UTF-8") from error
        yield number, text


def first_line(path: Path) -> str | None:
    """The first line, empty for an empty file, and None where it is no text.

    Raises:
        DatasetRefused: the file cannot be opened, breaks off or is damaged before its first line ends.
    """
    with closing(_byte_lines(path, quiet)) as found:
        try:
            return next(found, b"").decode("utf-8-sig")
        except UnicodeDecodeError:
            return None


def batched(rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rest = iter(rows)
    while some := list(islice(rest, ROWS)):
        yield pa.RecordBatch.from_pylist(some, schema=schema)


def _unzipped(raw: BinaryIO) -> AbstractContextManager[BinaryIO | gzip.GzipFile]:
    zipped = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if zipped else raw


def _byte_lines(path: Path, advance: Advance) -> Generator[bytes, None, None]:
    number = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as raw, _unzipped(raw) as plain:
            told = 0
            while line := plain.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise DatasetRefused(path, number, "the line has no end: this is no file to be read line by line")
                yield line
                if raw.tell() - told >= STEP:
                    told = raw.tell()
                    advance(told, total)
        advance(total, total)
    except EOFError as error:
        raise DatasetRefused(path, number + 1, "the file breaks off here: download it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetRefused(path, number + 1, "the file is damaged here: download it again") from error
    except OSError as error:
        raise DatasetRefused(
            path, None, f"the file cannot be read ({error.strerror}): check path and rights"
        ) from error
