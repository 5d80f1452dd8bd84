"""Scripts, run: a statement at a time on one connection of DuckDB, in transactions where the script says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


@dataclass
class Outcome:
    """`bytes` were read; `changed` rows by the last statement, if it changes rows. The rows are the last statement's."""

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
        self._texts = list(split_script(str(config["query"])))
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
                    read.append(self._bytes(db, statement))
                    self._refuse_costs(read)
                    outcome = self._step(db, statement)
            finally:
                if self._in_transaction:
                    with suppress(duckdb.Error):
                        db.rollback()
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
                db.begin()
                self._in_transaction = True
            case "COMMIT_TRANSACTION":
                self._ended(db.commit)
            case "ROLLBACK_TRANSACTION":
                self._ended(db.rollback)
            case _:
                return self._executed(db, statement)
        return Outcome(statement.kind)

    def _ended(self, end: object) -> None:
        if not self._in_transaction:
            raise invalid_query("There is no transaction in progress")
        self._in_transaction = False
        assert callable(end)
        end()

    def _executed(self, db: duckdb.DuckDBPyConnection, statement: Statement) -> Outcome:
        values = {name: self._values[name] for name in statement.parameters}
        if statement.kind in CHANGES:
            [(changed,)] = db.execute(statement.duckdb, values or None).fetchall()
            return Outcome(statement.kind, changed=int(changed))
        if statement.kind == "CREATE_TABLE_AS_SELECT":
            assert statement.target is not None
            db.execute(statement.duckdb, values or None)
            shape = db.sql(f'SELECT * FROM "{statement.target}" LIMIT 0').to_arrow_table().schema  # noqa: S608
            self._temporary[statement.target] = tuple(column_of_arrow(one) for one in shape)
            return Outcome(statement.kind)
        table = db.sql(statement.duckdb, params=values or None).to_arrow_table()
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        if statement.says and rows != [(True,)]:
            raise invalid_query(statement.says)
        return Outcome(statement.kind, [column_of_arrow(one) for one in table.schema], rows)

    def _understood(self, text: str) -> Statement:
        """Names that hold 32 hexadecimal digits are one name to the cache, so that fresh names cost no parsing."""
        ids = set(HEX.findall(text))
        only = ids.pop() if len(ids) == 1 else None
        steady = text if only is None else text.replace(only, "0" * 32)
        names = names_in(steady)
        found = [(name, self._columns(name if only is None else name.replace("0" * 32, only))) for name in names]
        statement = understand(steady, tuple(found), self._types)
        self._refuse_scans(statement)
        if only is None:
            return statement
        return Statement(
            statement.kind,
            statement.duckdb.replace("0" * 32, only),
            statement.parameters,
            tuple((name.replace("0" * 32, only), columns) for name, columns in statement.reads),
            statement.filtered,
            statement.target,
            statement.says,
        )

    def _columns(self, written: str) -> tuple[Column, ...]:
        return self._temporary[written] if written in self._temporary else self._table(written).columns

    def _table(self, written: str) -> Table:
        *home, name = written.split(".")
        if not home and self._dataset is None:
            raise Refused("invalid", f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).')
        return self._shelf.table(home[-1] if home else str(self._dataset), name)

    def _refuse_scans(self, statement: Statement) -> None:
        for written, _ in statement.reads:
            needed = None if written in self._temporary else self._needed(written)
            if needed is not None and needed not in statement.filtered:
                raise invalid_query(
                    f"Cannot query over table '{written}' without a filter over column(s) '{needed}' that can be used "
                    "for partition elimination"
                )

    def _needed(self, written: str) -> str | None:
        return None if HEX.search(written) or "0" * 32 in written else self._table(written).needs_filter

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
            db.execute("SET TimeZone = 'UTC'")
            if self._dataset is not None:
                db.execute(f"SET search_path = '{self._dataset}'")
            db.execute("CREATE OR REPLACE TEMP MACRO farm_fingerprint(x) AS CAST(hash(x) >> 1 AS BIGINT)")
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
