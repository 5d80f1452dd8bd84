"""Public data sets into the warehouse: recognise every file first, then load them in the order they need."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from recommender.catalog import Game
from storage.datasets.formats import KNOWN, Format, find_format, recognise
from storage.datasets.kaggle_behaviour import read_kaggle_behaviour
from storage.datasets.kaggle_games import read_kaggle_games
from storage.datasets.parquet import (
    read_parquet_games,
    read_parquet_interactions,
    read_parquet_names,
    read_parquet_reviews,
)
from storage.datasets.reading import Advance, Tally
from storage.datasets.ucsd_games import read_ucsd_games
from storage.datasets.ucsd_items import read_ucsd_items
from storage.errors import DatasetRefused
from storage.warehouse import Loaded

READERS: dict[Format, Callable[[Path, Tally, Advance], Iterator[pa.RecordBatch]]] = {
    Format.PARQUET_GAMES: read_parquet_games,
    Format.KAGGLE_GAMES: read_kaggle_games,
    Format.UCSD_GAMES: read_ucsd_games,
    Format.PARQUET_NAMES: read_parquet_names,
    Format.PARQUET_REVIEWS: read_parquet_reviews,
    Format.PARQUET_INTERACTIONS: read_parquet_interactions,
    Format.UCSD_ITEMS: read_ucsd_items,
}


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """`done` of `total` of the file being read (bytes or rows, equal when it is merged); file `number` of `files`."""

    path: Path
    format: Format
    number: int
    files: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    `read` rows were usable; `added` were new, `changed` altered what was there, `repeated` named a pair or game again.
    `missing_ids` rows were left out; `unknown_games` distinct games are not in the catalogue and were loaded all the
    same; `undated` and `unpriced` games were loaded without; rows of `unmatched_titles` distinct titles were left
    out, the titles are listed in `unmatched_file`.
    """

    path: Path
    format: Format
    read: int
    added: int
    changed: int
    repeated: int
    missing_ids: int = 0
    unknown_games: int = 0
    undated: int = 0
    unpriced: int = 0
    unmatched_titles: int = 0
    unmatched_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    files: tuple[FileReport, ...]

    def as_dict(self) -> dict[str, list[dict[str, str | int | None]]]:
        """Plain values for JSON."""
        return {"files": [{name: _plain(value) for name, value in asdict(file).items()} for file in self.files]}


class Sink(Protocol):
    """Where files go: a warehouse, or a lake before it. The methods are those of `Warehouse`."""

    def load_interactions(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded: ...

    def load_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded: ...

    def load_reviews(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded: ...

    def games(self) -> list[Game]: ...


def import_paths(
    paths: Sequence[Path],
    warehouse: Sink,
    *,
    home: Path,
    now: datetime,
    progress: Callable[[ImportProgress], None],
) -> ImportReport:
    """Loads files, and the known files of folders; blocks. Each file is one transaction.

    Titles that no game has are listed in a CSV under `home`/unmatched.

    Raises:
        DatasetRefused: a file is foreign (then nothing was loaded), or truncated or damaged further in (then this
            file was not loaded; those before it were, and importing them again changes nothing).
        WarehouseError: the warehouse cannot be written.
    """
    plan = sorted(_recognised(paths), key=lambda known: (list(Format).index(known[1]), known[0]))
    _refuse_titles_without_games(plan, warehouse)
    reports = []
    for number, (path, format_) in enumerate(plan, 1):
        start = ImportProgress(path, format_, number, len(plan), 0, 1)
        reports.append(_load(warehouse, start, home, now, progress))
    return ImportReport(tuple(reports))


def _recognised(paths: Iterable[Path]) -> dict[tuple[Path, Format], None]:
    """Each file once, whether it was named, found in a folder, or both."""
    found: dict[Path, tuple[Path, Format]] = {}
    for path in paths:
        for file, format_ in _known_in(path) if path.is_dir() else [(path, recognise(path))]:
            found.setdefault(file.resolve(), (file, format_))
    return dict.fromkeys(found.values())


def _known_in(folder: Path) -> list[tuple[Path, Format]]:
    """Foreign files are passed over, for a folder holds other things too; damaged ones are not."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [(file, format_) for file in files if file.stat().st_size and (format_ := find_format(file)) is not None]
    if not found:
        raise DatasetRefused(folder, None, f"the folder has no file in a known format: it needs {KNOWN}")
    return found


def _refuse_titles_without_games(plan: Sequence[tuple[Path, Format]], warehouse: Sink) -> None:
    titled = next((path for path, format_ in plan if format_ is Format.KAGGLE_BEHAVIOUR), None)
    if titled is not None and not any(format_.of_games for _, format_ in plan) and not warehouse.games():
        why = "its titles are matched to a catalogue and there is none yet: import a file of games too"
        raise DatasetRefused(titled, None, why)


def _load(
    warehouse: Sink,
    start: ImportProgress,
    home: Path,
    now: datetime,
    progress: Callable[[ImportProgress], None],
) -> FileReport:
    path, format_, tally = start.path, start.format, Tally()
    source = f"{format_}: {path.name}"
    progress(start)
    batches = _reader(warehouse, format_)(
        path, tally, lambda done, total: progress(replace(start, done=done, total=total))
    )
    seen: set[int] = set()
    if format_.of_games:
        loaded = warehouse.load_games(batches, source, now)
    elif format_ is Format.PARQUET_REVIEWS:
        loaded = warehouse.load_reviews(_watched(batches, seen), source, now)
    else:
        loaded = warehouse.load_interactions(_watched(batches, seen), source, now)
    unknown = seen - {game.app_id for game in warehouse.games()} if seen else set()
    return _report(start, loaded, tally, len(unknown), _list_unmatched(home, path, tally.unmatched))


def _reader(warehouse: Sink, format_: Format) -> Callable[[Path, Tally, Advance], Iterator[pa.RecordBatch]]:
    if format_ is Format.KAGGLE_BEHAVIOUR:
        return partial(read_kaggle_behaviour, games=warehouse.games())
    return READERS[format_]


def _watched(batches: Iterable[pa.RecordBatch], seen: set[int]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        seen.update(pc.unique(batch["app_id"]).to_pylist())
        yield batch


def _report(
    start: ImportProgress, loaded: Loaded, tally: Tally, unknown_games: int, unmatched_file: Path | None
) -> FileReport:
    return FileReport(
        path=start.path,
        format=start.format,
        read=loaded.read + tally.repeated,
        added=loaded.added,
        changed=loaded.changed,
        repeated=loaded.repeated + tally.repeated,
        missing_ids=tally.missing_ids,
        unknown_games=unknown_games,
        undated=tally.undated,
        unpriced=tally.unpriced,
        unmatched_titles=len(tally.unmatched),
        unmatched_file=unmatched_file,
    )


def _list_unmatched(home: Path, path: Path, unmatched: Counter[str]) -> Path | None:
    """Writes the titles with their numbers of rows, the most frequent first; nothing where all were matched."""
    if not unmatched:
        return None
    listed = home / "unmatched" / f"{path.stem}.csv"
    try:
        listed.parent.mkdir(parents=True, exist_ok=True)
        with listed.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("title", "rows"), *unmatched.most_common()])
    except OSError as error:
        why = f"it was loaded, but the titles without a game cannot be listed in {listed} ({error.strerror})"
        raise DatasetRefused(path, None, why) from error
    return listed


def _plain(value: object) -> str | int | None:
    return value if value is None or isinstance(value, int) else str(value)
