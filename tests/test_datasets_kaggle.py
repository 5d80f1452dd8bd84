"""Kaggle's CSVs: behaviour matched by title, games by whatever their columns are called."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from recommender.catalog import Game
from storage.datasets.kaggle_behaviour import read_kaggle_behaviour
from storage.datasets.kaggle_games import game_columns, read_kaggle_games
from storage.datasets.reading import Tally
from storage.errors import DatasetRefused

Row = Sequence[object]


def write(path: Path, *rows: Row) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def owned(path: Path, tally: Tally, *games: Game) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for b in read_kaggle_behaviour(path, tally, games=games) for row in b.to_pylist()]


def found_games(path: Path, tally: Tally) -> list[dict[str, object]]:
    return [
        {name: value for name, value in row.items() if value is not None}
        for batch in read_kaggle_games(path, tally)
        for row in batch.to_pylist()
    ]


HADES, PORTAL = Game(1145360, "Hades", positive=10), Game(400, "Portal")


def test_purchase_and_play_of_a_pair_become_one_row_in_minutes(tmp_path: Path) -> None:
    tally = Tally()
    path = write(
        tmp_path / "b.csv",
        (7, "Hades", "purchase", 1.0, 0),
        (7, "Hades", "play", 2.5, 0),
        (7, "Portal", "purchase", 1, 0),
    )

    assert owned(path, tally, HADES, PORTAL) == [("kaggle-7", 1145360, 150), ("kaggle-7", 400, 0)]
    assert tally.repeated == 0


def test_a_behaviour_said_twice_is_a_repeat_and_the_longer_play_is_kept(tmp_path: Path) -> None:
    tally = Tally()
    path = write(tmp_path / "b.csv", (7, "Hades", "play", 2, 0), (7, "Hades", "play", 3, 0), (7, "Hades", "play", 1, 0))

    assert owned(path, tally, HADES) == [("kaggle-7", 1145360, 180)]
    assert tally.repeated == 2


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("HADES", "Hades™"),
        ("Sid Meiers Civilization V", "Sid Meier's Civilization® V"),
        ("Counter-Strike Source", "Counter-Strike: Source"),
        ("Pokemon", "Pokémon"),
    ],
)
def test_titles_match_without_case_signs_and_punctuation(tmp_path: Path, said: str, title: str) -> None:
    path = write(tmp_path / "b.csv", (7, said, "purchase", 1, 0))

    assert owned(path, Tally(), Game(5, title)) == [("kaggle-7", 5, 0)]


@pytest.mark.parametrize(
    ("said", "title"), [("Portal", "Portal 2"), ("Dark Souls", "Dark Souls Prepare to Die Edition")]
)
def test_numbers_and_editions_keep_games_apart(tmp_path: Path, said: str, title: str) -> None:
    tally = Tally()
    path = write(tmp_path / "b.csv", (7, said, "purchase", 1, 0), (8, said, "purchase", 1, 0))

    assert owned(path, tally, Game(5, title)) == []
    assert tally.unmatched == {said: 2}


def test_of_two_games_with_one_title_the_one_with_more_reviews_is_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "b.csv", (7, "Prey", "purchase", 1, 0))
    games = (Game(1, "Prey"), Game(2, "Prey", positive=5), Game(3, "PREY", positive=3, negative=9))

    assert owned(path, Tally(), *games) == [("kaggle-7", 3, 0)]


@pytest.mark.parametrize(
    "row",
    [
        (7, "Hades", "rented", 1, 0),
        (7, "Hades", "play", "long", 0),
        (7, "Hades", "play", "nan", 0),
        (7, "Hades", "play", -1, 0),
        (7, "Hades", "play"),
    ],
)
def test_a_row_that_is_no_behaviour_is_refused_with_its_line(tmp_path: Path, row: Row) -> None:
    path = write(tmp_path / "b.csv", (7, "Hades", "purchase", 1, 0), row)
    with pytest.raises(DatasetRefused) as refused:
        owned(path, Tally(), HADES)

    assert refused.value.line == 2


HEADER = (
    *("App ID", "Name", "Genre", "Categories", "Initial Price", "Platforms", "Positive Reviews", "Negative Reviews"),
    "Release Date",
)


def test_a_games_csv_becomes_games(tmp_path: Path) -> None:
    path = write(
        tmp_path / "g.csv",
        HEADER,
        (
            400,
            "Portal, the Game",
            "Action, Early Access",
            "Single-player",
            "$9.99",
            "windows",
            "1,000",
            12,
            "Oct 10, 2007",
        ),
    )

    assert found_games(path, Tally()) == [
        {
            "app_id": 400,
            "title": "Portal, the Game",
            "genres": ["Action", "Early Access"],
            "price": 9.99,
            "released": date(2007, 10, 10),
            "year": 2007,
            "positive": 1000,
            "negative": 12,
            "early_access": True,
        }
    ]


@pytest.mark.parametrize(
    "header",
    [
        ["appid", "name", "release_date", "positive_ratings", "steamspy_tags"],
        ["Name", "APP_ID", "Positive", "ReleaseDate", "Tags"],
        ["id", " Title ", "Release Date", "Positive Reviews", "Popular Tags"],
    ],
)
def test_headers_are_known_in_many_spellings_and_any_order(header: list[str]) -> None:
    columns = game_columns(header)

    assert columns is not None
    assert columns.keys() == {"app_id", "title", "released", "positive", "tags"}
    assert sorted(columns.values()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("header", [["Name", "Genre"], ["App ID", "Genre"], [], ["user", "Hades", "play", "1", "0"]])
def test_a_header_without_id_or_name_lists_no_games(header: list[str]) -> None:
    assert game_columns(header) is None


def test_games_without_id_date_or_price_are_tallied(tmp_path: Path) -> None:
    tally = Tally()
    path = write(
        tmp_path / "g.csv", ("App ID", "Name", "Price", "Released"), ("", "None", 1, 2018), (5, "Five", "", "Soon")
    )

    assert found_games(path, tally) == [{"app_id": 5, "title": "Five"}]
    assert (tally.missing_ids, tally.undated, tally.unpriced) == (1, 1, 1)


def test_a_row_of_another_width_is_refused_with_the_line_where_it_begins(tmp_path: Path) -> None:
    path = write(tmp_path / "g.csv", ("App ID", "Name"), (5, "Five\non two lines"), (6, "Six", "too many"))
    with pytest.raises(DatasetRefused) as refused:
        found_games(path, Tally())

    assert refused.value.line == 4


def test_a_quote_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text('App ID,Name\n5,"Five\n6,Six\n')
    with pytest.raises(DatasetRefused) as refused:
        found_games(path, Tally())

    assert refused.value.line == 2


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("App ID,Name\n5,Five\n", encoding="utf-8-sig")

    assert found_games(path, Tally()) == [{"app_id": 5, "title": "Five"}]
