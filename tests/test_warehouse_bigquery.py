"""What the warehouse in BigQuery promises beside the contract: how it is laid out, what it costs, and how it fails."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery as google

from recommender.interactions import Weighting
from storage.bigquery import jobs
from storage.bigquery.costs import Estimate
from storage.bigquery.jobs import PATIENCE, STAGED_FOR
from storage.bigquery.place import Place
from storage.bigquery.tables import FORMAT_LABEL, MARKER, STAGING, TABLES
from storage.bigquery.warehouse import BigQueryWarehouse
from storage.errors import WarehouseBusy, WarehouseError, WarehouseMissing, WarehouseRefused
from storage.warehouse import INTERACTIONS, SAMPLE_SOURCE
from tests.loopback_bigquery import LoopbackBigQuery
from tests.warehouses import DELTA, FULL, NOW, Owned, batch, catalogue, own, owned, take_in

HASTE = PATIENCE.with_delay(initial=0.01, maximum=0.02).with_timeout(0.2)


@pytest.fixture
def server() -> Iterator[LoopbackBigQuery]:
    with LoopbackBigQuery() as running:
        yield running


@pytest.fixture
def place(server: LoopbackBigQuery) -> Place:
    return Place(server.project, "games", api_url=server.url)


@pytest.fixture
def client(server: LoopbackBigQuery) -> Iterator[google.Client]:
    with google.Client(
        project=server.project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": server.url},
    ) as opened:
        yield opened


def open_(place: Place, **options: object) -> BigQueryWarehouse:
    return BigQueryWarehouse(place, patience=HASTE, **options)  # type: ignore[arg-type]


@pytest.fixture
def warehouse(place: Place) -> Iterator[BigQueryWarehouse]:
    with open_(place) as opened:
        yield opened


def tables_of(client: google.Client) -> set[str]:
    return {table.table_id for table in client.list_tables("games")}


def test_the_tables_are_clustered_by_their_keys_and_parted_by_their_months(
    warehouse: BigQueryWarehouse, client: google.Client
) -> None:
    made = {name: client.get_table(f"games.{name}") for name in TABLES}
    parted = {name: table.time_partitioning.field for name, table in made.items() if table.time_partitioning}

    assert tables_of(client) == set(TABLES)
    assert made["interactions"].clustering_fields == ["player", "app_id"]
    assert made["ledger"].clustering_fields == ["lake", "upto"]
    assert parted == {"reviews": "posted", "feedback": "since", "ledger": "loaded_at", "rejects": "loaded_at"}


def test_opening_again_asks_one_question(server: LoopbackBigQuery, place: Place, warehouse: BigQueryWarehouse) -> None:
    server.asked.clear()
    open_(place).close()

    assert server.asked == ["tables.get"]


def test_tables_that_were_half_made_are_finished(server: LoopbackBigQuery, place: Place, client: google.Client) -> None:
    server.fail_next("quotaExceeded", method="tables.patch")
    with pytest.raises(WarehouseRefused):
        open_(place)
    with open_(place) as opened:
        own(opened, Owned("a", 1))

        assert owned(opened) == [Owned("a", 1)]
    assert FORMAT_LABEL in client.get_table(f"games.{MARKER}").labels


def test_nothing_is_made_for_who_only_reads(place: Place, client: google.Client) -> None:
    with pytest.raises(WarehouseMissing, match="indiean data import"):
        open_(place, read_only=True)

    with pytest.raises(NotFound):
        client.get_dataset("games")


def test_who_only_reads_changes_nothing(place: Place, warehouse: BigQueryWarehouse) -> None:
    own(warehouse, Owned("a", 1))
    with open_(place, read_only=True) as reading:
        assert owned(reading) == [Owned("a", 1)]
        with pytest.raises(WarehouseError, match="reading only"):
            reading.forget("a")


def test_a_dataset_of_something_else_is_left_alone(place: Place, client: google.Client) -> None:
    client.create_dataset("games")
    client.create_table(google.Table("a-project.games.invoices", schema=[google.SchemaField("n", "INT64")]))
    with pytest.raises(WarehouseError, match="such as invoices: choose another dataset"):
        open_(place)

    assert tables_of(client) == {"invoices"}


def test_a_dataset_elsewhere_is_told_with_the_setting(place: Place, client: google.Client) -> None:
    dataset = google.Dataset("a-project.games")
    dataset.location = "EU"
    client.create_dataset(dataset)
    with pytest.raises(WarehouseError, match="INDIEAN_BIGQUERY_LOCATION=EU"):
        open_(place)


def test_a_later_format_is_refused(place: Place, warehouse: BigQueryWarehouse, client: google.Client) -> None:
    marker = client.get_table(f"games.{MARKER}")
    marker.labels = {FORMAT_LABEL: "99"}
    client.update_table(marker, ["labels"])
    with pytest.raises(WarehouseError, match="format 99"):
        open_(place)


def test_rows_come_by_load_jobs_and_scripts_and_never_one_by_one(
    server: LoopbackBigQuery, warehouse: BigQueryWarehouse
) -> None:
    server.asked.clear()
    own(warehouse, *(Owned(f"p{n}", n) for n in range(50)))

    assert [name for name in server.asked if name != "jobs.getQueryResults"] == [
        "tables.insert",
        "uploads.begin",
        "jobs.insert",
        "tables.delete",
    ]


def test_nothing_staged_stays(warehouse: BigQueryWarehouse, client: google.Client) -> None:
    own(warehouse, Owned("a", 1))
    take_in(warehouse, DELTA, 0, 5)

    assert tables_of(client) == set(TABLES)


def test_what_a_killed_load_left_expires(client: google.Client, warehouse: BigQueryWarehouse) -> None:
    jobs = warehouse._jobs
    with jobs.staged(INTERACTIONS, [batch([Owned("a", 1)], INTERACTIONS)]) as staged:
        found = client.get_table(f"games.{staged.table}")

    assert staged.table.startswith(STAGING)
    assert abs(found.expires - datetime.now(UTC) - STAGED_FOR) < timedelta(minutes=1)


def test_a_staging_table_that_cannot_be_dropped_fails_no_load(
    server: LoopbackBigQuery, warehouse: BigQueryWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    server.denied.add("tables.delete")
    loaded = own(warehouse, Owned("a", 1))

    assert loaded.added == 1
    assert "stays until it expires" in caplog.text


def test_large_files_go_up_in_chunks(server: LoopbackBigQuery, warehouse: BigQueryWarehouse) -> None:
    rows = [Owned(token_hex(200), n, n) for n in range(30_000)]
    loaded = own(warehouse, *rows)

    assert loaded.added == warehouse.counts().interactions == 30_000
    assert "uploads.continue" in server.asked


def test_pages_of_any_size_are_read_whole(server: LoopbackBigQuery, warehouse: BigQueryWarehouse) -> None:
    rows = sorted(Owned(f"p{n % 13:02}", n, n) for n in range(200))
    own(warehouse, *rows)
    catalogue(warehouse, FULL)
    libraries = [[row for row in rows if row.player == player] for player in {row.player for row in rows}]
    server.jobs.page_bytes = 100

    assert owned(warehouse) == rows
    with warehouse.gram(Weighting()) as found:
        assert found.players == 13
        assert sum(len(cells) for cells in found.cells) == sum(len(g) * (len(g) + 1) // 2 for g in libraries)
    assert warehouse.games() == [FULL]


@pytest.mark.parametrize("method", ["uploads.begin", "jobs.insert"])
def test_a_lost_answer_does_nothing_twice(server: LoopbackBigQuery, warehouse: BigQueryWarehouse, method: str) -> None:
    jobs = len(server.jobs.ids)
    server.lose_next(method)
    loaded = own(warehouse, Owned("a", 1), Owned("a", 1, 5))

    assert (loaded.read, loaded.added, loaded.repeated) == (2, 1, 1)
    assert len(server.jobs.ids) == jobs + 2


def test_slow_jobs_are_waited_for(server: LoopbackBigQuery, warehouse: BigQueryWarehouse) -> None:
    server.jobs.waits = 1

    assert own(warehouse, Owned("a", 1)).added == 1
    assert owned(warehouse) == [Owned("a", 1)]


def test_a_delta_that_another_export_was_faster_with_is_not_taken_in(
    warehouse: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked before the other, and its script looks again."""
    take_in(warehouse, DELTA, 0, 5)
    seen, really = [0], warehouse.watermark
    monkeypatch.setattr(warehouse, "watermark", lambda lake: seen.pop() if seen else really(lake))

    applied = take_in(warehouse, DELTA, 0, 5)

    assert (applied.taken, applied.watermark) == (False, 5)
    assert len(warehouse.ledger("lake")) == 1


