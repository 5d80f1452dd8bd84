"""What the store says today is in the catalogue today: all of it once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.catalog_refresh import (
    OVERLAP,
    UNDER_WAY,
    Pass,
    RefreshReport,
    differences,
    gone,
    next_pass,
    refresh_catalog,
)
from recommender.catalog import Game
from recommender.registry import BEING_WRITTEN, Registry
from recommender.version import Card
from storage.delta import Applied, Delta
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import SteamKeyRefused
from storage.steam.store import SteamStore
from storage.steam.store_answers import Page, Told
from storage.warehouse import Loaded
from tests import worlds
from tests.fakes import NOON
from tests.loopback_steam import Asked, LoopbackSteam
from tests.stocked_store import import_world, publish_world, stock
from tests.test_steam import Hours

ROOT = Path(__file__).parents[1]
DAY = timedelta(days=1)
TODAY = int(NOON.timestamp())
CAVE = 5_000_001
KNOWN = len(worlds.GAMES)
LISTED = KNOWN - 1


class Killed(BaseException):
    """What a process that is killed does not catch."""


class Steps:
    """Raises at the step of that number; counts them all the same where there is none."""

    def __init__(self, last: int | None = None) -> None:
        self.taken, self._last = 0, last

    def step(self) -> None:
        self.taken += 1
        if self.taken == self._last:
            raise Killed


class MortalStore(SteamStore):
    def mortal(self, steps: Steps) -> MortalStore:
        self._steps = steps
        return self

    async def listed(self, after: int = 0, since: int = 0) -> Page:
        self._steps.step()
        return await super().listed(after, since)

    async def details(self, app_ids: Sequence[int]) -> Told:
        self._steps.step()
        return await super().details(app_ids)


class MortalWarehouse(DuckDBWarehouse):
    def mortal(self, steps: Steps) -> MortalWarehouse:
        self._steps = steps
        return self

    def apply(self, delta: Delta, *, lake: str, after: int, upto: int, now: datetime) -> Applied:
        self._steps.step()
        applied = super().apply(delta, lake=lake, after=after, upto=upto, now=now)
        self._steps.step()
        return applied

    def load_store_games(self, batches: Iterable[pa.RecordBatch], source: str, now: datetime) -> Loaded:
        self._steps.step()
        loaded = super().load_store_games(batches, source, now)
        self._steps.step()
        return loaded


class MortalRegistry(Registry):
    def mortal(self, steps: Steps) -> MortalRegistry:
        self._steps = steps
        return self

    def _with_catalog(self, base: str, games: Sequence[Game], created: datetime) -> Card | None:
        self._steps.step()
        return super()._with_catalog(base, games, created)

    def _promote(self, version: str) -> None:
        self._steps.step()
        super()._promote(version)
        self._steps.step()

    def _prune(self) -> None:
        super()._prune()
        self._steps.step()


@pytest.fixture
async def loopback() -> AsyncIterator[LoopbackSteam]:
    async with LoopbackSteam() as server:
        stock(server.store)
        yield server


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as made:
        import_world(made)
        yield made


@pytest.fixture
def registry(tmp_path: Path, warehouse: DuckDBWarehouse) -> Registry:
    return publish_world(tmp_path, warehouse)[0]


class Refresher:
    """Runs with a store of its own each, as a process does; `day` counts from NOON."""

    def __init__(self, loopback: LoopbackSteam, warehouse: DuckDBWarehouse, registry: Registry) -> None:
        self.loopback, self.warehouse, self.registry = loopback, warehouse, registry

    async def run(self, day: int = 0, limit: int | None = None, commit: int = 4) -> RefreshReport:
        self.loopback.requests.clear()
        hours = Hours()
        async with SteamStore(self.loopback.url, self.loopback.key, clock=hours.clock, sleep=hours.sleep) as store:
            return await refresh_catalog(
                store, self.warehouse, self.registry, now=NOON + day * DAY, limit=limit, commit=commit
            )

    def asked(self) -> list[int]:
        """The games that the last run asked about."""
        return [app_id for request in self.loopback.requests for app_id in ids_of(request)]

    def known(self) -> dict[int, Game]:
        return {game.app_id: game for game in self.warehouse.games()}


def ids_of(request: Asked) -> list[int]:
    question = json.loads(request.params.get("input_json", '{"ids": []}'))
    return [item["appid"] for item in question["ids"]]


@pytest.fixture
def refresher(loopback: LoopbackSteam, warehouse: DuckDBWarehouse, registry: Registry) -> Refresher:
    return Refresher(loopback, warehouse, registry)


async def test_a_new_game_a_changed_one_and_a_withdrawn_one_come_into_the_catalogue(refresher: Refresher) -> None:
    static, tessera = worlds.game("Static"), worlds.game("Tessera")
    await refresher.run()
    refresher.loopback.store.put(CAVE, "동굴과 등불", changed=TODAY, tags=("Roguelike", "Indie"), reviews=(10, 90))
    refresher.loopback.store.put(static.app_id, "Static: Remastered", changed=TODAY, tags=static.tags, cents=1499)
    refresher.loopback.store.withdraw(tessera.app_id)
    report = await refresher.run(day=1)
    known = refresher.known()

    assert (report.listed, report.new, report.changed, report.delisted, report.rejected) == (2, 1, 1, 1, 0)
    assert sorted(refresher.asked()) == sorted([CAVE, static.app_id, tessera.app_id])
    assert (known[CAVE].title, known[CAVE].indie, known[CAVE].price) == ("동굴과 등불", True, 9.99)
    assert (known[static.app_id].title, known[static.app_id].price) == ("Static: Remastered", 14.99)
    assert (known[tessera.app_id].title, known[tessera.app_id].for_sale) == ("Tessera", False)
    assert (report.end, report.stopped) == (True, None)


async def test_the_model_in_service_has_the_new_catalogue_and_the_same_matrix(
    refresher: Refresher, registry: Registry
) -> None:
    before = registry.current()
    refresher.loopback.store.put(CAVE, "Cave", changed=TODAY)
    report = await refresher.run()
    served = registry.open_current()

    assert served.version == report.version == registry.current() != before
    assert served.catalog.named("Cave") is not None
    assert served.scorer.items.stamp == worlds.model().items.stamp


async def test_a_second_run_asks_about_nothing_and_changes_nothing(refresher: Refresher, registry: Registry) -> None:
    await refresher.run()
    catalogue, version = refresher.known(), registry.current()
    report = await refresher.run(day=1)

    assert [request.method for request in refresher.loopback.requests] == ["GetAppList", "GetAppList"]
    assert (report.listed, report.new, report.changed, report.delisted, report.version) == (0, 0, 0, 0, None)
    assert (refresher.known(), registry.current()) == (catalogue, version)
    assert report.calls == 2


async def test_the_first_run_hears_of_every_game_in_batches(refresher: Refresher) -> None:
    report = await refresher.run(commit=15)

    assert report.listed == LISTED
    assert sorted(refresher.asked()) == sorted(game.app_id for game in worlds.GAMES if game is not worlds.DELISTED)
    assert [len(ids) for request in refresher.loopback.requests if (ids := ids_of(request))] == [15, 15, LISTED - 30]


async def test_a_game_that_comes_back_is_for_sale_again(refresher: Refresher) -> None:
    static = worlds.game("Static")
    refresher.loopback.store.withdraw(static.app_id)
    gone = await refresher.run()
    refresher.loopback.store.put(static.app_id, "Static", changed=TODAY + 86_400, cents=499)
    await refresher.run(day=2)

    assert gone.delisted == 1
    assert refresher.known()[static.app_id].for_sale


async def test_a_game_that_is_gone_is_asked_about_once(refresher: Refresher) -> None:
    refresher.loopback.store.withdraw(worlds.game("Static").app_id)
    await refresher.run()
    await refresher.run(day=1)

    assert refresher.asked() == []


async def test_early_access_ends_and_a_game_to_come_is_not_for_sale_until_it_is_out(refresher: Refresher) -> None:
    store = refresher.loopback.store
    store.put(CAVE, "Cave", release={"is_coming_soon": True, "steam_release_date": TODAY + 86_400})
    await refresher.run()
    coming = refresher.known()[CAVE]
    store.put(CAVE, "Cave", changed=TODAY + 86_400, release={"steam_release_date": TODAY, "is_early_access": True})
    await refresher.run(day=1)
    early = refresher.known()[CAVE]
    store.put(CAVE, "Cave", changed=TODAY + 2 * 86_400, release={"steam_release_date": TODAY})
    await refresher.run(day=2)
    out = refresher.known()[CAVE]

    assert (coming.for_sale, coming.released, coming.delisted) == (False, None, False)
    assert (early.for_sale, early.early_access, early.year) == (True, True, NOON.year)
    assert (out.for_sale, out.early_access) == (True, False)


async def test_a_poisoned_game_is_counted_remembered_and_left_out_alone(refresher: Refresher) -> None:
    refresher.loopback.store.poison(worlds.game("Static").app_id, tags="poison", name="Changed")
    refresher.loopback.store.put(CAVE, "Cave")
    report = await refresher.run()
    (rejected,) = refresher.warehouse.rejects(UNDER_WAY)

    assert (report.rejected, report.new, report.end) == (1, 1, True)
    assert (rejected.sequence, rejected.reason) == (worlds.game("Static").app_id, "tags is not what Steam documents")
    assert refresher.known()[worlds.game("Static").app_id].title == "Static"


async def test_a_limit_is_kept_and_the_next_run_goes_on_from_there(refresher: Refresher) -> None:
    asked: list[int] = []
    reports = []
    for day in range(4):
        reports.append(await refresher.run(day, limit=10))
        asked += refresher.asked()

    assert [report.end for report in reports] == [False, False, False, True]
    assert sorted(asked) == sorted(game.app_id for game in worlds.GAMES if game is not worlds.DELISTED)


async def test_a_long_pause_ends_the_run_with_a_sentence_and_what_was_heard_is_published(
    refresher: Refresher, registry: Registry
) -> None:
    refresher.loopback.store.put(5, "First of all")
    refresher.loopback.answer_next(3)  # the list, the tags, the first four games
    refresher.loopback.fail_next(429, {"Retry-After": "7200"})
    report = await refresher.run()

    assert (report.end, report.new) == (False, 1)
    assert report.stopped == (
        "Steam asks for a pause of 120 minutes: what was heard is kept, and the next run goes on from there"
    )
    assert registry.open_current().catalog.named("First of all") is not None

    rest = await refresher.run(day=1)
    assert (rest.end, len(refresher.asked())) == (True, LISTED + 1 - 4)


async def test_a_short_pause_and_a_stumble_end_nothing(refresher: Refresher) -> None:
    refresher.loopback.answer_next(2)
    refresher.loopback.fail_next(429, {"Retry-After": "30"})
    refresher.loopback.fail_next(503)
    refresher.loopback.drop_next()
    report = await refresher.run()

    assert (report.end, report.stopped, report.rejected) == (True, None, 0)


async def test_a_steam_that_is_down_ends_the_run_with_a_sentence(refresher: Refresher) -> None:
    refresher.loopback.answer_next(1)
    refresher.loopback.fail_next(500, times=5)
    report = await refresher.run()

    assert report.stopped is not None
    assert "HTTP 500" in report.stopped
    assert (await refresher.run(day=1)).end


async def test_an_answer_of_another_shape_ends_the_run_before_its_games_count_as_heard(refresher: Refresher) -> None:
    for game in worlds.GAMES:
        if game is not worlds.DELISTED:
            refresher.loopback.store.poison(game.app_id, name={"english": game.title})
    report = await refresher.run(commit=30)
    for game in worlds.GAMES:
        if game is not worlds.DELISTED:
            refresher.loopback.store.poison(game.app_id, name=game.title)

    assert report.stopped is not None
    assert (await refresher.run(day=1, commit=30)).listed == LISTED


async def test_a_refused_key_is_an_error_and_not_a_pause(refresher: Refresher) -> None:
    refresher.loopback.key = "another"
    async with SteamStore(refresher.loopback.url, "mine") as store:
        with pytest.raises(SteamKeyRefused):
            await refresh_catalog(store, refresher.warehouse, refresher.registry, now=NOON)


async def test_without_a_model_the_warehouse_is_refreshed_and_nothing_is_published(
    loopback: LoopbackSteam, warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    loopback.store.put(CAVE, "Cave")
    report = await Refresher(loopback, warehouse, Registry(tmp_path / "no models")).run()

    assert (report.new, report.version) == (1, None)


async def test_progress_is_told_a_phase_at_a_time_and_comes_to_its_end(refresher: Refresher) -> None:
    heard: list[tuple[str, int, int]] = []
    async with SteamStore(refresher.loopback.url, refresher.loopback.key, interval=0) as store:
        await refresh_catalog(
            store,
            refresher.warehouse,
            refresher.registry,
            now=NOON,
            commit=10,
            progress=lambda *said: heard.append(said),
        )

    phases = ["list of changes", "changed games", "list of games", "games no longer listed", "publish"]
    assert list(dict.fromkeys(name for name, _, _ in heard)) == phases
    assert ("changed games", LISTED, LISTED) in heard


async def test_whatever_step_is_its_last_the_next_run_comes_to_the_same_catalogue(tmp_path: Path) -> None:
    """Killed before and after each question, each transaction and each step of publishing."""
    unharmed = await killed_after(None, tmp_path / "unharmed")
    ends = [await killed_after(last, tmp_path / f"{last}") for last in range(1, unharmed.steps + 1)]

    assert unharmed.steps > 20
    assert all(end.killed for end in ends)
    assert all(end.catalogue == unharmed.catalogue for end in ends)
    assert all(end.served == unharmed.served for end in ends)
    assert not any(end.litter for end in ends)


class End:
    """What there is after a run that was killed at a step, and another."""

    def __init__(self, killed: bool, steps: int, warehouse: DuckDBWarehouse, registry: Registry, root: Path) -> None:
        self.killed, self.steps = killed, steps
        self.catalogue = warehouse.games()
        self.served = sorted(registry.open_current().catalog, key=lambda game: game.app_id)
        self.litter = [path for path in root.iterdir() if path.name.startswith(BEING_WRITTEN)]


async def killed_after(last: int | None, folder: Path) -> End:
    steps, hours = Steps(last), Hours()
    async with LoopbackSteam() as loopback:
        stock(loopback.store)
        loopback.store.put(CAVE, "동굴", tags=("Roguelike", "Indie"))
        loopback.store.withdraw(worlds.game("Static").app_id)
        loopback.store.withdraw(worlds.game("Tessera").app_id)
        killed = False
        with MortalWarehouse(folder / "warehouse.duckdb").mortal(steps) as warehouse:
            import_world(warehouse)
            publish_world(folder, warehouse)
            store = MortalStore(loopback.url, loopback.key, clock=hours.clock, sleep=hours.sleep).mortal(steps)
            registry = MortalRegistry(folder / "models").mortal(steps)
            try:
                await refresh_catalog(store, warehouse, registry, now=NOON, commit=8)
            except Killed:
                killed = True
            await store.aclose()
        with DuckDBWarehouse(folder / "warehouse.duckdb") as reopened:
            whole = Registry(folder / "models")
            report = await Refresher(loopback, reopened, whole).run(day=1, commit=5)
            assert report.end
            return End(killed, steps.taken, reopened, whole, folder / "models")


KILLS_ITSELF = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from jobs.catalog_refresh import refresh_catalog
from recommender.registry import BEING_WRITTEN, Registry
from storage.steam.store import SteamStore
from storage.duckdb.warehouse import DuckDBWarehouse

class Mortal(DuckDBWarehouse):
    def apply(self, delta, **place):
        applied = super().apply(delta, **place)
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return applied

async def run(home, url, key):
    with Mortal(home / "warehouse.duckdb") as warehouse:
        warehouse.left = 3
        async with SteamStore(url, key, interval=0) as store:
            now = datetime.fromisoformat("2026-05-17T12:00+00:00")
            await refresh_catalog(store, warehouse, Registry(home / "models"), now=now, commit=5)

asyncio.run(run(Path(sys.argv[1]), *sys.argv[2:]))
"""


