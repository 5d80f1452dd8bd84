"""Scripts, run: a statement at a time on one connection of DuckDB, in transactions where the script says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb

from tests.loopback_bigquery.columns import Column, column_of_arrow, parameter_value
from tests.loopback_bigquery.dialect import split_script
from tests.loopback_bigquery.refusals import Refused, invalid_query
from tests.loopback_bigquery.statements import Statement, names_in, understand
from tests.loopback_bigquery.tables import Shelf, Table

MEGABYTE = 1 << 20
LEAST_BILLED = 10 * MEGABYTE
HEX = re.compile(r"[0-9a-f]{32}")
SAME = "0" * 32
"""Stands for the one number of 32 hexadecimal digits in a script, so that fresh names of tables cost no parsing."""
CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


@dataclass
class Outcome:
    """`bytes` are counted where somebody asks, by a dry run or a limit; `changed` rows, the last statement changed.

    The rows are the last statement's.
    """

    kind: str
    columns: Sequence[Column] = ()
    rows: list[tuple[object, ...]] = field(default_factory=list)
    bytes: int = 0
    billed: int = 0
    changed: int | None = None


class Script:
    """One script: its statements, the dataset it stands in, its parameters, its temporary tables."""

    def __init__(self, shelf: Shelf, config: Mapping[str, object]) -> None:
        self._shelf = shelf
        text = str(config["query"])
        ids = set(HEX.findall(text))
        self._id = ids.pop() if len(ids) == 1 else SAME
        self._texts = split_script(text.replace(self._id, SAME))
        standing = config.get("defaultDataset")
        assert standing is None or isinstance(standing, dict)
        self._dataset = None if standing is None else str(standing["datasetId"])
        if self._dataset is not None:
            shelf.dataset(self._dataset)
        given = config.get("queryParameters") or []
        assert isinstance(given, list)
        parameters = {str(one["name"]): parameter_value(one) for one in given}
        self._types = tuple((name, declared) for name, (declared, _) in parameters.items())
        self._values = {name: value for name, (_, value) in parameters.items()}
        self._temporary: dict[str, tuple[Column, ...]] = {}
        self._limit = int(str(config.get("maximumBytesBilled") or 0))
        self._in_transaction = False
        self._seen = 0

    def estimate(self) -> Outcome:
        """A dry run, of one statement."""
        if len(self._texts) != 1:
            raise Refused("notImplemented", "this loopback server estimates single statements")
        with self._connection() as db:
            statement = self._understood(self._texts[0])
            read = self._bytes(db, statement)
        return Outcome(statement.kind, bytes=read, billed=_billed([read]))

    def run(self) -> Outcome:
        read: list[int] = []
        outcome = Outcome("SELECT")
        with self._connection() as db:
            try:
                for text in self._texts:
                    statement = self._understood(text)
                    if self._limit:
                        read.append(self._bytes(db, statement))
                        self._refuse_costs(read)
                    outcome = self._step(db, statement)
            finally:
                if self._in_transaction:
                    with suppress(duckdb.Error):
                        db.rollback()
                    self._shelf.turns.end(self, committed=False)
        outcome.kind = outcome.kind if len(self._texts) == 1 else "SCRIPT"
        outcome.bytes, outcome.billed = sum(read), _billed(read)
        return outcome

    def _refuse_costs(self, read: Sequence[int]) -> None:
        if self._limit and _billed(read) > self._limit:
            raise Refused(
                "bytesBilledLimitExceeded",
                f"Query exceeded limit for bytes billed: {self._limit}. {_billed(read)} or higher required.",
            )

    def _step(self, db: duckdb.DuckDBPyConnection, statement: Statement) -> Outcome:
        match statement.kind:
            case "BEGIN_TRANSACTION":
                if self._in_transaction:
                    raise invalid_query("Transaction is already in progress")
                self._seen = self._shelf.turns.begin()
                db.begin()
                self._in_transaction = True
            case "COMMIT_TRANSACTION":
                self._end(db.commit, committed=True)
            case "ROLLBACK_TRANSACTION":
                self._end(db.rollback, committed=False)
            case _:
                return self._executed(db, statement)
        return Outcome(statement.kind)

    def _end(self, end: Callable[[], object], *, committed: bool) -> None:
        if not self._in_transaction:
            raise invalid_query("There is no transaction in progress")
        end()
        self._in_transaction = False
        self._shelf.turns.end(self, committed=committed)

    def _executed(self, db: duckdb.DuckDBPyConnection, statement: Statement) -> Outcome:
        values = {name: self._values[name] for name in statement.parameters}
        duckdb_sql = statement.duckdb.replace(SAME, self._id)
        if statement.kind in CHANGES:
            if statement.kind != "INSERT" and statement.target not in self._temporary and self._in_transaction:
                self._shelf.turns.take(self._table(str(statement.target)).quoted, self, self._seen)
            [(changed,)] = db.execute(duckdb_sql, values or None).fetchall()
            return Outcome(statement.kind, changed=int(changed))
        if statement.kind == "CREATE_TABLE_AS_SELECT":
            assert statement.target is not None
            db.execute(duckdb_sql, values or None)
            shape = db.sql(f'SELECT * FROM "{statement.target}" LIMIT 0').to_arrow_table().schema  # noqa: S608
            self._temporary[statement.target] = tuple(column_of_arrow(one) for one in shape)
            for name in [c.name for c in self._temporary[statement.target] if c.repeated]:
                db.execute(f'UPDATE "{statement.target}" SET "{name}" = [] WHERE "{name}" IS NULL')  # noqa: S608
            return Outcome(statement.kind)
        table = db.sql(duckdb_sql, params=values or None).to_arrow_table()
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return Outcome(statement.kind, [column_of_arrow(one) for one in table.schema], rows)

    def _understood(self, text: str) -> Statement:
        found = tuple((name, self._columns(name)) for name in names_in(text))
        statement = understand(text, found, self._types)
        self._refuse_scans(statement)
        return statement

    def _columns(self, written: str) -> tuple[Column, ...]:
        return self._temporary[written] if written in self._temporary else self._table(written).columns

    def _table(self, written: str) -> Table:
        *home, name = written.replace(SAME, self._id).split(".")
        if not home and self._dataset is None:
            raise Refused("invalid", f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).')
        return self._shelf.table(home[-1] if home else str(self._dataset), name)

    def _refuse_scans(self, statement: Statement) -> None:
        for written, _ in statement.reads:
            needed = None if written in self._temporary else self._table(written).needs_filter
            if needed is not None and needed not in statement.filtered:
                raise invalid_query(
                    f"Cannot query over table '{written}' without a filter over column(s) '{needed}' that can be used "
                    "for partition elimination"
                )

    def _bytes(self, db: duckdb.DuckDBPyConnection, statement: Statement) -> int:
        """What BigQuery charges for: the whole columns that are read."""
        read = 0
        for written, names in statement.reads:
            sizes = [c.bytes_in_duckdb() for c in self._columns(written) if c.name in names]
            if sizes:
                place = f'"{written}"' if written in self._temporary else self._table(written).quoted
                with _translated():
                    [(size,)] = db.execute(f"SELECT {' + '.join(sizes)} FROM {place}").fetchall()  # noqa: S608
                read += int(size)
        return read

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._shelf.database.cursor() as db, _translated():
            if self._dataset is not None:
                db.execute(f"SET search_path = '{self._dataset},main'")
            yield db


def _billed(read: Sequence[int]) -> int:
    return sum(-(-max(size, LEAST_BILLED) // MEGABYTE) * MEGABYTE for size in read if size)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except duckdb.TransactionException as error:
        raise invalid_query(f"Transaction is aborted due to concurrent update against table: {error}") from error
    except duckdb.ConstraintException as error:
        raise invalid_query(f"Required field cannot be null: {error}") from error
    except duckdb.Error as error:
        if "same target row" in str(error):
            raise invalid_query("UPDATE/MERGE must match at most one source row for each target row") from error
        raise invalid_query(str(error)) from error