def much(warehouse: BigQueryWarehouse) -> int:
    """Bytes of what a fit reads."""
    own(warehouse, *(Owned(f"player {n}", n) for n in range(40)))
    return 40 * 16 + sum(2 + len(f"player {n}") for n in range(40))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Estimate]:
    """What was asked about, where everything is worth a question."""
    monkeypatch.setattr(jobs, "ASK_BEYOND", 0)
    return []


def test_who_pays_is_asked_before_a_large_read(place: Place, asked: list[Estimate]) -> None:
    def agree(estimate: Estimate) -> bool:
        asked.append(estimate)
        return True

    with open_(place, agree=agree) as warehouse:
        size = much(warehouse)
        warehouse.training_interactions()
        with warehouse.gram(Weighting()):
            pass
        warehouse.fingerprint()

    assert asked == [Estimate(size)] * 3


def test_who_does_not_agree_pays_nothing(place: Place, server: LoopbackBigQuery, asked: list[Estimate]) -> None:
    with open_(place, agree=lambda _: False) as warehouse:
        much(warehouse)
        server.asked.clear()
        with pytest.raises(WarehouseRefused, match=r"nothing was read: it would have been 0\.0 GB"):
            warehouse.training_interactions()

    assert server.asked == ["jobs.insert"]  # the dry run


