"""What Prometheus reads of a bot: its requests, its state and its jobs, and nothing of people; whether it is ready."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.canonical import Answered
from bot.dispatch import dispatch
from bot.hosting.gauges import of_backlog, of_loop, of_model, of_platforms
from bot.hosting.metrics import LastRun, Metrics
from bot.hosting.readiness import Ready
from bot.hosting.serving import Platform, listening
from bot.hosting.ticks import Ticks
from bot.web import web_app
from bot.web_health import health_routes
from recommender.registry import Registry
from storage.database import Database
from storage.errors import DatabaseUnavailable
from tests import worlds
from tests.fakes import NOON, PUBLIC, Place, open_place, request


@dataclass(frozen=True)
class Ran:
    """A job's last run, as the table of runs has it."""

    job: str
    outcome: str
    started: datetime = NOON
    ended: datetime | None = NOON + timedelta(minutes=2)
    seconds: float = 120.0


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def read(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Samples by name and labels."""
    families = text_string_to_metric_families((await metrics.text()).decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def labels(**named: str) -> frozenset[tuple[str, str]]:
    return frozenset(named.items())


def answered(seconds: float, **more: str | float) -> Answered:
    return replace(Answered("curate", "discord", "answered", seconds, "1"), **more)  # type: ignore[arg-type]


async def test_requests_are_counted_by_command_platform_and_outcome() -> None:
    metrics = Metrics()
    for outcome in ("answered", "answered", "refused"):
        metrics.answered(answered(0.004, outcome=outcome))
    found = await read(metrics)

    of_curate = {"command": "curate", "platform": "discord"}
    assert found["indiean_requests_total", labels(**of_curate, outcome="answered")] == 2
    assert found["indiean_requests_total", labels(**of_curate, outcome="refused")] == 1
    assert found["indiean_request_duration_seconds_count", labels(**of_curate)] == 3


async def test_latency_falls_into_buckets_from_a_millisecond_to_ten_seconds() -> None:
    metrics = Metrics()
    for seconds in (0.0008, 0.004, 0.3, 30.0):
        metrics.answered(answered(seconds, steam_seconds=seconds / 2))
    found = await read(metrics)

    of_curate = {"command": "curate", "platform": "discord"}
    within = {
        edge: found["indiean_request_duration_seconds_bucket", labels(**of_curate, le=edge)]
        for edge in ("0.001", "0.005", "0.5", "10.0", "+Inf")
    }
    assert within == {"0.001": 1, "0.005": 2, "0.5": 3, "10.0": 3, "+Inf": 4}
    assert found["indiean_steam_wait_seconds_sum", labels(command="curate")] == pytest.approx(15.1524)


async def test_two_bots_in_a_process_do_not_count_for_each_other() -> None:
    one, other = Metrics(), Metrics()
    one.answered(answered(0.1))

    assert not any(name.startswith("indiean_requests") for name, _ in await read(other))


async def test_a_request_counts_with_its_time_and_steam_s(place: Place) -> None:
    metrics = Metrics()
    desk = replace(place.desk, metrics=metrics)
    await dispatch(request("recommend", steam=PUBLIC), desk)
    unknown = await dispatch(request("I live in Main Street 5"), desk)
    found = await read(metrics)

    ours = labels(command="recommend", platform="terminal", outcome="answered")
    assert found["indiean_requests_total", ours] == 1
    assert found["indiean_requests_total", labels(command="unknown", platform="terminal", outcome=unknown.outcome)] == 1
    assert b"Main Street" not in await metrics.text()


async def test_who_asks_to_be_forgotten_is_not_counted(place: Place) -> None:
    metrics = Metrics()
    await dispatch(request("forgetme", sure="yes"), replace(place.desk, metrics=metrics))

    assert not [name for name, _ in await read(metrics) if name == "indiean_requests_total"]


async def test_the_state_of_the_loop_the_model_the_backlog_and_the_chats(place: Place, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    about = {"metrics": {}, "fingerprint": "f", "synthetic": False, "players": 9}
    card = registry.publish(worlds.model(), worlds.catalog(), created=NOON, **about)  # type: ignore[arg-type]
    chats = [Platform("Discord", _never), Platform("Slack", _never)]
    chats[0].connected.set()
    metrics, served = Metrics(), registry.open(card.version)
    metrics.watch(lambda: of_loop(Ticks()))
    metrics.watch(lambda: of_model(served, registry.fitted))
    metrics.watch(lambda: of_backlog(place.desk.logs, place.desk.lake))
    metrics.watch(lambda: of_platforms(chats))
    await dispatch(request("help"), place.desk)
    found = await read(metrics)

    assert found["indiean_event_loop_lag_seconds_count", labels()] == 0
    assert found["indiean_model_info", labels(version=card.version)] == 1
    assert found["indiean_model_fit_timestamp_seconds", labels()] == NOON.timestamp()
    assert found["indiean_lake_events_waiting", labels()] == 1
    assert found["indiean_log_writes_lost_total", labels()] == 0
    assert found["indiean_lake_spool_bytes", labels()] == 0
    assert found["indiean_platform_connected", labels(platform="discord")] == 1
    assert found["indiean_platform_connected", labels(platform="slack")] == 0
    assert found["process_resident_memory_bytes", labels()] > 0


async def _never(_: asyncio.Event) -> None:
    raise AssertionError("nobody runs this one")


async def test_a_catalogue_that_came_later_makes_no_model_younger(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    about = {"metrics": {}, "fingerprint": "f", "synthetic": False, "players": 9}
    registry.publish(worlds.model(), worlds.catalog(), created=NOON, **about)  # type: ignore[arg-type]
    newer = registry.publish_catalog(list(worlds.catalog())[:-1], created=NOON + timedelta(days=3))

    assert newer is not None
    assert registry.fitted(newer.version) == NOON
    assert registry.fitted("20000101T000000Z-000000") is None


async def test_jobs_are_told_by_their_last_run_each() -> None:
    metrics = Metrics()

    async def last_runs() -> Sequence[LastRun]:
        return [Ran("nightly", "done"), Ran("digests", "running", ended=None, seconds=3.0)]

    metrics.watch_jobs(last_runs)
    found = await read(metrics)

    assert found["indiean_job_last_run_info", labels(job="nightly", outcome="done")] == 1
    assert found["indiean_job_last_run_end_timestamp_seconds", labels(job="nightly")] == NOON.timestamp() + 120
    assert found["indiean_job_last_run_duration_seconds", labels(job="digests")] == 3
    assert ("indiean_job_last_run_end_timestamp_seconds", labels(job="digests")) not in found


async def _away() -> Sequence[LastRun]:
    raise DatabaseUnavailable("it is away")


async def _hanging() -> Sequence[LastRun]:
    await asyncio.Event().wait()
    return ()


@pytest.mark.parametrize("last_runs", [_away, _hanging])
async def test_jobs_that_nobody_can_say_anything_of_leave_the_rest_readable(last_runs: object) -> None:
    metrics = Metrics()
    metrics.watch_jobs(last_runs)  # type: ignore[arg-type]
    metrics.answered(answered(0.1))
    found = await read(metrics)

    assert any(name == "indiean_requests_total" for name, _ in found)
    assert not any(name.startswith("indiean_job") for name, _ in found)


NAME = re.compile(r"indiean_[a-z0-9]+(_[a-z0-9]+)*")
UNITS = ("_seconds", "_bytes", "_total", "_info", "_waiting", "_games", "_connected")


async def test_names_end_in_their_unit_and_everything_says_what_it_is(place: Place, tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.watch(lambda: of_loop(Ticks()))
    metrics.watch(lambda: of_model(place.desk.engine.served, lambda _: datetime(2026, 1, 1, tzinfo=UTC)))
    metrics.watch(lambda: of_backlog(place.desk.logs, place.desk.lake))
    text = (await metrics.text()).decode()
    ours = [line.split(maxsplit=3) for line in text.splitlines() if line.startswith("# HELP indiean_")]

    assert len(ours) >= 10
    for _, _, name, said in ours:
        assert NAME.fullmatch(name)
        assert name.endswith(UNITS)
        assert said.endswith(".")


@dataclass
class Site:
    """A bot's web server with what is behind its answers."""

    address: str
    stop: asyncio.Event
    chat: Platform
    metrics: Metrics

    async def readyz(self) -> tuple[int, Mapping[str, object]]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.address}/readyz")
        return answer.status_code, answer.json()


