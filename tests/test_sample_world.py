"""The sample world: its games are true and well formed, its synthetic players have tastes that can be found again."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.catalog import Game, fold
from storage import warehouse
from storage.datasets.sample import BATCH, HITS, SAMPLE_SOURCE, TASTE, THEMES, sample_games, sample_interactions
from storage.warehouse import INTERACTIONS

GENRES = {
    *("Action", "Adventure", "Casual", "Early Access", "Free to Play", "Indie", "Massively Multiplayer"),
    *("RPG", "Racing", "Simulation", "Sports", "Strategy"),
}

RENAMED = {
    730: "Counter-Strike: Global Offensive",
    435150: "Divinity: Original Sin 2",
    562860: "Ion Maiden",
    578080: "PLAYERUNKNOWN'S BATTLEGROUNDS",
    632470: "No Truce With The Furies (working title)",
}
"""Games that changed their names on the store after the real table was written."""

# fmt: off
# one id a line would be longer than the tests
LEFT_EARLY_ACCESS = {
    242760, 251570, 252490, 294100, 333640, 346010, 361420, 368340, 427520, 431240, 457140, 508440, 512900,
    526870, 548430, 596970, 644930, 646570, 648800, 690040, 692890, 848450, 858210, 913740, 1604030, 1621690,
}
# fmt: on
"""Games that the real table dates from the start of early access, two years or more before the full release."""

TAGS_USED_ONCE = {
    *("Aliens", "Alternate History", "America", "Cartoon", "Character Action Game", "Clicker", "Cold War", "Cycling"),
    *("Dinosaurs", "Dragons", "Episodic", "FMV", "Game Development", "Golf", "Intentionally Awkward Controls", "MOBA"),
    *("Mars", "Match 3", "Mini Golf", "Motorbike", "Music-Based Procedural Generation", "Nonlinear", "Parkour", "PvE"),
    *("Runner", "Sailing", "Score Attack", "Snow", "Soccer", "Social Deduction", "Superhero", "Traditional Roguelike"),
    *("Vampire", "Voxel", "World War I", "1980s", "1990's", "3D"),
}
"""Tags of the store that only one of the games has."""

NICHES = ("Metroidvania", "Survival Horror", "Rhythm", "Visual Novel", "Roguelike Deckbuilder", "Programming")
"""Tags of far-apart tastes, each strong in at least eight of the games."""


@pytest.fixture(scope="module")
def games() -> dict[int, Game]:
    return {game.app_id: game for game in sample_games()}


@pytest.fixture(scope="module")
def drawn() -> pa.Table:
    return pa.Table.from_batches(sample_interactions())


def test_ids_and_titles_are_unique() -> None:
    listed = sample_games()

    assert 400 <= len(listed) <= 450
    assert len({game.app_id for game in listed}) == len(listed)
    assert len({fold(game.title) for game in listed}) == len(listed)


def test_the_file_is_sorted_by_id_and_has_no_loose_spaces() -> None:
    text = (files("storage.datasets") / "sample_games.tsv").read_text(encoding="utf-8")
    cells = [line.split("\t") for line in text.splitlines()]
    ids = [int(row[0]) for row in cells[1:]]

    assert ids == sorted(ids)
    assert all(cell and cell == cell.strip() for row in cells for cell in row)
    assert {len(row) for row in cells} == {8}


def test_four_of_five_games_are_indie_by_genre_and_the_rest_are_what_people_own_too() -> None:
    listed = sample_games()
    indie = [game for game in listed if "Indie" in game.genres]

    assert len(indie) / len(listed) >= 0.8
    assert sum(not game.indie for game in listed) >= 45


def test_every_game_has_year_price_studio_genre_and_tags(games: dict[int, Game]) -> None:
    for game in games.values():
        assert game.year is not None, game.title
        assert 2005 <= game.year <= 2024, game.title
        assert game.price is not None, game.title
        assert 0 <= game.price <= 60, game.title
        assert game.developer, game.title
        assert set(game.genres) <= GENRES, game.title
        assert 6 <= len(game.tags) <= 12, game.title
        assert len(set(game.tags)) == len(game.tags), game.title


def test_what_the_file_cannot_know_is_left_unknown(games: dict[int, Game]) -> None:
    assert all(game.positive is None and game.negative is None and game.released is None for game in games.values())


def test_a_tag_is_spelled_like_the_others(games: dict[int, Game]) -> None:
    uses = Counter(tag for game in games.values() for tag in game.tags)
    spellings = Counter(fold(tag).replace(" ", "") for tag in uses)

    assert {tag for tag, count in uses.items() if count == 1} == TAGS_USED_ONCE
    assert [tag for tag, count in spellings.items() if count > 1] == []


def test_themes_and_hits_name_what_the_games_have(games: dict[int, Game]) -> None:
    tags = {tag for game in games.values() for tag in game.tags}

    assert {tag for theme in THEMES.values() for tag in theme} <= tags
    assert games.keys() >= HITS


def test_titles_are_those_of_the_real_table(games: dict[int, Game], steam_data: Path) -> None:
    names = _real(steam_data, "name")
    known = [game for game in games.values() if game.app_id in names]
    wrong = {g.title: names[g.app_id] for g in known if fold(names[g.app_id]) != fold(RENAMED.get(g.app_id, g.title))}

    assert wrong == {}
    assert len(known) / len(games) >= 0.9


def test_years_are_those_of_the_real_table(games: dict[int, Game], steam_data: Path) -> None:
    """The table dates many games from the start of early access, the file from the end of it: later is possible."""
    real = {a: int(y[0]) for a, date in _real(steam_data, "release_date").items() if (y := re.findall(r"\d{4}", date))}
    later = {game.app_id: (game.year or 0) - real[game.app_id] for game in games.values() if game.app_id in real}

    assert [games[a].title for a, years in later.items() if years < -1] == []
    assert [games[a].title for a, years in later.items() if years > 1 and a not in LEFT_EARLY_ACCESS] == []
    assert len(later) / len(games) >= 0.9


def test_tags_used_once_are_tags_of_the_real_store(steam_data: Path) -> None:
    rows = pq.read_table(steam_data / "games.parquet", columns=["tags"])["tags"].to_pylist()
    real = {tag for tags in rows for tag in tags or ()}

    assert TAGS_USED_ONCE - real <= {"Social Deduction", "Traditional Roguelike"}  # younger than the table


def test_the_same_seed_draws_the_same_players(drawn: pa.Table) -> None:
    again = pa.Table.from_batches(sample_interactions())
    other = pa.Table.from_batches(sample_interactions(seed=7))

    assert again.equals(drawn)
    assert not other.equals(drawn)


def test_more_players_leave_whole_batches_as_they_were(drawn: pa.Table) -> None:
    first = next(sample_interactions(players=BATCH))

    assert pa.Table.from_batches([first]).equals(drawn.slice(0, first.num_rows))


@pytest.mark.parametrize("players", [0, 1, BATCH, BATCH + 1])
def test_as_many_players_as_asked_for(players: int) -> None:
    ids = {name for batch in sample_interactions(players) for name in batch.column("player").to_pylist()}

    assert ids == {f"synthetic-{n:04d}" for n in range(1, players + 1)}


def test_rows_are_what_the_warehouse_takes(drawn: pa.Table, games: dict[int, Game]) -> None:
    pairs = set(zip(drawn["player"].to_pylist(), drawn["app_id"].to_pylist(), strict=True))

    assert drawn.schema.equals(INTERACTIONS)
    assert len(pairs) == drawn.num_rows
    assert {app_id for _, app_id in pairs} == games.keys()
    assert drawn["minutes"].to_numpy().min() == 0


def test_the_source_says_that_the_players_are_synthetic() -> None:
    assert SAMPLE_SOURCE == warehouse.SAMPLE_SOURCE


def test_libraries_spread_around_twenty_five_games(drawn: pa.Table) -> None:
    sizes = np.unique(drawn["player"].to_numpy(), return_counts=True)[1]

    assert 22 <= np.median(sizes) <= 28
    assert np.percentile(sizes, 90) > 45
    assert sizes.min() >= 3


def test_a_third_of_the_games_is_never_started(drawn: pa.Table) -> None:
    assert 0.25 <= (drawn["minutes"].to_numpy() == 0).mean() <= 0.45


def test_few_games_are_owned_by_many_and_those_are_mostly_not_indie(drawn: pa.Table, games: dict[int, Game]) -> None:
    ids, owners = np.unique(drawn["app_id"].to_numpy(), return_counts=True)
    order = np.argsort(-owners)
    top = [games[int(app_id)] for app_id in ids[order[:20]]]

    assert owners[order[: len(ids) // 5]].sum() > 0.45 * owners.sum()
    assert sum(not game.indie for game in top) >= 10


def test_taste_can_be_found_again_in_who_owns_what() -> None:
    """Of far-apart niches, players own pairs within one niche far more often than pairs across two."""
    assert _niche_lift(TASTE) > 2


def test_without_taste_there_is_nothing_to_find() -> None:
    assert 0.9 < _niche_lift(taste=0.0) < 1.1


def test_games_near_the_taste_are_started_more_often_and_played_longer(drawn: pa.Table, games: dict[int, Game]) -> None:
    """Whoever owns many games of a niche, against people who own few of it, on the games of that niche."""
    owned, order = _owned(drawn)
    minutes = _minutes(drawn, order)
    niche = np.array(["Survival Horror" in games[app_id].tags for app_id in order])
    share = owned[:, niche].sum(axis=1) / owned.sum(axis=1)
    fans = minutes[np.ix_(share > 0.25, niche)][owned[np.ix_(share > 0.25, niche)]]
    others = minutes[np.ix_(share < 0.08, niche)][owned[np.ix_(share < 0.08, niche)]]

    assert np.mean(fans > 0) > np.mean(others > 0) + 0.15
    assert np.median(fans[fans > 0]) > 1.8 * np.median(others[others > 0])


def test_series_and_studios_are_owned_together(games: dict[int, Game]) -> None:
    """Shown on a draw without taste, so that likeness of theme cannot be the reason."""
    matrix, order = _owned(pa.Table.from_batches(sample_interactions(taste=0.0)))
    lift = _lifts(matrix)
    of = {app_id: at for at, app_id in enumerate(order)}
    studios: dict[str, list[int]] = {}
    for game in games.values():
        studios.setdefault(game.developer or "", []).append(of[game.app_id])
    same = [lift[a, b] for members in studios.values() for a, b in combinations(members, 2)]

    assert len(same) > 100
    assert np.mean(same) > 1.3 * np.median(lift[np.triu_indices(len(order), 1)])


Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def _real(steam_data: Path, column: str) -> dict[int, str]:
    table = pq.read_table(steam_data / "games.parquet", columns=["app_id", column])
    pairs = zip(table["app_id"].to_pylist(), table[column].to_pylist(), strict=True)
    return {app_id: value for app_id, value in pairs if value}


def _owned(table: pa.Table) -> tuple[Bools, list[int]]:
    """[players x games] and the app ids of its columns."""
    _, player = np.unique(table["player"].to_numpy(), return_inverse=True)
    ids, game = np.unique(table["app_id"].to_numpy(), return_inverse=True)
    matrix = np.zeros((player.max() + 1, len(ids)), bool)
    matrix[player, game] = True
    return matrix, ids.tolist()


def _minutes(table: pa.Table, order: list[int]) -> Floats:
    """[players x games] in the rows and columns of `_owned`."""
    _, player = np.unique(table["player"].to_numpy(), return_inverse=True)
    matrix = np.zeros((player.max() + 1, len(order)))
    matrix[player, np.searchsorted(order, table["app_id"].to_numpy())] = table["minutes"].to_numpy()
    return matrix


def _lifts(matrix: Bools) -> Floats:
    """[games x games] how many players own both over how many would if only popularity decided."""
    together = matrix.T.astype(np.float64) @ matrix
    owners = matrix.sum(axis=0)
    return np.asarray(together / (np.outer(owners, owners) / len(matrix)))


def _niche_lift(taste: float) -> float:
    """Mean lift of pairs in one niche over that of pairs in two; studios and series do not count, nor does size."""
    matrix, order = _owned(pa.Table.from_batches(sample_interactions(taste=taste)))
    known = {game.app_id: game for game in sample_games()}
    lift = _lifts(matrix)
    member = {at: tag for at, a in enumerate(order) for tag in NICHES if tag in known[a].tags[:4]}
    pairs = [(a, b) for a, b in combinations(member, 2) if known[order[a]].developer != known[order[b]].developer]
    same = [lift[a, b] for a, b in pairs if member[a] == member[b]]
    across = [lift[a, b] for a, b in pairs if member[a] != member[b]]
    return float(np.mean(same) / np.mean(across))
