"""Who reacted since a model was fitted, and how two models rank what they liked and what they hid."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from jobs.jury import MOST, WITHIN, Juror, empanel, jurors, preferences
from recommender.held_out import keys_of
from recommender.library import Library
from recommender.popularity import Popularity
from recommender.registry import Registry
from storage.duckdb.warehouse import DuckDBWarehouse
from tests import worlds
from tests.fakes import NOON
from tests.stocked_store import publish_world
from tests.warehouses import Opined, Owned, opine, own

ITEMS = worlds.interactions().items
HOUR = timedelta(hours=1)


def ids(*titles: str) -> tuple[int, ...]:
    return tuple(worlds.game(title).app_id for title in titles)


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb")


def test_opinions_are_sorted_by_person_and_games_that_the_model_does_not_know_left_out(
    warehouse: DuckDBWarehouse,
) -> None:
    ember, dice, hollow = ids("Ember Depths", "Dicebound", "The Hollow House")
    own(warehouse, Owned("bot-a", ember, 300), Owned("bot-a", dice, 5))
    said = [("bot-a", dice, "like"), ("bot-a", hollow, "hide"), ("bot-b", ember, "own"), ("bot-b", 77_777, "like")]
    opine(warehouse, *(Opined(player, app_id, opinion, NOON) for player, app_id, opinion in said))
    found = jurors(warehouse.recent_opinions(NOON - HOUR), ITEMS)

    assert found == (
        Juror(int(keys_of(["bot-a"])[0]), Library({ember: 300}), (dice,), (hollow,)),
        Juror(int(keys_of(["bot-b"])[0]), Library(), (ember,), ()),
    )


def juror(owned: tuple[int, ...], liked: tuple[int, ...], hidden: tuple[int, ...]) -> Juror:
    return Juror(1, Library(dict.fromkeys(owned, 600)), liked, hidden)


def test_a_lover_of_a_theme_has_its_games_above_those_of_others() -> None:
    owned, liked = ids("Ember Depths", "Dicebound"), ids("Mirrorblade", "Last Lantern")
    asked = [juror(owned, liked, ids("Night Shift 3", "Static", "Whisper Well")), juror(owned, (), ids("Static"))]
    found = preferences(worlds.model(), asked)

    assert (found.pairs, found.won) == ((6, 0), (6.0, 0.0))
    assert found.liked == (2, 0)
    assert found.percentile[0] / 2 > 0.9


def test_a_tie_counts_half_and_a_game_that_a_model_lost_stands_last() -> None:
    ember, hollow = ids("Ember Depths", "The Hollow House")
    alike = Popularity(ITEMS, np.zeros(len(ITEMS), np.int32))

    assert preferences(alike, [juror((), (ember,), (hollow,))]).won == (0.5,)
    assert preferences(alike, [juror((), (77_777,), (hollow,))]).won == (0.0,)
    assert preferences(alike, [juror((), (77_777,), (hollow,))]).percentile == (0.0,)


def asked(warehouse: DuckDBWarehouse, people: int, moment: timedelta) -> None:
    ember, hollow = ids("Ember Depths", "The Hollow House")
    for person in range(people):
        opine(
            warehouse,
            Opined(f"bot-{person}", ember, "like", NOON + moment),
            Opined(f"bot-{person}", hollow, "hide", NOON + moment),
        )


def test_only_what_was_said_since_the_fit_and_within_days_counts(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    registry, _ = publish_world(tmp_path, warehouse)
    asked(warehouse, 3, HOUR)
    nobody = keys_of([])
    soon, later = NOON + 2 * HOUR, NOON + HOUR + WITHIN
    found = [empanel(warehouse, registry, nobody, now=now, opinions=True) for now in (soon, later)]

    assert [len(one.jurors) for one in found if one] == [3, 0]
    assert found[0] is not None
    assert found[0].incumbent.pairs == (1, 1, 1)


def test_a_new_catalogue_does_not_make_the_fit_younger(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    registry, _ = publish_world(tmp_path, warehouse)
    asked(warehouse, 3, HOUR)
    assert registry.publish_catalog(worlds.GAMES, created=NOON + 5 * HOUR) is not None
    found = empanel(warehouse, registry, keys_of([]), now=NOON + 6 * HOUR, opinions=True)

    assert found is not None
    assert len(found.jurors) == 3


def test_of_the_players_of_a_fit_few_are_asked_and_those_are_not_learned_from(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    registry, _ = publish_world(tmp_path, warehouse)
    asked(warehouse, 50, HOUR)
    names = [f"bot-{person}" for person in range(20)] + [f"p{player}" for player in range(180)]
    found = empanel(warehouse, registry, keys_of(names), now=NOON + 2 * HOUR, opinions=True)

    assert found is not None
    assert found.apart.sum() == round(MOST * 200) == 10
    assert len(found.jurors) == 30 + 10
    assert {one.key for one in found.jurors}.isdisjoint(keys_of(names)[~found.apart].tolist())


def test_without_a_model_nobody_is_asked(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    asked(warehouse, 3, HOUR)

    assert empanel(warehouse, Registry(tmp_path / "none"), keys_of([]), now=NOON, opinions=True) is None
