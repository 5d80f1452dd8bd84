"""What a post says, as a chat and a terminal both say it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import urlsplit

from jobs.posting import News, Post

MARKS = {News.GOOD: "✅", News.BAD: "❌"}
LONGEST = 3000
"""Characters of an address; Slack takes no longer ones."""
NAME = 80
"""Characters of the name of a file."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def tidy(post: Post, label: str) -> Post:
    """The same with its mark, without control characters, and without facts that say nothing.

    `label` is what a link without a label of its own is called.
    """
    facts = [(_line(name), _clean(value)) for name, value in post.facts]
    return replace(
        post,
        title=" ".join(filter(None, [MARKS[post.news], _line(post.title)])),
        text=_clean(post.text),
        facts=tuple(fact for fact in facts if any(fact)),
        link=(_line(post.link[0]) or label, _line(post.link[1])) if post.link is not None else None,
        chart=replace(post.chart, name=_name(post.chart.name), alt=_line(post.chart.alt)) if post.chart else None,
    )


def stated(fact: tuple[str, str]) -> str:
    return ": ".join(filter(None, fact))


def leads_somewhere(address: str) -> bool:
    """Whether it can be the address of a page, and a button of Slack's can hold it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    whole = address.isprintable() and " " not in address and len(address) <= LONGEST
    return whole and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _name(said: str) -> str:
    """Of a file, without a folder; its end is kept, which says what kind of file it is."""
    return PurePath(_line(said)).name.strip(".")[-NAME:] or "chart.png"


def _line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return _CONTROL.sub("", "\n".join(text.expandtabs().splitlines())).strip()
