"""What Prometheus reads: how requests go, and the state of what answers them; nothing about people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.canonical import Answered
from storage.errors import DatabaseError

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: an answer out of the model takes a few thousandths, one that waits for Steam up to some seconds."""
PATIENCE = 1.0
"""Seconds that the last runs of jobs may take to be read: what reads the metrics waits for ten as a rule."""

Read = Callable[[], Iterable[Metric]]


class LastRun(Protocol):
    """How a job went the last time; `ended` is None while it runs, `seconds` are those so far then."""

    @property
    def job(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def started(self) -> datetime: ...
    @property
    def ended(self) -> datetime | None: ...
    @property
    def seconds(self) -> float: ...


LastRuns = Callable[[], Awaitable[Sequence[LastRun]]]


class Metrics:
    """One a process, made by the composition root. Names and units as https://prometheus.io/docs/practices/naming."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "indiean_requests",
            "Requests by how they ended.",
            ("command", "platform", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "indiean_request_duration_seconds",
            "From a request to its reply, without the way to the chat.",
            ("command", "platform"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._steam = Histogram(
            "indiean_steam_wait_seconds",
            "How long a request waited for Steam, of those that asked it.",
            ("command",),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._last_runs: LastRuns | None = None
        self._runs: Sequence[LastRun] = ()

    def answered(self, request: Answered) -> None:
        self._requests.labels(request.command, request.platform, request.outcome).inc()
        self._seconds.labels(request.command, request.platform).observe(request.seconds)
        if request.steam_seconds is not None:
            self._steam.labels(request.command).observe(request.steam_seconds)

    def watch(self, read: Read) -> None:
        """`read` is asked at each look, in a thread: it only reads, and never waits for anything."""
        self._registry.register(_Watched(read))

    def watch_jobs(self, last_runs: LastRuns) -> None:
        """`last_runs` is asked at each look, one run a job; what it cannot say in time, or at all, is left out."""
        self._last_runs = last_runs
        self.watch(lambda: of_runs(self._runs))

    async def text(self) -> bytes:
        if self._last_runs is not None:
            self._runs = await _said(self._last_runs)
        return await asyncio.to_thread(generate_latest, self._registry)


async def _said(last_runs: LastRuns) -> Sequence[LastRun]:
    """Nothing while the database is away: /readyz says so, and the rest is worth reading all the same."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await last_runs()
    except (DatabaseError, TimeoutError):
        return ()


class _Watched(Collector):
    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()


def of_runs(runs: Sequence[LastRun]) -> Iterator[Metric]:
    """By job: how the last run went, when it began and ended, in seconds since 1970, and how long it took."""
    outcome = GaugeMetricFamily(
        "indiean_job_last_run_info", "How the last run of a job went.", labels=("job", "outcome")
    )
    started = GaugeMetricFamily(
        "indiean_job_last_run_start_timestamp_seconds", "When the last run of a job began.", labels=("job",)
    )
    ended = GaugeMetricFamily(
        "indiean_job_last_run_end_timestamp_seconds", "When the last run of a job ended.", labels=("job",)
    )
    seconds = GaugeMetricFamily(
        "indiean_job_last_run_duration_seconds", "How long the last run of a job took, or has so far.", labels=("job",)
    )
    for run in runs:
        outcome.add_metric((run.job, run.outcome), 1)
        started.add_metric((run.job,), run.started.timestamp())
        seconds.add_metric((run.job,), run.seconds)
        if run.ended is not None:
            ended.add_metric((run.job,), run.ended.timestamp())
    yield from (outcome, started, ended, seconds)
