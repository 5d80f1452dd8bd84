"""What a person sees of a Slack message or view on a desktop, drawn as text from the blocks that were sent."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.box import SQUARE
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.slack.mrkdwn import BACKTICK, GAP

WIDTH = 72
PICTURE = "▒▒▒▒▒▒▒▒▒▒\n▒▒ cover ▒\n▒▒▒▒▒▒▒▒▒▒"

Part = Mapping[str, Any]
"""A block, or an element of one, as Slack's API has it."""

_LIT = {"primary": "*", "danger": "!"}


def screen(blocks: Sequence[Part], *, ephemeral: bool = False) -> str:
    """A message; a coloured button has a star before its label."""
    seen = [Text("Only visible to you")] if ephemeral else []
    return _panel([*seen, *_drawn(blocks)], "IndieAn")


def window(view: Part) -> str:
    """A modal with its buttons, or the Home tab."""
    if view["type"] == "home":
        return _panel(_drawn(view["blocks"]), "IndieAn · Home")
    below = Text(f"[{view['close']['text']}]  [* {view['submit']['text']}]", justify="right")
    return _panel([*_drawn(view["blocks"]), below], view["title"]["text"])


def words(blocks: Sequence[Part]) -> str:
    """All that can be read in the message, without markup, a line each; what can be pressed in brackets."""
    return "\n".join(_words(blocks))


def labels(blocks: Sequence[Part]) -> list[str]:
    """Of what can be pressed, menus included."""
    pressable = (part for part in walk(blocks) if "text" in part and ("value" in part or "url" in part))
    return [part["text"]["text"] for part in pressable]


def walk(blocks: object) -> Iterable[Part]:
    """Every block, element, option and text."""
    if isinstance(blocks, Mapping):
        yield blocks
        yield from walk(list(blocks.values()))
    elif isinstance(blocks, list | tuple):
        for part in blocks:
            yield from walk(part)


def plain(mrkdwn: str) -> str:
    """Markup as it reads: links by their text, bold without its stars, entities as the signs they stand for."""
    text = re.sub(r"(?m)^\*(<[^|<>]*\|[^<>]*>)\*$", r"\1", mrkdwn)
    text = re.sub(r"<#([A-Z0-9]+)>", r"#\1", text)
    text = re.sub(r"<[^|<>]*\|([^<>]*)>", r"\1", text)
    text = re.sub(rf"(?m)^\*((?!{GAP}).*)\*$", r"\1", text).replace(GAP, "").replace(BACKTICK, "`")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _panel(parts: Sequence[RenderableType], title: str) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(Panel(Group(*parts), title=title, box=SQUARE))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _words(blocks: Sequence[Part]) -> Iterable[str]:
    for block in blocks:
        if block["type"] == "actions":
            yield from (f"[{label}]" for label in labels([block]))
        elif block["type"] == "context":
            yield from map(_text, block["elements"])
        else:
            yield _text(block["text"])


def _text(text: Part) -> str:
    return plain(text["text"]) if text["type"] == "mrkdwn" else str(text["text"])


def _drawn(blocks: Sequence[Part]) -> list[RenderableType]:
    return [_DRAW[block["type"]](block) for block in blocks]


def _section(block: Part) -> RenderableType:
    text = Text(_text(block["text"]))
    if "accessory" not in block:
        return text
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(width=11, justify="right")
    grid.add_row(text, Text(PICTURE))
    return grid


def _actions(block: Part) -> RenderableType:
    """What can be pressed, none of it broken between lines."""
    lines = [""]
    for shown in map(_pressable, block["elements"]):
        longer = f"{lines[-1]}  {shown}".strip()
        if lines[-1] and cell_len(longer) > WIDTH - 4:
            lines.append(shown)
        else:
            lines[-1] = longer
    return Text("\n".join(lines))


def _pressable(element: Part) -> str:
    if element["type"] == "overflow":
        offered = " / ".join(option["text"]["text"] for option in element["options"])
        return f"[⋯ {offered}]"
    face = "↗" if "url" in element else _LIT.get(element.get("style", ""), "")
    return "[" + " ".join(filter(None, (face, element["text"]["text"]))) + "]"


def _context(block: Part) -> RenderableType:
    return Group(*(Text(f"‹ {_text(element)}") for element in block["elements"]))


def _header(block: Part) -> RenderableType:
    return Group(Text(), Text(_text(block["text"]).upper()))


def _input(block: Part) -> RenderableType:
    kind, element = block["element"]["type"], block["element"]
    shown = [option["text"]["text"] for option in element.get("options", ())]
    inside = " / ".join(shown) or element.get("placeholder", {}).get("text", "")
    optional = " (optional)" if block["optional"] else ""
    hint = [Text(block["hint"]["text"])] if "hint" in block else []
    return Group(Text(f"{block['label']['text']}{optional}"), Text(f"│ {inside} │ {kind}"), *hint, Text())


_DRAW: dict[str, Callable[[Part], RenderableType]] = {
    "actions": _actions,
    "context": _context,
    "header": _header,
    "input": _input,
    "section": _section,
}
