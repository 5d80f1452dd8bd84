"""A warehouse that somebody else holds for a moment is waited for: whoever looks something up, or exports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from storage.errors import WarehouseBusy
from storage.warehouse import Warehouse

TRIES, PAUSE = 10, 3.0
"""Half a minute: who looks something up is gone after a second, who imports is not worth waiting for."""

Opening = Callable[[], Warehouse]


def when_free(opening: Opening, sleep: Callable[[float], None] = time.sleep) -> Warehouse:
    """Raises WarehouseBusy where it is held all the time, and WarehouseError as `opening` does."""
    for _ in range(TRIES - 1):
        try:
            return opening()
        except WarehouseBusy:
            sleep(PAUSE)
    return opening()


@asynccontextmanager
async def opened_when_free(
    opening: Opening, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncIterator[Warehouse]:
    """The same for whoever must not be blocked; it is closed at the end, also when that comes while it is opened.

    Raises:
        WarehouseBusy, WarehouseError: as of `when_free`.
    """
    warehouse = await _opened(opening, sleep)
    try:
        yield warehouse
    finally:
        await asyncio.to_thread(warehouse.close)


async def _opened(opening: Opening, sleep: Callable[[float], Awaitable[object]]) -> Warehouse:
    for left in reversed(range(TRIES)):
        trying = asyncio.ensure_future(asyncio.to_thread(opening))
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            trying.add_done_callback(_closed)
            raise
        except WarehouseBusy:
            if not left:
                raise
            await sleep(PAUSE)
    raise AssertionError("the last try returns or raises")


def _closed(opened: asyncio.Future[Warehouse]) -> None:
    """What came when nobody wanted it any more."""
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
