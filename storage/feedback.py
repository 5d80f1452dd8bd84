"""What somebody thinks of a game: hide it, like it, have it already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import delete, insert, select

from recommender.library import Library
from storage.database import Database, insert_or_replace
from storage.logs import Reaction
from storage.schema import feedback, reactions


class Opinion(StrEnum):
    """Of each game a person holds one at most."""

    HIDE = "hide"
    LIKE = "like"
    OWN = "own"


_TAKEN_BACK = {Opinion.HIDE: "unhide", Opinion.LIKE: "unlike", Opinion.OWN: "disown"}


def counted_in(library: Library, opinions: Mapping[int, Opinion]) -> Library:
    """With the games that its player liked or owns elsewhere, by what they think of each app id."""
    liked, owned = (
        [app_id for app_id, opinion in opinions.items() if opinion is kind] for kind in (Opinion.LIKE, Opinion.OWN)
    )
    return library.with_more(liked, owned)


class Feedback:
    """`heard` is told of each reaction once it is written.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database, heard: Callable[[Reaction], None] = lambda _: None) -> None:
        self._database = database
        self._heard = heard

    async def of(self, platform: str, person: str) -> dict[int, Opinion]:
        """By app id."""
        theirs = select(feedback.c.app_id, feedback.c.opinion).where(
            feedback.c.platform == platform, feedback.c.person == person
        )
        async with self._database.reading() as connection:
            return {app_id: Opinion(opinion) for app_id, opinion in await connection.execute(theirs)}

    async def toggle(
        self, platform: str, person: str, app_id: int, opinion: Opinion, now: datetime, request_id: str | None = None
    ) -> bool:
        """Takes the opinion back if the person holds it, else notes it in the place of any other; True if it now holds.

        Logged as a reaction of the moment `now`. Of two clicks that note it at the very same moment one counts, and
        both are told that it holds.
        """
        this = (
            (feedback.c.platform == platform)
            & (feedback.c.person == person)
            & (feedback.c.app_id == app_id)
            & (feedback.c.opinion == opinion)
        )
        row = {"platform": platform, "person": person, "app_id": app_id, "opinion": opinion, "since": now}
        async with self._database.transaction() as connection:
            taken_back = (await connection.execute(delete(feedback).where(this))).rowcount > 0
            if not taken_back:
                other = feedback.c.opinion != opinion
                noted = await connection.execute(insert_or_replace(connection, feedback, row, where=other))
                if not noted.rowcount:
                    return True
            kind = _TAKEN_BACK[opinion] if taken_back else opinion.value
            reaction = Reaction(uuid4().hex, now, platform, person, app_id, kind, request_id)
            await connection.execute(insert(reactions).values(asdict(reaction)))
        self._heard(reaction)
        return not taken_back
