"""A process that keeps a timetable of one job on a database that others share, by a clock that all of them read.

    python -m tests.jobs_process URL FOLDER NAME EPOCH

The clock showed a quarter past three at EPOCH, and runs SPEED times as fast as ours. The first attempt of the night
never ends by itself; FOLDER/begun has a line an attempt, with the name of who made it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from bot.hosting.scheduling import keep
from bot.hosting.serving import stopped_by_signals
from jobs.scheduler import Scheduler
from jobs.training import Progress
from jobs.work import Report
from storage.database import Database
from storage.election import election
from storage.runs import Runs
from tests.timetables import NIGHT, NIGHTLY, Done, Heard

SPEED = 15.0
"""A minute without a sign of life takes four seconds."""
EVERY = 0.2
BEGUN = "begun"


async def main(url: str, folder: Path, name: str, epoch: float) -> None:
    begun = folder / BEGUN

    def now() -> datetime:
        return NIGHT + timedelta(seconds=SPEED * (time.time() - epoch))

    async def work(progress: Progress) -> Report:
        progress("gather", 0, 0)
        with begun.open("a") as file:
            file.write(f"{name}\n")
        attempts = len(begun.read_text().splitlines())
        if attempts == 1:
            await asyncio.Event().wait()
        return Done(attempts)

    database, stop = Database(url), asyncio.Event()
    await database.migrate()
    timetable, works = (NIGHTLY,), {"nightly": work}
    scheduler = Scheduler(timetable, works, Runs(database), election(url), Heard(), now=now, replica=name)
    with stopped_by_signals(stop):
        await keep(scheduler, timetable, stop, EVERY)
    await database.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
