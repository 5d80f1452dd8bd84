"""An opinion that was pressed, shown in the message it was pressed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from bot.presses import Deed, Press
from bot.slack.blocks import FOLDED, OPEN
from bot.slack.parts import FACES, LABEL, Block, button, picture, plain

OPINIONS = (Deed.LIKE, Deed.OWN, Deed.HIDE)
LIT = "✓"


def toggled(blocks: Iterable[Block], press: Press, *, holds: bool) -> list[Block]:
    """The same message with an opinion shown as pressed, or no longer, and the other opinions of that game not.

    One from the menu, where nobody would see it, stands beside the buttons as long as it holds.
    """
    return [_relit(block, press, holds=holds) if block["type"] == "actions" else _kept(block) for block in blocks]


def _relit(block: Block, press: Press, *, holds: bool) -> Block:
    elements = cast("list[dict[str, Any]]", block["elements"])
    codes = {replace(press, deed=deed).code: deed for deed in OPINIONS}
    menu = next((one for one in elements if one["type"] == "overflow"), None)
    if menu is None or codes.keys().isdisjoint(option["value"] for option in menu["options"]):
        return block
    lit = press.deed if holds else None
    options = [_option_lit(option, codes.get(option["value"]), lit) for option in menu["options"]]
    buttons = [_button_lit(one, lit) for one in elements if one["type"] == "button" and _of(one) in OPEN]
    if lit in FOLDED:
        label = next(str(option["text"]["text"]) for option in options if codes.get(option["value"]) is lit)
        buttons.append(button(press, label) | {"style": "primary"})
    return {**block, "elements": [*buttons, {**menu, "options": options}]}


def _of(element: Mapping[str, Any]) -> Deed | None:
    """The deed of a button, from its id."""
    deed = str(element["action_id"]).split(":")[1]
    return Deed(deed) if deed in set(Deed) else None


def _button_lit(element: Mapping[str, Any], lit: Deed | None) -> Block:
    deed = _of(element)
    if deed not in OPINIONS:
        return dict(element)
    bare = {key: value for key, value in element.items() if key != "style"}
    text = plain(_sign(element["text"]["text"], deed, lit), LABEL)
    return bare | {"text": text} | ({"style": "primary"} if deed is lit else {})


def _option_lit(option: Mapping[str, Any], deed: Deed | None, lit: Deed | None) -> dict[str, Any]:
    if deed is None:
        return dict(option)
    return {**option, "text": plain(_sign(option["text"]["text"], deed, lit), LABEL)}


def _sign(label: str, deed: Deed, lit: Deed | None) -> str:
    """The label with the sign of being lit in the place of its face, or with its face again."""
    _, _, words = label.partition(" ")
    return f"{LIT if deed is lit else FACES[deed]} {words}"


def _kept(block: Block) -> Block:
    """As it was sent: Slack adds to a picture what it found out about it, and does not take that back."""
    accessory = block.get("accessory")
    if not isinstance(accessory, dict) or accessory.get("type") != "image":
        return block
    return block | {"accessory": picture(str(accessory["image_url"]), str(accessory["alt_text"]))}
