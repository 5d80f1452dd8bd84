"""Rich text: what Slack demands of it, and how it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.loopback_slack.composition import url_flaws
from tests.loopback_slack.refusals import Flaw, Path, count_flaws, items, member_flaws, text_flaws

PARTS = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
LEAVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("style",), ("text",)),
    "link": (("style", "text", "unsafe"), ("url",)),
    "emoji": (("unicode",), ("name",)),
    "user": (("style",), ("user_id",)),
    "channel": (("style",), ("channel_id",)),
    "usergroup": (("style",), ("usergroup_id",)),
    "broadcast": ((), ("range",)),
}


def rich_text_flaws(at: Path, block: Mapping[str, Any]) -> Iterator[Flaw]:
    yield from count_flaws((*at, "elements"), block.get("elements"), 100)
    for place, part in enumerate(items(block.get("elements"))):
        where = (*at, "elements", place)
        if part.get("type") == "rich_text_list":
            yield from member_flaws(where, part, ("type", "indent", "offset", "border"), ("style", "elements"))
            for number, item in enumerate(items(part.get("elements"))):
                yield from _part((*where, "elements", number), item, PARTS[:1])
        else:
            yield from _part(where, part, PARTS)


def _part(at: Path, part: Mapping[str, Any], allowed: tuple[str, ...]) -> Iterator[Flaw]:
    if part.get("type") not in allowed:
        yield Flaw((*at, "type"), f"unsupported type: {part.get('type')}")
        return
    yield from member_flaws(at, part, ("type", "border"), ("elements",))
    for place, leaf in enumerate(items(part.get("elements"))):
        yield from _leaf((*at, "elements", place), leaf)


def _leaf(at: Path, leaf: Mapping[str, Any]) -> Iterator[Flaw]:
    if leaf.get("type") not in LEAVES:
        yield Flaw((*at, "type"), f"unsupported type: {leaf.get('type')}")
        return
    allowed, needed = LEAVES[str(leaf["type"])]
    yield from member_flaws(at, leaf, ("type", *allowed), needed)
    if leaf["type"] == "text":
        yield from text_flaws((*at, "text"), leaf.get("text"), 3000)
    elif leaf["type"] == "link":
        yield from url_flaws((*at, "url"), leaf.get("url"))


def said(block: Mapping[str, Any]) -> str:
    """The whole as one text in Slack's own notation, a line for each part."""
    lines = []
    for part in items(block.get("elements")):
        listed = part.get("type") == "rich_text_list"
        lines += [_line(one, "• ") for one in items(part.get("elements"))] if listed else [_line(part, "")]
    return "\n".join(lines)


def _line(part: Mapping[str, Any], mark: str) -> str:
    return mark + "".join(map(_word, items(part.get("elements"))))


def _word(leaf: Mapping[str, Any]) -> str:
    shapes = {
        "text": "{text}",
        "link": "<{url}|{text}>" if leaf.get("text") else "<{url}>",
        "emoji": ":{name}:",
        "user": "<@{user_id}>",
        "channel": "<#{channel_id}>",
        "usergroup": "<!subteam^{usergroup_id}>",
        "broadcast": "<!{range}>",
    }
    return shapes[str(leaf["type"])].format(**leaf)
