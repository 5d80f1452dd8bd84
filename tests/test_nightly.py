"""A night, whole: a candidate is published if it is no worse, and whatever fails leaves the old model in service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.hosting.work import CANDIDATE
from jobs.errors import StepFailed
from jobs.nightly import NightlyReport, NightlySettings, nightly
from jobs.training import TrainingSettings, TrainReport, train
from jobs.verdict import Why
from recommender.catalog import Game
from recommender.device import Device
from recommender.library import Library
from recommender.registry import Registry
from storage.database import Database
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import WarehouseBusy
from storage.lake.events import library_read
from storage.lake.lake import Lake
from storage.warehouse import Warehouse
from tests.databases import migrated, sqlite_url
from tests.warehouses import Opined, Owned, catalogue, opine, own

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 5, 1, 3, 15, tzinfo=UTC)
GAMES = 40
DAY = timedelta(days=1)
TRAINING = TrainingSettings(min_games=5, device=Device.CPU)


def lover(player: int) -> list[int]:
    """Even players love even games and odd players odd ones, but for one residue modulo 5."""
    return [game for game in range(1, GAMES) if game % 2 == player % 2 and game % 5 != player % 5]


def lovers(players: range) -> list[Owned]:
    return [Owned(f"p{player:04}", game, 600) for player in players for game in lover(player)]


@dataclass
class Nights:
    """A home folder with a database, a warehouse and models, and nights in it, one a day."""

    home: Path
    database: Database
    command: Sequence[str] = CANDIDATE
    day: int = 0
    reports: list[dict[str, object]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    hook: Callable[[str], None] = lambda _: None

    @property
    def registry(self) -> Registry:
        return Registry(self.home / "models")

    def warehouse(self) -> Warehouse:
        return DuckDBWarehouse(self.home / "warehouse.duckdb")

    @property
    def now(self) -> datetime:
        return NOW + self.day * DAY

    def change(self, *rows: Owned) -> None:
        with self.warehouse() as warehouse:
            own(warehouse, *rows)

    def _hear(self, phase: str, *_: int) -> None:
        self.heard.append(phase)
        self.hook(phase)

    async def trained(self) -> TrainReport:
        """A model in service, as `indiean train` leaves it."""
        with self.warehouse() as warehouse:
            return await asyncio.to_thread(train, warehouse, self.registry, TRAINING, now=self.now)

    async def night(self, keep: int = 7) -> NightlyReport:
        self.day += 1
        found = await nightly(
            self.database,
            self.warehouse,
            self.registry,
            NightlySettings(TRAINING, self.command, keep=keep),
            now=lambda: self.now,
            rng=np.random.default_rng(1),
            earlier=self.reports,
            progress=self._hear,
            sleep=_at_once,
        )
        self.reports.append(json.loads(json.dumps(found.as_dict())))
        return found


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def nights(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nights]:
    monkeypatch.setenv("INDIEAN_DEVICE", "cpu")
    monkeypatch.setenv("INDIEAN_MIN_GAMES", "5")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with migrated(sqlite_url(home / "indiean.sqlite")) as database:
        made = Nights(home, database)
        with made.warehouse() as warehouse:
            own(warehouse, *lovers(range(400)))
            catalogue(warehouse, *(Game(g, f"Game {g}", genres=("Indie",), price=5.0) for g in range(1, GAMES)))
        yield made


async def test_the_first_night_publishes_and_tells_every_step(nights: Nights) -> None:
    await Lake(nights.database).append([library_read("discord", "ada", Library(dict.fromkeys(lover(0), 600)), NOW)])

    report = await nights.night()

    assert report.verdict is not None
    assert (report.verdict.why, report.version) == (Why.FIRST, nights.registry.current())
    assert (report.players, report.games) == (401, GAMES - 1)
    assert report.exported.events == {"library": 1}
    assert report.rows == sum(len(lover(player)) for player in range(400)) + len(lover(0))
    assert (
        report.metrics["candidate"]["indie_played"]["ndcg_10"] > report.metrics["popularity"]["indie_played"]["ndcg_10"]
    )
    steps = list(dict.fromkeys(phase.split(":")[0] for phase in nights.heard))
    assert steps == ["export", "prune", "drift", "fit", "evaluate", "decide", "publish"]
    assert nights.registry.versions()[0].fitted == nights.now


async def test_good_data_are_published_and_those_of_the_night_before_are_told(nights: Nights) -> None:
    first = await nights.night()
    nights.change(*lovers(range(400, 440)))

    second = await nights.night()

    assert second.verdict is not None
    assert (second.verdict.why, second.version) == (Why.NO_WORSE, second.candidate)
    assert second.metrics["incumbent"] == first.metrics["candidate"]
    assert second.verdict.differences["indie_played"].count > 20
    assert [night.published for night in second.nights] == [True, True]


async def test_garbage_is_refused_and_its_candidate_removed(nights: Nights) -> None:
    first = (await nights.trained()).card
    rng = np.random.default_rng(3)
    nights.change(*(Owned(f"g{p}", int(g), 600) for p in range(4000) for g in rng.choice(GAMES - 1, 12, False) + 1))

    second = await nights.night()

    assert second.verdict is not None
    assert (second.verdict.why, second.verdict.of) == (Why.WORSE, "indie_played")
    assert second.version == nights.registry.current() == first.version
    assert [card.version for card in nights.registry.versions()] == [first.version]
    assert [night.published for night in second.nights] == [False]


async def test_a_refused_night_is_not_fitted_again_from_the_same_data(nights: Nights) -> None:
    await nights.trained()
    nights.change(*(Owned(f"x{p}", game, 600) for p in range(400) for game in lover(p + p // 2)))
    nights.reports.append({"fingerprint": _fingerprint(nights), "recipe": TRAINING.recipe})

    again = await nights.night()

    assert again.verdict is None
    assert not any(phase.startswith("evaluate") for phase in nights.heard)


def _fingerprint(nights: Nights) -> str:
    with nights.warehouse() as warehouse:
        return warehouse.fingerprint(opinions=True)


async def test_where_nothing_has_changed_nothing_is_fitted(nights: Nights) -> None:
    first = (await nights.trained()).card

    second = await nights.night()

    assert (second.verdict, second.candidate, second.version) == (None, None, first.version)
    assert second.metrics == {"incumbent": first.metrics}
    assert (second.rows, second.players, second.games) == (first.rows, first.players, first.items)
    assert list(second.seconds) == ["export", "prune", "drift", "fit"]
    assert second.nights == ()


async def test_players_who_vanish_are_a_collapse(nights: Nights) -> None:
    first = (await nights.trained()).card
    with nights.warehouse() as warehouse:
        for player in range(0, 400, 3):
            warehouse.forget(f"p{player:04}")

    second = await nights.night()

    assert second.verdict is not None
    assert second.verdict.why is Why.COLLAPSED
    assert second.verdict.shrunk is not None
    assert (second.verdict.shrunk.before, second.version) == (first.rows, first.version)


async def test_so_many_models_are_kept(nights: Nights) -> None:
    trained = []
    for night in range(3):
        nights.day = night
        nights.change(*lovers(range(400 + 5 * night, 405 + 5 * night)))
        trained.append((await nights.trained()).card.version)
    nights.change(*lovers(range(500, 505)))

    report = await nights.night(keep=2)

    assert list(report.removed) == trained[:2]
    assert [card.version for card in nights.registry.versions()] == [report.version, trained[2]]
    assert nights.registry.roll_back() == trained[2]


async def test_who_reacted_since_is_asked_about_both_models(nights: Nights) -> None:
    first = (await nights.trained()).card
    with nights.warehouse() as warehouse:
        for fan in range(40):
            known, missing = lover(fan)[:3], [g for g in range(1, GAMES) if g % 2 == fan % 2 and g % 5 == fan % 5]
            other = [g for g in range(1, GAMES) if g % 2 != fan % 2]
            own(warehouse, *(Owned(f"bot-{fan}", game, 600) for game in known))
            since = nights.now + timedelta(hours=5)
            opine(warehouse, Opined(f"bot-{fan}", missing[0], "like", since))
            opine(warehouse, Opined(f"bot-{fan}", other[fan % 10], "hide", since))
            opine(warehouse, Opined(f"bot-{fan}", other[10], "hide", NOW - DAY))  # before the fit

    second = await nights.night()

    assert second.verdict is not None
    assert (second.verdict.why, second.version == first.version) == (Why.NO_WORSE, False)
    assert second.verdict.auc is not None
    assert second.verdict.percentile is not None
    assert (second.verdict.auc.count, second.verdict.pairs) == (40, 40)
    assert min(second.verdict.auc.candidate, second.verdict.auc.incumbent) > 0.9
    assert min(second.verdict.percentile.candidate, second.verdict.percentile.incumbent) > 0.5


def kill_child(how: signal.Signals) -> None:
    """All children of this process that run the command line."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"--candidate" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), how)


