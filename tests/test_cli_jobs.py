"""`indiean jobs` as an operator meets it: the timetable, runs by hand, the history, and a process that keeps it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from bot.cli.jobs import _span
from bot.settings import PREFIX, read_settings
from jobs.timetable import TIMETABLE
from storage.database import Database
from storage.runs import Outcome, Runs
from tests.loopback_slack import LoopbackSlack
from tests.posters import read
from tests.processes import running
from tests.test_runs import OVER, RUN

WITHIN = 30.0
"""Seconds after which a test that waits for something has failed."""
KEY = "0123456789ABCDEF0123456789ABCDEF"


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def no_warehouse(home: Path) -> None:
    """A file in its place that keeps a refresh from being done."""
    home.mkdir()
    (home / "warehouse.duckdb").write_text("no warehouse")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join("".join(capsys.readouterr()).split())


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def keep(*these: Any) -> None:
    async def write() -> None:
        database = Database(read_settings().database)
        await database.migrate()
        for one in these:
            await Runs(database).begin(one)
        await database.close()

    asyncio.run(write())


def test_the_list_says_when_each_job_is_due_how_long_until_then_and_how_it_went(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(replace(OVER, job="catalog"))
    assert run(["jobs", "list"]) == 0
    listed = said(capsys)
    assert run(["jobs", "list", "--json"]) == 0
    (described, *_) = printed(capsys)

    for job in TIMETABLE:
        assert f"{job.name} " in listed
        assert job.reports.split()[0] in listed
    assert "done, 05-17 12:00" in listed
    following = datetime.fromisoformat(described["next"])
    assert timedelta(0) < following - datetime.now(UTC) <= timedelta(days=1)
    assert (following.hour, following.minute) == (1, 45)
    assert (described["job"], described["limit"], described["last"]["reference"]) == ("catalog", 3600.0, "0badcafe")


def test_the_history_is_a_table_and_json_of_all_jobs_or_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "history"]) == 0
    nothing = said(capsys)
    later = OVER.due + timedelta(days=1)
    failed = replace(RUN, job="catalog", due=later, started=later, ended=later, outcome=Outcome.FAILED, error="no key")
    keep(OVER, failed)
    assert run(["jobs", "history"]) == 0
    table = said(capsys)
    assert run(["jobs", "history", "--json", "catalog"]) == 0
    (found,) = printed(capsys)

    assert "Nothing has run yet" in nothing
    assert "catalog 2024-05-18 12:00 1 failed 0.0 – 0badcafe nightly 2024-05-17 12:00 1 done 300.0 publish" in table
    assert (found["job"], found["outcome"], found["error"]) == ("catalog", "failed", "no key")


@pytest.mark.parametrize("command", ["run", "history"])
def test_a_job_that_there_is_not_is_one_sentence(home: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", command, "weekly"]) == 1
    assert "there is no job 'weekly': say one of catalog" in said(capsys)
    assert not home.exists()


def test_by_hand_a_job_that_has_nothing_to_do_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "run", "catalog"]) == 0
    told = said(capsys)
    run(["jobs", "history", "--json"])
    (found,) = printed(capsys)

    assert told.startswith("catalog: skipped after")
    assert f"(reference {found['reference']}) Steam lists its games only to whoever has a key" in told
    assert found["attempt"] == 0


def test_by_hand_a_job_that_runs_elsewhere_is_refused_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    keep(replace(RUN, job="catalog", due=now, started=now, heartbeat=now, replica="elsewhere/7"))

    assert run(["jobs", "run", "catalog"]) == 1
    assert "refused catalog runs since" in (told := said(capsys))
    assert "on elsewhere/7: wait until it is done" in told


def test_a_failure_is_told_on_the_terminal_with_the_reference(
    monkeypatch: pytest.MonkeyPatch, no_warehouse: None, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_STEAM_API_KEY", KEY)
    status, told = run(["jobs", "run", "catalog"]), said(capsys)
    run(["jobs", "history", "--json"])
    (found,) = printed(capsys)

    assert status == 1
    assert "The job catalog failed" in told
    assert f"Reference {found['reference']}" in told
    assert found["error"] in told


async def test_where_slack_is_set_up_its_status_channel_hears_of_it(home: Path, no_warehouse: None) -> None:
    async with LoopbackSlack(between_posts=0.0) as slack:
        channel = slack.channel(name="status")
        settings = {
            "HOME": str(home),
            "STEAM_API_KEY": KEY,
            "SLACK_API_URL": slack.url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_STATUS_CHANNEL": channel.id,
            "LANGUAGE": "ko",
        }
        env = {PREFIX + name: value for name, value in settings.items()}
        log = home.parent / "log"
        async with running("bot", "jobs", "run", "catalog", env=env, log=log, folder=home.parent) as process:
            status = await asyncio.wait_for(process.wait(), WITHIN)
        (message,) = slack.posted(channel)

    assert status == 1, log.read_text()
    assert "작업 실패: catalog" in read(message.body)
    assert "catalog: failed after" in log.read_text()


async def test_alone_it_keeps_the_timetable_until_sigterm(home: Path) -> None:
    log = home.parent / "log"
    async with running("bot", "jobs", env={"INDIEAN_HOME": str(home)}, log=log, folder=home.parent) as process:
        deadline = time.monotonic() + WITHIN
        while "keeps the timetable from now on" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(process.wait(), 10)

    assert status == 0, log.read_text()
    assert "the timetable has catalog" in log.read_text()
    assert "what was under way has ended" in log.read_text()
    assert "apscheduler" not in log.read_text()


def test_without_a_database_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/indiean")
    statuses = [run(["jobs", *rest]) for rest in ([], ["list"], ["history"], ["run", "catalog"])]
    why = said(capsys)

    assert statuses == [1, 1, 1, 1]
    assert why.count("refused") == 4
    assert "Traceback" not in why
    assert "hunter2" not in why


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=1), "1 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=22, minutes=3, seconds=1), "22 h 4 min"),
        (timedelta(days=2, hours=5, minutes=9), "2 d 5 h"),
    ],
)
def test_spans_are_said_in_hours_and_minutes_and_long_ones_in_days(time: timedelta, words: str) -> None:
    assert _span(time) == words
