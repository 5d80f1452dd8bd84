"""A message as a person sees it, in plain text: for snapshots, and for failures that show what was there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.loopback_discord.components import (
    BUTTON,
    CONTAINER,
    FILE,
    GALLERY,
    LABEL,
    LINK,
    ROW,
    SECTION,
    SELECT,
    SELECTS,
    SEPARATOR,
    TEXT,
    THUMBNAIL,
)
from tests.loopback_discord.refusals import mapping

if TYPE_CHECKING:
    from tests.loopback_discord.messages import Body

LOADING_TEXT = "(thinking …)"
ONLY_YOU = "(only you can see this)"


def render(body: Body) -> str:
    """Text as it was sent, buttons as [Label], pictures as (picture: what it shows), a card's edge as a bar."""
    from tests.loopback_discord.validate import EPHEMERAL, LOADING  # noqa: PLC0415

    lines = [body.content] if body.content else []
    if body.flags & LOADING:
        lines.append(LOADING_TEXT)
    for embed in body.embeds:
        lines += [f"│ {line}" for line in _embed(embed)]
    for component in body.components:
        lines += _component(component)
    shown = {mapping(one.get("file")).get("attachment_id") for one in body.components if one.get("type") == FILE}
    lines += [f"(file: {file.name})" for file in body.attachments if file.id not in shown]
    if body.flags & EPHEMERAL:
        lines.append(ONLY_YOU)
    return "\n".join(lines)


def render_modal(modal: Mapping[str, Any]) -> str:
    return "\n".join([f"╭ {modal['title']}", *(f"│ {line}" for part in modal["components"] for line in _part(part))])


def _embed(embed: Mapping[str, Any]) -> Iterator[str]:
    author = mapping(embed.get("author")).get("name")
    for text in (author, embed.get("title"), embed.get("description")):
        yield from (text or "").splitlines()
    for field in embed.get("fields", ()):
        yield f"{field['name']}: {field['value']}"
    yield from ("(picture)" for name in ("thumbnail", "image") if embed.get(name))
    yield from (mapping(embed.get("footer")).get("text") or "").splitlines()


def _component(component: Mapping[str, Any]) -> Iterator[str]:
    kind = component["type"]
    if kind == TEXT:
        yield from component["content"].splitlines()
    elif kind == ROW:
        yield " ".join(_pressed(one) for one in component["components"])
    elif kind == SECTION:
        for one in component["components"]:
            yield from _component(one)
        yield from _component(component["accessory"])
    elif kind == CONTAINER:
        yield from (f"│ {line}" for one in component["components"] for line in _component(one))
    elif kind == GALLERY:
        yield " ".join(map(_picture, component["items"]))
    elif kind == SEPARATOR:
        yield "───" if component.get("divider", True) else ""
    elif kind == FILE:
        yield f"(file: {component['file']['url'].rsplit('/', 1)[-1]})"
    else:
        yield _picture(component) if kind == THUMBNAIL else _pressed(component)


def _picture(item: Mapping[str, Any]) -> str:
    described = item.get("description")
    return f"(picture: {described})" if described else "(picture)"


def _pressed(component: Mapping[str, Any]) -> str:
    if component["type"] != BUTTON:
        choices = " | ".join(option["label"] for option in component.get("options", ()))
        return f"[{component.get('placeholder') or 'Make a selection'} ▾ {choices}]"
    emoji = mapping(component.get("emoji")).get("name") or ""
    name = f"{emoji} {component.get('label') or ''}".strip()
    if component["style"] == LINK:
        return f"[{name} ↗ {component['url']}]"
    return f"[{name} ×]" if component.get("disabled") else f"[{name}]"


def _part(part: Mapping[str, Any]) -> Iterator[str]:
    if part["type"] == TEXT:
        yield from part["content"].splitlines()
        return
    inside = part["component"] if part["type"] == LABEL else part["components"][0]
    yield part["label"] if part["type"] == LABEL else inside["label"]
    if part.get("description"):
        yield part["description"]
    if inside["type"] in SELECTS and inside["type"] == SELECT:
        yield _pressed(inside)
    else:
        yield f"[{inside.get('value') or inside.get('placeholder') or ''}____]"
