"""The warehouse that is set, opened: the composition root of what learns, as `bot/app.py` is of what answers."""

from __future__ import annotations

import asyncio

from bot.settings import Settings, WarehouseKind
from storage.bigquery.costs import Agree
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import WarehouseMissing
from storage.lake.events import player_of
from storage.warehouse import Warehouse

PATIENCE = 10.0
"""Seconds that BigQuery may be away while somebody waits to see their data."""


class Copies:
    """What the warehouse has copied from the lake of somebody, opened for as long as it takes to look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def of(self, platform: str, person: str) -> dict[str, list[dict[str, object]]]:
        """Rows by kind.

        Raises:
            WarehouseError: it cannot be looked at, for instance while another process writes to it.
        """
        return await asyncio.to_thread(self._about, player_of(platform, person))

    def _about(self, player: str) -> dict[str, list[dict[str, object]]]:
        try:
            with open_warehouse(self._settings, read_only=True, patience=PATIENCE) as warehouse:
                return warehouse.about(player)
        except WarehouseMissing:
            return {}


def open_warehouse(
    settings: Settings, *, read_only: bool = False, agree: Agree = lambda _: True, patience: float = 60.0
) -> Warehouse:
    """`agree` is asked before a query that costs money; `patience` is how many seconds BigQuery may be away.

    Raises:
        WarehouseError: see the implementations.
    """
    if settings.warehouse is WarehouseKind.DUCKDB:
        return DuckDBWarehouse(settings.warehouse_file, read_only)
    from storage.bigquery.jobs import PATIENCE  # noqa: PLC0415 - takes a second, and only who has it set needs it
    from storage.bigquery.warehouse import BigQueryWarehouse  # noqa: PLC0415 - the same

    return BigQueryWarehouse(
        settings.bigquery_place,
        read_only=read_only,
        max_bytes_billed=settings.bigquery_max_bytes_billed,
        agree=agree,
        patience=PATIENCE.with_timeout(patience),
    )
