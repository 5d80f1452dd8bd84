"""Where the titles of picks lead, and where their covers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

STORE = "https://store.steampowered.com"


class Pictures(Protocol):
    """Addresses of covers by app id, of those that are known in no time."""

    async def of(self, app_ids: Sequence[int]) -> dict[int, str]: ...


@dataclass(frozen=True)
class Shop:
    """Without covers the cards have none."""

    store_url: str = STORE
    covers: Pictures | None = None
