"""What a person sees of a Discord message on a phone, drawn as text from the components that were sent."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from discord import ui
from rich.box import ROUNDED, SQUARE
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WIDTH = 52
PICTURE = "▒▒▒▒▒▒▒▒▒▒\n▒▒ cover ▒\n▒▒▒▒▒▒▒▒▒▒"

Part = Mapping[str, Any]
"""A component as Discord's API has it."""

_LIT = {1: "*", 3: "✓", 4: "!"}


def screen(components: Sequence[Part], *, ephemeral: bool = False) -> str:
    """The message at the width of a phone; a lit button has a sign before its face."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    seen = Text("only you can see this", style="dim")
    console.print(Panel(Group(*_drawn(components), *([seen] if ephemeral else [])), title="IndieAn", box=SQUARE))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def components(view: ui.LayoutView) -> list[Part]:
    found: list[Part] = view.to_components()  # type: ignore[no-untyped-call]
    return found


def words(components: Sequence[Part]) -> str:
    """All that can be read in the message, without markup, a line each."""
    return "\n".join(_words(components))


def labels(components: Sequence[Part]) -> list[str]:
    return [part["label"] for part in walk(components) if part["type"] == 2]


def walk(components: Iterable[Part]) -> Iterable[Part]:
    for part in components:
        yield part
        yield from walk(part.get("components", ()))
        if "accessory" in part:
            yield from walk([part["accessory"]])


def _words(components: Sequence[Part]) -> Iterable[str]:
    for part in walk(components):
        if part["type"] == 10:
            yield plain(part["content"])
        elif part["type"] == 2:
            yield f"[{part['label']}]"


def plain(markdown: str) -> str:
    """Markdown as it reads: links by their text, no heading signs, escapes undone."""
    text = re.sub(r"(?m)^(### |-# )", "", markdown)
    text = re.sub(r"\[((?:\\.|[^\]\\])*)\]\(https?://[^)]*\)", r"\1", text)
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


def _drawn(components: Sequence[Part]) -> list[RenderableType]:
    return [_DRAW[part["type"]](part) for part in components]


def _row(part: Part) -> RenderableType:
    return Text("  ".join(_button(button) for button in part["components"]))


def _button(part: Part) -> str:
    face = (part.get("emoji") or {}).get("name") or ("↗" if "url" in part else "")
    return "[" + " ".join(filter(None, (_LIT.get(part["style"], ""), face, part["label"]))).replace(" ", "\u00a0") + "]"


def _section(part: Part) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(width=11, justify="right")
    grid.add_row(Group(*_drawn(part["components"])), Text(PICTURE))
    return grid


_DRAW: dict[int, Callable[[Part], RenderableType]] = {
    1: _row,
    9: _section,
    10: lambda part: Text(plain(part["content"])),
    13: lambda part: Text(f"📎 {part['file']['url'].rsplit('/', 1)[-1]}"),
    17: lambda part: Panel(Group(*_drawn(part["components"])), box=ROUNDED),
}