def test_little_is_read_without_a_question(place: Place) -> None:
    with open_(place, agree=lambda _: False) as warehouse:
        much(warehouse)

        assert len(warehouse.training_interactions()) == 40


def test_an_estimate_says_gigabytes_and_dollars() -> None:
    assert str(Estimate(12_300_000_000)) == "12.3 GB (about $0.07)"


def test_more_than_may_be_billed_is_refused_with_the_setting(place: Place, warehouse: BigQueryWarehouse) -> None:
    own(warehouse, Owned("a", 1))
    with (
        open_(place, max_bytes_billed=1000) as thrifty,
        pytest.raises(WarehouseRefused, match="INDIEAN_BIGQUERY_MAX_BYTES_BILLED"),
    ):
        thrifty.training_interactions()


@pytest.mark.parametrize(
    ("reason", "error", "sentence"),
    [
        ("accessDenied", WarehouseRefused, "docs/warehouse.md"),
        ("authError", WarehouseRefused, "INDIEAN_BIGQUERY_CREDENTIALS"),
        ("quotaExceeded", WarehouseRefused, "tomorrow"),
        ("billingNotEnabled", WarehouseRefused, "billing"),
        ("resourcesExceeded", WarehouseRefused, "INDIEAN_MIN_PLAYERS"),
        ("rateLimitExceeded", WarehouseBusy, "some minutes"),
        ("backendError", WarehouseBusy, "some minutes"),
        ("notFound", WarehouseError, "not there"),
    ],
)
@pytest.mark.parametrize("deed", ["read", "load"])
def test_each_fault_is_a_sentence_that_says_what_to_do(
    server: LoopbackBigQuery,
    warehouse: BigQueryWarehouse,
    reason: str,
    error: type[Exception],
    sentence: str,
    deed: str,
) -> None:
    method = {"read": "jobs.query", "load": "jobs.insert"}[deed]
    server.fail_next(reason, method=method, times=200)
    with pytest.raises(error, match=sentence) as refused:
        warehouse.counts() if deed == "read" else own(warehouse, Owned("a", 1))

    assert type(refused.value) is error
    assert "\n" not in str(refused.value)


def test_after_a_fault_everything_is_as_it_was_and_goes_on(
    server: LoopbackBigQuery, warehouse: BigQueryWarehouse, client: google.Client
) -> None:
    server.fail_next("quotaExceeded", method="jobs.insert")
    with pytest.raises(WarehouseRefused):
        own(warehouse, Owned("a", 1))
    left = tables_of(client)

    assert left == set(TABLES)
    assert own(warehouse, Owned("a", 1)).added == 1


