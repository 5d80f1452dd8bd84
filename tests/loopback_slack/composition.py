"""What Slack demands of the small objects that blocks and elements are made of: texts, options, confirmations."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.loopback_slack.refusals import (
    Flaw,
    Path,
    boolean_flaws,
    choice_flaws,
    count_flaws,
    items,
    mapping,
    member_flaws,
    repeated,
    text_flaws,
)

TEXTS = ("plain_text", "mrkdwn")
MOST_OPTIONS, OPTION_TEXT, OPTION_VALUE = 100, 75, 150
MOST_URL = 3000


def object_flaws(at: Path, found: object, most: int, kinds: tuple[str, ...] = TEXTS) -> Iterator[Flaw]:
    """Whether it is a text object of one of the kinds with a text of 1 to `most` characters."""
    if not isinstance(found, dict):
        yield Flaw(at, "must provide an object")
        return
    text = mapping(found)
    kind = text.get("type")
    yield from choice_flaws((*at, "type"), kind, kinds)
    own = ("emoji",) if kind == "plain_text" else ("verbatim",)
    yield from member_flaws(at, text, ("type", *own), ("text",))
    yield from (flaw for name in own if name in text for flaw in boolean_flaws((*at, name), text[name]))
    if text.get("text") is not None:
        yield from text_flaws((*at, "text"), text["text"], most)


def plain_flaws(at: Path, found: object, most: int) -> Iterator[Flaw]:
    return object_flaws(at, found, most, ("plain_text",))


def option_flaws(at: Path, found: object, kinds: tuple[str, ...] = ("plain_text",), *, linked: bool) -> Iterator[Flaw]:
    """Whether it is an option; only those of an overflow menu may be `linked`."""
    option = mapping(found)
    yield from member_flaws(at, option, ("description", "url") if linked else ("description",), ("text", "value"))
    if option.get("text") is not None:
        yield from object_flaws((*at, "text"), option["text"], OPTION_TEXT, kinds)
    if option.get("value") is not None:
        yield from text_flaws((*at, "value"), option["value"], OPTION_VALUE)
    if "description" in option:
        yield from object_flaws((*at, "description"), option["description"], OPTION_TEXT, kinds)
    if linked and "url" in option:
        yield from url_flaws((*at, "url"), option["url"])


def options_flaws(
    at: Path, found: object, most: int = MOST_OPTIONS, kinds: tuple[str, ...] = ("plain_text",), *, linked: bool = False
) -> Iterator[Flaw]:
    yield from count_flaws(at, found, most)
    for place, option in enumerate(items(found)):
        yield from option_flaws((*at, place), option, kinds, linked=linked)
    values = [((*at, place, "value"), option.get("value")) for place, option in enumerate(items(found))]
    yield from repeated(values, "value")


def groups_flaws(at: Path, found: object) -> Iterator[Flaw]:
    yield from count_flaws(at, found, MOST_OPTIONS)
    for place, group in enumerate(items(found)):
        yield from member_flaws((*at, place), group, (), ("label", "options"))
        yield from plain_flaws((*at, place, "label"), group.get("label"), OPTION_TEXT)
        yield from options_flaws((*at, place, "options"), group.get("options"))


def offered_flaws(at: Path, found: object) -> Iterator[Flaw]:
    """Whether an answer to what somebody types is one: options, or groups of them, and possibly none."""
    offered = mapping(found)
    if ("options" in offered) == ("option_groups" in offered):
        yield Flaw(at, "must define either `options` or `option_groups`")
    elif offered.get("options"):
        yield from options_flaws((*at, "options"), offered["options"])
    elif offered.get("option_groups"):
        yield from groups_flaws((*at, "option_groups"), offered["option_groups"])


def confirm_flaws(at: Path, found: object) -> Iterator[Flaw]:
    confirm = mapping(found)
    yield from member_flaws(at, confirm, ("style",), ("title", "text", "confirm", "deny"))
    yield from plain_flaws((*at, "title"), confirm.get("title"), 100)
    yield from object_flaws((*at, "text"), confirm.get("text"), 300)
    yield from plain_flaws((*at, "confirm"), confirm.get("confirm"), 30)
    yield from plain_flaws((*at, "deny"), confirm.get("deny"), 30)
    if "style" in confirm:
        yield from choice_flaws((*at, "style"), confirm["style"], ("primary", "danger"))


def url_flaws(at: Path, found: object) -> Iterator[Flaw]:
    wrong = list(text_flaws(at, found, MOST_URL))
    yield from wrong
    if not wrong:
        parts = urlsplit(str(found))
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in str(found):
            yield Flaw(at, "invalid url")
