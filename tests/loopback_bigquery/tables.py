"""Datasets and tables: what the API says of them, over the DuckDB that holds their rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock, RLock

import duckdb

from tests.loopback_bigquery.columns import Column, column_of
from tests.loopback_bigquery.refusals import Refused, invalid_query, no_table

RESULTS = "_results"
"""The hidden dataset of the tables that hold the results of queries."""
MAX_CLUSTERED = 4
PARTITIONED_BY = frozenset({"DATE", "TIMESTAMP"})


@dataclass
class Table:
    """`described` is its resource as it was sent."""

    dataset: str
    name: str
    columns: tuple[Column, ...]
    described: dict[str, object]

    @property
    def expires(self) -> float | None:
        """Seconds since the epoch."""
        moment = self.described.get("expirationTime")
        return None if moment is None else int(str(moment)) / 1000

    @property
    def needs_filter(self) -> str | None:
        """The column that every query has to filter by, where that is required."""
        partitioned = self.described.get("timePartitioning")
        assert partitioned is None or isinstance(partitioned, dict)
        required = self.described.get("requirePartitionFilter") or (partitioned or {}).get("requirePartitionFilter")
        return str((partitioned or {}).get("field", "_PARTITIONTIME")) if required else None

    @property
    def quoted(self) -> str:
        return f'"{self.dataset}"."{self.name}"'


class Turns:
    """Which transaction may change which table: of two at once the second is aborted, as is one that came too late.

    https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency; additions never conflict.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._version = 0
        self._changed: dict[str, int] = {}
        self._held: dict[str, object] = {}

    def begin(self) -> int:
        """What a transaction that begins now has seen."""
        with self._lock:
            return self._version

    def take(self, table: str, who: object, seen: int) -> None:
        with self._lock:
            if self._held.get(table, who) is not who or self._changed.get(table, 0) > seen:
                raise invalid_query(f"Transaction is aborted due to concurrent update against table {table}")
            self._held[table] = who

    def end(self, who: object, *, committed: bool) -> None:
        with self._lock:
            mine = [table for table, holder in self._held.items() if holder is who]
            self._version += committed
            for table in mine:
                del self._held[table]
                if committed:
                    self._changed[table] = self._version