async def test_a_process_that_is_killed_with_sigkill_is_gone_on_with(
    loopback: LoopbackSteam, warehouse: DuckDBWarehouse, registry: Registry, tmp_path: Path
) -> None:
    loopback.store.put(CAVE, "Cave")
    warehouse.close()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLS_ITSELF, str(tmp_path), loopback.url, loopback.key),
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
    )
    async with asyncio.timeout(60):
        status = await process.wait()
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as reopened:
        rest = Refresher(loopback, reopened, registry)
        report = await rest.run(day=1)

        assert status == -signal.SIGKILL
        assert (len(rest.asked()), report.end) == (LISTED + 1 - 15, True)
        assert rest.known()[CAVE].title == "Cave"


def test_a_pass_under_way_is_gone_on_with_and_a_new_one_begins_where_the_last_began() -> None:
    began = TODAY - int(OVERLAP.total_seconds())
    under_way = Pass(since=100, began=200, after=7)

    assert next_pass(0, 0, NOON) == Pass(0, began)
    assert next_pass(100, under_way.mark, NOON) == under_way
    assert next_pass(200, under_way.mark, NOON) == Pass(200, began)
    assert next_pass(began, Pass(0, began, 9).mark, NOON) == Pass(began, began + 1)


def test_the_mark_grows_along_a_pass_and_from_one_to_the_next() -> None:
    marks = [Pass(0, 10), Pass(0, 10, 1), Pass(0, 10, 2**31 - 1), Pass(10, 11), Pass(10, 11, 1)]

    assert sorted({way.mark for way in marks}) == [way.mark for way in marks]
    assert Pass(0, 4_000_000_000, 2**31 - 1).mark < 2**63


def test_only_what_is_for_sale_and_listed_no_more_is_asked_about() -> None:
    games = [Game(1, "listed", price=1.0), Game(2, "missing", price=0.0), Game(3, "never sold")]
    games.append(Game(4, "delisted", price=5.0, delisted=True))

    assert gone(games, {1}) == [2]


def test_what_is_new_changed_and_delisted_is_told_apart() -> None:
    before = {
        1: Game(1, "stays"),
        2: Game(2, "old name"),
        3: Game(3, "goes", price=1.0),
        4: Game(4, "x", delisted=True),
    }
    after = {
        1: Game(1, "stays"),
        2: Game(2, "new name"),
        3: Game(3, "goes", delisted=True),
        4: Game(4, "x", delisted=True),
        5: Game(5, "new"),
    }

    assert differences(before, after) == (1, 1, 1)
