"""What a run of the digests did, channel by channel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from storage.digests import Row

TOO_FEW, MISSED, CUT_OFF = "too_few", "missed", "cut_off"
"""Reasons that have words of their own; any other is a sentence of the platform."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one channel's digest. `next_at` is when it is tried or looked for again."""

    platform: str
    channel: str
    week: str
    why: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True)
class DigestsReport:
    """Of one run. `troubles` are those of the last days that the operator has not heard of, at most once a day."""

    sent: tuple[Entry, ...] = ()
    skipped: tuple[Entry, ...] = ()
    unsubscribed: tuple[Entry, ...] = ()
    failed: tuple[Entry, ...] = ()
    troubles: tuple[Row, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; moments are ISO 8601."""
        parts = {name: list(map(_plain, getattr(self, name))) for name in ("sent", "skipped", "unsubscribed", "failed")}
        return {**parts, "troubles": len(self.troubles)}


def _plain(entry: Entry) -> dict[str, object]:
    return asdict(entry) | {"next_at": entry.next_at.isoformat() if entry.next_at else None}
