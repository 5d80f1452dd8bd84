"""Each migration, the next one too, is tried up and down, from and to every version, with rows in every table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, inspect, select

from storage.database import migrations
from storage.lake.days import no_partition
from storage.steam.ids import FIRST
from tests.databases import KINDS, NOON, empty
from tests.test_migrations import differences, downgrade, see, upgrade

VERSIONS = [each.revision for each in ScriptDirectory.from_config(migrations()).walk_revisions()][::-1]
HEAD = VERSIONS[-1]
Rows: TypeAlias = dict[str, list[dict[str, object]]]
"""By table and then by column."""


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty(request.param, tmp_path) as ready:
        yield ready


def found(connection: Connection) -> list[Table]:
    """The tables as they are, without Alembic's own; those that refer to others last."""
    there = MetaData()
    there.reflect(connection)
    ours = (table for table in there.sorted_tables if no_partition(table.name, "table", None))
    return [table for table in ours if table.name != "alembic_version"]


def fill(connection: Connection) -> None:
    for table in found(connection):
        for number in (1, 2):
            connection.execute(table.insert().values({column.name: cell(column, number) for column in table.c}))


def cell(column: Column[object], number: int) -> object:
    """A value as it may stand there; where a migration reads what a text says, it has to say such a thing."""
    for parent in column.foreign_keys:
        return cell(parent.column, number)
    kind = column.type.python_type
    if column.name == "steam":
        return kind(FIRST + number)
    if column.name == "opinion":
        return "hide"
    if kind is datetime:
        moment = NOON + timedelta(seconds=number)
        return moment if getattr(column.type, "timezone", False) else moment.replace(tzinfo=None)
    values: dict[type, object] = {  # JSON says `object`
        str: f"{column.name} {number}",
        int: number,
        float: number / 4,
        bool: number == 1,
        bytes: bytes([number]),
        date: NOON.date() + timedelta(days=number),
        object: {"a": [number, None, "로그라이크"]},
    }
    return values[kind]


def rows(connection: Connection) -> Rows:
    return {
        table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        for table in found(connection)
    }


def in_common(these: Rows, those: Rows) -> Rows:
    """What of `these` the others have a place for, as text: a type may have changed."""
    return {
        name: [{key: str(value) for key, value in row.items() if key in those[name][0]} for row in these[name]]
        for name in these.keys() & those.keys()
    }


def structure(connection: Connection) -> dict[str, object]:
    looked = inspect(connection)
    return {
        name: (
            {(column["name"], repr(column["type"]), column["nullable"]) for column in looked.get_columns(name)},
            {(index["name"], *index["column_names"]) for index in looked.get_indexes(name)},
            looked.get_pk_constraint(name)["constrained_columns"],
            {str(key["name"]) for key in looked.get_foreign_keys(name)},
        )
        for name in looked.get_table_names()
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_from_every_version_the_rows_come_along_to_this_one(url: str, version: str) -> None:
    await upgrade(url, version)
    await see(url, fill)
    before = await see(url, rows)
    await upgrade(url, HEAD)
    after = await see(url, rows)

    assert await differences(url) == []
    assert in_common(before, after) == in_common(after, before)
    assert all(len(each) == 2 for each in before.values())


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(VERSIONS)))
async def test_a_step_up_and_down_again_leaves_every_row_as_it_was(url: str, earlier: str, later: str) -> None:
    await upgrade(url, earlier)
    await see(url, fill)
    before, before_that = await see(url, rows), await see(url, structure)
    await upgrade(url, later)
    await downgrade(url, earlier)

    assert await see(url, rows) == before
    assert await see(url, structure) == before_that


@pytest.mark.parametrize("version", ["base", *VERSIONS[:-1]])
async def test_from_this_version_down_to_every_other_and_back(url: str, version: str) -> None:
    if version != "base":
        await upgrade(url, version)
    fresh = await see(url, structure)
    await upgrade(url, HEAD)
    await see(url, fill)
    before = await see(url, rows)
    await downgrade(url, version)
    after, left = await see(url, rows), await see(url, structure)
    await upgrade(url, HEAD)

    assert {name: left[name] for name in left if name != "alembic_version"} == {
        name: fresh[name] for name in fresh if name != "alembic_version"
    }
    assert in_common(before, after) == in_common(after, before)
    assert await differences(url) == []
