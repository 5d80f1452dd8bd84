"""What Slack demands of blocks, whatever surface they stand on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from tests.loopback_slack.composition import object_flaws, plain_flaws
from tests.loopback_slack.elements import (
    BESIDE,
    IN_INPUT,
    INTERACTIVE,
    MOST_ID,
    element_flaws,
    picture_flaws,
    text_element_flaws,
)
from tests.loopback_slack.refusals import (
    Flaw,
    Path,
    boolean_flaws,
    count_flaws,
    items,
    mapping,
    member_flaws,
    repeated,
    text_flaws,
)
from tests.loopback_slack.rich_text import rich_text_flaws, said

MOST_IN_MESSAGE, MOST_IN_VIEW, MOST_TEXT = 50, 100, 13_200
SECTION_TEXT, FIELD_TEXT, HEADER_TEXT, LABEL_TEXT = 3000, 2000, 150, 2000
Block = Mapping[str, Any]


def block_flaws(
    blocks: object, most: int = MOST_IN_MESSAGE, broken: Collection[str] = (), at: Path = ("blocks",)
) -> Iterator[Flaw]:
    """Flaws of the blocks of one message or view; `broken` are the addresses of pictures that cannot be fetched."""
    yield from count_flaws(at, blocks, most, 0)
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        yield from _one((*at, number), block)
    everything = list(walk(blocks, at))
    ids = [((*where, "block_id"), one["block_id"]) for where, one in everything if one.get("block_id")]
    yield from repeated(ids, "block_id")
    actions = [((*where, "action_id"), one["action_id"]) for where, one in everything if one.get("action_id")]
    yield from repeated(actions, "action_id")
    for where, one in everything:
        if one.get("image_url") is not None and one["image_url"] in broken:
            yield Flaw((*where, "image_url"), "downloading image failed")


def length(blocks: object) -> int:
    """Characters over all texts, as they count towards what a message may hold."""
    return sum(len(text) for text in texts(blocks))


def texts(blocks: object) -> Iterator[str]:
    """Every text of the blocks and of what stands in them, in whatever type."""
    if isinstance(blocks, list):
        for one in blocks:
            yield from texts(one)
    elif isinstance(blocks, dict):
        if isinstance(blocks.get("text"), str):
            yield blocks["text"]
        for one in blocks.values():
            yield from texts(one)


def marked(blocks: object) -> Iterator[str]:
    """The texts in which mentions and links are read as such."""
    if isinstance(blocks, list):
        for one in blocks:
            yield from marked(one)
    elif isinstance(blocks, dict):
        if blocks.get("type") == "mrkdwn" and isinstance(blocks.get("text"), str):
            yield blocks["text"]
        if blocks.get("type") == "rich_text":
            yield said(blocks)
        for one in blocks.values():
            yield from marked(one)


def walk(blocks: object, at: Path = ()) -> Iterator[tuple[Path, Block]]:
    """Every block with its place, the elements in it after it."""
    for place, block in enumerate(items(blocks)):
        yield (*at, place), block
        for name in ("accessory", "element"):
            if name in block:
                yield (*at, place, name), mapping(block[name])
        if block.get("type") != "rich_text":
            for number, element in enumerate(items(block.get("elements"))):
                yield (*at, place, "elements", number), element


def _one(at: Path, found: object) -> Iterator[Flaw]:
    block = mapping(found)
    kind = block.get("type")
    if not isinstance(found, dict):
        yield Flaw(at, "must provide an object")
    elif kind not in RULES:
        yield Flaw((*at, "type"), f"unsupported type: {kind}")
    else:
        if "block_id" in block:
            yield from text_flaws((*at, "block_id"), block["block_id"], MOST_ID)
        allowed, needed = MEMBERS[str(kind)]
        yield from member_flaws(at, block, ("type", "block_id", *allowed), needed)
        yield from RULES[str(kind)](at, block)


def _section(at: Path, section: Block) -> Iterator[Flaw]:
    if section.get("text") is None and section.get("fields") is None:
        yield Flaw(at, "missing required field: text")
    if section.get("text") is not None:
        yield from object_flaws((*at, "text"), section["text"], SECTION_TEXT)
    if section.get("fields") is not None:
        yield from count_flaws((*at, "fields"), section["fields"], 10)
        for place, field in enumerate(items(section["fields"])):
            yield from object_flaws((*at, "fields", place), field, FIELD_TEXT)
    if "accessory" in section:
        yield from element_flaws((*at, "accessory"), section["accessory"], BESIDE)
    if "expand" in section:
        yield from boolean_flaws((*at, "expand"), section["expand"])


def _header(at: Path, header: Block) -> Iterator[Flaw]:
    yield from plain_flaws((*at, "text"), header.get("text"), HEADER_TEXT)


def _actions(at: Path, actions: Block) -> Iterator[Flaw]:
    yield from _elements(at, actions, 25, lambda where, one: element_flaws(where, one, INTERACTIVE))


def _context(at: Path, context: Block) -> Iterator[Flaw]:
    yield from _elements(at, context, 10, lambda where, one: text_element_flaws(where, one, SECTION_TEXT))


def _elements(at: Path, block: Block, most: int, rule: Callable[[Path, object], Iterator[Flaw]]) -> Iterator[Flaw]:
    inside = block.get("elements")
    yield from count_flaws((*at, "elements"), inside, most)
    for place, one in enumerate(inside if isinstance(inside, list) else ()):
        yield from rule((*at, "elements", place), one)


def _divider(at: Path, divider: Block) -> Sequence[Flaw]:
    return ()


def _image(at: Path, image: Block) -> Iterator[Flaw]:
    yield from picture_flaws(at, image)
    if "title" in image:
        yield from plain_flaws((*at, "title"), image["title"], LABEL_TEXT)


def _input(at: Path, entry: Block) -> Iterator[Flaw]:
    yield from plain_flaws((*at, "label"), entry.get("label"), LABEL_TEXT)
    yield from element_flaws((*at, "element"), entry.get("element"), IN_INPUT)
    if "hint" in entry:
        yield from plain_flaws((*at, "hint"), entry["hint"], LABEL_TEXT)
    for name in ("optional", "dispatch_action"):
        if name in entry:
            yield from boolean_flaws((*at, name), entry[name])


RULES: dict[str, Callable[[Path, Block], Iterator[Flaw] | Sequence[Flaw]]] = {
    "section": _section,
    "header": _header,
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "image": _image,
    "input": _input,
    "rich_text": rich_text_flaws,
}
MEMBERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "section": (("text", "fields", "accessory", "expand"), ()),
    "header": ((), ("text",)),
    "actions": ((), ("elements",)),
    "context": ((), ("elements",)),
    "divider": ((), ()),
    "image": (("title",), ("image_url", "alt_text")),
    "input": (("hint", "optional", "dispatch_action"), ("label", "element")),
    "rich_text": ((), ("elements",)),
}
