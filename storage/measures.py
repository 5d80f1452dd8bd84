"""How people took what they were shown: opened, liked, hid, by the version that picked it and the place it stood at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from recommender.experiment import By, Experiment
from recommender.online import Compared, Measured, OnlineMeasures, Taken, Wins
from recommender.rates import Moments, Rate, rate_of
from storage.database import Database
from storage.shown import KINDS, Models, by_people, by_place, latest, shown, won


async def online(
    database: Database,
    now: datetime,
    days: int,
    *,
    versions: Sequence[str] = (),
    experiment: Experiment | None = None,
    models: Models | None = None,
) -> OnlineMeasures:
    """Over the last so many days: of these versions, or the two that answered last, and of the running experiment.

    `models` makes several versions one. An experiment is measured from its beginning, and its versions by their names.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    since, models = now - timedelta(days=days), models or {}
    async with database.reading() as connection:
        wanted = versions or [row["version"] for row in await _rows(connection, latest(since, now, models, 2))]
        found = await _measured(connection, since, now, wanted, models)
    compared = None
    if experiment is not None:
        compared = await compare(database, max(since, experiment.since), now, *experiment.versions, experiment)
    return OnlineMeasures(since, now, tuple(found), compared)


async def compare(
    database: Database,
    since: datetime,
    until: datetime,
    a: str,
    b: str,
    experiment: Experiment | None = None,
    models: Models | None = None,
) -> Compared:
    """Two versions side by side, from `since` on and before `until`.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    async with database.reading() as connection:
        one, other = await _measured(connection, since, until, (a, b), models or {})
        (row,) = await _rows(connection, won(shown(since, until, (a, b), {}), a, b))
    wins = Wins(row["answers"], int(row["a"]), int(row["b"]))
    interleaved = wins.answers > 0 or (experiment is not None and experiment.by is By.INTERLEAVING)
    return Compared(one, other, since, until, wins if interleaved else None, experiment)


async def _rows(connection: AsyncConnection, query: Executable) -> Sequence[RowMapping]:
    return (await connection.execute(query)).mappings().all()


async def _measured(
    connection: AsyncConnection, since: datetime, until: datetime, versions: Sequence[str], models: Models
) -> list[Measured]:
    rows = shown(since, until, versions, models)
    people = {row["version"]: row for row in await _rows(connection, by_people(rows))}
    places = await _rows(connection, by_place(rows))
    return [_version(name, people.get(name), [row for row in places if row["version"] == name]) for name in versions]


def _version(name: str, people: RowMapping | None, places: Sequence[RowMapping]) -> Measured:
    if people is None:
        none = Rate(0, 0, 0.0)
        return Measured(name, 0, 0, None, none, none, none, {}, {})
    clicks, likes, hides = (_rate(people, kind) for kind in KINDS)
    mean = int(people["positions"]) / int(people["n"])
    answers, count = int(people["answers"]), int(people["people"])
    positions: list[int] = sorted({row["position"] for row in places})
    commands: list[str] = sorted({row["command"] for row in places})
    by_position = {at: _taken(row for row in places if row["position"] == at) for at in positions}
    by_command = {said: _taken(row for row in places if row["command"] == said) for said in commands}
    return Measured(name, answers, count, mean, clicks, likes, hides, by_position, by_command)


def _rate(row: RowMapping, kind: str) -> Rate:
    names = ("people", "n", kind, "nn", f"{kind}_n", f"{kind}_2")
    return rate_of(Moments(*(int(row[name]) for name in names)))


def _taken(places: Iterable[RowMapping]) -> Taken:
    counts = [[int(row[name]) for name in ("n", *KINDS)] for row in places]
    return Taken(*map(sum, zip(*counts, strict=True)))
