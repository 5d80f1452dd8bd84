"""What BigQuery does not convert by itself, and DuckDB would: comparisons, arithmetic and assignments across types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from tests.loopback_bigquery.columns import Column
from tests.loopback_bigquery.refusals import invalid_query

Kind = exp.DataType.Type

INTEGERS = frozenset({Kind.BIGINT, Kind.INT, Kind.SMALLINT, Kind.TINYINT})
FLOATS = frozenset({Kind.DOUBLE, Kind.FLOAT})
NAMES = {
    **dict.fromkeys(INTEGERS, "INT64"),
    **dict.fromkeys(FLOATS, "FLOAT64"),
    Kind.DECIMAL: "NUMERIC",
    Kind.BIGDECIMAL: "BIGNUMERIC",
    Kind.TEXT: "STRING",
    Kind.VARCHAR: "STRING",
    Kind.BOOLEAN: "BOOL",
    Kind.DATE: "DATE",
    Kind.TIMESTAMPTZ: "TIMESTAMP",
    Kind.TIMESTAMP: "DATETIME",
    Kind.DATETIME: "DATETIME",
    Kind.ARRAY: "ARRAY",
}
NUMBERS = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"})
FROM_TEXT = frozenset({"DATE", "TIMESTAMP", "DATETIME"})
"""What a literal string turns into by itself."""

ALIKE = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)


def name_of(node: exp.Expr) -> str | None:
    """BigQuery's name of its type, None where that is unknown or null."""
    return None if node.type is None or isinstance(node, exp.Null) else NAMES.get(node.type.this)


def check(annotated: exp.Expr) -> None:
    for node in annotated.walk():
        if isinstance(node, ALIKE):
            _same(f"operator {node.key}", [node.this, node.expression])
        elif isinstance(node, ARITHMETIC):
            _all_in(NUMBERS, f"operator {node.key}", [node.this, node.expression])
        elif isinstance(node, (exp.Concat, exp.DPipe)):
            _all_in({"STRING"}, "function CONCAT", list(_arguments(node)))
        elif isinstance(node, exp.In):
            _same("operator IN", [node.this, *node.expressions])
        elif isinstance(node, exp.Coalesce):
            _same("function COALESCE", [node.this, *node.expressions])
        elif isinstance(node, exp.If) and node.args.get("false") is not None:
            _same("function IF", [node.args["true"], node.args["false"]])


def check_assigned(column: Column, value: exp.Expr) -> None:
    given, wanted = name_of(value), column.sql_type.split("<")[0]
    fits = given in {None, wanted} or (wanted == "FLOAT64" and given in NUMBERS)
    if not fits and not (wanted in FROM_TEXT and _literal_text(value)):
        raise invalid_query(
            f"Value of type {given} cannot be assigned to {column.name}, which has type {column.sql_type}"
        )


def _arguments(node: exp.Concat | exp.DPipe) -> Iterator[exp.Expr]:
    yield from node.expressions if isinstance(node, exp.Concat) else (node.this, node.expression)


def _same(what: str, operands: Sequence[exp.Expr]) -> None:
    known = {name: node for node in operands if (name := name_of(node)) is not None}
    families = {"number" if name in NUMBERS else name for name in known}
    if len(families) > 1:
        texts = [name for name, node in known.items() if name == "STRING" and _literal_text(node)]
        if texts and len(families) == 2 and families - {"STRING"} <= FROM_TEXT:
            return
        _no_signature(what, operands)


def _all_in(allowed: frozenset[str] | set[str], what: str, operands: Sequence[exp.Expr]) -> None:
    if any((name := name_of(node)) is not None and name not in allowed for node in operands):
        _no_signature(what, operands)


def _no_signature(what: str, operands: Sequence[exp.Expr]) -> None:
    types = ", ".join(name_of(node) or "NULL" for node in operands)
    raise invalid_query(f"No matching signature for {what} for argument types: {types}")


def _literal_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string
