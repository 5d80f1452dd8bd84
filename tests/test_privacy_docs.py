"""docs/privacy.md names every table and column that there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage.duckdb.warehouse import DuckDBWarehouse
from storage.schema import metadata

DOCS = (Path(__file__).parents[1] / "docs" / "privacy.md").read_text("utf-8")
COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_catalog = 'warehouse'"


def documented(heading: str) -> dict[str, set[str]]:
    """Columns by table, of the table under that heading."""
    part = re.split(r"^## ", DOCS, flags=re.MULTILINE)
    (section,) = (one for one in part if one.startswith(heading))
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", columns)) for name, columns in rows}


def test_the_database_is_as_it_is_described() -> None:
    assert documented("The database") == {
        table.name: {column.name for column in table.c} for table in metadata.sorted_tables
    }


def test_the_warehouse_is_as_it_is_described(tmp_path: Path) -> None:
    there: dict[str, set[str]] = {}
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for table, column in warehouse._database.execute(COLUMNS).fetchall():
            there.setdefault(table, set()).add(column)

    assert documented("The warehouse") == there


@pytest.mark.parametrize("heading", ["The database", "The warehouse"])
def test_of_each_table_it_says_whose_it_is_how_long_it_stays_and_how_it_goes(heading: str) -> None:
    (section,) = (one for one in re.split(r"^## ", DOCS, flags=re.MULTILINE) if one.startswith(heading))
    rows = [line for line in section.splitlines() if line.startswith("| `")]

    assert rows
    assert all(len([cell for cell in row.split("|")[1:-1] if cell.strip()]) == 5 for row in rows)
