"""Where the titles of picks lead, where their covers come from, and both for the cards of one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.links import Links, Shown
from bot.messages import Language
from bot.wording import Wording
from recommender.game import Game

STORE = "https://store.steampowered.com"


class Pictures(Protocol):
    """Addresses of covers by app id, of those that are known in no time."""

    async def of(self, app_ids: Sequence[int]) -> dict[int, str]: ...


def page_of(app_id: int, store_url: str) -> str:
    """The game's own page in the store."""
    return f"{store_url.rstrip('/')}/app/{app_id}/"


@dataclass(frozen=True)
class Look:
    """`covers` has the address of a game's picture by app id; titles lead to `store_url`, or where `ways` says."""

    words: Wording
    store_url: str
    covers: Mapping[int, str]
    ways: Mapping[int, str] = field(default_factory=dict)

    def without_covers(self) -> Look:
        return replace(self, covers={})

    def address(self, game: Game) -> str:
        return self.ways.get(game.app_id) or page_of(game.app_id, self.store_url)


@dataclass(frozen=True)
class Shop:
    """Without covers the cards have none; without links their titles lead straight to the store."""

    store_url: str = STORE
    covers: Pictures | None = None
    links: Links | None = None

    async def look(self, app_ids: Sequence[int], language: Language, answer: str | None = None) -> Look:
        """Of games that are shown in that order; without an `answer` to be counted for, titles lead to the store."""
        covers = await self.covers.of(app_ids) if self.covers and app_ids else {}
        ways = self.ways(answer, app_ids) if answer is not None else {}
        return Look(Wording(language), self.store_url, covers, ways)

    def ways(self, answer: str, app_ids: Sequence[int]) -> dict[int, str]:
        """Where titles lead by app id, in the order of their places in the answer, where not straight to the store.

        `answer` is the id of the request that the games are logged as shown under.
        """
        if self.links is None:
            return {}
        found = {app_id: self.links.of(Shown(answer, at, app_id)) for at, app_id in enumerate(app_ids, 1)}
        return {app_id: address for app_id, address in found.items() if address is not None}
