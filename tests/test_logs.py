"""Logs hold what happened once and in order, whatever the database did meanwhile, and find a page again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.messages import Outcome
from storage.database import Database
from storage.errors import DatabaseUnavailable
from storage.logs import Asked, Counts, Impression, Logs, Offered, PastAnswer, Reaction, RequestLog
from storage.patient_logs import PatientLogs
from storage.schema import impressions
from tests.databases import KINDS, NOON, locked, migrated, moved_away, ready, sqlite_url

HADES = 1145360
CELESTE = 504230
SHOWN = (Impression(1, HADES, 0.9), Impression(2, CELESTE, 0.1 + 0.2))


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "indiean.db"


@pytest.fixture
async def logs(file: Path) -> AsyncIterator[Logs]:
    """On SQLite, and a lock fails them after a fiftieth of a second."""
    async with migrated(sqlite_url(file), patience=0.02) as ready:
        yield Logs(ready)


def asked(number: int, person: str = "ada") -> RequestLog:
    return RequestLog(
        id=f"request-{number}",
        at=NOON + timedelta(seconds=number),
        platform="discord",
        person=person,
        command="recommend",
        options={"count": 5, "tag": "로그라이크", "free": False, "max_price": 9.99, "year": None},
        outcome="answered",
        latency_ms=41,
        model_version="2024-05-17",
        picks=2,
    )


def liked(number: int, person: str = "ada") -> Reaction:
    return Reaction(f"reaction-{number}", NOON, "discord", person, HADES, "like", f"request-{number}")


class Sleeps:
    """Sleeps no time at all, and remembers how long it was asked to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._more = asyncio.Condition()

    async def __call__(self, seconds: float) -> None:
        async with self._more:
            self.seconds.append(seconds)
            self._more.notify_all()

    async def reached(self, tries: int) -> None:
        async with asyncio.timeout(5), self._more:
            await self._more.wait_for(lambda: len(self.seconds) >= tries)


async def test_a_request_comes_back_as_it_was_logged(database: Database) -> None:
    logs = Logs(database)
    await logs.record(asked(1), SHOWN)
    await logs.record(replace(asked(2), model_version=None, options={}, picks=0), ())

    assert await logs.recent(10) == [replace(asked(2), model_version=None, options={}, picks=0), asked(1)]


async def test_impressions_keep_place_game_and_score(database: Database) -> None:
    await Logs(database).record(asked(1), SHOWN)
    async with database.reading() as connection:
        rows = (await connection.execute(select(impressions).order_by(impressions.c.position))).all()

    assert [tuple(row) for row in rows] == [
        ("request-1", 1, HADES, 0.9, None),
        ("request-1", 2, CELESTE, 0.30000000000000004, None),
    ]


async def test_logging_a_request_or_reaction_again_changes_nothing(database: Database) -> None:
    logs = Logs(database)
    for _ in range(2):
        await logs.record(asked(1), SHOWN)
        await logs.react(liked(1))
    await logs.record(replace(asked(1), outcome="refused"), SHOWN[:1])

    assert await logs.counts() == Counts(requests=1, impressions=2, reactions=1, people=1)
    assert await logs.recent(1) == [asked(1)]


async def test_the_same_request_logged_twice_at_once_is_there_once(database: Database) -> None:
    logs = Logs(database)
    await asyncio.gather(*(logs.record(asked(1), SHOWN) for _ in range(8)))

    assert await logs.counts() == Counts(requests=1, impressions=2, reactions=0, people=1)


async def test_a_request_whose_impressions_are_refused_is_not_there_either(database: Database) -> None:
    twice_the_same_place = (SHOWN[0], SHOWN[0])
    with pytest.raises(IntegrityError):
        await Logs(database).record(asked(1), twice_the_same_place)

    assert await Logs(database).recent(1) == []


async def test_the_latest_of_somebody_is_the_newest_of_these_that_showed_them_something(database: Database) -> None:
    logs = Logs(database)
    rows = [replace(asked(1), picks=1), replace(asked(2), picks=3), replace(asked(3), picks=0)]
    other = replace(asked(4), picks=3, command="share")
    for row in (*rows, other, replace(asked(5, "bob"), picks=3)):
        await logs.record(row, ())

    assert await logs.latest("discord", "ada", ["recommend", "curate"]) == rows[1]
    assert await logs.latest("slack", "ada", ["recommend"]) is None