@pytest.mark.parametrize(
    "phase", ["fit: gather", "evaluate: held-out gram", "evaluate: measure", "fit: content", "fit: publish"]
)
async def test_a_child_killed_at_any_phase_leaves_the_model_and_the_next_night_sweeps(
    nights: Nights, phase: str
) -> None:
    first = (await nights.trained()).card
    nights.change(*lovers(range(400, 410)))
    nights.hook = lambda heard: kill_child(signal.SIGKILL) if heard == phase else None
    with pytest.raises(StepFailed, match=r"memory.*stays in service") as failed:
        await nights.night()
    assert failed.value.step == phase.split(":", maxsplit=1)[0]
    assert nights.registry.current() == first.version
    nights.hook = lambda _: None

    again = await nights.night()

    assert again.verdict is not None
    assert again.verdict.publish
    assert nights.registry.candidates() == []
    assert list((nights.home / "models").glob(".new-*")) == []


async def test_a_child_ended_by_another_signal_says_which(nights: Nights) -> None:
    nights.hook = lambda heard: kill_child(signal.SIGTERM) if heard == "fit: gather" else None

    with pytest.raises(StepFailed, match=r"SIGTERM.*no model is in service yet"):
        await nights.night()


async def test_a_warehouse_that_another_process_holds_is_waited_for_and_then_told(nights: Nights) -> None:
    held = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    path = str(nights.home / "warehouse.duckdb")
    with subprocess.Popen([sys.executable, "-c", held, path], stdin=-1, stdout=-1) as other:  # noqa: S603, ASYNC220
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(StepFailed, match="another program has") as failed:
            await nights.night()
        other.communicate()

    assert failed.value.step == "export"
    assert isinstance(failed.value.__cause__, WarehouseBusy)


