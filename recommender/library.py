"""The games that one player owns: what a recommendation is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Library:
    """`minutes` maps Steam app id to minutes played; 0 is owned and never started, or played in secret.

    `liked` are those of them that the player likes and, as far as anybody can see, does not own.
    """

    minutes: Mapping[int, int] = field(default_factory=dict)
    liked: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.minutes)

    @property
    def playtime_hidden(self) -> bool:
        """Steam answers 0 for every game of a player who hides the playtime but not the games."""
        return len(self.minutes) >= 5 and not any(self.minutes.values())  # noqa: PLR2004

    def with_more(self, liked: Iterable[int], owned: Iterable[int]) -> Library:
        """The same player, of whom it is also known which games they like, and own elsewhere."""
        found = set(owned) - self.minutes.keys()
        liked_only = set(liked) - self.minutes.keys() - found
        return Library({**self.minutes, **dict.fromkeys(sorted(found | liked_only), 0)}, self.liked | liked_only)
