"""Whatever step a process is killed at, the next one has every event that the disk was given, each once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.database import Database
from storage.lake.events import Event
from storage.lake.lake import Lake
from storage.lake.lines import line_of
from storage.lake.patient import PatientLake
from storage.lake.spool import SEGMENT, Spool
from tests.databases import migrated, sqlite_url
from tests.lake_process import SPOOLED, event

ROOT = Path(__file__).parents[1]
LARGE = SEGMENT * 6 // 10
"""Bytes of an event of which two fill a file of the spool."""


@pytest.fixture
async def before(tmp_path: Path) -> Path:
    """A home with a database that is up to date."""
    home = tmp_path / "before"
    async with migrated(sqlite_url(home / "indiean.sqlite")):
        pass
    return home


def spooled(home: Path, events: Sequence[Event]) -> None:
    spool = Spool(home / "spool")
    let_go = spool.hold()
    assert let_go is not None
    for one in events:
        spool.add([line_of(one)])
    let_go()


async def killed_at_every_step(scene: str, folder: Path) -> list[Path]:
    """The home that each left behind; the last of them was not killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.lake_process", scene, str(folder), cwd=ROOT
    )
    async with asyncio.timeout(120):
        status = await process.wait()

    assert status == 0
    return homes(folder)


def homes(folder: Path) -> list[Path]:
    return sorted((home for home in folder.iterdir() if home.name.isdecimal()), key=lambda home: int(home.name))


async def restarted(home: Path) -> list[str]:
    """The keys in the lake, in its order, once a new process has delivered what the killed one left."""
    database = Database(sqlite_url(home / "indiean.sqlite"))
    lake = PatientLake(Lake(database), Spool(home / "spool"), Spool(home / "aside"), every=0)
    lake.start()
    delivered = await lake.flush(5)
    stored = await Lake(database).after(0, 100)
    await lake.close()
    await database.close()

    assert delivered
    assert [one.seq for one in stored] == sorted({one.seq for one in stored})
    return [one.event.key for one in stored]


def promised(home: Path) -> list[str]:
    file = home / SPOOLED
    return file.read_text().split() if file.exists() else []


async def test_killed_while_it_spools(before: Path) -> None:
    keys = [event(number).key for number in range(7)]
    left = await killed_at_every_step("spool", before.parent)
    kept = [(promised(home), await restarted(home)) for home in left]

    assert len(left) > 6
    for promises, found in kept:
        assert found == keys[: len(found)]
        assert set(promises) <= set(found)
    assert kept[-1] == (keys, keys)
    assert [] in [promises for promises, _ in kept]


async def test_killed_while_it_delivers(before: Path) -> None:
    events = [event(number, size=LARGE) for number in range(5)]
    spooled(before, events)
    files = len(list((before / "spool").glob("*.jsonl")))
    left = await killed_at_every_step("deliver", before.parent)

    assert files == 3
    assert len(left) > 4 * files
    for home in left:
        assert await restarted(home) == [one.key for one in events]


async def test_killed_while_it_erases(before: Path) -> None:
    """Before it all of hers are there or after it none of a file; of the others nothing is missing at any moment."""
    spooled(before, [event(n, person, size=LARGE) for n in range(2) for person in ("ada", "bob")])
    left = await killed_at_every_step("erase", before.parent)
    found = [await restarted(home) for home in left]

    assert len(left) > 6
    for keys in found:
        assert [key for key in keys if "bob" in key] == [event(n, "bob").key for n in range(2)]
    assert [key for key in found[0] if "ada" in key] != []
    assert [key for key in found[-1] if "ada" in key] == []


async def test_half_a_line_is_left_out_and_told_and_what_comes_after_it_is_kept(
    before: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spooled(before, [event(1)])
    (file,) = (before / "spool").glob("*.jsonl")
    with file.open("ab") as opened:
        opened.write(line_of(event(2))[:40])
    spooled(before, [event(3)])
    found = await restarted(before)

    assert found == [event(1).key, event(3).key]
    assert "1 events in the spool were half written" in caplog.text
