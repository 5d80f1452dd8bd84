"""Cleaned parquet files: interactions, games, names and reviews, recognised by their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.datasets.fields import GameRow, game_row, read_app_id
from storage.datasets.reading import ROWS, Advance, Tally, batched, quiet
from storage.errors import DatasetRefused
from storage.warehouse import GAMES, INTERACTIONS, REVIEWS

MAGIC = b"PAR1"

INTERACTION_COLUMNS = {"user_id": "player", "item_id": "app_id", "playtime_forever": "minutes"}
REVIEW_COLUMNS = {"user_id": "player", "item_id": "app_id", "recommend": "recommend", "posted": "posted"}
NAME_COLUMNS = ("item_id", "item_name")
GAME_COLUMNS = (
    *("app_id", "name", "tags", "genres", "developer", "publisher", "price_usd", "release_date"),
    *("positive", "negative", "early_access"),
)


def parquet_columns(path: Path) -> frozenset[str]:
    """The names of the columns.

    Raises:
        DatasetRefused: the file is truncated or damaged.
    """
    try:
        return frozenset(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _refused(path) from error


def read_parquet_interactions(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of INTERACTIONS out of user_id, item_id and playtime_forever (minutes; null is 0).

    Raises:
        DatasetRefused: the file is damaged, or a column holds something else.
    """
    for batch in _keyed(path, INTERACTION_COLUMNS, INTERACTIONS, tally, advance):
        if batch.num_rows and pc.min(batch["minutes"]).as_py() < 0:
            raise DatasetRefused(path, None, "a playtime is negative: export the file again, in minutes")
        yield batch


def read_parquet_reviews(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of REVIEWS out of user_id, item_id, recommend and posted.

    Raises:
        DatasetRefused: the file is damaged, or a column holds something else.
    """
    return _keyed(path, REVIEW_COLUMNS, REVIEWS, tally, advance)


def read_parquet_games(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of GAMES; only app_id and name must be there.

    Raises:
        DatasetRefused: the file is damaged.
    """
    return batched(_games(path, tally, advance), GAMES)


def read_parquet_names(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of GAMES with nothing but id and title: a name list is not blamed for dates and prices.

    Raises:
        DatasetRefused: the file is damaged.
    """
    return batched(_names(path, tally, advance), GAMES)


def _keyed(
    path: Path, columns: Mapping[str, str], schema: pa.Schema, tally: Tally, advance: Advance
) -> Iterator[pa.RecordBatch]:
    """Renamed and cast columns; rows without a player or a usable app id are left out and tallied."""
    for batch in _batches(path, tuple(columns), advance):
        try:
            usable = pc.and_(pc.greater(batch["item_id"], 0), pc.not_equal(batch["user_id"], ""))
            kept = batch.filter(pc.fill_null(usable, fill_value=False))
            arrays = [kept[said].cast(schema.field(ours).type) for said, ours in columns.items()]
            result = pa.RecordBatch.from_arrays(arrays, schema=schema)
            if "minutes" in schema.names:
                result = result.set_column(2, schema.field("minutes"), pc.fill_null(result["minutes"], 0))
            result.validate()
        except (pa.ArrowException, ValueError) as error:
            why = f"a column holds something else than {', '.join(columns)} should: export the file again"
            raise DatasetRefused(path, None, why) from error
        tally.missing_ids += batch.num_rows - kept.num_rows
        yield result


def _games(path: Path, tally: Tally, advance: Advance) -> Iterator[GameRow]:
    there = tuple(name for name in GAME_COLUMNS if name in parquet_columns(path))
    for batch in _batches(path, there, advance):
        for said in batch.to_pylist():
            if (app_id := read_app_id(said["app_id"])) is None:
                tally.missing_ids += 1
                continue
            early = said.get("early_access")
            yield game_row(
                app_id,
                tally,
                title=said["name"],
                tags=said.get("tags"),
                genres=said.get("genres"),
                developer=said.get("developer"),
                publisher=said.get("publisher"),
                price=said.get("price_usd"),
                released=said.get("release_date"),
                positive=said.get("positive"),
                negative=said.get("negative"),
                early_access=early if isinstance(early, bool) else None,
            )


def _names(path: Path, tally: Tally, advance: Advance) -> Iterator[GameRow]:
    unblamed = Tally()
    for batch in _batches(path, NAME_COLUMNS, advance):
        for said in batch.to_pylist():
            if (app_id := read_app_id(said["item_id"])) is None:
                tally.missing_ids += 1
            else:
                yield game_row(app_id, unblamed, title=said["item_name"])


def _batches(path: Path, columns: tuple[str, ...], advance: Advance) -> Iterator[pa.RecordBatch]:
    """The batches as the file has them, read one row group at a time."""
    done = 0
    try:
        with pq.ParquetFile(path) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(ROWS, columns=list(columns)):
                yield batch.select(list(columns))
                done += batch.num_rows
                advance(done, total)
    except (pa.ArrowException, OSError) as error:
        raise _refused(path) from error


def _refused(path: Path) -> DatasetRefused:
    return DatasetRefused(path, None, "the parquet file is truncated or damaged: download or export it again")
