"""BigQuery's column types: what they are in DuckDB, how cells travel as JSON, and how many bytes they are."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from tests.loopback_bigquery.refusals import Refused, invalid_query

DUCKDB = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
}
SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
SYNONYMS = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
LARGEST = 2**63 - 1
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    mode: str = "NULLABLE"

    @property
    def repeated(self) -> bool:
        return self.mode == "REPEATED"

    @property
    def sql_type(self) -> str:
        """As BigQuery's SQL writes it."""
        name = SQL_NAMES.get(self.type, self.type)
        return f"ARRAY<{name}>" if self.repeated else name

    @property
    def in_duckdb(self) -> str:
        """Its definition; BigQuery stores no array that is null."""
        if self.repeated:
            return f'"{self.name}" {DUCKDB[self.type]}[] DEFAULT []'
        return f'"{self.name}" {DUCKDB[self.type]}{" NOT NULL" if self.mode == "REQUIRED" else ""}'

    def resource(self) -> dict[str, str]:
        return {"name": self.name, "type": self.type, "mode": self.mode}

    def bytes_in_duckdb(self) -> str:
        """An aggregate over a table; see https://cloud.google.com/bigquery/pricing#data for the sizes."""
        name = f'"{self.name}"'
        if self.repeated and self.type == "STRING":
            each = f"list_sum(list_transform({name}, lambda x: 2 + strlen(x)))"
        elif self.repeated:
            each = f"8 * len({name})"
        elif self.type == "STRING":
            each = f"2 + strlen({name})"
        else:
            each = f"CASE WHEN {name} IS NULL THEN 0 ELSE {1 if self.type == 'BOOLEAN' else 8} END"
        return f"coalesce(sum({each}), 0)"


def column_of(resource: Mapping[str, object]) -> Column:
    kind = str(resource["type"]).upper()
    kind = SYNONYMS.get(kind, kind)
    if kind not in DUCKDB:
        raise Refused("notImplemented", f"columns of type {kind} are not known to this loopback server")
    return Column(str(resource["name"]), kind, str(resource.get("mode") or "NULLABLE").upper())


def column_of_arrow(field: pa.Field) -> Column:
    """Of a result of DuckDB; a sum of integers is wider there, and an integer here if it fits."""
    repeated = pa.types.is_list(field.type)
    kind = field.type.value_type if repeated else field.type
    return Column(field.name, _name_of(kind), "REPEATED" if repeated else "NULLABLE")


def _name_of(kind: pa.DataType) -> str:
    names = {
        "STRING": pa.types.is_string(kind) or pa.types.is_null(kind),
        "BYTES": pa.types.is_binary(kind),
        "INTEGER": pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0),
        "FLOAT": pa.types.is_floating(kind),
        "BOOLEAN": pa.types.is_boolean(kind),
        "DATE": pa.types.is_date(kind),
        "TIMESTAMP": pa.types.is_timestamp(kind) and kind.tz is not None,
    }
    found = next((name for name, is_it in names.items() if is_it), None)
    if found is None:
        raise Refused("notImplemented", f"results of type {kind} are not known to this loopback server")
    return found


def rows_as_json(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    return [{"f": [_cell(column, value) for column, value in zip(columns, row, strict=True)]} for row in rows]


def _cell(column: Column, value: object) -> dict[str, object]:
    if column.repeated:  # BigQuery knows no array that is null
        assert value is None or isinstance(value, list)
        return {"v": [{"v": _text(element)} for element in value or []]}
    return {"v": _text(value)}


def _text(value: object) -> str | None:  # noqa: PLR0911 - one line a type
    """A moment in microseconds, as `formatOptions.useInt64Timestamp` asks for."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            if abs(int(value)) > LARGEST:
                raise invalid_query("int64 overflow")
            return str(int(value))
        case datetime():
            since = value - EPOCH
            return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


def parameter_value(resource: Mapping[str, object]) -> tuple[str, object]:
    """The SQL type of a query parameter, and its value as DuckDB takes it."""
    declared, given = resource["parameterType"], resource["parameterValue"]
    assert isinstance(declared, dict)
    assert isinstance(given, dict)
    if declared["type"] == "ARRAY":
        inner = column_of({"name": "", "type": declared["arrayType"]["type"]})
        values = [_value(inner, element.get("value")) for element in given.get("arrayValues", [])]
        return f"ARRAY<{inner.sql_type}>", values
    column = column_of({"name": "", "type": declared["type"]})
    return column.sql_type, _value(column, given.get("value"))


def _value(column: Column, text: str | None) -> object:  # noqa: PLR0911 - one line a type
    if text is None:
        return None
    match column.type:
        case "INTEGER":
            return int(text)
        case "FLOAT":
            return float(text)
        case "BOOLEAN":
            return str(text).lower() == "true"
        case "DATE":
            return date.fromisoformat(text)
        case "TIMESTAMP":
            return datetime.fromisoformat(text)
        case _:
            return text
