"""UCSD's files are read as data, whatever the lines hold, and what is damaged is refused with its line."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.datasets.reading import Tally
from storage.datasets.ucsd_games import read_ucsd_games
from storage.datasets.ucsd_items import read_ucsd_items
from storage.errors import DatasetRefused

Items = Sequence[Mapping[str, object]]


def item(app_id: str, minutes: int, name: str = "A Game") -> dict[str, object]:
    return {"item_id": app_id, "item_name": name, "playtime_forever": minutes, "playtime_2weeks": 0}


def player(user: str, *items: dict[str, object]) -> dict[str, object]:
    url = f"http://steamcommunity.com/id/{user}"
    return {"user_id": user, "items_count": len(items), "steam_id": "7656", "user_url": url, "items": list(items)}


def write(path: Path, *lines: object) -> Path:
    text = "".join((line if isinstance(line, str) else repr(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()))
    return path


def rows(batches: Iterator[pa.RecordBatch]) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


NAMES = st.text(max_size=12) | st.sampled_from(["Garry's Mod", 'The "Game"', 'It\'s "both"', "Tab\there", "C:\\new"])
ITEM = st.builds(item, st.integers(1, 2**31 - 1).map(str), st.integers(0, 2**31 - 1), NAMES)
PLAYER = st.builds(
    lambda user, items: player(user, *items), st.text(min_size=1, max_size=8), st.lists(ITEM, max_size=5)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PLAYER, min_size=1, max_size=5), st.booleans())
def test_libraries_written_as_literals_come_back(players: list[dict[str, object]], unicode_marks: bool) -> None:
    written = [repr(one).replace("'user_id': '", "'user_id': u'") if unicode_marks else one for one in players]
    owned = [
        (one["user_id"], int(str(game["item_id"])), game["playtime_forever"]) for one in players for game in _items(one)
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = rows(read_ucsd_items(write(Path(folder) / "items.json.gz", *written), Tally()))

    assert found == owned


def _items(one: dict[str, object]) -> Items:
    items = one["items"]
    assert isinstance(items, list)
    return items


def test_the_file_may_be_unzipped_and_end_in_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text(f"{player('a', item('10', 6))!r}\n\n\n")

    assert rows(read_ucsd_items(path, Tally())) == [("a", 10, 6)]


def test_items_and_players_without_an_id_are_left_out_and_tallied(tmp_path: Path) -> None:
    tally = Tally()
    path = write(
        tmp_path / "items.json.gz",
        player("a", item("10", 6), item("", 1), item("none", 1), {"playtime_forever": 4}),
        player("", item("10", 6), item("20", 6)),
    )

    found = rows(read_ucsd_items(path, tally))

    assert found == [("a", 10, 6)]
    assert tally.missing_ids == 5


def test_a_player_who_owns_nothing_leaves_no_row(tmp_path: Path) -> None:
    path = write(tmp_path / "items.json.gz", player("a"), player("b", item("10", 0)))

    assert rows(read_ucsd_items(path, Tally())) == [("b", 10, 0)]


@pytest.mark.parametrize(
    "line",
    [
        "not a literal",
        "__import__('os').getcwd()",
        "[1, 2]",
        "{1: 2}",
        "{'user_id': 'a'}",
        "{'user_id': 'a', 'items': ['x']}",
        "{'user_id': 'a', 'items': [{'item_id': '10', 'playtime_forever': -5}]}",
        "{'user_id': 'a', 'items': [{'item_id': '10', 'playtime_forever': 'long'}]}",
        "{'user_id': 'a', 'items': [" + "(" * 400 + ")" * 400 + "]}",
        "{'user_id': 'a', 'items': [{'item_id': '1",
        "{[]: 1}",
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "items.json.gz", player("a", item("10", 6)), line, player("b", item("10", 6)))
    with pytest.raises(DatasetRefused) as refused:
        rows(read_ucsd_items(path, Tally()))

    assert refused.value.line == 2
    assert refused.value.path == path


def test_a_line_that_is_no_text_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_bytes(repr(player("a")).encode() + b"\n\xff\xfe\n")
    with pytest.raises(DatasetRefused) as refused:
        rows(read_ucsd_items(path, Tally()))

    assert refused.value.line == 2


WHOLE = gzip.compress("".join(f"{player(f'p{n}', item(str(n + 1), n * 7919))!r}\n" for n in range(300)).encode())


@settings(max_examples=40, deadline=None)
@given(st.integers(2, len(WHOLE) - 1))
def test_a_truncated_file_is_refused_with_a_line(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.json.gz"
        path.write_bytes(WHOLE[:size])
        with pytest.raises(DatasetRefused) as refused:
            rows(read_ucsd_items(path, Tally()))

    assert refused.value.line is not None
    assert 1 <= refused.value.line <= 301
    assert "download" in refused.value.why


def test_a_file_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.json.gz"
    damaged = bytearray(WHOLE)
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(damaged)

    with pytest.raises(DatasetRefused, match="download it again"):
        rows(read_ucsd_items(path, Tally()))


def test_batches_stay_small_and_lose_nothing_between_them(tmp_path: Path) -> None:
    library = [item(str(n), n) for n in range(1, 30_001)]
    path = write(tmp_path / "items.json.gz", *(player(user, *library) for user in "abcd"))

    sizes = [batch.num_rows for batch in read_ucsd_items(path, Tally())]

    assert sum(sizes) == 120_000
    assert max(sizes) < 100_000


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = write(tmp_path / "items.json.gz", player("a", item("10", 6)))
    rows(read_ucsd_items(path, Tally(), lambda done, total: told.append((done, total))))

    assert told[-1] == (path.stat().st_size, path.stat().st_size)


GAME = (
    "{u'publisher': u'Kotoshiro', u'genres': [u'Action', u'Indie'], u'app_name': u'Lost Summoner Kitty', "
    "u'release_date': u'2018-01-04', u'tags': [u'Strategy', u'Indie'], u'price': 4.99, u'early_access': False, "
    "u'id': u'761140', u'developer': u'Kotoshiro', u'specs': [u'Single-player']}"
)


def games(read: Iterator[pa.RecordBatch]) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if value is not None} for b in read for row in b.to_pylist()]


def test_a_game_line_becomes_a_game(tmp_path: Path) -> None:
    (game,) = games(read_ucsd_games(write(tmp_path / "games.json.gz", GAME), Tally()))

    assert str(game.pop("released")) == "2018-01-04"
    assert game == {
        "app_id": 761140,
        "title": "Lost Summoner Kitty",
        "tags": ["Strategy", "Indie"],
        "genres": ["Action", "Indie"],
        "developer": "Kotoshiro",
        "publisher": "Kotoshiro",
        "price": 4.99,
        "year": 2018,
        "early_access": False,
    }


def test_games_without_an_id_are_left_out_and_tallied(tmp_path: Path) -> None:
    tally = Tally()

    found = games(read_ucsd_games(write(tmp_path / "g.gz", GAME, "{u'price': 19.99}", "{u'id': u'5'}"), tally))

    assert [game["app_id"] for game in found] == [761140, 5]
    assert (tally.missing_ids, tally.undated, tally.unpriced) == (1, 1, 1)


def test_the_real_games_file_has_two_games_without_id(steam_data: Path) -> None:
    tally = Tally()

    found = sum(batch.num_rows for batch in read_ucsd_games(steam_data / "steam_games.json.gz", tally))

    assert (found, tally.missing_ids) == (32_133, 2)
