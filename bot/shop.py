"""Where the titles of picks lead, and where their covers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.links import Links, Shown

STORE = "https://store.steampowered.com"


class Pictures(Protocol):
    """Addresses of covers by app id, of those that are known in no time."""

    async def of(self, app_ids: Sequence[int]) -> dict[int, str]: ...


def page_of(app_id: int, store_url: str) -> str:
    """The game's own page in the store."""
    return f"{store_url.rstrip('/')}/app/{app_id}/"


@dataclass(frozen=True)
class Shop:
    """Without covers the cards have none; without links their titles lead straight to the store."""

    store_url: str = STORE
    covers: Pictures | None = None
    links: Links | None = None

    def ways(self, answer: str, app_ids: Sequence[int]) -> dict[int, str]:
        """Where titles lead by app id, in the order of their places in the answer, where not straight to the store.

        `answer` is the id of the request that the games are logged as shown under.
        """
        if self.links is None:
            return {}
        found = {app_id: self.links.of(Shown(answer, at, app_id)) for at, app_id in enumerate(app_ids, 1)}
        return {app_id: address for app_id, address in found.items() if address is not None}