async def test_a_registry_that_takes_nothing_is_told_at_the_step_of_the_fit(nights: Nights) -> None:
    first = (await nights.trained()).card
    nights.change(*lovers(range(400, 410)))
    nights.command = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *CANDIDATE]

    with pytest.raises(StepFailed, match=r"File too large.*stays in service") as failed:
        await nights.night()
    assert failed.value.step == "fit"
    assert nights.registry.current() == first.version
    assert [card.version for card in nights.registry.versions()] == [first.version]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "without the report"),
        ("no JSON", "without the report"),
        ("[1]", "without the report"),
        ('{"version": "x"}', "lacks or distorts"),
        ('{"version": "x", "evaluation": null, "preferences": null, "seconds": {}}', "lacks or distorts"),
        (
            '{"version": "x", "evaluation": {"popularity": {}}, "preferences": {}, "seconds": {}}',
            "not left as a candidate",
        ),
    ],
)
async def test_a_child_that_answers_something_else_is_not_believed(nights: Nights, said: str, why: str) -> None:
    nights.command = [sys.executable, "-c", f"print({said!r})"]

    with pytest.raises(StepFailed, match=why):
        await nights.night()


async def test_what_the_child_refuses_is_said_in_its_words(nights: Nights) -> None:
    nights.command = [*CANDIDATE, "--min-games", "1000"]

    with pytest.raises(StepFailed, match=r"^fit: there are no interactions to learn from"):
        await nights.night()


async def test_a_child_that_cannot_be_started_is_told(nights: Nights) -> None:
    nights.command = [str(nights.home / "nothing")]

    with pytest.raises(StepFailed, match="No such file"):
        await nights.night()


def children() -> list[str]:
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread, or a child, that has just ended
            begun = (task / "children").read_text().split()
            found += [child for child in begun if b"--candidate" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return found


async def test_who_is_cancelled_has_ended_the_child(nights: Nights) -> None:
    begun = asyncio.Event()
    nights.hook = lambda heard: begun.set() if heard == "fit: gather" else None
    night = asyncio.ensure_future(nights.night())
    async with asyncio.timeout(60):
        await begun.wait()
    assert children()
    night.cancel()
    with pytest.raises(asyncio.CancelledError):
        await night

    assert children() == []
    assert nights.registry.versions() == []


async def test_a_child_whose_parent_is_killed_ends(nights: Nights, tmp_path: Path) -> None:
    """The parent here is a process of its own that does nothing but hold the pipe."""
    parent = (
        "import subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdin=-1, stdout=-1, stderr=-1);"
        "line = child.stderr.readline(); print(child.pid, flush=True); import time; time.sleep(600)"
    )
    slow = [sys.executable, "-c", SLOW]
    with subprocess.Popen([sys.executable, "-c", parent, *slow], stdout=-1) as process:  # noqa: S603, ASYNC220
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    for _ in range(400):
        if not _runs(child):
            break
        await asyncio.sleep(0.05)

    assert not _runs(child)


SLOW = """
import time
from bot.cli.piped import begin_piped, piped_progress
begin_piped()
piped_progress("gather", 0, 0)
time.sleep(600)
"""


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


GIVES_WAY = """
import json, os
from pathlib import Path
import bot.cli.learn
from bot.cli.piped import begin_piped
begin_piped()
threads = [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
nice = sorted({os.getpriority(os.PRIO_PROCESS, thread) for thread in threads})
print(json.dumps([nice, len(threads), Path("/proc/self/oom_score_adj").read_text().strip()]))
"""


def test_the_child_gives_way_with_all_its_threads_and_is_the_first_to_be_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "2"}
    with subprocess.Popen([sys.executable, "-c", GIVES_WAY], stdin=-1, stdout=-1, env=environment) as child:  # noqa: S603
        assert child.stdout is not None
        nice, threads, oom = json.loads(child.stdout.read())

    assert (nice, oom) == ([19], "1000")
    assert threads >= 2


async def test_a_bug_passes_with_a_note_of_its_step(nights: Nights) -> None:
    def broken(phase: str) -> None:
        if phase == "prune":
            raise ZeroDivisionError

    nights.hook = broken

    with pytest.raises(ZeroDivisionError) as passed:
        await nights.night()
    assert passed.value.__notes__ == ["at the step 'prune' of the nightly training"]
