"""What Discord demands of a modal, with inputs in rows as of old or under labels as of late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.loopback_discord.components import INPUT, LABEL, ROW, SELECTS, TEXT, option_flaws, select_flaws, walk
from tests.loopback_discord.refusals import (
    Flaw,
    Path,
    choice_flaws,
    count_flaws,
    mapping,
    range_flaws,
    repeated,
    text_flaws,
)

UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 19, 21, 22, 23
LABELLED = (INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX)
MOST_INPUT = 4000


def modal_flaws(modal: Mapping[str, Any]) -> Iterator[Flaw]:
    yield from text_flaws(("custom_id",), modal.get("custom_id"), 100)
    yield from text_flaws(("title",), modal.get("title"), 45)
    components = modal.get("components")
    wrong = list(count_flaws(("components",), components, 5, 1))
    yield from wrong
    if wrong or not isinstance(components, list):
        return
    for place, component in enumerate(components):
        yield from _part(("components", place), mapping(component))
    everything = list(walk(components))
    ids = [((*at, "custom_id"), one["custom_id"]) for at, one in everything if one.get("custom_id")]
    message = "Component custom id cannot be duplicated"
    yield from repeated(("components",), ids, "COMPONENT_CUSTOM_ID_DUPLICATED", message)


def _part(at: Path, part: Mapping[str, Any]) -> Iterator[Flaw]:
    kind = part.get("type")
    yield from choice_flaws((*at, "type"), kind, (ROW, TEXT, LABEL))
    if kind == LABEL:
        yield from _label(at, part)
    elif kind == TEXT:
        yield from text_flaws((*at, "content"), part.get("content"), MOST_INPUT)
    elif kind == ROW:
        inside = part.get("components")
        yield from count_flaws((*at, "components"), inside, 1, 1)
        for place, one in enumerate(inside or ()):
            yield from choice_flaws((*at, "components", place, "type"), mapping(one).get("type"), (INPUT,))
            yield from text_flaws((*at, "components", place, "label"), mapping(one).get("label"), 45)
            yield from _input((*at, "components", place), mapping(one))


def _label(at: Path, label: Mapping[str, Any]) -> Iterator[Flaw]:
    yield from text_flaws((*at, "label"), label.get("label"), 45)
    if label.get("description") is not None:
        yield from text_flaws((*at, "description"), label["description"], 100)
    inside = mapping(label.get("component"))
    kind = inside.get("type")
    yield from choice_flaws((*at, "component", "type"), kind, LABELLED)
    if kind == INPUT:
        if inside.get("label") is not None:
            message = "A text input under a label has no label of its own"
            yield Flaw((*at, "component", "label"), "BASE_TYPE_INVALID", message)
        yield from _input((*at, "component"), inside)
    elif kind in SELECTS:
        yield from select_flaws((*at, "component"), inside)
        if inside.get("disabled"):
            message = "A select in a modal cannot be disabled"
            yield Flaw((*at, "component", "disabled"), "BASE_TYPE_INVALID", message)
    elif kind in LABELLED:
        yield from text_flaws((*at, "component", "custom_id"), inside.get("custom_id"), 100)
        yield from option_flaws((*at, "component", "options"), inside.get("options"))


def _input(at: Path, found: Mapping[str, Any]) -> Iterator[Flaw]:
    yield from text_flaws((*at, "custom_id"), found.get("custom_id"), 100)
    yield from choice_flaws((*at, "style"), found.get("style"), (1, 2))
    for name, most in (("value", MOST_INPUT), ("placeholder", 100)):
        if found.get(name) is not None:
            yield from text_flaws((*at, name), found[name], most, 0)
    yield from range_flaws((*at, "min_length"), found.get("min_length") or 0, 0, MOST_INPUT)
    longest = found.get("max_length")
    yield from range_flaws((*at, "max_length"), MOST_INPUT if longest is None else longest, 1, MOST_INPUT)
    if longest is not None and (found.get("min_length") or 0) > longest:
        yield Flaw((*at, "min_length"), "TEXT_INPUT_MIN_LENGTH", "min_length is more than max_length")
