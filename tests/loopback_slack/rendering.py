"""A message or a view as a person sees it, in plain text: for snapshots, and for failures that show what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.loopback_slack.refusals import items, mapping
from tests.loopback_slack.rich_text import said

if TYPE_CHECKING:
    from tests.loopback_slack.messages import Body

ONLY_YOU = "(only visible to you)"
Block = Mapping[str, Any]


def render(body: Body) -> str:
    """Text as it was sent, buttons as [Label], menus as [⋯ One | Two], pictures as (picture: what it shows)."""
    lines = [] if body.blocks else body.text.splitlines()
    lines += [line for block in body.blocks for line in _block(block)]
    for attachment in body.attachments:
        inside = [line for block in items(attachment.get("blocks")) for line in _block(block)]
        lines += [f"│ {line}" for line in [*str(attachment.get("text") or "").splitlines(), *inside]]
    lines += [f"(file: {file.name})" for file in body.files]
    return "\n".join([*lines, ONLY_YOU] if body.ephemeral else lines)


def render_view(view: Mapping[str, Any]) -> str:
    lines = [f"│ {line}" for block in view["blocks"] for line in _block(block)]
    if view["type"] == "home":
        return "\n".join(["╭ Home", *lines])
    foot = " ".join(f"[{_text(view[name])}]" for name in ("close", "submit") if view.get(name))
    return "\n".join([f"╭ {_text(view['title'])}", *lines, *([f"╰ {foot}"] if foot else [])])


def _text(found: object) -> str:
    return str(mapping(found).get("text") or "")


def _block(block: Block) -> list[str]:
    return list(SHAPES[block["type"]](block))


def _section(section: Block) -> Iterator[str]:
    yield from _text(section.get("text")).splitlines()
    for field in items(section.get("fields")):
        yield from _text(field).splitlines()
    if "accessory" in section:
        yield _element(section["accessory"])


def _header(header: Block) -> Iterator[str]:
    yield f"# {_text(header['text'])}"


def _divider(_: Block) -> Iterator[str]:
    yield "───"


def _actions(actions: Block) -> Iterator[str]:
    yield " ".join(map(_element, actions["elements"]))


def _context(context: Block) -> Iterator[str]:
    yield "· " + " ".join(_element(one) for one in context["elements"])


def _image(image: Block) -> Iterator[str]:
    yield from _text(image.get("title")).splitlines()
    yield _picture(image)


def _input(entry: Block) -> Iterator[str]:
    yield _text(entry["label"]) + (" (optional)" if entry.get("optional") else "")
    yield _element(entry["element"])
    yield from _text(entry.get("hint")).splitlines()


def _rich(block: Block) -> Iterator[str]:
    yield from said(block).splitlines()


def _picture(image: Block) -> str:
    return f"(picture: {image['alt_text']})"


def _element(element: Block) -> str:
    kind = element["type"]
    if kind in ("mrkdwn", "plain_text"):
        return str(element["text"])
    if kind == "image":
        return _picture(element)
    return _used(element)


def _used(element: Block) -> str:
    kind = element["type"]
    if kind == "button":
        label = _text(element["text"])
        return f"[{label} ↗ {element['url']}]" if element.get("url") else f"[{label}]"
    if kind == "overflow":
        return f"[⋯ {_options(element)}]"
    if kind in ("radio_buttons", "checkboxes"):
        return " ".join(f"( ) {_text(option.get('text'))}" for option in items(element.get("options")))
    if kind.endswith("_select"):
        chosen = _text(mapping(element.get("initial_option")).get("text"))
        return f"[{chosen or _text(element.get('placeholder')) or 'Choose'} ▾ {_options(element)}]".replace(" ]", "]")
    return f"[{element.get('initial_value') or _text(element.get('placeholder'))}____]"


def _options(menu: Block) -> str:
    grouped = [option for group in items(menu.get("option_groups")) for option in items(group.get("options"))]
    return " | ".join(_text(option.get("text")) for option in [*items(menu.get("options")), *grouped])


SHAPES: dict[str, Callable[[Block], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "actions": _actions,
    "context": _context,
    "image": _image,
    "input": _input,
    "rich_text": _rich,
}
