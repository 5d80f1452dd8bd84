"""What stands in the fields of a view, and how a person fills them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tests.loopback_slack.messages import Element
from tests.loopback_slack.refusals import Payload, items, mapping

if TYPE_CHECKING:
    from tests.loopback_slack.world import View

PLAIN = {
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
}


def begin(view: View) -> None:
    """Puts what a view says itself into its fields; what a person typed before stays."""
    for element in view.elements:
        if element.kind not in ("button", "overflow"):
            known = view.typed.setdefault(element.block_id, {})
            known.setdefault(element.action_id, _initial(element))


def fill(view: View, values: Mapping[str, object]) -> None:
    """Raises LookupError for a field or option that is not there, ValueError for what cannot be sent so."""
    for name, value in values.items():
        element = _field(view, name)
        view.typed[element.block_id][element.action_id] = _said(view, element, value)
    for block in items(view.body["blocks"]):
        if block["type"] == "input" and not block.get("optional"):
            found = view.typed[block["block_id"]][block["element"]["action_id"]]
            if not any(value for name, value in found.items() if name != "type"):
                raise ValueError(f"{block['label']['text']!r} has to be filled in")


def _initial(element: Element) -> Payload:
    said, kind = element.said, element.kind
    if kind in PLAIN:
        name = PLAIN[kind]
        return {"type": kind, name: said.get(name.replace("selected", "initial"))}
    if kind.startswith("multi_") or kind == "checkboxes":
        return {"type": kind, "selected_options": said.get("initial_options", [])}
    if kind in ("static_select", "external_select", "radio_buttons"):
        return {"type": kind, "selected_option": said.get("initial_option")}
    return {"type": kind, "value": said.get("initial_value")}


def _field(view: View, name: str) -> Element:
    labels = {block["block_id"]: mapping(block.get("label")).get("text") for block in items(view.body["blocks"])}
    for element in view.elements:
        if name in (element.action_id, element.block_id, labels.get(element.block_id)):
            return element
    raise LookupError(f"there is no field {name!r}, there is {[label for label in labels.values() if label]}")


def _said(view: View, element: Element, value: object) -> Payload:
    kind = element.kind
    if kind in PLAIN:
        return {"type": kind, PLAIN[kind]: value}
    offered = [*element.options, *view.offered.get(element.action_id, ())]
    if kind.startswith("multi_") or kind == "checkboxes":
        names = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
        return {"type": kind, "selected_options": [_option(offered, name) for name in names]}
    if kind in ("static_select", "external_select", "radio_buttons"):
        return {"type": kind, "selected_option": None if value is None else _option(offered, value)}
    typed = str(value)
    if not element.said.get("min_length", 0) <= len(typed) <= element.said.get("max_length", 3000):
        raise ValueError(f"{typed!r} is too long or too short for {element.action_id!r}")
    return {"type": kind, "value": typed or None}


def _option(offered: list[Payload], name: object) -> Payload:
    for option in offered:
        if name in (option, option.get("value"), mapping(option["text"]).get("text")):
            return option
    raise LookupError(f"{name!r} is not offered, there is {[mapping(one['text']).get('text') for one in offered]}")
