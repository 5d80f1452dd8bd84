"""While the bot answers, what people do reaches the model in service within minutes, and who is forgotten at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.__main__ import run
from bot.app import opened, running
from bot.dispatch import dispatch
from bot.hosting.following import following
from bot.hosting.learning import PAUSE, learning
from bot.messages import Outcome
from bot.settings import Settings
from jobs import learner as room
from jobs.learner import Learner
from recommender.registry import Registry
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import DatabaseUnavailable
from storage.feedback import Opinion
from storage.fitted_rows import FittedRows, Known, Rules
from storage.lake.events import player_of
from storage.lake.lake import Lake
from storage.steam.ids import FIRST, SteamID
from tests.fakes import ANN, NOON, open_place, request
from tests.stocked_store import import_world
from tests.test_following import WITHIN, Looks
from tests.town import FARM, HORROR, PUZZLE, ROGUE, Replica, Town, imported, matrix, open_town
from tests.warehouses import Owned, own

EVERY = 120.0
HER = player_of(ANN.platform, ANN.id)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town("sqlite", tmp_path) as made:
        await made.reads_library("bob", dict.fromkeys(FARM[:6], 300))
        await made.fit()
        yield made


@pytest.fixture
async def replica(town: Town) -> AsyncIterator[Replica]:
    made = town.replica()
    yield made
    made.close()


async def until(learner: Learner, passes: int) -> None:
    for _ in range(round(WITHIN * 100)):
        if learner.learning.passes >= passes:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not look")


async def test_it_looks_at_once_and_then_every_few_minutes(town: Town, replica: Replica) -> None:
    looks = Looks()
    await town.says("eve", "like", *HORROR[:4])
    async with learning(replica.learner, EVERY, looks):
        await until(replica.learner, 1)
        first = replica.learner.learning.learned
        await town.says("fay", "like", *PUZZLE[:4])
        await looks.look()

        assert (first, replica.learner.learning.learned, looks.seconds) == (1, 2, EVERY)


async def test_who_is_behind_goes_on_soon(town: Town, replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PLAYERS", 1)
    monkeypatch.setattr(room, "STEPS", 1)
    looks, pauses = Looks(), []
    for number in range(3):
        await town.says(f"fan {number}", "like", *ROGUE[:4])
    async with learning(replica.learner, EVERY, looks):
        await until(replica.learner, 1)
        for _ in range(3):
            await looks.look()
            pauses.append(looks.seconds)

        assert pauses == [PAUSE, EVERY, EVERY]
        assert replica.learner.learning.learned == 3


async def test_whoever_wakes_it_does_not_wait(town: Town, replica: Replica) -> None:
    async with learning(replica.learner, EVERY):
        await until(replica.learner, 1)
        await town.is_forgotten("bob")
        replica.learner.wake()
        await until(replica.learner, 2)

        assert replica.learner.learning.forgotten == 1


async def test_switched_off_it_learns_nothing(town: Town, replica: Replica) -> None:
    await town.says("eve", "like", *HORROR[:4])
    async with learning(replica.learner, 0):
        replica.learner.wake()
        await asyncio.sleep(0.05)

    assert replica.learner.learning.passes == 0


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("away"), MemoryError("no room"), RuntimeError("a bug")])
async def test_whatever_fails_is_logged_and_tried_again(
    town: Town, replica: Replica, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    looks, learn = Looks(), replica.engine.learn

    async def fail(*_: object) -> bool:
        monkeypatch.setattr(replica.engine, "learn", learn)
        raise trouble

    monkeypatch.setattr(replica.engine, "learn", fail)
    await town.says("eve", "like", *HORROR[:4])
    async with learning(replica.learner, EVERY, looks):
        await until(replica.learner, 1)
        failed = replica.learner.learning
        await looks.look()

        assert (failed.failures, failed.learned) == (1, 0)
        assert (replica.learner.learning.failures, replica.learner.learning.learned) == (1, 1)
    assert str(trouble) in caplog.text


async def test_it_ends_when_it_is_closed_in_the_midst_of_a_pass(replica: Replica, town: Town) -> None:
    for number in range(20):
        await town.says(f"fan {number}", "like", *ROGUE[:4])
    async with asyncio.timeout(WITHIN):
        async with learning(replica.learner, EVERY):
            await asyncio.sleep(0)

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "learning in place"]


async def test_a_version_that_is_followed_learns_at_once(town: Town, replica: Replica) -> None:
    looks = Looks()
    await town.says("eve", "like", *HORROR[:4])
    async with (
        learning(replica.learner, EVERY),
        following(town.registry, replica.engine, looks, swapped=replica.learner.wake),
    ):
        await until(replica.learner, 1)
        await town.fit()
        await town.says("fay", "like", *PUZZLE[:4])
        await looks.look()
        await until(replica.learner, 2)

        assert replica.learner.learning.version == town.registry.current()
        assert replica.learner.learning.learned == 2


async def test_what_people_tell_a_whole_bot_is_learned_and_forgotten_by_it_and_by_its_replica(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with DuckDBWarehouse(settings.warehouse_file) as warehouse:
        import_world(warehouse)
        own(warehouse, *imported())
        async with opened(settings) as database:
            town = Town(database, warehouse, Registry(settings.models))
            await town.fit()
            other, served = town.replica(), town.registry.open_current()
            async with running(settings, served) as desk:
                assert desk.learner is not None
                async with learning(desk.learner, EVERY):
                    await until(desk.learner, 1)
                    for game in HORROR[:4]:
                        await desk.feedback.toggle(ANN.platform, ANN.id, game, Opinion.LIKE, town.now())
                    assert await desk.lake.flush(WITHIN)
                    desk.learner.wake()
                    await until(desk.learner, 2)
                    await other.catch_up()
                    learned = [len(each.served.learned[HER]) for each in (desk.engine, other.engine)]

                    reply = await dispatch(request("forgetme", sure="yes"), desk)
                    await until(desk.learner, 3)
                    await other.catch_up()

                    forgotten = [len(each.served.learned[HER]) for each in (desk.engine, other.engine)]
            other.close()

    assert (learned, forgotten) == ([4, 4], [0, 0])
    assert reply.outcome is Outcome.ANSWERED
    np.testing.assert_allclose(matrix(other.engine.served), matrix(served), atol=1e-6)


async def test_unlinking_is_unlearned_at_once(town: Town, tmp_path: Path) -> None:
    mine = town.replica()
    async with open_place(tmp_path / "desk") as place, learning(mine.learner, EVERY):
        await until(mine.learner, 1)
        await place.desk.accounts.link(ANN.platform, ANN.id, SteamID(FIRST + 1), "said", NOON)
        await dispatch(request("unlink"), replace(place.desk, learner=mine.learner))
        await until(mine.learner, 2)
    mine.close()


def test_training_by_the_command_line_keeps_what_it_was_fitted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDIEAN_HOME", str(tmp_path))
    monkeypatch.setenv("INDIEAN_DEVICE", "cpu")
    monkeypatch.setenv("INDIEAN_MIN_GAMES", "3")
    settings = Settings(home=tmp_path)
    with DuckDBWarehouse(settings.warehouse_file) as warehouse:
        import_world(warehouse)
        own(warehouse, *imported(), *(Owned(HER, app_id, 300) for app_id in HORROR))

    status = run(["train", "--skip-evaluation"])
    known = asyncio.run(kept_of(settings, HER))

    assert status == 0
    assert known is not None
    assert len(known.fitted[HER].row) == len(HORROR)
    assert known.facts[HER].minutes == dict.fromkeys(HORROR, 300)
    assert known.rules == Rules(min_games=3, opinions=True)


async def kept_of(settings: Settings, player: str) -> Known | None:
    async with opened(settings) as database:
        card = Registry(settings.models).versions()[0]

        assert (card.lake, card.upto) == (await Lake(database).name(), 0)
        return await FittedRows(database).of(card.base, [player])


def test_training_without_a_database_makes_a_model_that_does_not_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDIEAN_HOME", str(tmp_path))
    monkeypatch.setenv("INDIEAN_DEVICE", "cpu")
    monkeypatch.setenv("INDIEAN_DATABASE_URL", f"sqlite:///{tmp_path}")  # a folder is no file
    with DuckDBWarehouse(Settings(home=tmp_path).warehouse_file) as warehouse:
        import_world(warehouse)
        own(warehouse, *imported())

    status = run(["train", "--skip-evaluation", "--min-games", "3"])

    assert status == 0
    assert Registry(tmp_path / "models").versions()[0].lake is None
    assert "learns nothing from people" in caplog.text
