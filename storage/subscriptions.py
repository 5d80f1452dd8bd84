"""Which channels want a digest, when and of what."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, select

from storage.database import Database, insert_or_replace
from storage.schema import digest_channels


@dataclass(frozen=True, slots=True)
class Subscription:
    """One a channel. `weekday` 0 is Monday; it and `hour` are of the clock in `time_zone`, an IANA name.

    `tags` empty means any. `by` is the person who asked for it, empty once that person was forgotten.
    """

    platform: str
    channel: str
    server: str | None
    weekday: int
    hour: int
    time_zone: str
    tags: tuple[str, ...]
    language: str
    adult: bool
    by: str
    since: datetime


class Subscriptions:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, platform: str, channel: str) -> Subscription | None:
        this = select(digest_channels).where(
            digest_channels.c.platform == platform, digest_channels.c.channel == channel
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(this)).mappings().first()
        return _subscription(row) if row is not None else None

    async def keep(self, subscription: Subscription) -> None:
        """In the place of the channel's earlier one, if any."""
        row = asdict(subscription) | {"tags": list(subscription.tags)}
        async with self._database.transaction() as connection:
            await connection.execute(insert_or_replace(connection, digest_channels, row))

    async def stop(self, platform: str, channel: str) -> bool:
        """True if there was one."""
        this = (digest_channels.c.platform == platform) & (digest_channels.c.channel == channel)
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(digest_channels).where(this))).rowcount > 0

    async def all(self) -> list[Subscription]:
        """By platform and channel."""
        every = select(digest_channels).order_by(digest_channels.c.platform, digest_channels.c.channel)
        async with self._database.reading() as connection:
            return [_subscription(row) for row in (await connection.execute(every)).mappings()]


def _subscription(row: RowMapping) -> Subscription:
    return Subscription(**{**row, "tags": tuple(row["tags"])})
