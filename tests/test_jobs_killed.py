"""Two processes keep one timetable: whichever is killed or stopped in the middle of a run, the other goes on."""

from __future__ import annotations

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.runs import Outcome, Run, Runs
from tests.databases import KINDS, migrated, opened, sqlite_url
from tests.databases import empty as empty_database
from tests.jobs_process import BEGUN
from tests.processes import running
from tests.test_election import cut_off
from tests.test_runs import RUN
from tests.timetables import NIGHT

SEEN = replace(RUN, due=NIGHT - timedelta(days=1), ended=NIGHT, outcome=Outcome.NEW)
"""That the timetable was kept the evening before."""
WITHIN = 30.0
"""Seconds after which a test that waits for something has failed."""


@dataclass
class Pair:
    url: str
    folder: Path
    processes: dict[str, Process]

    def begun(self) -> list[str]:
        file = self.folder / BEGUN
        return file.read_text().split() if file.exists() else []

    async def until_begun(self, attempts: int) -> str:
        """Who made the last of so many attempts."""
        deadline = time.monotonic() + WITHIN
        while len(self.begun()) < attempts:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            await asyncio.sleep(0.02)
        return self.begun()[-1]

    async def until_logged(self, words: str) -> None:
        deadline = time.monotonic() + WITHIN
        while words not in (self.folder / "log").read_text():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            await asyncio.sleep(0.05)

    async def history(self) -> list[Run]:
        async with opened(self.url) as database:
            return (await Runs(database).recent(9))[::-1]

    async def until_ended(self, runs: int) -> list[Run]:
        deadline = time.monotonic() + WITHIN
        while len([run for run in await self.history() if run.ended is not None]) < runs:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            await asyncio.sleep(0.05)
        return await self.history()


@pytest.fixture(params=KINDS)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        url = sqlite_url(tmp_path / "indiean.sqlite")
        if request.param == "postgres":
            url = await stack.enter_async_context(empty_database("postgres", tmp_path))
        async with migrated(url) as database:
            assert await Runs(database).begin(SEEN)
        epoch, processes = str(time.time()), {}
        for name in ("a", "b"):
            process = running(
                "tests.jobs_process", url, str(tmp_path), name, epoch, env={}, log=tmp_path / "log", folder=tmp_path
            )
            processes[name] = await stack.enter_async_context(process)
        yield Pair(url, tmp_path, processes)


def told(runs: list[Run]) -> list[tuple[str, str, int]]:
    return [(run.replica, str(run.outcome), run.attempt) for run in runs if run.outcome != "new"]


async def test_the_other_takes_over_from_a_killed_process(pair: Pair) -> None:
    first = await pair.until_begun(1)
    pair.processes[first].kill()
    second = await pair.until_begun(2)
    runs = await pair.until_ended(3)

    assert first != second
    assert told(runs) == [(first, "killed", 1), (second, "done", 2)]
    assert pair.begun() == [first, second]


async def test_a_process_that_is_stopped_says_so_within_seconds_and_the_other_goes_on_at_once(pair: Pair) -> None:
    first = await pair.until_begun(1)
    began = time.monotonic()
    pair.processes[first].send_signal(signal.SIGTERM)
    status = await asyncio.wait_for(pair.processes[first].wait(), WITHIN)
    took = time.monotonic() - began
    second = await pair.until_begun(2)
    runs = await pair.until_ended(3)

    assert (status, took < 10) == (0, True)
    assert first != second
    assert told(runs) == [(first, "stopped", 1), (second, "done", 2)]


@pytest.mark.parametrize("pair", ["postgres"], indirect=True)  # on SQLite a process that hangs keeps the file locked
async def test_a_process_that_hangs_is_taken_over_and_ends_its_run_when_it_wakes(pair: Pair) -> None:
    first = await pair.until_begun(1)
    pair.processes[first].send_signal(signal.SIGSTOP)
    await cut_off(pair.url)  # as the server does after a minute of silence
    second = await pair.until_begun(2)
    pair.processes[first].send_signal(signal.SIGCONT)
    runs = await pair.until_ended(3)
    await pair.until_logged("is ended")  # as taken for killed, or as another may lead: whichever it notices first

    assert told(runs) == [(first, "killed", 1), (second, "done", 2)]
