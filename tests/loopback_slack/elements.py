"""What Slack demands of the elements in blocks: buttons, menus, fields, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.loopback_slack.composition import (
    confirm_flaws,
    groups_flaws,
    object_flaws,
    options_flaws,
    plain_flaws,
    url_flaws,
)
from tests.loopback_slack.refusals import (
    Flaw,
    Path,
    boolean_flaws,
    choice_flaws,
    items,
    mapping,
    member_flaws,
    text_flaws,
)

Element = Mapping[str, Any]
Rules = Callable[[Path, Element], Iterator[Flaw]]
MOST_ID, MOST_PLACEHOLDER, MOST_ALT = 255, 150, 2000
PICKED = ("users_select", "conversations_select", "channels_select")
SELECTS = ("static_select", "external_select", *PICKED)
MULTIPLE = tuple(f"multi_{kind}" for kind in SELECTS)
CHOSEN = ("radio_buttons", "checkboxes")
DATES = ("datepicker", "timepicker", "datetimepicker")
TYPED = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
INTERACTIVE = ("button", "overflow", *SELECTS, *MULTIPLE, *CHOSEN, *DATES)
BESIDE = (*INTERACTIVE, "image")
IN_INPUT = (*TYPED, *SELECTS, *MULTIPLE, *CHOSEN, *DATES)


def element_flaws(at: Path, found: object, allowed: tuple[str, ...]) -> Iterator[Flaw]:
    """Flaws of one element where only elements of the `allowed` types may stand."""
    element = mapping(found)
    kind = element.get("type")
    if not isinstance(found, dict):
        yield Flaw(at, "must provide an object")
    elif kind not in allowed:
        yield Flaw((*at, "type"), f"unsupported type: {kind}")
    else:
        if "action_id" in element:
            yield from text_flaws((*at, "action_id"), element["action_id"], MOST_ID)
        if "confirm" in element and kind not in ("image", *TYPED):
            yield from confirm_flaws((*at, "confirm"), element["confirm"])
        if "placeholder" in element and kind not in ("image", "button", "overflow", *CHOSEN):
            yield from plain_flaws((*at, "placeholder"), element["placeholder"], MOST_PLACEHOLDER)
        yield from RULES[str(kind)](at, element)


def _known(at: Path, element: Element, *own: str, needed: tuple[str, ...] = ()) -> Iterator[Flaw]:
    yield from member_flaws(at, element, ("type", "action_id", "focus_on_load", *own), needed)
    if "focus_on_load" in element:
        yield from boolean_flaws((*at, "focus_on_load"), element["focus_on_load"])


def _button(at: Path, button: Element) -> Iterator[Flaw]:
    own = ("url", "value", "style", "confirm", "accessibility_label")
    yield from member_flaws(at, button, ("type", "action_id", *own), ("text",))
    if button.get("text") is not None:
        yield from plain_flaws((*at, "text"), button["text"], 75)
    if "value" in button:
        yield from text_flaws((*at, "value"), button["value"], 2000)
    if "url" in button:
        yield from url_flaws((*at, "url"), button["url"])
    if "style" in button:
        yield from choice_flaws((*at, "style"), button["style"], ("primary", "danger"))
    if "accessibility_label" in button:
        yield from text_flaws((*at, "accessibility_label"), button["accessibility_label"], 75)


def _overflow(at: Path, menu: Element) -> Iterator[Flaw]:
    yield from member_flaws(at, menu, ("type", "action_id", "confirm"), ("options",))
    yield from options_flaws((*at, "options"), menu.get("options"), 5, linked=True)


def _image(at: Path, image: Element) -> Iterator[Flaw]:
    yield from member_flaws(at, image, ("type",), ("image_url", "alt_text"))
    yield from picture_flaws(at, image)


def picture_flaws(at: Path, image: Element) -> Iterator[Flaw]:
    if image.get("image_url") is not None:
        yield from url_flaws((*at, "image_url"), image["image_url"])
    if image.get("alt_text") is not None:
        yield from text_flaws((*at, "alt_text"), image["alt_text"], MOST_ALT)


def _static(at: Path, menu: Element) -> Iterator[Flaw]:
    own = ("placeholder", "options", "option_groups", "confirm", "initial_option", "initial_options")
    yield from _known(at, menu, *own, "max_selected_items")
    if ("options" in menu) == ("option_groups" in menu):
        yield Flaw(at, "must define either `options` or `option_groups`")
    elif "options" in menu:
        yield from options_flaws((*at, "options"), menu["options"])
    else:
        yield from groups_flaws((*at, "option_groups"), menu["option_groups"])
    there = [*items(menu.get("options")), *(one for group in items(menu.get("option_groups")) for one in _of(group))]
    yield from _first_flaws(at, menu, there)


def _of(group: Element) -> list[Element]:
    return items(group.get("options"))


def _first_flaws(at: Path, menu: Element, there: list[Element]) -> Iterator[Flaw]:
    """What is chosen from the beginning must be among the options, to the letter."""
    if "initial_option" in menu and menu["initial_option"] not in there:
        yield Flaw((*at, "initial_option"), "could not find provided initial option")
    if any(one not in there for one in items(menu.get("initial_options"))):
        yield Flaw((*at, "initial_options"), "could not find provided initial options")


def _external(at: Path, menu: Element) -> Iterator[Flaw]:
    own = ("placeholder", "min_query_length", "confirm", "initial_option", "initial_options", "max_selected_items")
    yield from _known(at, menu, *own)
    for place, option in enumerate(items(menu.get("initial_options"))):
        yield from options_flaws((*at, "initial_options", place), [option])
    if "initial_option" in menu:
        yield from options_flaws((*at, "initial_option"), [menu["initial_option"]])


def _picked(at: Path, menu: Element) -> Iterator[Flaw]:
    kind = str(menu["type"]).removeprefix("multi_").removesuffix("s_select")
    own = ("placeholder", "confirm", f"initial_{kind}", f"initial_{kind}s", "max_selected_items", "filter")
    yield from _known(at, menu, *own, "response_url_enabled", "default_to_current_conversation")


def _chosen(at: Path, menu: Element) -> Iterator[Flaw]:
    own = ("confirm", "initial_option" if menu["type"] == "radio_buttons" else "initial_options")
    yield from _known(at, menu, *own, needed=("options",))
    yield from options_flaws((*at, "options"), menu.get("options"), 10, ("plain_text", "mrkdwn"))
    yield from _first_flaws(at, menu, items(menu.get("options")))


def _date(at: Path, picker: Element) -> Iterator[Flaw]:
    own = ("initial_date", "initial_time", "initial_date_time", "timezone")
    yield from _known(at, picker, "placeholder", "confirm", *own)


def _typed(at: Path, field: Element) -> Iterator[Flaw]:
    shared = ("initial_value", "placeholder", "dispatch_action_config")
    if field["type"] == "plain_text_input":
        yield from _known(at, field, *shared, "multiline", "min_length", "max_length")
    elif field["type"] == "number_input":
        yield from _known(at, field, *shared, "min_value", "max_value", needed=("is_decimal_allowed",))
    else:
        yield from _known(at, field, *shared)
    yield from (flaw for name in ("min_length", "max_length") for flaw in _length(at, field, name))
    if "initial_value" in field:
        yield from text_flaws((*at, "initial_value"), field["initial_value"], field.get("max_length", 3000), 0)


def _length(at: Path, field: Element, name: str) -> Iterator[Flaw]:
    found = field.get(name, 1)
    if not isinstance(found, int) or not 0 <= found <= 3000:
        yield Flaw((*at, name), "must be less than 3001")


def text_element_flaws(at: Path, found: object, most: int) -> Iterator[Flaw]:
    """Flaws of what may stand in a context block: a text of at most so many characters, or a picture."""
    if mapping(found).get("type") == "image":
        yield from _image(at, mapping(found))
    elif mapping(found).get("type") in ("mrkdwn", "plain_text"):
        yield from object_flaws(at, found, most)
    else:
        yield Flaw((*at, "type"), f"unsupported type: {mapping(found).get('type')}")


RULES: dict[str, Rules] = {
    "button": _button,
    "overflow": _overflow,
    "image": _image,
    "static_select": _static,
    "multi_static_select": _static,
    "external_select": _external,
    "multi_external_select": _external,
    **dict.fromkeys((*PICKED, *(f"multi_{kind}" for kind in PICKED)), _picked),
    **dict.fromkeys(CHOSEN, _chosen),
    **dict.fromkeys(DATES, _date),
    **dict.fromkeys(TYPED, _typed),
}
