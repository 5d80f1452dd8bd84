"""Jobs of BigQuery: reads, scripts and loads under ids of ours, so that a lost answer never does a thing twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from threading import Lock, local
from typing import IO, TypeVar
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import Conflict, GoogleAPICallError
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.table import Row, RowIterator

from storage.bigquery.access import connect, credentials_for
from storage.bigquery.costs import ASK_BEYOND, Agree, Estimate
from storage.bigquery.merges import ORDINAL
from storage.bigquery.place import Place
from storage.bigquery.tables import STAGING, fields
from storage.errors import WarehouseRefused

log = logging.getLogger(__name__)

PATIENCE = bigquery.DEFAULT_RETRY.with_timeout(60.0)
"""For what passes by itself: 5xx, no connection, too many requests a second."""
STAGED_FOR = timedelta(hours=6)
"""After which BigQuery drops what a killed load left behind."""

Value = str | int | float | datetime
J = TypeVar("J", bigquery.LoadJob, bigquery.QueryJob)
SQL_TYPES: dict[type, str] = {str: "STRING", int: "INT64", float: "FLOAT64", datetime: "TIMESTAMP"}


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows in a table of their own, numbered by the column ORDINAL; no table where there are no rows."""

    table: str
    rows: int


class Jobs:
    """What can be asked of one dataset. Each thread has a client of its own, as Google's are not made to be shared.

    Every error is Google's own, but for costs that are refused.
    """

    def __init__(self, place: Place, max_bytes_billed: int | None, agree: Agree, patience: Retry = PATIENCE) -> None:
        self.dataset = bigquery.DatasetReference(place.project, place.dataset)
        self._place = place
        self._credentials = credentials_for(place)
        self._max_bytes_billed = max_bytes_billed
        self._agree = agree
        self.patience = patience
        self._mine = local()
        self._clients: list[bigquery.Client] = []
        self._lock = Lock()

    @property
    def client(self) -> bigquery.Client:
        """This thread's."""
        found: bigquery.Client | None = getattr(self._mine, "client", None)
        if found is None:
            found = self._mine.client = connect(self._place, self._credentials)
            with self._lock:
                self._clients.append(found)
        return found

    def close(self) -> None:
        with self._lock:
            for client in self._clients:
                client.close()  # type: ignore[no-untyped-call]

    def read(self, query: str, parameters: Mapping[str, Value] | None = None) -> Iterator[Row]:
        """The rows of a small query, a page at a time."""
        config = self._config(parameters)
        yield from self._found(query, config)

    def read_much(self, query: str, parameters: Mapping[str, Value]) -> RowIterator:
        """The rows of a query that may be dear, a page at a time.

        Raises:
            WarehouseRefused: who is asked does not agree to what it costs.
        """
        self._ask(query, parameters)
        return self._found(query, self._config(parameters))

    def keep(self, query: str, parameters: Mapping[str, Value]) -> bigquery.TableReference:
        """Runs a query that may be dear, and leaves its rows in the hidden table where BigQuery keeps them for a day.

        Raises:
            WarehouseRefused: who is asked does not agree to what it costs.
        """
        self._ask(query, parameters)
        job = self._begun(query, parameters)
        job.result(retry=self.patience, job_retry=None)
        kept = job.destination
        assert isinstance(kept, bigquery.TableReference)
        return kept

    def kept(self, table: bigquery.TableReference, columns: Mapping[str, str]) -> RowIterator:
        """Some columns, by their types, of what `keep` left; costs nothing."""
        wanted = [bigquery.SchemaField(name, kind) for name, kind in columns.items()]
        return self.client.list_rows(table, selected_fields=wanted, retry=self.patience)

    def run(self, statements: Iterable[str], parameters: Mapping[str, Value]) -> list[Row]:
        """A script of several statements as one job; the rows are those of its last."""
        job = self._begun(";\n".join(statements), parameters)
        return list(job.result(page_size=1000, retry=self.patience, job_retry=None))

    @contextmanager
    def staged(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[Staged]:
        """The rows by a load job in a table that is dropped at the end, or by BigQuery when its time is over.

        All batches are read, into a file on this machine, before anything is sent.
        """
        with TemporaryFile() as file:
            rows = _write(file, schema, batches)
            if not rows:
                yield Staged("", 0)
                return
            reference = self.dataset.table(f"{STAGING}{uuid4().hex}")
            table = bigquery.Table(reference, schema=fields(_numbered(schema)))
            table.expires = datetime.now(UTC) + STAGED_FOR
            self.client.create_table(table, exists_ok=True, retry=self.patience)
            try:
                self._load(file, reference)
                yield Staged(reference.table_id, rows)
            finally:
                self._drop(reference)

    def _found(self, query: str, config: bigquery.QueryJobConfig) -> RowIterator:
        patience = self.patience
        return self.client.query_and_wait(query, job_config=config, retry=patience, job_retry=patience)

    def _load(self, file: IO[bytes], table: bigquery.TableReference) -> None:
        lists = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
        lists.enable_list_inference = True  # else an array would come as a record of lists
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            parquet_options=lists,
        )
        job_id, size = _job_id(), file.seek(0, 2)
        try:
            job = self.client.load_table_from_file(
                file, table, rewind=True, size=size, job_id=job_id, job_config=config
            )
        except Conflict:  # the answer to an earlier try was lost
            job = self._there(job_id, bigquery.LoadJob)
        job.result(retry=self.patience)

    def _begun(self, script: str, parameters: Mapping[str, Value]) -> bigquery.QueryJob:
        job_id, config = _job_id(), self._config(parameters)
        try:
            return self.client.query(script, job_config=config, job_id=job_id, retry=self.patience, job_retry=None)
        except Conflict:  # the answer to an earlier try was lost
            return self._there(job_id, bigquery.QueryJob)

    def _there(self, job_id: str, kind: type[J]) -> J:
        found = self.client.get_job(job_id, location=self._place.location, retry=self.patience)
        assert isinstance(found, kind)
        return found

    def _ask(self, query: str, parameters: Mapping[str, Value]) -> None:
        config = self._config(parameters)
        config.dry_run = True
        tried = self.client.query(query, job_config=config, retry=self.patience, job_retry=None)
        estimate = Estimate(tried.total_bytes_processed or 0)
        if estimate.bytes > ASK_BEYOND and not self._agree(estimate):
            raise WarehouseRefused(f"nothing was read: it would have been {estimate} of the warehouse {self._place}")

    def _config(self, parameters: Mapping[str, Value] | None) -> bigquery.QueryJobConfig:
        given = [
            bigquery.ScalarQueryParameter(name, SQL_TYPES[type(value)], value)
            for name, value in (parameters or {}).items()
        ]
        config = bigquery.QueryJobConfig(default_dataset=self.dataset, query_parameters=given)
        if self._max_bytes_billed is not None:
            config.maximum_bytes_billed = self._max_bytes_billed
        return config

    def _drop(self, table: bigquery.TableReference) -> None:
        """Soft: BigQuery drops it by itself later."""
        try:
            self.client.delete_table(table, not_found_ok=True, retry=self.patience)
        except GoogleAPICallError as error:
            log.warning("%s stays until it expires: %s", table.table_id, type(error).__name__)


def _job_id() -> str:
    return f"indiean_{uuid4().hex}"


def _numbered(schema: pa.Schema) -> pa.Schema:
    return schema.append(pa.field(ORDINAL, pa.int64(), nullable=False))


def _write(file: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """As Parquet, each row with its number; answers how many there were."""
    rows = 0
    with pq.ParquetWriter(file, _numbered(schema)) as writer:
        for batch in batches:
            ordinals = pa.array(range(rows, rows + batch.num_rows), pa.int64())
            columns = [*batch.select(schema.names).columns, ordinals]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_numbered(schema)))
            rows += batch.num_rows
    return rows