async def test_recent_gives_the_newest_first_and_no_more_than_asked(database: Database) -> None:
    logs = Logs(database)
    for number in (2, 3, 1):
        await logs.record(asked(number), ())

    assert [request.id for request in await logs.recent(2)] == ["request-3", "request-2"]


async def test_the_moments_of_requests_are_in_utc(database: Database) -> None:
    await Logs(database).record(asked(1), ())

    assert [request.at.tzinfo for request in await Logs(database).recent(1)] == [UTC]


async def test_a_reaction_counts_before_its_request_is_logged_or_without_one(database: Database) -> None:
    logs = Logs(database)
    await logs.react(liked(1))
    await logs.react(replace(liked(2), request_id=None))

    assert (await logs.counts()).reactions == 2


async def test_where_what_page_and_which_choices_come_back_as_they_were_logged(database: Database) -> None:
    choices = (Offered(label="마법사 없이", command="curate", options={"tag": "Puzzle", "max_price": 9.99}),)
    second = replace(asked(2), server="guild", channel="lobby", root="request-1", page=2, choices=choices)
    logs = Logs(database)
    await logs.record(second, ())

    assert await logs.recent(1) == [second]


async def test_an_answer_is_found_by_its_request_with_what_it_showed_in_order(database: Database) -> None:
    logs = Logs(database)
    await logs.record(asked(1), SHOWN[::-1])
    await logs.record(asked(2), SHOWN[:1])

    assert await logs.answer("request-1") == PastAnswer(asked(1), SHOWN)


async def test_an_answer_that_was_never_logged_is_none(database: Database) -> None:
    logs = Logs(database)

    assert await logs.answer("request-1") is None
    assert await logs.page("request-1", 1) is None
    assert await logs.page("request-1", 2) is None
    assert await logs.shown_before("request-1", 2) == frozenset()


async def pages(logs: Logs) -> None:
    """An answer with one game on each of its pages 1 to 3, page 2 in two versions, and somebody else's answer."""
    await logs.record(asked(1), (Impression(1, 10, 0.9),))
    await logs.record(page(4, 3), (Impression(1, 30, 0.5),))
    await logs.record(page(3, 2), (Impression(1, 21, 0.6),))
    await logs.record(page(2, 2), (Impression(1, 20, 0.7),))
    await logs.record(asked(5, "grace"), (Impression(1, 50, 0.9),))
    await logs.record(replace(page(6, 2), root="request-5"), (Impression(1, 60, 0.9),))


def page(number: int, which: int) -> RequestLog:
    return replace(asked(number), root="request-1", page=which)


async def test_the_first_page_is_the_answer_itself(database: Database) -> None:
    logs = Logs(database)
    await pages(logs)

    assert await logs.page("request-1", 1) == PastAnswer(asked(1), (Impression(1, 10, 0.9),))


async def test_of_a_later_page_the_newest_version_counts(database: Database) -> None:
    logs = Logs(database)
    await pages(logs)

    assert await logs.page("request-1", 2) == PastAnswer(page(3, 2), (Impression(1, 21, 0.6),))


@pytest.mark.parametrize(
    ("up_to", "games"), [(0, {10}), (1, {10}), (2, {10, 21}), (3, {10, 21, 30}), (9, {10, 21, 30})]
)
async def test_shown_before_is_what_the_newest_versions_of_the_pages_show(
    database: Database, up_to: int, games: set[int]
) -> None:
    logs = Logs(database)
    await pages(logs)

    assert await logs.shown_before("request-1", up_to) == games


async def test_a_page_that_showed_nothing_does_not_hide_the_one_that_did(database: Database) -> None:
    logs = Logs(database)
    await pages(logs)
    await logs.record(replace(page(9, 2), outcome="failed", picks=0), ())

    assert await logs.page("request-1", 2) == PastAnswer(page(3, 2), (Impression(1, 21, 0.6),))
    assert await logs.shown_before("request-1", 2) == {10, 21}


