"""The state of what answers, as metrics: read when somebody looks, kept by nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from bot.hosting.serving import Platform
from bot.hosting.ticks import Ticks
from jobs.learner import Learning
from recommender.served import Served
from storage.errors import SpoolError
from storage.lake.patient import PatientLake
from storage.patient_logs import PatientLogs

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds that the event loop may be late."""

Fitted = Callable[[str], datetime | None]
"""When the matrix of a version was fitted; None where its folder no longer says."""


def of_loop(ticks: Ticks) -> Iterator[Metric]:
    late = ticks.histogram(BOUNDS)
    buckets = [(str(bound), float(count)) for bound, count in zip(BOUNDS, late.within, strict=True)]
    yield HistogramMetricFamily(
        "indiean_event_loop_lag_seconds",
        "How late the event loop was, looked at fifty times a second.",
        [*buckets, ("+Inf", float(late.ticks))],
        late.total,
    )


def of_model(served: Served, fitted: Fitted) -> Iterator[Metric]:
    info = GaugeMetricFamily("indiean_model_info", "The version in service.", labels=("version",))
    info.add_metric((served.version,), 1)
    yield info
    yield GaugeMetricFamily("indiean_model_games", "Games that the version in service knows.", len(served.scorer.items))
    moment = fitted(served.version)
    if moment is not None:
        yield GaugeMetricFamily(
            "indiean_model_fit_timestamp_seconds", "When the version in service was fitted.", moment.timestamp()
        )


def of_backlog(logs: PatientLogs, lake: PatientLake) -> Iterator[Metric]:
    """What waits for the database, and what was lost for want of it."""
    yield GaugeMetricFamily("indiean_log_writes_waiting", "Log writes that wait in memory.", logs.waiting)
    yield CounterMetricFamily("indiean_log_writes_lost", "Log writes that were given up.", logs.lost)
    yield GaugeMetricFamily("indiean_lake_events_waiting", "Events for the lake that wait in memory.", lake.waiting)
    yield CounterMetricFamily("indiean_lake_events_lost", "Events for the lake that were given up.", lake.lost)
    with suppress(SpoolError):
        yield GaugeMetricFamily("indiean_lake_spool_bytes", "Events for the lake that wait on disk.", lake.spooled())


def of_learning(found: Learning) -> Iterator[Metric]:
    """What was learned in place since the process started; all but the first are of the rows of people of the bot."""
    yield GaugeMetricFamily("indiean_learning_possible", "Whether the version in service learns.", float(found.learns))
    yield CounterMetricFamily("indiean_rows_learned", "Rows that were learned in place.", found.learned)
    yield CounterMetricFamily("indiean_rows_forgotten", "Rows that were taken out in place.", found.forgotten)
    yield CounterMetricFamily("indiean_rows_refused", "Rows that wait for the next fit.", found.refused)
    yield CounterMetricFamily("indiean_learning_failures", "Passes that failed and are tried again.", found.failures)
    yield GaugeMetricFamily("indiean_learning_pass_seconds", "What the last pass took.", found.seconds)
    yield GaugeMetricFamily("indiean_learning_lag_events", "Events of the lake not looked at yet.", found.lag)


def of_platforms(platforms: Sequence[Platform]) -> Iterator[Metric]:
    connected = GaugeMetricFamily("indiean_platform_connected", "Whether a chat delivers to us.", labels=("platform",))
    for platform in platforms:
        connected.add_metric((platform.name.lower(),), float(platform.connected.is_set()))
    yield connected
