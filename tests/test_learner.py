"""Each replica keeps up with the lake by itself: in bounded passes, across swaps and restarts, whatever fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from jobs import learner as room
from jobs.fitting import keep_fitted
from recommender.catalog import Game
from recommender.experiment import By, Experiment
from recommender.library import Library
from recommender.served import Served
from recommender.service import Trial
from recommender.shelf import Wish
from storage.errors import DatabaseUnavailable
from storage.lake.events import player_of
from storage.lake.lake import Lake
from storage.schema import fitted_rows, lake_sequence
from tests import worlds
from tests.databases import KINDS, NOON, moved_away
from tests.deeds import settle
from tests.town import FARM, HORROR, PLATFORM, PUZZLE, ROGUE, Replica, Town, counted_alike, far_apart, matrix, open_town

CLOSE = 1e-3


@pytest.fixture(params=KINDS)
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(request.param, tmp_path) as made:
        await settle(made)
        yield made


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town("sqlite", tmp_path) as made:
        await settle(made)
        yield made


async def up_to_date(town: Town, *replicas: Replica) -> bool:
    refitted = await town.refitted()
    return all(
        far_apart(each.engine.served, refitted) < CLOSE and counted_alike(each.engine.served, refitted)
        for each in replicas
    )


async def some_deeds(town: Town) -> None:
    await town.says("ann", "like", *PUZZLE[:2])
    await town.is_forgotten("bob")
    await town.reads_library("new", dict.fromkeys(HORROR, 300))


async def test_two_replicas_learn_the_same_each_by_itself(town: Town) -> None:
    one, other = town.replica(), town.replica()
    await some_deeds(town)
    await one.catch_up()
    await town.says("new", "hide", HORROR[0])
    await town.is_forgotten("ann")

    await asyncio.gather(one.catch_up(), other.catch_up())

    assert await up_to_date(town, one, other)
    np.testing.assert_allclose(matrix(one.engine.served), matrix(other.engine.served), atol=1e-6)
    one.close()
    other.close()


async def test_nothing_new_changes_nothing(town: Town) -> None:
    replica = town.replica()
    await some_deeds(town)
    await replica.catch_up()
    before = replica.engine.served

    for _ in range(3):
        assert await replica.learner.catch_up()

    assert replica.engine.served is before
    replica.close()


async def test_after_a_restart_all_since_the_fit_is_learned_and_forgotten_again(town: Town) -> None:
    first = town.replica()
    await some_deeds(town)
    await first.catch_up()
    first.close()

    again = town.replica()
    await again.catch_up()

    assert await up_to_date(town, again)
    again.close()


async def test_who_is_forgotten_is_taken_out_first_of_all_even_where_the_lake_no_longer_says_so(town: Town) -> None:
    """The word to forget may have been pruned once the warehouse had heard it."""
    await town.is_forgotten("bob")
    await town.export()
    await town.lake.prune((NOON + timedelta(days=9)).date(), await town.lake.last(), 1000)
    replica = town.replica()

    await replica.catch_up()

    assert await up_to_date(town, replica)
    assert replica.learner.learning.forgotten == 1
    replica.close()


async def test_after_a_swap_learning_begins_anew_where_the_new_fit_ended(town: Town) -> None:
    replica = town.replica()
    await some_deeds(town)
    await replica.catch_up()
    await town.fit()
    await town.says("ann", "like", *FARM[:2])
    replica.engine.swap(town.registry.open_current())

    await replica.catch_up()

    assert await up_to_date(town, replica)
    assert replica.engine.served.learned.keys() == {player_of(PLATFORM, "ann"), *fitted_keys(replica.engine.served)}
    replica.close()


def fitted_keys(served: Served) -> set[str]:
    return {key for key in served.learned if key.startswith("fitted ")}


async def test_both_versions_that_are_compared_learn_and_forget(town: Town) -> None:
    replica, before = town.replica(), town.registry.current()
    await some_deeds(town)
    await town.fit()
    a, b = (town.registry.open(version) for version in (before, town.registry.current()))
    replica.engine.compare(Trial(Experiment("x", a.version, b.version, By.HALVES, NOON), a, b))
    await town.says("ann", "hide", PUZZLE[0])
    await town.is_forgotten("new")
    await replica.catch_up()
    refitted, (_, older, newer) = await town.refitted(), replica.engine.service.at_hand

    assert far_apart(older, refitted) < CLOSE
    assert far_apart(newer, refitted) < CLOSE
    replica.close()


async def test_a_swap_in_the_midst_of_a_pass_stands_and_the_pass_starts_over(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = town.replica()
    await some_deeds(town)
    await town.fit()
    await town.says("ann", "like", *FARM[:2])
    newer, learn = town.registry.open_current(), replica.engine.learn

    async def swapped_meanwhile(*given: object) -> bool:
        replica.engine.swap(newer)
        monkeypatch.setattr(replica.engine, "learn", learn)
        return await learn(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(replica.engine, "learn", swapped_meanwhile)
    await replica.catch_up()

    assert replica.engine.served.version == newer.version
    assert await up_to_date(town, replica)
    replica.close()


async def test_a_model_that_is_rolled_back_to_learns_all_since_its_own_fit(town: Town) -> None:
    """Also what was told before the fit that is rolled back, and who was forgotten by it."""
    await some_deeds(town)
    await town.fit()
    await town.says("new", "hide", HORROR[1])
    town.registry.roll_back()
    replica = town.replica()

    await replica.catch_up()

    assert await up_to_date(town, replica)
    replica.close()


async def test_a_version_that_brought_only_a_catalogue_learns_as_the_one_whose_matrix_it_has(town: Town) -> None:
    await some_deeds(town)
    game = Game(5_000_002, "New", ("Horror",), price=1.0, year=2026)
    town.registry.publish_catalog([*worlds.GAMES, game], created=NOON + timedelta(days=1))
    replica = town.replica()

    await replica.catch_up()

    assert (await replica.engine.find("New")).app_id == game.app_id
    assert await up_to_date(town, replica)
    replica.close()


async def test_a_pass_learns_a_bounded_number_of_people_and_goes_on_with_the_next(
    on_sqlite: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PLAYERS", 3)
    monkeypatch.setattr(room, "EVENTS", 7)
    monkeypatch.setattr(room, "STEPS", 2)
    replica, town = on_sqlite.replica(), on_sqlite
    for number in range(20):
        await town.reads_library(f"fan {number}", dict.fromkeys(ROGUE, 10 * number))
    await town.is_forgotten("fan 3")
    await town.is_forgotten("ann")

    behind = [not await replica.learner.catch_up() for _ in range(2)]
    learned, lag = len(replica.engine.served.learned), replica.learner.learning.lag
    await replica.catch_up()

    assert behind == [True, True]
    assert learned <= 2 * 2 * 3
    assert lag > 0
    assert replica.learner.learning.lag == 0
    assert await up_to_date(town, replica)
    replica.close()


async def test_one_person_s_many_events_are_one_row(on_sqlite: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "EVENTS", 5)
    replica = on_sqlite.replica()
    for number in range(12):
        await on_sqlite.reads_library("ann", dict.fromkeys(ROGUE[:5], 300 + number))
        await on_sqlite.says("ann", "like" if number % 2 else "unlike", FARM[0])

    await replica.catch_up()

    assert await up_to_date(on_sqlite, replica)
    assert len([row for row in replica.engine.served.learned.values() if len(row)]) == 1
    replica.close()


async def test_what_it_learned_is_counted(on_sqlite: Town) -> None:
    replica = on_sqlite.replica()
    await some_deeds(on_sqlite)
    await replica.catch_up()

    found = replica.learner.learning

    assert (found.version, found.learns, found.lag) == (replica.engine.served.version, True, 0)
    assert (found.learned, found.forgotten, found.refused, found.failures) == (2, 1, 0, 0)
    assert found.seconds > 0
    assert found.passes >= 1
    replica.close()


async def test_a_row_that_is_not_in_the_model_keeps_no_other_out(
    on_sqlite: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has damaged what was kept of Bob: he waits for the next fit, everybody else does not."""
    heavy = np.full(6, 50, "<f4").tobytes()
    async with on_sqlite.database.transaction() as connection:
        theirs = fitted_rows.c.player == player_of(PLATFORM, "bob")
        await connection.execute(update(fitted_rows).where(theirs).values(weights=heavy, positions=on_some(6)))
    replica = on_sqlite.replica()
    await some_deeds(on_sqlite)
    await on_sqlite.says("ann", "like", FARM[0])

    await replica.catch_up()

    assert replica.learner.learning.refused == 1
    assert "waits for the next fit" in caplog.text
    assert {player_of(PLATFORM, "ann"), player_of(PLATFORM, "new")} <= replica.engine.served.learned.keys()
    assert await replica.learner.catch_up()
    assert replica.learner.learning.refused == 1
    replica.close()


