"""Opening the dataset of a warehouse: recognised if it is there, made where it may be."""

from __future__ import annotations

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from storage.bigquery.jobs import Jobs
from storage.bigquery.place import Place
from storage.bigquery.tables import FORMAT, FORMAT_LABEL, MARKER, STAGING, TABLES, described
from storage.errors import WarehouseError, WarehouseMissing

LEAST_TIME_TRAVEL = 48
"""Hours for which BigQuery can still show what was deleted; the least that it allows, for `forget` means it."""

MARK = f"""
MERGE INTO {MARKER} AS old USING (SELECT {FORMAT} AS format) AS ours ON old.format = ours.format
WHEN NOT MATCHED THEN INSERT (format) VALUES (ours.format)"""  # noqa: S608  our table


def open_dataset(jobs: Jobs, place: Place, *, read_only: bool) -> None:
    """Asks one question where all is there.

    Raises:
        WarehouseError: it is another program's, of a later format, elsewhere, or missing and `read_only`.
    """
    marker = _marker(jobs)
    if marker is not None:
        _refuse_format(marker, place)
        _refuse_location(marker.location, place)
        return
    if read_only:
        raise WarehouseMissing(f"there is no warehouse at {place} yet: run `indiean data import` first")
    _make(jobs, place)


def _marker(jobs: Jobs) -> bigquery.Table | None:
    """None before the very last step of making the tables."""
    try:
        found = jobs.client.get_table(jobs.dataset.table(MARKER), retry=jobs.patience)
    except NotFound:
        return None
    return found if FORMAT_LABEL in found.labels else None


def _make(jobs: Jobs, place: Place) -> None:
    """Each step may have been done before, by us or by another process at the same moment."""
    _make_dataset(jobs, place)
    _refuse_foreign(jobs, place)
    for name, layout in TABLES.items():
        jobs.client.create_table(described(jobs.dataset.table(name), layout), exists_ok=True, retry=jobs.patience)
    list(jobs.read(MARK))
    marker = bigquery.Table(jobs.dataset.table(MARKER))
    marker.labels = {FORMAT_LABEL: str(FORMAT)}
    jobs.client.update_table(marker, ["labels"], retry=jobs.patience)


def _make_dataset(jobs: Jobs, place: Place) -> None:
    try:
        found = jobs.client.get_dataset(jobs.dataset, retry=jobs.patience)
    except NotFound:
        wanted = bigquery.Dataset(jobs.dataset)
        wanted.location = place.location
        wanted.max_time_travel_hours = LEAST_TIME_TRAVEL
        wanted.description = "The warehouse of IndieAn"
        jobs.client.create_dataset(wanted, exists_ok=True, retry=jobs.patience)
    else:
        _refuse_location(found.location, place)


def _refuse_location(found: str | None, place: Place) -> None:
    if found is not None and found.casefold() != place.location.casefold():
        raise WarehouseError(
            f"the dataset {place} is in {found}, not in {place.location}: set INDIEAN_BIGQUERY_LOCATION={found}"
        )


def _refuse_foreign(jobs: Jobs, place: Place) -> None:
    names = [table.table_id for table in jobs.client.list_tables(jobs.dataset, retry=jobs.patience)]
    foreign = [name for name in names if name not in TABLES and not name.startswith(STAGING)]
    if foreign:
        raise WarehouseError(
            f"the dataset {place} holds tables of something else, such as {foreign[0]}: choose another dataset"
        )


def _refuse_format(marker: bigquery.Table, place: Place) -> None:
    found = int(marker.labels[FORMAT_LABEL])
    if found > FORMAT:
        raise WarehouseError(f"{place} has format {found} and this version reads up to {FORMAT}: update the program")
