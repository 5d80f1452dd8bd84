"""The loopback BigQuery against the real client: what the service does, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    GoogleAPICallError,
    NotFound,
)
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import InvalidOperation, RefreshError
from google.cloud import bigquery as google
from google.oauth2 import service_account

from tests.loopback_bigquery import LoopbackBigQuery

DATASET = "shop"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ITEMS = [
    google.SchemaField("name", "STRING", mode="REQUIRED"),
    google.SchemaField("price", "FLOAT64"),
    google.SchemaField("stock", "INT64"),
    google.SchemaField("tags", "STRING", mode="REPEATED"),
    google.SchemaField("since", "DATE"),
    google.SchemaField("at", "TIMESTAMP"),
]
ROWS = pa.table(
    {
        "name": ["apple", "pear", "plum"],
        "price": [1.5, None, 0.25],
        "stock": pa.array([3, 0, None], pa.int32()),
        "tags": [["red", "round"], [], None],
        "since": pa.array([date(2020, 5, 1), None, None], pa.date32()),
        "at": pa.array([NOON, None, None], pa.timestamp("us", "UTC")),
    }
)


@pytest.fixture
def server() -> Iterator[LoopbackBigQuery]:
    with LoopbackBigQuery() as running:
        yield running


def client_of(server: LoopbackBigQuery, credentials: Credentials | None = None) -> google.Client:
    return google.Client(
        project=server.project,
        credentials=credentials or AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": server.url},
        location="US",
    )


@pytest.fixture
def client(server: LoopbackBigQuery) -> Iterator[google.Client]:
    opened = client_of(server)
    opened.create_dataset(DATASET)
    yield opened
    opened.close()  # type: ignore[no-untyped-call]


def make_table(client: google.Client, name: str = "items") -> google.Table:
    table = google.Table(f"{client.project}.{DATASET}.{name}", schema=ITEMS)
    table.clustering_fields = ["name"]
    table.time_partitioning = google.TimePartitioning(type_="MONTH", field="since")
    return client.create_table(table)


def parquet(rows: pa.Table) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(rows, file)
    return file


def load(
    client: google.Client,
    rows: pa.Table = ROWS,
    *,
    lists: bool = True,
    resumable: bool = False,
    job_id: str | None = None,
) -> int:
    options = google.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = lists
    config = google.LoadJobConfig(source_format="PARQUET", parquet_options=options)
    file = parquet(rows)
    size = None if resumable else file.getbuffer().nbytes
    job = client.load_table_from_file(
        file, f"{DATASET}.items", rewind=True, size=size, job_config=config, job_id=job_id
    )
    job.result()
    return int(job.output_rows)


def ask(client: google.Client, sql: str, **parameters: str | int) -> list[tuple[object, ...]]:
    given = [
        google.ScalarQueryParameter(name, "INT64" if isinstance(value, int) else "STRING", value)
        for name, value in parameters.items()
    ]
    config = google.QueryJobConfig(default_dataset=f"{client.project}.{DATASET}", query_parameters=given)
    return [tuple(row.values()) for row in client.query(sql, job_config=config, job_retry=None).result()]


@pytest.fixture
def items(client: google.Client) -> google.Client:
    """A client whose dataset has a table of three rows."""
    make_table(client)
    load(client)
    return client


def test_a_table_is_described_as_it_was_made(client: google.Client) -> None:
    make_table(client)
    found = client.get_table(f"{DATASET}.items")

    assert found.clustering_fields == ["name"]
    assert (found.time_partitioning.type_, found.time_partitioning.field) == ("MONTH", "since")
    assert [(field.name, field.mode) for field in found.schema][:4] == [
        ("name", "REQUIRED"),
        ("price", "NULLABLE"),
        ("stock", "NULLABLE"),
        ("tags", "REPEATED"),
    ]
    assert [table.table_id for table in client.list_tables(DATASET)] == ["items"]


def test_what_is_there_already_is_a_conflict_and_what_is_not_is_missing(client: google.Client) -> None:
    make_table(client)

    with pytest.raises(Conflict):
        make_table(client)
    with pytest.raises(Conflict):
        client.create_dataset(DATASET)
    for missing in (f"{DATASET}.nothing", "nowhere.items"):
        with pytest.raises(NotFound):
            client.get_table(missing)


@pytest.mark.parametrize("field", ["tags", "price", "nothing"])
def test_a_table_is_not_clustered_by_what_cannot_be_ordered(client: google.Client, field: str) -> None:
    table = google.Table(f"{client.project}.{DATASET}.items", schema=ITEMS)
    table.clustering_fields = [field]
    with pytest.raises(BadRequest, match=field):
        client.create_table(table)


def test_columns_may_be_added_and_never_taken_away(items: google.Client) -> None:
    table = items.get_table(f"{DATASET}.items")
    table.schema = [*table.schema, google.SchemaField("more", "STRING")]
    items.update_table(table, ["schema"])
    table.schema = table.schema[:-2]

    assert ask(items, "SELECT more FROM items WHERE name = 'apple'") == [(None,)]
    with pytest.raises(BadRequest, match="does not match"):
        items.update_table(table, ["schema"])


def test_an_expired_table_is_gone() -> None:
    now = [NOON.timestamp()]
    with LoopbackBigQuery(lambda: now[-1]) as server, client_of(server) as client:
        client.create_dataset(DATASET)
        table = google.Table(f"{client.project}.{DATASET}.soon", schema=ITEMS)
        table.expires = NOON + timedelta(hours=1)
        client.create_table(table)
        before = len(list(client.list_tables(DATASET)))
        now.append((NOON + timedelta(hours=2)).timestamp())

        assert (before, list(client.list_tables(DATASET))) == (1, [])
        with pytest.raises(NotFound):
            client.get_table(f"{DATASET}.soon")


@pytest.mark.parametrize("resumable", [False, True])
def test_every_type_comes_back_as_it_was_loaded(client: google.Client, resumable: bool) -> None:
    make_table(client)
    written = load(client, resumable=resumable)

    assert written == 3
    assert ask(client, "SELECT * FROM items ORDER BY name") == [
        ("apple", 1.5, 3, ["red", "round"], date(2020, 5, 1), NOON),
        ("pear", None, 0, [], None, None),
        ("plum", 0.25, None, [], None, None),
    ]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (ROWS.append_column("more", pa.array(["x"] * 3)), "more"),
        (ROWS.set_column(2, "stock", pa.array(["1", "2", "3"])), "changed type from INTEGER to STRING"),
        (ROWS.set_column(0, "name", pa.array(["apple", None, "plum"])), "cannot be null"),
        (ROWS.drop_columns(["name"]), "Required field name is missing"),
    ],
)
def test_a_file_that_does_not_fit_the_table_is_refused_whole(client: google.Client, rows: pa.Table, why: str) -> None:
    make_table(client)
    with pytest.raises(BadRequest, match=why):
        load(client, rows)

    assert ask(client, "SELECT COUNT(*) FROM items") == [(0,)]


def test_lists_are_records_unless_their_inference_is_asked_for(client: google.Client) -> None:
    make_table(client)
    with pytest.raises(BadRequest, match="RECORD"):
        load(client, lists=False)


def test_a_job_id_counts_once(client: google.Client) -> None:
    make_table(client)
    load(client, job_id="mine")
    with pytest.raises(Conflict):
        load(client, job_id="mine")

    assert ask(client, "SELECT COUNT(*) FROM items") == [(3,)]
    assert client.get_job("mine").state == "DONE"


def test_rows_come_in_pages(server: LoopbackBigQuery, items: google.Client) -> None:
    server.jobs.page_bytes = 60
    found = ask(items, "SELECT name FROM items ORDER BY name")

    assert found == [("apple",), ("pear",), ("plum",)]
    assert server.asked.count("jobs.getQueryResults") > 2


def test_the_result_of_a_query_can_be_read_again_in_part(items: google.Client) -> None:
    job = items.query("SELECT name, stock FROM shop.items ORDER BY name")
    job.result()
    found = items.list_rows(job.destination, selected_fields=[google.SchemaField("name", "STRING")])

    assert [tuple(row.values()) for row in found] == [("apple",), ("pear",), ("plum",)]


def test_a_job_that_takes_its_time_is_waited_for(server: LoopbackBigQuery, items: google.Client) -> None:
    server.jobs.waits = 2

    assert ask(items, "SELECT COUNT(*) FROM items") == [(3,)]


def test_a_script_is_one_job_and_leaves_its_last_rows(items: google.Client) -> None:
    script = """
    BEGIN TRANSACTION;
    CREATE TEMP TABLE kept AS SELECT name FROM items WHERE stock >= @least;
    DELETE FROM items WHERE name = 'pear';
    INSERT INTO items (name, stock) VALUES ('fig', 7);
    COMMIT TRANSACTION;
    SELECT (SELECT COUNT(*) FROM kept) AS kept, COUNT(*) AS whole FROM items"""

    assert ask(items, script, least=0) == [(2, 3)]


@pytest.mark.parametrize("breaks", ["SELECT nothing FROM items", "SELECT IF(1 = 2, 1, ERROR('not so'))"])
def test_a_transaction_that_breaks_off_changed_nothing(items: google.Client, breaks: str) -> None:
    with pytest.raises(BadRequest, match="not"):
        ask(items, f"BEGIN TRANSACTION; DELETE FROM items WHERE TRUE; {breaks}; COMMIT TRANSACTION")  # noqa: S608

    assert ask(items, "SELECT COUNT(*) FROM items") == [(3,)]


def test_a_transaction_that_is_left_open_changed_nothing(items: google.Client) -> None:
    ask(items, "BEGIN TRANSACTION; DELETE FROM items WHERE TRUE; SELECT 1")

    assert ask(items, "SELECT COUNT(*) FROM items") == [(3,)]


def test_of_two_transactions_that_change_one_table_one_is_aborted(server: LoopbackBigQuery) -> None:
    turns = server.shelf.turns
    early, late = turns.begin(), turns.begin()
    turns.take("t", "early", early)

    with pytest.raises(Exception, match="concurrent update"):
        turns.take("t", "late", late)
    turns.end("early", committed=True)
    with pytest.raises(Exception, match="concurrent update"):
        turns.take("t", "late", late)
    turns.take("t", "later", turns.begin())


MERGE = """
MERGE INTO items AS old USING (SELECT 'apple' AS name, 5 AS stock UNION ALL SELECT '{other}', 6) AS found
ON old.name = found.name
WHEN MATCHED AND found.stock > old.stock THEN UPDATE SET stock = found.stock
WHEN NOT MATCHED THEN INSERT (name, stock) VALUES (found.name, found.stock)"""


def test_a_merge_changes_and_adds(items: google.Client) -> None:
    ask(items, MERGE.format(other="fig"))

    assert ask(items, "SELECT name, stock FROM items WHERE stock > 4 ORDER BY name") == [("apple", 5), ("fig", 6)]


def test_a_merge_that_matches_a_row_twice_is_refused(items: google.Client) -> None:
    with pytest.raises(BadRequest, match="at most one source row"):
        ask(items, MERGE.format(other="apple"))


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELEC 1", "Syntax"),
        ("SELECT nothing FROM items", "Unrecognized name"),
        ("SELECT name FROM items WHERE name = 1", "No matching signature"),
        ("SELECT CONCAT(name, stock) FROM items", "No matching signature"),
        ("SELECT stock + name FROM items", "No matching signature"),
        ("SELECT COALESCE(stock, 'none') FROM items", "No matching signature"),
        ("SELECT name FROM items WHERE `at` > since", "No matching signature"),
        ("SELECT ARG_MIN(name, stock) FROM items", "Function not found"),
        ("SELECT strlen(name) FROM items", "Function not found"),
        ("SELECT stock::STRING FROM items", "Syntax"),
        ("SELECT at FROM items", "Syntax"),
        ("SELECT new.name FROM items AS new", "Syntax"),
        ("SELECT name FROM items ANTI JOIN items AS other USING (name)", "Syntax"),
        ("SELECT name, COUNT(*) FROM items", "name"),
        ("UPDATE items SET stock = 1", "WHERE"),
        ("DELETE FROM items", "WHERE"),
        ("UPDATE items SET stock = 1.5 WHERE TRUE", "cannot be assigned"),
        ("UPDATE items SET nothing = 1 WHERE TRUE", "not present"),
        ("INSERT INTO items (stock) VALUES (1)", "Required field name"),
        ("INSERT INTO items (name) VALUES (NULL)", "cannot be null"),
        ("INSERT INTO items (name, stock) VALUES ('fig', 'seven')", "cannot be assigned"),
        ("SELECT name FROM items WHERE stock > @least", "parameter 'least' not found"),
        ("COMMIT TRANSACTION", "no transaction"),
        ("ASSERT FALSE AS 'not so'", "unknown"),
        ("SELECT SUM(9223372036854775807) FROM items", "overflow"),
    ],
)
def test_what_bigquery_refuses_is_refused(items: google.Client, sql: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        ask(items, sql)


def test_an_unknown_table_is_not_found_and_one_without_a_dataset_is_refused(items: google.Client) -> None:
    with pytest.raises(NotFound, match="nothing"):
        ask(items, "SELECT * FROM nothing")
    with pytest.raises(BadRequest, match="must be qualified"):
        items.query("SELECT * FROM items").result()


def test_a_table_that_wants_to_be_filtered_by_its_partitions_is_not_read_whole(client: google.Client) -> None:
    table = google.Table(f"{client.project}.{DATASET}.items", schema=ITEMS)
    table.time_partitioning = google.TimePartitioning(type_="MONTH", field="since")
    table.require_partition_filter = True
    client.create_table(table)

    assert ask(client, "SELECT name FROM items WHERE since > '2020-01-01'") == []
    with pytest.raises(BadRequest, match="partition elimination"):
        ask(client, "SELECT name FROM items")


def test_a_dry_run_counts_the_columns_that_would_be_read_and_leaves_no_job(
    server: LoopbackBigQuery, items: google.Client
) -> None:
    before = list(server.jobs.ids)
    config = google.QueryJobConfig(dry_run=True)
    names = items.query("SELECT name FROM shop.items", job_config=config)
    both = items.query("SELECT name, stock FROM shop.items WHERE name = 'apple'", job_config=config)

    assert names.total_bytes_processed == sum(2 + len(name) for name in ("apple", "pear", "plum"))
    assert both.total_bytes_processed == names.total_bytes_processed + 2 * 8
    assert server.jobs.ids == before


def test_more_than_may_be_billed_is_not_read(items: google.Client) -> None:
    config = google.QueryJobConfig(maximum_bytes_billed=1_000_000)
    with pytest.raises(GoogleAPICallError, match="exceeded limit for bytes billed") as refused:
        items.query("SELECT name FROM shop.items", job_config=config).result()

    assert refused.value.errors[0]["reason"] == "bytesBilledLimitExceeded"


def test_a_service_account_comes_in_and_a_stranger_does_not(server: LoopbackBigQuery, tmp_path: Path) -> None:
    server.access.closed = True
    file = server.write_account(tmp_path / "key.json")
    account = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        file, scopes=["https://www.googleapis.com/auth/bigquery"]
    )
    with client_of(server, account) as known, client_of(server) as stranger:
        known.create_dataset(DATASET)
        with pytest.raises(InvalidOperation):  # a 401, and nothing to refresh
            stranger.get_dataset(DATASET)

    assert server.asked.count("token") == 1


def test_an_account_that_was_refused_gets_no_token(server: LoopbackBigQuery, tmp_path: Path) -> None:
    server.access.closed = True
    server.access.refusal = "Invalid JWT Signature."
    account = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        server.write_account(tmp_path / "key.json"), scopes=["https://www.googleapis.com/auth/bigquery"]
    )
    with client_of(server, account) as client, pytest.raises(RefreshError, match="Invalid JWT"):
        client.get_dataset(DATASET)


def test_a_right_that_is_missing_is_named(server: LoopbackBigQuery, client: google.Client) -> None:
    server.denied.add("tables.insert")
    with pytest.raises(Forbidden, match=r"bigquery\.tables\.insert denied"):
        make_table(client)


@pytest.mark.parametrize("reason", ["quotaExceeded", "rateLimitExceeded", "backendError", "billingNotEnabled"])
def test_faults_come_in_googles_shape(server: LoopbackBigQuery, client: google.Client, reason: str) -> None:
    server.fail_next(reason)
    with pytest.raises(GoogleAPICallError) as refused:
        client.get_dataset(DATASET, retry=google.DEFAULT_RETRY.with_predicate(lambda _: False))

    assert refused.value.errors[0]["reason"] == reason


def test_what_passes_is_tried_again_by_the_client(server: LoopbackBigQuery, client: google.Client) -> None:
    server.fail_next("backendError", times=2)
    patience = google.DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.01)
    assert isinstance(patience, Retry)

    assert client.get_dataset(DATASET, retry=patience).dataset_id == DATASET


def test_a_call_whose_answer_is_lost_was_carried_out(server: LoopbackBigQuery, client: google.Client) -> None:
    server.lose_next("tables.insert")
    with pytest.raises(Conflict):  # the client tries again
        make_table(client)

    assert [table.table_id for table in client.list_tables(DATASET)] == ["items"]
