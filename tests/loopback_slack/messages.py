"""Messages as they stand, and how a body that was sent becomes one or changes one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.loopback_slack.blocks import MOST_TEXT, block_flaws, length, marked
from tests.loopback_slack.elements import INTERACTIVE
from tests.loopback_slack.refusals import Flaw, Payload, Refusal, count_flaws, insist, items, mapping

if TYPE_CHECKING:
    from tests.loopback_slack.exchange import Exchange

MOST_PLAIN, MOST_ATTACHMENTS = 40_000, 100
MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>|<!(?:here|channel|everyone)(?:\|[^>]*)?>|<!subteam\^[^>]+>")
BY_NAME = re.compile(r"@(?:here|channel|everyone)\b")
NUMBERS = count(1)


@dataclass(frozen=True)
class File:
    id: str
    name: str
    title: str
    content: bytes = field(repr=False)
    alt: str = ""

    @property
    def payload(self) -> Payload:
        address = f"https://files.slack.com/files-pri/{self.id}/{self.name}"
        known = {"id": self.id, "name": self.name, "title": self.title, "size": len(self.content)}
        return known | {"url_private": address, "permalink": address, "alt_txt": self.alt}


@dataclass(frozen=True)
class Body:
    """What a message says at one moment; it is replaced, never changed."""

    text: str = ""
    blocks: Sequence[Payload] = ()
    attachments: Sequence[Payload] = ()
    files: tuple[File, ...] = ()
    ephemeral: bool = False
    parsed: bool = False
    unfurls_links: bool | None = None
    unfurls_media: bool | None = None

    @property
    def mentions(self) -> list[str]:
        """Every mention that is written so that Slack reads it as one."""
        said = [self.text, *marked(list(self.blocks)), *marked(list(self.attachments))]
        by_name = BY_NAME.findall(self.text) if self.parsed else []
        return [sign for text in said for sign in MENTION.findall(text)] + by_name

    @property
    def rings(self) -> list[str]:
        """Every mention that makes somebody's device ring: none of an ephemeral message does."""
        return [] if self.ephemeral else self.mentions


@dataclass(frozen=True)
class Element:
    """Something that can be pressed or chosen in, with the block that it stands in; `name` is what is read on it."""

    block_id: str
    said: Payload

    @property
    def kind(self) -> str:
        return str(self.said["type"])

    @property
    def action_id(self) -> str:
        return str(self.said.get("action_id", ""))

    @property
    def name(self) -> str:
        label = mapping(self.said.get("text")) or mapping(self.said.get("placeholder"))
        return str(label.get("text", ""))

    @property
    def options(self) -> list[Payload]:
        own = items(self.said.get("options"))
        grouped = [option for group in items(self.said.get("option_groups")) for option in items(group.get("options"))]
        return [dict(option) for option in (*own, *grouped)]


@dataclass(eq=False)
class Message:
    """`to` is who alone sees it, if it is ephemeral; `user` is who wrote it, `exchanges` what led to it."""

    ts: str
    channel: str
    user: str
    body: Body
    to: str | None = None
    app_id: str | None = None
    thread_ts: str | None = None
    deleted: bool = False
    edits: int = 0
    unfurls: dict[str, Payload] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list, repr=False)

    @property
    def ephemeral(self) -> bool:
        return self.to is not None

    @property
    def elements(self) -> list[Element]:
        """In the order in which they stand."""
        return elements(self.body.blocks)

    @property
    def payload(self) -> Payload:
        known: Payload = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.body.text,
            "blocks": list(self.body.blocks),
            "attachments": list(self.body.attachments),
        }
        of_app = {} if self.app_id is None else {"app_id": self.app_id, "bot_id": f"B{self.app_id[1:]}"}
        threaded = {} if self.thread_ts is None else {"thread_ts": self.thread_ts}
        files = {"files": [one.payload for one in self.body.files]} if self.body.files else {}
        return known | of_app | threaded | files


def elements(blocks: Sequence[Mapping[str, Any]]) -> list[Element]:
    """All that can be pressed, chosen in or filled in."""
    return [
        Element(str(block.get("block_id", "")), dict(found))
        for block in blocks
        for found in _inside(block)
        if found.get("type") in INTERACTIVE or block.get("type") == "input"
    ]


def _inside(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (mapping(block[name]) for name in ("accessory", "element") if name in block)
    yield from items(block.get("elements")) if block.get("type") == "actions" else ()


def drafted(said: Mapping[str, Any], broken: Collection[str] = (), *, ephemeral: bool = False) -> Body:
    """The body of a message. Raises Refusal."""
    text, blocks, attachments = said.get("text") or "", said.get("blocks") or [], said.get("attachments") or []
    if not isinstance(text, str):
        raise Refusal("invalid_arguments", [Flaw(("text",), "must be a string")])
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    if not text.strip() and not blocks and not attachments:
        raise Refusal("no_text")
    if len(text) > MOST_PLAIN:
        raise Refusal("msg_too_long")
    insist("invalid_blocks", block_flaws(blocks, broken=broken))
    insist("invalid_attachments", _attachment_flaws(attachments, broken))
    if length(blocks) > MOST_TEXT:
        raise Refusal("msg_blocks_too_long")
    parsed = bool(said.get("link_names")) or said.get("parse") == "full"
    unfurling = said.get("unfurl_links"), said.get("unfurl_media")
    return Body(text, finished(blocks), attachments, (), ephemeral, parsed, *unfurling)


def _attachment_flaws(attachments: object, broken: Collection[str]) -> Iterator[Flaw]:
    yield from count_flaws(("attachments",), attachments, MOST_ATTACHMENTS, 0)
    for place, one in enumerate(items(attachments)):
        if "blocks" in one:
            yield from block_flaws(one["blocks"], broken=broken, at=("attachments", place, "blocks"))


def finished(blocks: Sequence[Mapping[str, Any]]) -> list[Payload]:
    """Blocks as Slack gives them back: every block and every element that can be used has its name."""
    return [_finish(block) for block in blocks]


def _finish(block: Mapping[str, Any]) -> Payload:
    done = {**block, "block_id": block.get("block_id") or _name()}
    for name in ("accessory", "element"):
        if name in done:
            done[name] = _named(done[name])
    if done["type"] == "actions":
        done["elements"] = [_named(one) for one in done["elements"]]
    return done


def _named(element: Mapping[str, Any]) -> Payload:
    return {**element} if element["type"] == "image" else {**element, "action_id": element.get("action_id") or _name()}


def _name() -> str:
    return f"slack{next(NUMBERS)}"