async def test_who_asked_since_then_is_told_oldest_first_and_no_more_than_the_newest(database: Database) -> None:
    logs = Logs(database)
    await logs.record(replace(asked(3), platform="slack", server="guild"), ())
    for number in (4, 1, 2):
        await logs.record(asked(number, "grace"), ())
    moments = [NOON + timedelta(seconds=number) for number in (2, 3, 4)]
    grace, ada, grace_again = (
        Asked("discord", "grace", None, moments[0]),
        Asked("slack", "ada", "guild", moments[1]),
        Asked("discord", "grace", None, moments[2]),
    )

    assert await logs.asked_since(moments[0]) == [grace, ada, grace_again]
    assert await logs.asked_since(moments[0], most=2) == [ada, grace_again]
    assert await logs.asked_since(moments[2] + timedelta(seconds=1)) == []


async def test_who_was_slowed_down_has_not_asked(database: Database) -> None:
    logs = Logs(database)
    await logs.record(asked(1), ())
    await logs.record(replace(asked(2), outcome=Outcome.SLOWED), ())

    assert [one.at for one in await logs.asked_since(NOON)] == [NOON + timedelta(seconds=1)]


async def test_what_is_asked_after_the_clock_was_set_back_is_kept_and_found_as_before(database: Database) -> None:
    logs = Logs(database)
    await logs.record(asked(3600), SHOWN)
    await logs.record(asked(0), SHOWN)
    await logs.record(asked(0), SHOWN)

    assert await logs.counts() == Counts(requests=2, impressions=4, reactions=0, people=1)
    assert await logs.answer("request-0") == PastAnswer(asked(0), SHOWN)


async def test_patient_logs_write_what_they_are_given(database: Database) -> None:
    logs = Logs(database)
    patient = PatientLogs(logs)
    patient.record(asked(1), SHOWN)
    patient.react(liked(1))
    written = await patient.flush(5)

    assert written
    assert await logs.counts() == Counts(requests=1, impressions=2, reactions=1, people=1)


async def test_while_the_database_is_locked_nothing_fails_and_afterwards_all_is_there_once(
    logs: Logs, file: Path
) -> None:
    sleeps = Sleeps()
    patient = PatientLogs(logs, sleep=sleeps)
    with locked(file):
        for number in range(20):
            patient.record(asked(number), SHOWN)
            patient.react(liked(number))
        await sleeps.reached(3)
        during = await logs.counts()
    written = await patient.flush(5)

    assert written
    assert during == Counts(0, 0, 0, 0)
    assert await logs.counts() == Counts(requests=20, impressions=40, reactions=20, people=1)
    assert patient.lost == 0


async def test_a_database_that_vanishes_half_way_costs_no_line(logs: Logs, file: Path) -> None:
    sleeps = Sleeps()
    patient = PatientLogs(logs, sleep=sleeps)
    patient.record(asked(1), SHOWN)
    await patient.flush(5)
    with moved_away(file):
        patient.record(asked(2), SHOWN)
        patient.record(asked(3), SHOWN)
        await sleeps.reached(5)
    written = await patient.flush(5)

    assert written
    assert [request.id for request in await logs.recent(10)] == ["request-3", "request-2", "request-1"]