@pytest.fixture
async def site(place: Place) -> AsyncIterator[Site]:
    async with open_site(place.database) as opened:
        yield opened


@asynccontextmanager
async def open_site(database: Database, patience: float = 2.0) -> AsyncIterator[Site]:
    stop, chat, metrics = asyncio.Event(), Platform("Discord", _never), Metrics()
    ready = Ready(lambda: "v1", database, [chat], stop, patience)
    async with listening(web_app(routes=health_routes(ready, metrics)), "127.0.0.1", 0) as address:
        yield Site(address, stop, chat, metrics)


async def test_ready_is_who_is_connected_until_told_to_stop(site: Site) -> None:
    before = await site.readyz()
    site.chat.connected.set()
    connected = await site.readyz()
    site.stop.set()
    leaving = await site.readyz()

    assert before == (503, {"ready": False, "model": "v1", "missing": {"discord": "not connected"}})
    assert connected == (200, {"ready": True, "model": "v1", "missing": {}})
    assert leaving == (503, {"ready": False, "model": "v1", "missing": {"process": "shutting down"}})


async def test_a_database_that_is_away_is_missing_and_its_address_is_not_told(tmp_path: Path) -> None:
    async with open_site(Database("postgresql://me:hunter2@127.0.0.1:9/indiean", patience=0.5)) as site:
        site.chat.connected.set()
        status, said = await site.readyz()

    assert (status, said["missing"]) == (503, {"database": "away"})
    assert "hunter2" not in str(said)


async def test_a_database_without_its_tables_is_away(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    (tmp_path / "empty.sqlite").touch()
    async with open_site(database) as site:
        _, said = await site.readyz()
    await database.close()

    assert said["missing"] == {"database": "away", "discord": "not connected"}


async def test_metrics_are_served_as_prometheus_wants_them(site: Site) -> None:
    site.metrics.answered(answered(0.1))
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{site.address}/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'indiean_requests_total{command="curate",outcome="answered",platform="discord"} 1.0' in answer.text
