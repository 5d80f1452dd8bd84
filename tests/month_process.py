"""One replica of a month that is played through: told line by line what time it is and what people do.

    python -m tests.month_process NAME

It is `indiean serve` without its gateways and without its own clock: the same desk, engine, timetable and senders, of
the settings in the environment. Each line of the input is a JSON object with `at`, the moment that all clocks show
from then on, and `do`:

    tick    looks at the timetable, waits until what it began has ended, follows the registry, learns in place
    ask     `person` asks for picks by the `titles` of games, and likes and hides the games of the app ids given
    state   nothing

One line answers each: the version that answers, whether this replica leads, the rows that it learned and forgot, and
its memory in bytes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.app import connected, running
from bot.commands.command import Desk
from bot.dispatch import dispatch
from bot.hosting.following import following
from bot.hosting.garbage import settled
from bot.hosting.posters import status_poster
from bot.hosting.scheduling import timetabled
from bot.hosting.turns import short_turns
from bot.messages import Language, Outcome, Person, Place, Request
from bot.settings import read_settings
from bot.slack.pace import Pace
from jobs.scheduler import Scheduler
from recommender.library import Library
from recommender.registry import Registry
from storage.feedback import Opinion
from storage.lake.events import library_read
from tests.digest_world import Hands

FLUSHED = 10.0
LOOKED = 20.0
LONGEST = 8_000
"""Hundredths of a second that a night may take."""


class Replica:
    """`pulse` lets the follower look once; `looked` is set when it has."""

    def __init__(self, clock: Hands) -> None:
        self.clock = clock
        self.pulse, self.looked = asyncio.Event(), asyncio.Event()

    async def sleep(self, _: float) -> None:
        self.looked.set()
        await self.pulse.wait()
        self.pulse.clear()

    async def tick(self, desk: Desk, scheduler: Scheduler) -> None:
        await scheduler.tick()
        for _ in range(LONGEST):
            if not scheduler.under_way:
                break
            await asyncio.sleep(0.01)
        self.looked.clear()
        self.pulse.set()
        async with asyncio.timeout(LOOKED):
            await self.looked.wait()
        assert desk.learner is not None
        while not await desk.learner.catch_up():
            pass

    async def ask(self, desk: Desk, said: Mapping[str, Any]) -> None:
        """Whatever is pressed under the answer is written as the buttons write it."""
        person, at = Person(said["platform"], said["person"]), self.clock()
        place = Place(said["server"], said["channel"])
        options = {"games": ", ".join(said["titles"])}
        request = Request(said["id"], person, "recommend", options, Language.EN, at, place)
        reply = await dispatch(request, desk)
        assert reply.outcome is Outcome.ANSWERED, reply.text
        for opinion, app_ids in ((Opinion.LIKE, said["likes"]), (Opinion.HIDE, said["hides"])):
            for app_id in app_ids:
                await desk.feedback.toggle(person.platform, person.id, app_id, opinion, at)
        if said["library"]:
            library = Library({int(app_id): minutes for app_id, minutes in said["library"].items()})
            desk.lake.put(library_read(person.platform, person.id, library, at))
        assert await desk.logs.flush(FLUSHED)
        assert await desk.lake.flush(FLUSHED)


async def main(name: str) -> None:
    settings, clock = read_settings(), Hands()
    registry, replica, pace = Registry(settings.models), Replica(clock), Pace(every=0.0)
    served = await asyncio.to_thread(registry.open_current)
    lines = await _lines()
    async with connected(settings) as database, running(settings, served, database=database) as desk:
        assert desk.learner is not None
        follower = following(registry, desk.engine, sleep=replica.sleep, swapped=desk.learner.wake)
        with status_poster(settings, pace) as poster:
            async with (
                follower,
                timetabled(settings, database, poster, pace, engine=desk.engine, now=clock) as scheduler,
            ):
                await _played(lines, name, replica, desk, scheduler)
                await scheduler.close()


async def _played(lines: asyncio.StreamReader, name: str, replica: Replica, desk: Desk, scheduler: Scheduler) -> None:
    while line := await lines.readline():
        said = json.loads(line)
        replica.clock.moment = datetime.fromisoformat(said["at"])
        match said["do"]:
            case "tick":
                await replica.tick(desk, scheduler)
            case "ask":
                await replica.ask(desk, said)
        assert desk.learner is not None
        learning = desk.learner.learning
        told = {
            "replica": name,
            "version": desk.engine.served.version,
            "leads": scheduler.leading,
            "learned": learning.learned,
            "refused": learning.refused,
            "memory": _memory(),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _memory() -> int:
    """Bytes that are this process's own: without files that are mapped, which all share."""
    resident, shared = map(int, Path("/proc/self/statm").read_text("ascii").split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.Formatter.converter = lambda *_: datetime.now(UTC).timetuple()
    with settled(), short_turns():
        asyncio.run(main(sys.argv[1]))
