"""One statement understood: what it reads and changes, whether BigQuery would take it, and the same for DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from tests.loopback_bigquery import typing_rules
from tests.loopback_bigquery.columns import Column
from tests.loopback_bigquery.dialect import parse
from tests.loopback_bigquery.refusals import Refused, invalid_query

Tables = tuple[tuple[str, tuple[Column, ...]], ...]
"""The columns of each table by its name as it is written."""
ParameterTypes = tuple[tuple[str, str], ...]

CONTROL = {exp.Transaction: "BEGIN_TRANSACTION", exp.Commit: "COMMIT_TRANSACTION", exp.Rollback: "ROLLBACK_TRANSACTION"}
DML = {exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "MERGE"}


@dataclass(frozen=True)
class Statement:
    """`reads` are columns by table as written; `target` is the table that is changed or the temporary one created."""

    kind: str
    duckdb: str
    parameters: tuple[str, ...] = ()
    reads: tuple[tuple[str, frozenset[str]], ...] = ()
    filtered: frozenset[str] = field(default_factory=frozenset)
    target: str | None = None


@lru_cache(maxsize=512)
def names_in(text: str) -> tuple[str, ...]:
    """The tables that a statement names, without those that it defines itself."""
    parsed = parse(text)
    own = {cte.alias for cte in parsed.find_all(exp.CTE)}
    created = _created(parsed)
    tables = (table for table in parsed.find_all(exp.Table) if isinstance(table.this, exp.Identifier))
    return tuple(dict.fromkeys(_written(t) for t in tables if _written(t) not in own and t is not created))


@lru_cache(maxsize=512)
def understand(text: str, tables: Tables, parameter_types: ParameterTypes) -> Statement:
    parsed = parse(text)
    for control, name in CONTROL.items():
        if isinstance(parsed, control):
            return Statement(name, "")
    columns, types = dict(tables), dict(parameter_types)
    parameters = tuple(dict.fromkeys(node.name for node in parsed.find_all(exp.Parameter)))
    for name in parameters:
        if name not in types:
            raise invalid_query(f"Query parameter '{name}' not found")
    reads, filtered = _checked(parsed, columns, types)
    target = next((_written(table) for table in [_target(parsed)] if table is not None), None)
    return Statement(_kind(parsed), _for_duckdb(parsed), parameters, reads, filtered, target)


def _kind(parsed: exp.Expr) -> str:
    if isinstance(parsed, exp.Create):
        return "CREATE_TABLE_AS_SELECT"
    return next((name for kind, name in DML.items() if isinstance(parsed, kind)), "SELECT")


def _written(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def _created(parsed: exp.Expr) -> exp.Table | None:
    if not isinstance(parsed, exp.Create):
        return None
    temporary = any(isinstance(found, exp.TemporaryProperty) for found in parsed.find_all(exp.TemporaryProperty))
    if parsed.kind != "TABLE" or not temporary or not isinstance(parsed.expression, exp.Query):
        raise Refused("notImplemented", "this loopback server creates temporary tables AS SELECT only, by SQL")
    assert isinstance(parsed.this, exp.Table)
    return parsed.this


def _target(parsed: exp.Expr) -> exp.Table | None:
    if isinstance(parsed, exp.Create):
        return _created(parsed)
    if isinstance(parsed, tuple(DML)):
        table = parsed.this.this if isinstance(parsed.this, exp.Schema) else parsed.this
        assert isinstance(table, exp.Table)
        return table
    return None


def _checked(
    parsed: exp.Expr, columns: Mapping[str, tuple[Column, ...]], types: Mapping[str, str]
) -> tuple[tuple[tuple[str, frozenset[str]], ...], frozenset[str]]:
    """What is read, and the columns that are filtered by; refuses what BigQuery does."""
    reads: dict[str, set[str]] = {}
    filtered: set[str] = set()
    for query, assigned in _as_queries(parsed, columns):
        annotated = _annotated(query, columns, types)
        typing_rules.check(annotated)
        if isinstance(annotated, exp.Query):
            for column, value in zip(assigned, annotated.selects, strict=False):
                typing_rules.check_assigned(column, value.unalias())
        for scope in traverse_scope(annotated):
            for found in scope.columns:
                source = scope.sources.get(found.table)
                if isinstance(source, exp.Table):
                    reads.setdefault(source.meta["written"], set()).add(found.name)
            for source in scope.sources.values():
                if isinstance(source, exp.Table):
                    reads.setdefault(source.meta["written"], set())
        filtered |= {found.name for where in annotated.find_all(exp.Where) for found in where.find_all(exp.Column)}
    if isinstance(parsed, tuple(DML)) and (target := _target(parsed)) is not None:
        written = _written(target)
        reads.setdefault(written, set()).update(
            () if isinstance(parsed, exp.Insert) else (c.name for c in columns[written])
        )
    return tuple((name, frozenset(found)) for name, found in sorted(reads.items())), frozenset(filtered)


def _annotated(query: exp.Expr, columns: Mapping[str, tuple[Column, ...]], types: Mapping[str, str]) -> exp.Expr:
    """A copy in which every column is qualified and every node has its type; tables bear flat names."""
    query = query.copy()
    for node in list(query.find_all(exp.Parameter)):
        node.replace(exp.cast(exp.null(), types[node.name], dialect="bigquery"))
    shapes: dict[str, object] = {}
    for table in query.find_all(exp.Table):
        written = _written(table)
        if written not in columns:
            continue
        flat = written.replace(".", "__")
        if not table.alias and flat != table.name:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(flat))
        table.set("db", None)
        table.set("catalog", None)
        table.meta["written"] = written
        shapes[flat] = {column.name: column.sql_type for column in columns[written]}
    schema = MappingSchema(shapes, dialect="bigquery")
    try:
        qualified = qualify(query, schema=schema, dialect="bigquery", quote_identifiers=False)
        return annotate_types(qualified, schema=schema, dialect="bigquery")
    except SqlglotError as error:
        raise invalid_query(f"Unrecognized name: {error}") from error


def _as_queries(parsed: exp.Expr, columns: Mapping[str, tuple[Column, ...]]) -> Iterator[tuple[exp.Expr, list[Column]]]:
    """SELECTs that read what the statement reads and bring the values it assigns, with the columns these go to."""
    target = _target(parsed)
    if target is None or isinstance(parsed, exp.Create):
        yield (parsed.expression if isinstance(parsed, exp.Create) else parsed), []
        return
    shape = {column.name.lower(): column for column in columns[_written(target)]}
    if isinstance(parsed, exp.Insert):
        yield from _inserted(parsed, shape)
    elif isinstance(parsed, exp.Merge):
        yield from _merged(parsed, shape)
    else:
        if parsed.args.get("where") is None:
            raise invalid_query(f"{parsed.key.upper()} must have a WHERE clause")
        places, values = _set_clauses(parsed.expressions, shape) if isinstance(parsed, exp.Update) else ([], [])
        query = exp.select(*values or [exp.Literal.number(1)]).from_(target.copy())
        yield query.where(parsed.args["where"].this.copy()), places


def _set_clauses(clauses: list[exp.Expr], shape: Mapping[str, Column]) -> tuple[list[Column], list[exp.Expr]]:
    return [_column(shape, clause.this.name) for clause in clauses], [clause.expression.copy() for clause in clauses]


def _column(shape: Mapping[str, Column], name: str) -> Column:
    if name.lower() not in shape:
        raise invalid_query(f"Column {name} is not present in the table")
    return shape[name.lower()]


def _inserted(parsed: exp.Insert, shape: Mapping[str, Column]) -> Iterator[tuple[exp.Expr, list[Column]]]:
    if not isinstance(parsed.this, exp.Schema):
        raise Refused("notImplemented", "this loopback server wants the columns of an INSERT")
    places = [_column(shape, name.name) for name in parsed.this.expressions]
    missing = [c.name for c in shape.values() if c.mode == "REQUIRED" and c not in places]
    if missing:
        raise invalid_query(f"Required field {missing[0]} cannot be null")
    source = parsed.expression
    queries = (
        [exp.select(*(v.copy() for v in row.expressions)) for row in source.expressions]
        if isinstance(source, exp.Values)
        else [source]
    )
    for query in queries:
        if len(query.selects) != len(places):
            raise invalid_query("Inserted row has wrong column count")
        yield query, places


def _merged(parsed: exp.Merge, shape: Mapping[str, Column]) -> Iterator[tuple[exp.Expr, list[Column]]]:
    for when in parsed.args["whens"].expressions:
        then = when.args["then"]
        places: list[Column] = []
        values: list[exp.Expr] = []
        if isinstance(then, exp.Update):
            places, values = _set_clauses(then.expressions, shape)
        elif isinstance(then, exp.Insert):
            if not isinstance(then.this, exp.Tuple) or not isinstance(then.expression, exp.Tuple):
                raise Refused("notImplemented", "this loopback server wants the columns and values of a MERGE's INSERT")
            places = [_column(shape, name.name) for name in then.this.expressions]
            values = [value.copy() for value in then.expression.expressions]
        query = exp.select(*values or [exp.Literal.number(1)]).from_(parsed.this.copy())
        query = query.join(parsed.args["using"].copy(), on=parsed.args["on"].copy())
        if (condition := when.args.get("condition")) is not None:
            query = query.where(condition.copy())
        yield query, places


def _for_duckdb(parsed: exp.Expr) -> str:
    """Tables of the default dataset stay as they are: the connection looks there first."""
    parsed = parsed.copy()
    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
        table.set("db", exp.to_identifier(table.db, quoted=True) if table.db else None)
    for call in list(parsed.find_all(exp.CountIf)):  # DuckDB's is null where the condition is null in every row
        call.replace(exp.Count(this=exp.If(this=call.this.copy(), true=exp.Literal.number(1))))
    return parsed.sql("duckdb")
