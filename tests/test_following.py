"""A version that is put in service answers within moments, and nobody who asks meanwhile notices."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.hosting.following import EVERY, following
from bot.messages import Language
from jobs.catalog_refresh import refresh_catalog
from recommender.catalog import Game
from recommender.engine import Answer, Engine
from recommender.registry import Registry
from recommender.shelf import Wish
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.steam.store import SteamStore
from tests import worlds
from tests.fakes import NOON, open_place
from tests.loopback_steam import LoopbackSteam
from tests.stocked_store import import_world, publish_world, stock

WITHIN = 20.0
"""Seconds after which a test that waits for something has failed."""
CAVE = 5_000_001
LIBRARY = worlds.library("Ember Depths", "Dicebound")


class Looks:
    """A sleep between two looks that ends when it is told to; each look is over when the next sleep begins."""

    def __init__(self) -> None:
        self._told, self._asleep = asyncio.Event(), asyncio.Event()
        self.seconds = 0.0

    async def __call__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asleep.set()
        await self._told.wait()
        self._told.clear()

    async def look(self) -> None:
        async with asyncio.timeout(WITHIN):
            await self._asleep.wait()
            self._asleep.clear()
            self._told.set()
            await self._asleep.wait()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as made:
        import_world(made)
        yield made


@pytest.fixture
def registry(tmp_path: Path, warehouse: DuckDBWarehouse) -> Registry:
    return publish_world(tmp_path, warehouse)[0]


@pytest.fixture
async def engine(registry: Registry) -> AsyncIterator[Engine]:
    ready = Engine(registry.open_current())
    yield ready
    ready.close()


def renew(registry: Registry, day: int) -> str:
    game = Game(CAVE + day, f"New on day {day}", ("Roguelike", "Indie"), price=1.0, year=2026)
    card = registry.publish_catalog([*worlds.GAMES, game], created=NOON + timedelta(days=day))
    assert card is not None
    return card.version


async def test_a_version_that_is_put_in_service_answers_after_the_next_look(registry: Registry, engine: Engine) -> None:
    looks = Looks()
    async with following(registry, engine, looks):
        await looks.look()
        before = engine.served.version
        version = renew(registry, 1)
        await looks.look()

        assert before != version == engine.served.version
        assert (await engine.find("New on day 1")).year == 2026
        assert looks.seconds == EVERY


async def test_the_first_to_ask_a_new_version_finds_everything_worked_out(registry: Registry, engine: Engine) -> None:
    looks = Looks()
    async with following(registry, engine, looks):
        renew(registry, 1)
        await looks.look()

        assert {"shelf", "themes"} <= vars(engine.served).keys()
        assert {"_prices", "liked"} <= vars(engine.served.themes).keys()
        assert {"_by_title", "_tags"} <= vars(engine.served.catalog).keys()


async def test_the_version_that_answered_before_is_given_up(registry: Registry, engine: Engine) -> None:
    looks, versions = Looks(), [weakref.ref(engine.served)]
    async with following(registry, engine, looks):
        for day in (1, 2):
            renew(registry, day)
            await looks.look()
            versions.append(weakref.ref(engine.served))

    assert [version() is None for version in versions] == [True, True, False]
    assert gc.isenabled()


async def test_a_version_that_is_rolled_back_is_followed_too(registry: Registry, engine: Engine) -> None:
    looks, first = Looks(), engine.served.version
    renew(registry, 1)
    async with following(registry, engine, looks):
        await looks.look()
        registry.roll_back()
        await looks.look()

        assert engine.served.version == first


async def test_a_damaged_version_is_refused_once_and_the_old_one_answers_until_there_is_a_whole_one(
    registry: Registry, engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looks, first = Looks(), engine.served.version
    damaged = renew(registry, 1)
    (tmp_path / "models" / damaged / "catalog.safetensors").write_text("[]")
    async with following(registry, engine, looks):
        for _ in range(3):
            await looks.look()
        refused = engine.served.version
        answer = await engine.recommend(LIBRARY, Wish(), 3)
        whole = renew(registry, 2)
        await looks.look()

        assert (refused, answer.version, engine.served.version) == (first, first, whole)
    assert caplog.text.count(f"{damaged} is refused") == 2  # here, and by who renews


async def test_a_registry_that_cannot_be_read_is_looked_at_again(
    registry: Registry, engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looks, current = Looks(), tmp_path / "models" / "current"
    version = renew(registry, 1)
    promoted = current.read_text()
    current.unlink()
    current.mkdir()
    async with following(registry, engine, looks):
        await looks.look()
        current.rmdir()
        await looks.look()  # nothing is in service: what answers, answers on
        unknown = engine.served.version
        current.write_text(promoted)
        await looks.look()

        assert unknown != version == engine.served.version
    assert caplog.text.count("is not known") == 1


async def test_closing_it_waits_for_nothing(registry: Registry, engine: Engine) -> None:
    async with asyncio.timeout(WITHIN):
        async with following(registry, engine):
            pass


async def test_under_load_no_request_is_dropped_and_each_answer_is_of_one_version(
    registry: Registry, engine: Engine
) -> None:
    answers: list[Answer] = []
    stop = asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            answers.append(await engine.curate("Roguelike", Wish(since_year=2026), 3))
            answers.append(await engine.recommend(LIBRARY, Wish(), 3))

    looks = Looks()
    versions = {engine.served.version: 0}
    async with following(registry, engine, looks):
        asking = [asyncio.create_task(ask()) for _ in range(8)]
        for day in range(1, 6):
            versions[await asyncio.to_thread(renew, registry, day)] = day
            await looks.look()
        stop.set()
        await asyncio.gather(*asking)

    assert len({answer.version for answer in answers}) >= 5
    assert all(answer.picks for answer in answers if answer.known)
    for answer in answers:
        if not answer.known:
            day = versions[answer.version]
            assert [pick.game.title for pick in answer.picks] == ([f"New on day {day}"] if day else [])


async def test_a_new_indie_game_is_in_curate_of_a_running_bot_the_same_day(
    registry: Registry, warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    looks = Looks()
    async with open_place(tmp_path, registry.open_current()) as place, LoopbackSteam() as steam:
        stock(steam.store)
        steam.store.put(CAVE, "동굴과 등불", tags=("Roguelike", "Indie"), release={"steam_release_date": 1_779_000_000})
        steam.store.put(CAVE + 1, "Cave Nights", tags=("Roguelike", "Indie"), content_descriptorids=[3])
        steam.store.put(CAVE + 2, "Cave Later", tags=("Roguelike", "Indie"), release={"is_coming_soon": True})
        async with following(registry, place.desk.engine, looks):
            before = await place.ask("curate", tag="Roguelike", since=2026)
            async with SteamStore(steam.url, steam.key, interval=0) as store:
                await refresh_catalog(store, warehouse, registry, now=NOON)
            await looks.look()
            after = await place.ask("curate", tag="Roguelike", since=2026)
            korean = await place.hand_over("curate", {"tag": "로그라이크", "since": 2026}, language=Language.KO)

    assert before.picks == ()
    assert [pick.game.title for pick in after.picks] == ["동굴과 등불"]
    assert [pick.game.title for pick in korean.picks] == ["동굴과 등불"]
    assert after.picks[0].game.year == 2026