class Shelf:
    """Everything that is stored. `now` says what has expired."""

    def __init__(self, project: str, now: Callable[[], float] = time.time) -> None:
        self.project = project
        self.now = now
        self.database = duckdb.connect()
        self.database.execute("SET GLOBAL TimeZone = 'UTC'")
        self.database.execute("CREATE MACRO farm_fingerprint(x) AS CAST(hash(x) >> 1 AS BIGINT)")
        self.lock = RLock()
        self.turns = Turns()
        self._datasets: dict[str, dict[str, object]] = {}
        self._tables: dict[tuple[str, str], Table] = {}

    def dataset(self, name: str) -> dict[str, object]:
        with self.lock:
            if name not in self._datasets:
                raise Refused("notFound", f"Not found: Dataset {self.project}:{name}")
            return self._datasets[name]

    def add_dataset(self, described: Mapping[str, object]) -> dict[str, object]:
        reference = described["datasetReference"]
        assert isinstance(reference, dict)
        name = str(reference["datasetId"])
        if not name.replace("_", "").isalnum():
            raise Refused("invalid", f'Invalid dataset ID "{name}". Dataset IDs must be alphanumeric or _')
        with self.lock:
            if name in self._datasets:
                raise Refused("duplicate", f"Already Exists: Dataset {self.project}:{name}")
            self.database.execute(f'CREATE SCHEMA "{name}"')
            made = {"kind": "bigquery#dataset", "id": f"{self.project}:{name}", "location": "US", **described}
            self._datasets[name] = made
            return made

    def remove_dataset(self, name: str, *, contents: bool) -> None:
        self.dataset(name)
        with self.lock:
            mine = self.tables(name)
            if mine and not contents:
                raise Refused("resourceInUse", f"Dataset {self.project}:{name} is still in use")
            for table in mine:
                self.remove_table(name, table.name)
            self.database.execute(f'DROP SCHEMA "{name}"')
            del self._datasets[name]

    def table(self, dataset: str, name: str) -> Table:
        with self.lock:
            self._expire()
            if dataset not in self._datasets:
                raise Refused("notFound", f"Not found: Dataset {self.project}:{dataset} was not found in location US")
            if (dataset, name) not in self._tables:
                raise no_table(self.project, dataset, name)
            return self._tables[dataset, name]

    def tables(self, dataset: str) -> list[Table]:
        self.dataset(dataset)
        with self.lock:
            self._expire()
            return [table for (home, _), table in sorted(self._tables.items()) if home == dataset]

    def add_table(self, dataset: str, described: dict[str, object]) -> Table:
        self.dataset(dataset)
        reference, schema = described["tableReference"], described.get("schema") or {"fields": []}
        assert isinstance(reference, dict)
        assert isinstance(schema, dict)
        columns = tuple(column_of(field) for field in schema["fields"])
        _refuse_layout(described, columns)
        table = Table(dataset, str(reference["tableId"]), columns, described)
        with self.lock:
            self._expire()
            if (dataset, table.name) in self._tables:
                raise Refused("duplicate", f"Already Exists: Table {self.project}:{dataset}.{table.name}")
            self.database.execute(f"CREATE TABLE {table.quoted} ({', '.join(c.in_duckdb for c in columns)})")
            self._tables[dataset, table.name] = table
        return table

    def change_table(self, dataset: str, name: str, patch: Mapping[str, object]) -> Table:
        """Labels, description, expiration; and columns may be added, never taken away."""
        table = self.table(dataset, name)
        fields = patch.get("schema")
        assert fields is None or isinstance(fields, dict)
        if fields is not None:
            self._add_columns(table, tuple(column_of(field) for field in fields["fields"]))
        table.described = {k: v for k, v in {**table.described, **patch}.items() if v is not None}
        return table

    def _add_columns(self, table: Table, wanted: tuple[Column, ...]) -> None:
        if wanted[: len(table.columns)] != table.columns:
            raise Refused("invalid", f"Provided Schema does not match Table {table.dataset}.{table.name}")
        added = wanted[len(table.columns) :]
        for column in added:
            if column.mode == "REQUIRED":
                raise Refused("invalid", "Cannot add required columns to an existing schema")
            self.database.execute(f"ALTER TABLE {table.quoted} ADD COLUMN {column.in_duckdb}")
        table.columns = wanted

    def remove_table(self, dataset: str, name: str) -> None:
        table = self.table(dataset, name)
        with self.lock:
            self.database.execute(f"DROP TABLE {table.quoted}")
            del self._tables[dataset, name]

    def describe(self, table: Table) -> dict[str, object]:
        [(rows,)] = self.database.cursor().execute(f"SELECT count(*) FROM {table.quoted}").fetchall()  # noqa: S608
        return {
            "kind": "bigquery#table",
            "id": f"{self.project}:{table.dataset}.{table.name}",
            "type": "TABLE",
            "location": "US",
            "numRows": str(rows),
            **table.described,
            "schema": {"fields": [column.resource() for column in table.columns]},
        }

    def _expire(self) -> None:
        now = self.now()
        for place, table in list(self._tables.items()):
            if table.expires is not None and table.expires <= now:
                self.database.execute(f"DROP TABLE {table.quoted}")
                del self._tables[place]


def _refuse_layout(described: Mapping[str, object], columns: tuple[Column, ...]) -> None:
    types = {column.name: column for column in columns}
    for name in _layout(described, "clustering", "fields"):
        if name not in types or types[name].repeated or types[name].type == "FLOAT":
            raise Refused("invalid", f"The field specified for clustering cannot be used: {name}")
    if len(list(_layout(described, "clustering", "fields"))) > MAX_CLUSTERED:
        raise Refused("invalid", "No more than 4 columns may be clustered by")
    for name in _layout(described, "timePartitioning", "field"):
        if name not in types or types[name].type not in PARTITIONED_BY:
            raise Refused("invalid", f"The field specified for partitioning has to be DATE or TIMESTAMP: {name}")


def _layout(described: Mapping[str, object], part: str, names: str) -> Iterator[str]:
    found = described.get(part)
    assert found is None or isinstance(found, dict)
    given = (found or {}).get(names) or []
    yield from [given] if isinstance(given, str) else given
