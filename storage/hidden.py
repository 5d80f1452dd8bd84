"""The games that somebody does not want to see again."""

from __future__ import annotations

from datetime import datetime

from storage.database import Database
from storage.feedback import Feedback, Opinion


class HiddenGames:
    """One of the opinions of `Feedback`, as which it raises."""

    def __init__(self, database: Database) -> None:
        self._feedback = Feedback(database)

    async def of(self, platform: str, person: str) -> frozenset[int]:
        theirs = await self._feedback.of(platform, person)
        return frozenset(app_id for app_id, opinion in theirs.items() if opinion is Opinion.HIDE)

    async def toggle(self, platform: str, person: str, app_id: int, now: datetime) -> bool:
        """True if now hidden."""
        return await self._feedback.toggle(platform, person, app_id, Opinion.HIDE, now)
