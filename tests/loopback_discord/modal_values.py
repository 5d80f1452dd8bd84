"""What a modal sends when a person has filled it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.loopback_discord.components import INPUT, LABEL, ROW, SELECTS
from tests.loopback_discord.refusals import Payload


def submitted(modal: Mapping[str, Any], values: Mapping[str, str]) -> list[Payload]:
    """Its components with what was typed, found by label or custom_id.

    Raises:
        LookupError: no such field is in the modal.
        ValueError: Discord would not let it be sent like that.
    """
    left = dict(values)
    parts = [_part(part, left) for part in modal["components"]]
    if left:
        raise LookupError(f"the modal {modal['title']!r} has no field {sorted(left)}")
    return parts


def _part(part: Mapping[str, Any], left: dict[str, str]) -> Payload:
    known = {"type": part["type"], "id": part.get("id", 0)}
    if part["type"] == ROW:
        inside = part["components"][0]
        return known | {"components": [_filled(inside, inside["label"], left)]}
    if part["type"] == LABEL:
        return known | {"component": _filled(part["component"], part["label"], left)}
    return known


def _filled(field: Mapping[str, Any], label: str, left: dict[str, str]) -> Payload:
    known = {"type": field["type"], "id": field.get("id", 0), "custom_id": field["custom_id"]}
    typed = left.pop(label, left.pop(field["custom_id"], None))
    if field["type"] in SELECTS:
        return known | {"values": [] if typed is None else [typed]}
    text = field.get("value") or "" if typed is None else typed
    if field["type"] == INPUT:
        _fits(field, label, text)
    return known | {"value": text}


def _fits(field: Mapping[str, Any], label: str, text: str) -> None:
    if field.get("required", True) and not text:
        raise ValueError(f"{label!r} is required")
    longest = field.get("max_length") or 4000
    if text and not (field.get("min_length") or 0) <= len(text) <= longest:
        raise ValueError(f"{label!r} takes {field.get('min_length') or 0} to {longest} characters")
