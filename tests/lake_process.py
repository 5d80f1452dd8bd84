"""A process that uses the lake and is killed: in turn at every step at which it touches the disk or the database.

    python -m tests.lake_process spool|deliver|erase FOLDER

FOLDER/before is what each starts from, FOLDER/1, FOLDER/2 … what it left when it was killed at that step; the last one
was not killed. A step is a call that changes something: it is not made, or of what it should write half is written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from storage.database import Database
from storage.lake.events import Event, Kind
from storage.lake.lake import Lake
from storage.lake.lines import event_of
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from tests.databases import NOON

SPOOLED = "acknowledged"
"""A file with the key of each event that the spool has promised to keep."""


def event(number: int, person: str = "ada", size: int = 10) -> Event:
    payload = {"app_id": number, "opinion": "like", "note": "x" * size}
    return Event(f"reaction:{person}:{number}", Kind.REACTION, NOON, 1, payload, "discord", person)


class Killer:
    """Counts the steps of this process and kills it at one."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> bool:
        self.left -= 1
        return self.left == 0

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*given: object, **named: object) -> object:
            if self.step():
                self.die()
            return call(*given, **named)

        return killed

    def within(self, write: Callable[[int, memoryview], int]) -> Callable[[int, memoryview], int]:
        def killed(file: int, block: memoryview) -> int:
            if self.step():
                write(file, block[: len(block) // 2])
                self.die()
            return write(file, block)

        return killed

    def around(self, call: Callable[[Lake, Sequence[Event]], Awaitable[int]]) -> Callable[..., Awaitable[int]]:
        async def killed(lake: Lake, events: Sequence[Event]) -> int:
            if self.step():
                self.die()
            new = await call(lake, events)
            if self.step():
                self.die()
            return new

        return killed


def arm(at: int, home: Path) -> None:
    killer = Killer(at)
    write, add = os.write, Spool.add

    def noted(spool: Spool, lines: Sequence[bytes]) -> None:
        add(spool, lines)
        with (home / SPOOLED).open("a") as acknowledged:
            acknowledged.writelines(f"{event_of(line).key}\n" for line in lines)

    for name in ("fsync", "unlink", "replace"):
        setattr(os, name, killer.before(getattr(os, name)))
    os.write = killer.within(write)  # type: ignore[assignment]
    setattr(Lake, "append", killer.around(Lake.append))  # noqa: B010  (mypy would not have it assigned)
    setattr(Spool, "add", noted)  # noqa: B010


async def spool(home: Path) -> None:
    """The database is away; seven events come in batches of three."""
    database = Database(f"sqlite:///{home / 'nowhere.sqlite'}")
    lake = PatientLake(Lake(database), Spool(home / "spool"), Spool(home / "aside"), every=0, most=3)
    for number in range(7):
        lake.put(event(number))
    while lake.waiting:  # noqa: ASYNC110  (nobody says so)
        await asyncio.sleep(0.001)
    await lake.close(within=0)
    await database.close()


async def deliver(home: Path) -> None:
    """The database is back."""
    database = Database(f"sqlite:///{home / 'indiean.sqlite'}")
    lake = PatientLake(Lake(database), Spool(home / "spool"), Spool(home / "aside"), every=0)
    lake.start()
    await lake.flush(within=5.0)
    await lake.close()
    await database.close()


async def erase(home: Path) -> None:
    """Somebody asks to be forgotten while the database is away."""
    database = Database(f"sqlite:///{home / 'nowhere.sqlite'}")
    lake = PatientLake(Lake(database), Spool(home / "spool"), Spool(home / "aside"))
    await lake.forget("discord", "ada")
    await lake.close(within=0)
    await database.close()


SCENES = {"spool": spool, "deliver": deliver, "erase": erase}


def main() -> None:
    """Forks for each step, so that the imports are paid for once."""
    scene, folder = SCENES[sys.argv[1]], Path(sys.argv[2])
    for step in range(1, 1000):
        home = folder / str(step)
        shutil.copytree(folder / "before", home)
        child = os.fork()
        if not child:
            arm(step, home)
            asyncio.run(scene(home))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
