"""How CI, training and the digests went, as something to post, and the port that posts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class News(StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Chart:
    """`png` is the file as it is, `alt` says in words what it shows; where it is empty the title of the post does."""

    name: str
    png: bytes = field(repr=False)
    alt: str = ""


@dataclass(frozen=True)
class Post:
    """`title` is the finding in a line; `facts` are (label, value), the most telling first; `link` (label, address).

    All of it is plain text: whatever signs it holds mean only themselves.
    """

    news: News
    title: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    link: tuple[str, str] | None = None
    chart: Chart | None = None


class Poster(Protocol):
    """One place where the people who run the bot look, a channel or a terminal.

    What was posted one after the other stands there in that order, each at most once, its chart below it. What is too
    long for the place is cut with a sign that something is missing, facts with how many, and nothing in a post rings
    anybody. A poster waits as long as the place asks it to, and tries again only what surely is not there yet.
    """

    async def post(self, post: Post) -> None:
        """Returns when it stands there.

        Raises:
            ChartNotPosted: it stands there without its chart; it is not to be posted again.
            NotPosted: it does not, or nobody knows; the sentence says which, and what to do.
        """