def test_what_passes_by_itself_is_not_told(server: LoopbackBigQuery, warehouse: BigQueryWarehouse) -> None:
    server.fail_next("backendError", method="jobs.query", times=2)

    assert warehouse.counts().interactions == 0


def test_a_wrong_statement_is_a_bug_and_passes(server: LoopbackBigQuery, warehouse: BigQueryWarehouse) -> None:
    server.fail_next("invalidQuery", method="jobs.query")
    with pytest.raises(BadRequest):
        warehouse.counts()


def test_nobody_at_the_address_is_a_sentence() -> None:
    with pytest.raises(WarehouseBusy, match="does not answer"):
        open_(Place("a-project", "games", api_url="http://127.0.0.1:9"))


def test_a_service_account_opens_the_warehouse(server: LoopbackBigQuery, place: Place, tmp_path: Path) -> None:
    server.access.closed = True
    key = server.write_account(tmp_path / "key.json")
    with open_(Place(place.project, place.dataset, credentials=key, api_url=server.url)) as warehouse:
        own(warehouse, Owned("a", 1))

        assert owned(warehouse) == [Owned("a", 1)]


def test_an_account_that_google_refuses_is_a_sentence_without_the_key(
    server: LoopbackBigQuery, place: Place, tmp_path: Path
) -> None:
    server.access.closed = True
    server.access.refusal = "Invalid JWT Signature."
    key = server.write_account(tmp_path / "key.json")
    with pytest.raises(WarehouseRefused, match="INDIEAN_BIGQUERY_CREDENTIALS") as refused:
        open_(Place(place.project, place.dataset, credentials=key, api_url=server.url))

    private = json.loads(key.read_text())["private_key"]
    told = "".join(traceback.format_exception(refused.value))
    assert all(line not in told for line in private.splitlines())


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "service_account", "private_key": "A1B2C3"}'])
def test_a_file_that_is_no_service_account_is_a_sentence_without_what_is_in_it(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(WarehouseRefused, match="INDIEAN_BIGQUERY_CREDENTIALS: ") as refused:
        open_(Place("a-project", "games", credentials=file))

    assert "A1B2C3" not in "".join(traceback.format_exception(refused.value))


def test_a_machine_without_credentials_is_told_how_to_get_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(WarehouseRefused, match="gcloud auth application-default login"):
        open_(Place("a-project", "games"))


def real() -> Place:
    project, dataset = os.environ.get("TEST_BIGQUERY_PROJECT"), os.environ.get("TEST_BIGQUERY_DATASET")
    if not (project and dataset):
        pytest.skip("set TEST_BIGQUERY_PROJECT and TEST_BIGQUERY_DATASET to run this in the real BigQuery")
    location = os.environ.get("TEST_BIGQUERY_LOCATION", "US")
    return Place(project, dataset, location)


@pytest.mark.enable_socket
def test_the_real_bigquery_does_as_the_loopback_does() -> None:
    """Everything once, for some cents; what it leaves in the dataset is its tables, without a row of a player."""
    source = f"{SAMPLE_SOURCE} {uuid4().hex}"
    player, other = uuid4().hex, uuid4().hex
    with BigQueryWarehouse(real(), max_bytes_billed=1 << 30) as warehouse:
        before = warehouse.fingerprint(opinions=True)
        rows = batch([Owned(name, app_id, 5) for name in (player, other) for app_id in (1, 2)], INTERACTIONS)
        first = warehouse.load_interactions([rows], source, NOW)
        again = warehouse.load_interactions([rows], source, NOW)
        catalogue(warehouse, FULL)
        applied = warehouse.apply(DELTA, lake=source, after=0, upto=5, now=NOW)
        repeated = warehouse.apply(DELTA, lake=source, after=0, upto=5, now=NOW)
        with warehouse.gram(Weighting(), min_games=2) as counted:
            cells = sum(len(some) for some in counted.cells)
        for name in (player, other, "a", "b"):
            warehouse.forget(name)

        assert (first.added, again.added, again.changed) == (4, 0, 0)
        assert (applied.taken, repeated.taken, repeated.watermark) == (True, False, 5)
        assert cells >= 3
        assert FULL in warehouse.games()
        assert warehouse.fingerprint(opinions=True) == before