class CommitsUnheard(Logs):
    """A database whose connection breaks after each first commit, before anybody hears of it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.order: list[str] = []

    async def record(self, request: RequestLog, shown: object) -> None:
        await super().record(request, SHOWN if shown else ())
        self.order.append(request.id)
        if self.order.count(request.id) == 1:
            raise DatabaseUnavailable("the connection broke")


async def test_a_write_whose_confirmation_was_lost_is_tried_again_and_not_doubled(database: Database) -> None:
    logs = CommitsUnheard(database)
    patient = PatientLogs(logs, sleep=Sleeps())
    for number in (1, 2):
        patient.record(asked(number), SHOWN)
    written = await patient.flush(5)

    assert written
    assert await logs.counts() == Counts(requests=2, impressions=4, reactions=0, people=1)


async def test_writes_keep_their_order_through_an_outage(database: Database) -> None:
    logs = CommitsUnheard(database)
    patient = PatientLogs(logs, sleep=Sleeps())
    for number in (3, 1, 2):
        patient.record(asked(number), ())
    await patient.flush(5)

    assert logs.order == ["request-3"] * 2 + ["request-1"] * 2 + ["request-2"] * 2


async def test_pauses_double_up_to_half_a_minute(logs: Logs, file: Path) -> None:
    sleeps = Sleeps()
    patient = PatientLogs(logs, sleep=sleeps)
    with moved_away(file):
        patient.record(asked(1), ())
        await sleeps.reached(12)
    await patient.flush(5)

    assert sleeps.seconds[:11] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


async def test_an_outage_is_told_once_and_so_is_its_end(
    logs: Logs, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "storage")
    sleeps = Sleeps()
    patient = PatientLogs(logs, sleep=sleeps)
    with moved_away(file):
        patient.record(asked(1), ())
        await sleeps.reached(6)
    await patient.flush(5)

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_when_the_queue_is_full_the_oldest_stay_and_the_rest_is_counted_and_told_once(
    logs: Logs, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patient = PatientLogs(logs, capacity=3, sleep=Sleeps())
    with moved_away(file):
        for number in range(8):
            patient.record(asked(number), ())
        waiting, lost = patient.waiting, patient.lost
    await patient.flush(5)
    told = [record.getMessage() for record in caplog.records if "new ones are dropped" in record.getMessage()]

    assert (waiting, lost) == (3, 5)
    assert [request.id for request in await logs.recent(10)] == ["request-2", "request-1", "request-0"]
    assert len(told) == 1


async def test_a_write_that_is_a_bug_is_given_up_without_its_values_and_the_next_is_written(
    logs: Logs, caplog: pytest.LogCaptureFixture
) -> None:
    patient = PatientLogs(logs)
    naive = replace(asked(1, person="somebody-private"), at=NOON.replace(tzinfo=None))
    patient.record(naive, ())
    patient.record(asked(2), ())
    await patient.flush(5)

    assert [request.id for request in await logs.recent(10)] == ["request-2"]
    assert patient.lost == 1
    assert "refused" in caplog.text
    assert "somebody-private" not in caplog.text


async def test_flush_does_not_wait_for_what_comes_after_it(database: Database) -> None:
    logs = Logs(database)
    patient = PatientLogs(logs)
    patient.record(asked(0), SHOWN)
    flushing = asyncio.create_task(patient.flush(5))
    await asyncio.sleep(0)
    for number in range(1, 200):
        patient.record(asked(number), SHOWN)
    written = await flushing

    assert written
    assert patient.waiting > 100
    assert await logs.answer("request-0") is not None
    await patient.flush(5)


async def test_a_long_pause_does_not_keep_flush_from_trying(logs: Logs, file: Path) -> None:
    patient = PatientLogs(logs, sleep=lambda _: asyncio.sleep(60))
    with moved_away(file):
        patient.record(asked(1), ())
        during = await patient.flush(0.1)
    after = await patient.flush(5)

    assert not during
    assert after
    assert len(await logs.recent(10)) == 1


async def test_flush_goes_on_trying_until_its_time_is_up(logs: Logs, file: Path) -> None:
    patient = PatientLogs(logs, sleep=lambda _: asyncio.sleep(60))
    with moved_away(file):
        patient.record(asked(1), ())
        flushing = asyncio.create_task(patient.flush(5))
        await asyncio.sleep(0.4)  # longer than one try of flush takes
    written = await flushing

    assert written
    assert len(await logs.recent(10)) == 1


async def test_closing_writes_what_is_left(logs: Logs) -> None:
    patient = PatientLogs(logs)
    for number in range(10):
        patient.record(asked(number), ())
    left = await patient.close()

    assert left == 0
    assert len(await logs.recent(100)) == 10


async def test_closing_without_a_database_ends_in_time_and_says_how_many_were_left(
    logs: Logs, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patient = PatientLogs(logs)
    with locked(file):
        for number in range(4):
            patient.record(asked(number), ())
        async with asyncio.timeout(2):
            left = await patient.close(0.2)

    assert left == 4
    assert "closed with 4 log writes undone" in caplog.text


async def test_after_closing_nothing_more_is_taken(logs: Logs) -> None:
    patient = PatientLogs(logs)
    await patient.close()
    patient.record(asked(1), ())

    assert await patient.flush(1)
    assert patient.lost == 1
    assert await logs.recent(1) == []


async def test_closing_with_nothing_to_do_is_no_work(logs: Logs) -> None:
    assert await PatientLogs(logs).close() == 0
