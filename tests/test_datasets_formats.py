"""A format is recognised by what a file holds, never by its name; parquet is read by its columns."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.datasets.formats import Format, find_format, recognise
from storage.datasets.parquet import (
    read_parquet_games,
    read_parquet_interactions,
    read_parquet_names,
    read_parquet_reviews,
)
from storage.datasets.reading import Tally
from storage.errors import DatasetRefused

ITEMS = "{'user_id': 'a', 'items': []}\n"
GAMES = "{u'app_name': u'Ten', u'id': u'10'}\n"


def packed(text: str) -> bytes:
    """Without the clock in it: pytest names a case after its bytes, and every worker must find the same names."""
    return gzip.compress(text.encode(), mtime=0)


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (packed(ITEMS), Format.UCSD_ITEMS),
        (ITEMS.encode(), Format.UCSD_ITEMS),
        (packed(GAMES), Format.UCSD_GAMES),
        (b'151603712,"Skyrim, the Game",purchase,1.0,0\n', Format.KAGGLE_BEHAVIOUR),
        (b"App ID,Name,Genre\n", Format.KAGGLE_GAMES),
        (b"\xef\xbb\xbfAppID,Name\n", Format.KAGGLE_GAMES),
    ],
)
def test_text_is_recognised_by_its_first_line(tmp_path: Path, content: bytes, expected: Format) -> None:
    path = tmp_path / "misnamed.parquet"
    path.write_bytes(content)

    assert recognise(path) is expected


def test_parquet_is_recognised_by_its_columns(tmp_path: Path) -> None:
    rows = parquet(tmp_path / "a.json.gz", user_id=["a"], item_id=[1], playtime_forever=[0])
    reviews = parquet(tmp_path / "b", user_id=["a"], item_id=[1], recommend=[True], posted=[date(2014, 1, 1)])
    games = parquet(tmp_path / "c", app_id=[1], name=["One"])
    names = parquet(tmp_path / "d", item_id=[1], item_name=["One"])
    foreign = parquet(tmp_path / "e", x=[1])

    assert [find_format(path) for path in (rows, reviews, games, names, foreign)] == [
        Format.PARQUET_INTERACTIONS,
        Format.PARQUET_REVIEWS,
        Format.PARQUET_GAMES,
        Format.PARQUET_NAMES,
        None,
    ]


@pytest.mark.parametrize(
    ("content", "line", "advice"),
    [
        (b"", 1, "download it again"),
        (b"\x1f", 1, "known formats"),
        (b"hello, world\n", 1, "known formats"),
        (b"{'surprise': 1}\n", 1, "known formats"),
        (b"{'user_id': 'a', 'items': [", 1, "known formats"),
        (b"\x89PNG\r\n\x1a\n", 1, "known formats"),
        (b"PK\x03\x04rest", None, "unpack it"),
        (packed(ITEMS)[:12], 1, "breaks off"),
        (b"PAR1 and nothing of it", None, "truncated"),
    ],
)
def test_what_is_foreign_or_broken_is_refused_with_advice(
    tmp_path: Path, content: bytes, line: int | None, advice: str
) -> None:
    path = tmp_path / "items.json.gz"
    path.write_bytes(content)
    with pytest.raises(DatasetRefused, match=advice) as refused:
        recognise(path)

    assert (refused.value.path, refused.value.line) == (path, line)


def test_a_path_to_nothing_says_to_check_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused, match="check the path"):
        recognise(tmp_path / "none.parquet")


def test_interactions_without_an_id_are_left_out_and_no_playtime_is_zero(tmp_path: Path) -> None:
    tally = Tally()
    path = parquet(
        tmp_path / "a",
        user_id=["a", None, "", "b", "c"],
        item_id=[1, 1, 1, None, 3],
        playtime_forever=[5, 1, 1, 1, None],
    )

    rows = [tuple(row.values()) for batch in read_parquet_interactions(path, tally) for row in batch.to_pylist()]

    assert rows == [("a", 1, 5), ("c", 3, 0)]
    assert tally.missing_ids == 3


@pytest.mark.parametrize("minutes", [[-1], [2**40], ["long"]])
def test_a_playtime_that_is_none_is_refused(tmp_path: Path, minutes: list[object]) -> None:
    path = parquet(tmp_path / "a", user_id=["a"], item_id=[1], playtime_forever=minutes)
    with pytest.raises(DatasetRefused) as refused:
        list(read_parquet_interactions(path, Tally()))

    assert refused.value.line is None


def test_reviews_keep_what_is_undated(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a", user_id=["a", "b"], item_id=[1, 1], recommend=[True, False], posted=[date(2014, 1, 1), None]
    )

    rows = [tuple(row.values()) for batch in read_parquet_reviews(path, Tally()) for row in batch.to_pylist()]

    assert rows == [("a", 1, True, date(2014, 1, 1)), ("b", 1, False, None)]


def test_games_need_no_more_than_id_and_name(tmp_path: Path) -> None:
    tally = Tally()
    path = parquet(tmp_path / "a", app_id=[1, None], name=["One", "Nobody"])

    (row,) = [row for batch in read_parquet_games(path, tally) for row in batch.to_pylist()]

    assert (row["app_id"], row["title"], row["tags"], row["adult"]) == (1, "One", None, None)
    assert (tally.missing_ids, tally.undated, tally.unpriced) == (1, 1, 1)


def test_a_list_of_names_is_not_blamed_for_dates_and_prices(tmp_path: Path) -> None:
    tally = Tally()
    path = parquet(tmp_path / "a", item_id=[1, 0], item_name=["One", "Nobody"])

    rows = [row for batch in read_parquet_names(path, tally) for row in batch.to_pylist()]

    assert [(row["app_id"], row["title"]) for row in rows] == [(1, "One")]
    assert tally == Tally(missing_ids=1)


def test_a_parquet_file_damaged_inside_is_refused(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a", user_id=[f"p{n}" for n in range(9000)], item_id=[1] * 9000, playtime_forever=list(range(9000))
    )
    damaged = bytearray(path.read_bytes())
    damaged[4:2000] = b"\xff" * 1996
    path.write_bytes(damaged)

    with pytest.raises(DatasetRefused, match="damaged"):
        list(read_parquet_interactions(path, Tally()))
