"""Forms that ask for the options of a command, with search where the catalogue completes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bot.commands import titles
from bot.commands.command import Command, Kind, Option
from bot.commands.digest import MOST_TAGS
from bot.completions import LISTS, Completion
from bot.messages import Value
from bot.presses import Press
from bot.slack.parts import LABEL, Block, plain
from bot.wording import Wording

SEARCHES = ("curate", "similar")
"""Commands that have a form for all of their options."""

VIEW_TITLE = 24
FIELD = 2000
PLACEHOLDER = 150
TYPED = 1000
"""Characters that a field takes."""


def form(press: Press, command: Command, words: Wording, carried: str = "") -> Block:
    """A modal for the one option that the press is about, or for all of the command's where it names none.

    Sent, it says with the press's code what it was for, and `carried` back again.
    """
    name = press.subject
    asked = [option for option in command.options if option.name == name or not name]
    return {
        "type": "modal",
        "callback_id": press.code,
        "title": plain(words.say(f"form.{name}.title" if name else f"slack.search.{command.name}"), VIEW_TITLE),
        "submit": plain(words.say("slack.ask" if name else "slack.find"), VIEW_TITLE),
        "close": plain(words.say("slack.close"), VIEW_TITLE),
        "private_metadata": carried,
        "blocks": [_asked(option, words, alone=bool(name)) for option in asked],
    }


def given(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Value]:
    """The options that a form was sent with, from its state: what was left open is not among them."""
    fields = {name: _said(field) for name, actions in values.items() for field in actions.values()}
    return {name: said for name, said in fields.items() if said}


def found(completions: Iterable[Completion]) -> Block:
    """What somebody may choose from after some letters."""
    return {"options": [{"text": plain(one.label, LABEL), "value": one.value} for one in completions]}


def searched(action_id: str) -> str | None:
    """The option that somebody is typing in; None where it is not one of a form."""
    start, _, name = action_id.rpartition(":")
    return name if start == "ia:find" else None


def _asked(option: Option, words: Wording, *, alone: bool) -> Block:
    label = words.say(f"form.{option.name}.label" if alone else f"slack.label.{option.name}")
    asked: Block = {
        "type": "input",
        "block_id": option.name,
        "optional": not (alone or option.required),
        "label": plain(label, FIELD),
        "element": _field(option, words) | {"action_id": f"ia:find:{option.name}"},
    }
    hint = _hint(option, words, alone=alone)
    return asked | ({"hint": plain(hint, FIELD)} if hint else {})


def _hint(option: Option, words: Wording, *, alone: bool) -> str:
    """None for a choice, which shows its values."""
    if option.autocomplete in LISTS:
        return words.say("slack.several")
    if alone:
        return words.say(f"form.{option.name}.hint")
    about = words.say(f"option.{option.name}")
    return "" if option.kind is Kind.CHOICE else about[:1].upper() + about[1:]


def _field(option: Option, words: Wording) -> Block:
    if option.autocomplete is not None:
        return _search(option, words)
    if option.kind is Kind.CHOICE:
        options = [{"text": plain(words.say(f"value.{one}"), LABEL), "value": one} for one in option.choices]
        return {"type": "static_select", "options": options}
    if option.kind in {Kind.INTEGER, Kind.NUMBER}:
        most = {"max_value": f"{option.most:g}"} if math.isfinite(option.most) else {}
        decimal = option.kind is Kind.NUMBER
        return {"type": "number_input", "is_decimal_allowed": decimal, "min_value": f"{option.least:g}", **most}
    return {"type": "plain_text_input", "max_length": TYPED}


def _search(option: Option, words: Wording) -> Block:
    """Several of a list, one of anything else; one Korean syllable is a whole word already."""
    typing = {"placeholder": plain(words.say("slack.typing"), PLACEHOLDER), "min_query_length": 1}
    if option.autocomplete not in LISTS:
        return {"type": "external_select", **typing}
    most = titles.MOST if option.autocomplete == "titles" else MOST_TAGS
    return {"type": "multi_external_select", "max_selected_items": most, **typing}


def _said(field: Mapping[str, Any]) -> str:
    """Values of a list are quoted already where they hold a comma."""
    match field["type"]:
        case "external_select" | "static_select":
            return str((field["selected_option"] or {}).get("value", ""))
        case "multi_external_select":
            return ", ".join(str(option["value"]) for option in field["selected_options"])
    return str(field["value"] or "")
