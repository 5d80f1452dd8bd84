"""What the lake takes in: events a second and memory, one at a time and in batches, beside what the driver alone does.

    python -m benchmarks.lake [--events 20000] [--rounds 3] [--postgres postgresql://...]

Events are requests with five shown games, the commonest kind. `one at a time` commits each; `batches` are of 200, as
the background task writes them; `again` delivers the same batches a second time; `put` is the whole way, from the
hand-over to the lake; `driver` is one executemany of sqlite3, or a COPY of asyncpg, of the same rows in a single
transaction, without looking for equal keys. Each in a process of its own; median of the rounds; the peak is what came
on top of the process with the events in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from storage.database import Database
from storage.lake.events import Event, asked
from storage.lake.lake import Lake
from storage.lake.patient import PatientLake
from storage.lake.spool import Spool
from storage.logs import Impression, RequestLog

BATCH = 200
SPARSE = 20
"""One at a time, only one in so many is written: it takes too long."""
NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)
COLUMNS = ("day", "key", "seq", "kind", "schema", "at", "platform", "person", "payload", "arrived")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", default="", help="a database without tables of ours, which is left as it was")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        way, url = said.one
        print(json.dumps(asyncio.run(_measured(way, url, said.events))))
        return
    print("| database | way | events a second | MiB at the peak |\n|---|---|---|---|")
    for kind in ("sqlite", *(["postgres"] if said.postgres else [])):
        for way in WAYS:
            found = [_apart(way, kind, said) for _ in range(said.rounds)]
            speed, memory = (statistics.median(column) for column in zip(*found, strict=True))
            print(f"| {kind} | {way} | {speed:,.0f} | {memory:.0f} |", flush=True)


def _apart(way: str, kind: str, said: argparse.Namespace) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = said.postgres if kind == "postgres" else f"sqlite:///{folder}/indiean.sqlite"
        command = [sys.executable, "-m", "benchmarks.lake", "--events", str(said.events), "--one", way, url]
        speed, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        return speed, memory


async def _measured(way: str, url: str, events: int) -> tuple[float, float]:
    database = Database(url, patience=120)
    await database.migrate()
    given = [_event(number) for number in range(events)]
    try:
        before = _peak()
        began = time.perf_counter()
        written = await WAYS[way](given, database, url)
        took = time.perf_counter() - began
        if await Lake(database).counts() != {given[0].kind: written}:
            raise SystemExit(f"{way}: not all events are there")
        return (2 * written if way == "again" else written) / took, _peak() - before
    finally:
        await _cleared(database)


async def _one_at_a_time(events: list[Event], database: Database, _url: str) -> int:
    lake = Lake(database)
    for event in events[::SPARSE]:
        await lake.append([event])
    return len(events[::SPARSE])


async def _in_batches(events: list[Event], database: Database, _url: str) -> int:
    lake = Lake(database)
    for begins in range(0, len(events), BATCH):
        await lake.append(events[begins : begins + BATCH])
    return len(events)


async def _again(events: list[Event], database: Database, url: str) -> int:
    await _in_batches(events, database, url)
    return await _in_batches(events, database, url)


async def _put(events: list[Event], database: Database, _url: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        spool, aside = Spool(Path(folder, "spool")), Spool(Path(folder, "aside"))
        lake = PatientLake(Lake(database), spool, aside, capacity=len(events))
        for event in events:
            lake.put(event)
        if not await lake.flush(600):
            raise SystemExit("put: the lake did not take it all")
        await lake.close()
    return len(events)


async def _driver(events: list[Event], _database: Database, url: str) -> int:
    rows = [
        (event.day, event.key, seq, event.kind, 1, event.at, "discord", event.person, json.dumps(event.payload), NOON)
        for seq, event in enumerate(events, 1)
    ]
    if url.startswith("sqlite"):
        plain: list[tuple[object, ...]] = [
            (str(row[0]), *row[1:5], row[5].isoformat(" ")[:26], *row[6:9], "2026-05-17 12:00:00") for row in rows
        ]
        await asyncio.to_thread(_executemany, url.removeprefix("sqlite:///"), plain)
        return len(rows)
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("lake_events", records=rows, columns=COLUMNS)
    finally:
        await connection.close()
    return len(rows)


WAYS: dict[str, Callable[[list[Event], Database, str], Awaitable[int]]] = {
    "one at a time": _one_at_a_time,
    "batches": _in_batches,
    "again": _again,
    "put": _put,
    "driver": _driver,
}


def _executemany(file: str, rows: list[tuple[object, ...]]) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(f"INSERT INTO lake_events ({', '.join(COLUMNS)}) VALUES ({marks})", rows)  # noqa: S608


def _event(number: int) -> Event:
    shown = [Impression(at, 1000 * number + at, 0.5 / at) for at in range(1, 6)]
    request = RequestLog(
        f"{number:032x}",
        NOON + timedelta(milliseconds=number),
        "discord",
        str(number % 1000),
        "recommend",
        {"mix": "gems"},
        "answered",
        12,
        "20260517T120000Z",
        5,
        "123456789012345678",
        "234567890123456789",
    )
    return asked(request, request.options, shown)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _cleared(database: Database) -> None:
    """For the next round on the same Postgres."""
    async with database.transaction() as connection:
        for table in ("lake_events", "lake_sequence"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    await database.close()


if __name__ == "__main__":
    main()
