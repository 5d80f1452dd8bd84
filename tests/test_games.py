"""Games laid out in columns are the games they were, on disk too, and each is made once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from recommender.catalog import Catalog, Game
from recommender.columns import Lists, Texts
from recommender.games import BARE_GENRE, Games

TEXTS = st.text(max_size=8)
NAMES = st.lists(st.sampled_from(["Indie", "Action", "Korean 게임", "RPG"]), unique=True, max_size=4).map(tuple)
COUNTS = st.none() | st.integers(0, 2**40)
GAMES = st.lists(
    st.builds(
        Game,
        st.integers(1, 2**32),
        TEXTS,
        NAMES,
        NAMES,
        st.none() | TEXTS,
        st.none() | TEXTS,
        st.none() | st.floats(0, 1e6),
        st.none() | st.dates(),
        st.none() | st.integers(1950, 2100),
        COUNTS,
        COUNTS,
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda game: game.app_id,
)


@given(GAMES)
def test_what_is_laid_out_is_found_again(games: list[Game]) -> None:
    columns = Games.read(Games.of(games).tensors())

    assert sorted(columns, key=lambda game: game.app_id) == sorted(games, key=lambda game: game.app_id)


@given(GAMES)
def test_the_same_games_in_any_order_are_the_same_columns(games: list[Game]) -> None:
    one, other = (Games.of(found).tensors() for found in (games, games[::-1]))

    assert all(np.array_equal(one[name], other[name], equal_nan=name == "prices") for name in one)


@given(st.lists(st.text(st.characters(codec=None, categories=None), max_size=5)))
def test_texts_keep_every_letter_also_halves_of_letters(strings: list[str]) -> None:
    texts = Texts.of(strings)

    assert [texts[at] for at in range(len(texts))] == strings


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4)))
def test_lists_keep_their_order_and_repeats(rows: list[list[str]]) -> None:
    lists = Lists.of(rows, "cab")

    assert [list(lists[at]) for at in range(len(rows))] == rows


def test_columns_go_through_a_file_that_the_library_reads(tmp_path: Path) -> None:
    game = Game(7, "스타", ("Cozy",), ("Indie",), "A", None, 4.99, date(2020, 2, 29), None, 5, None, adult=True)

    save_file(Games.of([game]).tensors(), tmp_path / "games")

    assert list(Games.read(load_file(tmp_path / "games"))) == [game]


def test_a_game_is_made_once() -> None:
    games = Games.of([Game(1, "a"), Game(2, "b")])

    assert games[1] is games[1]


def test_laid_out_games_stay_in_their_order() -> None:
    games = Games.of([Game(1, "a"), Game(2, "b")], {2: 9})

    assert [game.app_id for game in Catalog(games)] == [2, 1]


def test_centrality_falls_with_the_place_and_a_bare_genre_is_the_tenth() -> None:
    games = Games.of([Game(1, "a", ("X", "Y"), ("Y", "Z")), Game(2, "b", ("Y",))])

    assert games.centrality("Y").tolist() == pytest.approx([1 / np.log2(3), 1])
    assert games.centrality("Z").tolist() == pytest.approx([1 / np.log2(2 + BARE_GENRE), 0])
    assert games.centrality("unheard of").tolist() == [0, 0]
