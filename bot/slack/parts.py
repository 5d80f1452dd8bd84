"""What blocks are made of: texts, buttons and pictures, each cut to what Slack takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bot.cutting import cut
from bot.presses import Deed, Press
from bot.wording import Wording

Block: TypeAlias = dict[str, object]
"""A block, or an element of one, as Slack's API has it."""

SECTION = 3000
CONTEXT = 2000
HEADER = 150
LABEL = 75
ALT = 2000

FACES = {
    Deed.PREVIOUS: "◀️",
    Deed.NEXT: "▶️",
    Deed.SHARE: "📣",
    Deed.MORE_LIKE: "✨",
    Deed.WHY: "💬",
    Deed.LIKE: "👍",
    Deed.OWN: "🎮",
    Deed.HIDE: "🙈",
}


def plain(text: str, most: int) -> Block:
    """Means nothing but itself: Slack reads neither markup nor names of emoji in it."""
    return {"type": "plain_text", "text": cut(text, most), "emoji": False}


def marked(text: str) -> Block:
    """Text with markup of ours; `verbatim` lets Slack make no links and no mentions of its own out of it."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: Block, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": text}
    return block | ({"accessory": accessory} if accessory else {})


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER)}


def context(text: str) -> Block:
    return {"type": "context", "elements": [plain(text, CONTEXT)]}


def actions(elements: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(elements)}


def picture(address: str, alt: str) -> Block:
    return {"type": "image", "image_url": address, "alt_text": cut(alt, ALT) or "…"}


def button(press: Press, label: str, at: int | None = None) -> Block:
    """Its id is its own within a message: the deed, and the game or page it is about, or its place among choices."""
    return {
        "type": "button",
        "text": plain(label, LABEL),
        "value": press.code,
        "action_id": f"ia:{press.deed}:{press.number if at is None else at}",
    }


def faced(deed: Deed, words: Wording) -> str:
    """The label of a deed after its face."""
    return f"{FACES[deed]} {words.say(f'button.{deed}')}"
