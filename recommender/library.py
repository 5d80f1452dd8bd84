"""The games that one player owns: what a recommendation is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Library:
    """`minutes` maps Steam app id to minutes played; 0 is owned and never started, or played in secret."""

    minutes: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.minutes)

    @property
    def playtime_hidden(self) -> bool:
        """Steam answers 0 for every game of a player who hides the playtime but not the games."""
        return len(self.minutes) >= 5 and not any(self.minutes.values())  # noqa: PLR2004
