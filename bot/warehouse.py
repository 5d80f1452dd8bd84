"""The warehouse that is set, opened: the composition root of what learns, as `bot/app.py` is of what answers."""

from __future__ import annotations

from bot.settings import Settings, WarehouseKind
from storage.bigquery_costs import Agree
from storage.warehouse import Warehouse
from storage.warehouse_duckdb import DuckDBWarehouse


def open_warehouse(
    settings: Settings, *, read_only: bool = False, agree: Agree = lambda _: True, patience: float = 60.0
) -> Warehouse:
    """`agree` is asked before a query that costs money; `patience` is how many seconds BigQuery may be away.

    Raises:
        WarehouseError: see the implementations.
    """
    if settings.warehouse is WarehouseKind.DUCKDB:
        return DuckDBWarehouse(settings.warehouse_file, read_only)
    from storage.bigquery_jobs import PATIENCE  # noqa: PLC0415 - takes a second, and only who has it set needs it
    from storage.warehouse_bigquery import BigQueryWarehouse  # noqa: PLC0415 - the same

    return BigQueryWarehouse(
        settings.bigquery_place,
        read_only=read_only,
        max_bytes_billed=settings.bigquery_max_bytes_billed,
        agree=agree,
        patience=PATIENCE.with_timeout(patience),
    )