def on_some(positions: int) -> bytes:
    return np.arange(positions, dtype="<i4").tobytes()


async def test_a_database_that_is_away_loses_nothing(on_sqlite: Town, tmp_path: Path) -> None:
    replica = on_sqlite.replica()
    await some_deeds(on_sqlite)
    with moved_away(tmp_path / "store" / "indiean.db"), pytest.raises(DatabaseUnavailable):
        await replica.learner.catch_up()
    failures = replica.learner.learning.failures

    await replica.catch_up()

    assert failures == 1
    assert await up_to_date(on_sqlite, replica)
    replica.close()


async def test_requests_are_answered_while_it_learns(on_sqlite: Town) -> None:
    replica, library, answered = on_sqlite.replica(), Library(dict.fromkeys(PUZZLE[:2], 300)), 0
    for number in range(30):
        await on_sqlite.reads_library(f"fan {number}", dict.fromkeys(ROGUE, 10 * number))
    learning = asyncio.create_task(replica.catch_up())
    while not learning.done():
        answer = await asyncio.wait_for(replica.engine.recommend(library, Wish(), 3), timeout=10)
        answered += bool(answer.picks)
    await learning

    assert answered > 0
    assert await up_to_date(on_sqlite, replica)
    replica.close()


class TestLeftAlone:
    """Models that cannot learn in place say so once and answer as they were fitted."""

    async def test_one_that_is_approximated_or_on_a_gpu(
        self, on_sqlite: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        replica = on_sqlite.replica()
        served = replica.engine.served
        replica.engine.swap(replace(served, scorer=served.popularity))

        await left_alone(on_sqlite, replica, caplog, "approximated, or answers from a GPU")

    async def test_one_whose_fit_had_heard_no_lake(self, on_sqlite: Town, caplog: pytest.LogCaptureFixture) -> None:
        card = on_sqlite.registry.card(on_sqlite.registry.current())
        replica = on_sqlite.replica()
        replica.learner._card = lambda _: replace(card, lake=None, upto=None)

        await left_alone(on_sqlite, replica, caplog, "had heard no lake")

    async def test_one_of_another_lake(self, on_sqlite: Town, caplog: pytest.LogCaptureFixture) -> None:
        await on_sqlite.lake.rename()

        await left_alone(on_sqlite, on_sqlite.replica(), caplog, "another lake")

    async def test_one_of_a_lake_that_was_put_back(self, on_sqlite: Town, caplog: pytest.LogCaptureFixture) -> None:
        async with on_sqlite.database.transaction() as connection:
            await connection.execute(update(lake_sequence).values(last=1))

        await left_alone(on_sqlite, on_sqlite.replica(), caplog, "another lake")

    async def test_one_whose_rows_are_retired_while_it_answers(
        self, on_sqlite: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        replica = on_sqlite.replica()
        await replica.catch_up()
        await on_sqlite.kept.retire(())

        await left_alone(on_sqlite, replica, caplog, "is not in the database")

    async def test_one_whose_rows_are_not_kept_yet_learns_once_they_are(
        self, on_sqlite: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        report = await on_sqlite.fit(keep=False)
        replica = on_sqlite.replica()
        await left_alone(on_sqlite, replica, caplog, "is not in the database", close=False)

        await keep_fitted(on_sqlite.kept, report.card, report.fitting, on_sqlite.registry.versions())
        await replica.catch_up()

        assert await up_to_date(on_sqlite, replica)
        replica.close()


async def left_alone(
    town: Town, replica: Replica, caplog: pytest.LogCaptureFixture, why: str, *, close: bool = True
) -> None:
    before = replica.engine.served
    await town.says("ann", "like", *PUZZLE[:2])
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert await replica.learner.catch_up()

    assert replica.engine.served is before
    assert not replica.learner.learning.learns
    assert [record.message for record in caplog.records if why in record.message] == [
        f"model {before.version} does not learn between fits: {said(caplog, why)}"
    ]
    if close:
        replica.close()


def said(caplog: pytest.LogCaptureFixture, why: str) -> str:
    (message,) = (record.message for record in caplog.records if why in record.message)
    return message.partition(": ")[2]


async def test_rows_of_versions_that_are_gone_are_let_go_of_when_the_next_is_kept(on_sqlite: Town) -> None:
    first = on_sqlite.registry.current()
    await on_sqlite.fit()
    both = (await on_sqlite.kept.kept(first), await on_sqlite.kept.kept(on_sqlite.registry.current()))
    report = await on_sqlite.fit(keep=False)

    gone = await keep_fitted(on_sqlite.kept, report.card, report.fitting, [report.card])

    assert both == (True, True)
    assert first in gone
    assert len(gone) == 2


async def test_what_the_fit_had_heard_is_on_its_card(on_sqlite: Town) -> None:
    card = on_sqlite.registry.card(on_sqlite.registry.current())

    assert card.lake == await Lake(on_sqlite.database).name()
    assert card.upto == await on_sqlite.lake.last() > 0
