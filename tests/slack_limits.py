"""What Slack takes of a message or a view, as its reference has it; https://docs.slack.dev/reference/block-kit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.slack_screen import Part, walk

BLOCKS, VIEW_BLOCKS = 50, 100
ALL = 13_200
"""Characters over all blocks of a message: more is `msg_blocks_too_long`."""
TEXT = 4000
VALUE, OPTION_VALUE, ACTION_ID, ALT, ADDRESS = 2000, 150, 255, 2000, 3000
ACTIONS, CONTEXT, OVERFLOW, OPTIONS = 25, 10, 5, 100
LABEL, HEADER, SECTION, FIELD, PLACEHOLDER, VIEW_TITLE = 75, 150, 3000, 2000, 150, 24
METADATA = 3000

TEXTS = {"section": SECTION, "header": HEADER, "button": LABEL}


def broken(blocks: Sequence[Part], most: int = BLOCKS) -> list[str]:
    """The rules that these blocks break."""
    return [
        *_over("blocks", len(blocks), most),
        *_ids(blocks),
        *(rule for part in walk(blocks) for rule in _part(part)),
    ]


def too_much(blocks: Sequence[Part]) -> list[str]:
    """The same, and what only a message is limited in."""
    return [*broken(blocks), *_over("message", sum(len(_said(block)) for block in blocks), ALL)]


def broken_view(view: Part) -> list[str]:
    titles = [view[name]["text"] for name in ("title", "submit", "close") if name in view]
    return [
        *broken(view["blocks"], VIEW_BLOCKS),
        *(rule for title in titles for rule in _over("title", len(title), VIEW_TITLE)),
        *_over("metadata", len(view.get("private_metadata", "")), METADATA),
        *_over("callback_id", len(view.get("callback_id", "")), ACTION_ID),
    ]


def _said(block: Part) -> str:
    """All of its values, the strictest reading of what Slack counts."""
    return "".join(str(value) for part in walk(block) for value in part.values() if isinstance(value, str))


def _ids(blocks: Sequence[Part]) -> list[str]:
    ids = [part["action_id"] for part in walk(blocks) if "action_id" in part]
    return [f"{one} twice" for one in set(ids) if ids.count(one) > 1]


def _part(part: Part) -> Iterator[str]:
    kind = part.get("type", "option")
    if kind in {"plain_text", "mrkdwn"}:
        yield from _between(kind, len(part["text"]), SECTION)
        return
    if "text" in part:
        yield from _over(kind, len(part["text"]["text"]), TEXTS.get(kind, LABEL))
    if "value" in part:
        yield from _between("value", len(part["value"]), OPTION_VALUE if kind == "option" else VALUE)
    if "action_id" in part:
        yield from _between("action_id", len(part["action_id"]), ACTION_ID)
    if "elements" in part:
        yield from _between(kind, len(part["elements"]), ACTIONS if kind == "actions" else CONTEXT)
    if "options" in part:
        yield from _between(kind, len(part["options"]), OVERFLOW if kind == "overflow" else OPTIONS)
    yield from _named(part)


def _named(part: Part) -> Iterator[str]:
    for name, most in (("alt_text", ALT), ("image_url", ADDRESS), ("url", ADDRESS)):
        if name in part:
            yield from _between(name, len(part[name]), most)
    for name, most in (("label", FIELD), ("hint", FIELD), ("placeholder", PLACEHOLDER)):
        if name in part:
            yield from _between(name, len(part[name]["text"]), most)


def _over(what: str, length: int, most: int) -> list[str]:
    return [f"{what}: {length} of {most}"] if length > most else []


def _between(what: str, length: int, most: int) -> list[str]:
    return [f"{what} is empty"] if length == 0 else _over(what, length, most)


def travels(part: Any) -> bool:
    """Whether it is still itself after Slack has had it."""
    return bool(json.loads(json.dumps(part)) == part)
