"""What Discord demands of message components, old rows and new layouts alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from rich._emoji_codes import EMOJI as EMOJI_BY_NAME

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

ROW, BUTTON, SELECT, INPUT = 1, 2, 3, 4
SELECTS = (3, 5, 6, 7, 8)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
LINK, PREMIUM = 5, 6
MOST, MOST_TEXT, MOST_ROWS, IN_ROW = 40, 4000, 5, 5
AT_TOP = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
SHOWN_IN_COLOUR = "\ufe0f"
EMOJI = frozenset(sign.replace(SHOWN_IN_COLOUR, "") for sign in EMOJI_BY_NAME.values())


def component_flaws(components: Sequence[Any], *, layout: bool, files: frozenset[str]) -> Iterator[Flaw]:
    """Flaws of a message's components; `layout` is Components V2, `files` are the names that attachment:// may use."""
    if not layout:
        yield from count_flaws((), components, MOST_ROWS)
    for place, component in enumerate(components):
        yield from _one((place,), component, AT_TOP if layout else (ROW,), files)
    everything = list(walk(components))
    if len(everything) > MOST:
        yield Flaw((), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"The maximum number of components is {MOST}.")
    if sum(len(one["content"]) for _, one in everything if _is_text(one)) > MOST_TEXT:
        message = f"The total text of a message's components must be {MOST_TEXT} or fewer in length."
        yield Flaw((), "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)
    ids = [((*at, "custom_id"), one["custom_id"]) for at, one in everything if one.get("custom_id")]
    yield from repeated((), ids, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    numbers = [((*at, "id"), one["id"]) for at, one in everything if one.get("id")]
    yield from repeated((), numbers, "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")


def walk(components: Sequence[Any], at: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every component with its place, those within others after them."""
    for place, found in enumerate(components):
        component = mapping(found)
        yield (*at, place), component
        inner = component.get("components")
        yield from walk(inner if isinstance(inner, list) else [], (*at, place, "components"))
        for name in ("accessory", "component"):
            if name in component:
                yield (*at, place, name), mapping(component[name])


def _is_text(component: Mapping[str, Any]) -> bool:
    return component.get("type") == TEXT and isinstance(component.get("content"), str)


def _one(at: Path, found: object, allowed: Sequence[int], files: frozenset[str]) -> Iterator[Flaw]:
    component = mapping(found)
    kind = component.get("type")
    wrong = list(choice_flaws((*at, "type"), kind, allowed))
    yield from wrong
    if wrong:
        return
    if component.get("id") is not None:
        yield from range_flaws((*at, "id"), component["id"], 0, 2**31 - 1)
    if kind == ROW:
        yield from _row(at, component)
    elif kind == CONTAINER:
        yield from _container(at, component, files)
    elif kind == SECTION:
        yield from _section(at, component, files)
    elif kind == GALLERY:
        yield from _gallery(at, component, files)
    else:
        yield from LEAVES[int(kind or 0)](at, component, files)


def _row(at: Path, row: Mapping[str, Any]) -> Iterator[Flaw]:
    inside = row.get("components")
    yield from count_flaws((*at, "components"), inside, IN_ROW, 1)
    kinds = [mapping(one).get("type") for one in inside or ()]
    if any(kind in SELECTS for kind in kinds) and len(kinds) > 1:
        message = "A select has an action row for itself"
        yield Flaw((*at, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
    for place, one in enumerate(inside or ()):
        yield from _one((*at, "components", place), one, (BUTTON, *SELECTS), frozenset())


def _container(at: Path, container: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    yield from count_flaws((*at, "components"), container.get("components"), MOST, 1)
    for place, one in enumerate(container.get("components") or ()):
        yield from _one((*at, "components", place), one, IN_CONTAINER, files)
    if container.get("accent_color") is not None:
        yield from range_flaws((*at, "accent_color"), container["accent_color"], 0, 0xFFFFFF)


def _section(at: Path, section: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    yield from count_flaws((*at, "components"), section.get("components"), 3, 1)
    for place, one in enumerate(section.get("components") or ()):
        yield from _one((*at, "components", place), one, (TEXT,), files)
    yield from _one((*at, "accessory"), section.get("accessory"), (BUTTON, THUMBNAIL), files)


def _gallery(at: Path, gallery: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    yield from count_flaws((*at, "items"), gallery.get("items"), 10, 1)
    for place, item in enumerate(gallery.get("items") or ()):
        yield from _picture((*at, "items", place), mapping(item), files)


def _text(at: Path, text: Mapping[str, Any], _: frozenset[str]) -> Iterator[Flaw]:
    yield from text_flaws((*at, "content"), text.get("content"), MOST_TEXT)


def _picture(at: Path, picture: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    yield from url_flaws((*at, "media", "url"), mapping(picture.get("media")).get("url"), files)
    if picture.get("description") is not None:
        yield from text_flaws((*at, "description"), picture["description"], 1024)


def _file(at: Path, file: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    url = mapping(file.get("file")).get("url")
    yield from url_flaws((*at, "file", "url"), url, files)
    if isinstance(url, str) and urlsplit(url).scheme != "attachment":
        yield Flaw((*at, "file", "url"), "URL_TYPE_INVALID_SCHEME", "A file is attached to the message itself")


def _separator(at: Path, separator: Mapping[str, Any], _: frozenset[str]) -> Iterator[Flaw]:
    if separator.get("spacing") is not None:
        yield from choice_flaws((*at, "spacing"), separator["spacing"], (1, 2))


def _button(at: Path, button: Mapping[str, Any], _: frozenset[str]) -> Iterator[Flaw]:
    style = button.get("style")
    yield from choice_flaws((*at, "style"), style, range(1, 7))
    if button.get("label") is not None:
        yield from text_flaws((*at, "label"), button["label"], 80, 0)
    if button.get("emoji") is not None:
        yield from emoji_flaws((*at, "emoji"), button["emoji"])
    if not button.get("label") and not button.get("emoji") and style != PREMIUM:
        yield Flaw(at, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button has a label or an emoji")
    if style == LINK:
        yield from url_flaws((*at, "url"), button.get("url"), frozenset(), 512)
    elif button.get("url") is not None:
        yield Flaw(at, "BUTTON_COMPONENT_URL_NOT_ALLOWED", "Only a link button has a url")
    if style in (LINK, PREMIUM) and button.get("custom_id") is not None:
        yield Flaw(at, "BUTTON_COMPONENT_CUSTOM_ID_NOT_ALLOWED", "A custom id and url cannot both be specified")
    if style not in (LINK, PREMIUM):
        yield from text_flaws((*at, "custom_id"), button.get("custom_id"), 100)


def select_flaws(at: Path, select: Mapping[str, Any], _: frozenset[str] = frozenset()) -> Iterator[Flaw]:
    yield from text_flaws((*at, "custom_id"), select.get("custom_id"), 100)
    if select.get("placeholder") is not None:
        yield from text_flaws((*at, "placeholder"), select["placeholder"], 150, 0)
    yield from range_flaws((*at, "min_values"), select.get("min_values", 1), 0, 25)
    yield from range_flaws((*at, "max_values"), select.get("max_values", 1), 1, 25)
    if select.get("type") != SELECT:
        return
    options = select.get("options")
    yield from count_flaws((*at, "options"), options, 25, 1)
    yield from option_flaws((*at, "options"), options)
    if isinstance(options, list) and select.get("max_values", 1) > len(options):
        yield Flaw((*at, "max_values"), "BASE_TYPE_BAD_LENGTH", "max_values is more than there are options")


def option_flaws(at: Path, options: object) -> Iterator[Flaw]:
    found = [mapping(option) for option in options] if isinstance(options, list) else []
    for place, option in enumerate(found):
        yield from text_flaws((*at, place, "label"), option.get("label"), 100)
        yield from text_flaws((*at, place, "value"), option.get("value"), 100)
        if option.get("description") is not None:
            yield from text_flaws((*at, place, "description"), option["description"], 100)
        if option.get("emoji") is not None:
            yield from emoji_flaws((*at, place, "emoji"), option["emoji"])
    values = [((place, "value"), option.get("value")) for place, option in enumerate(found)]
    yield from repeated(at, values, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified value is already used")


def url_flaws(at: Path, url: object, files: frozenset[str], most: int = 2048) -> Iterator[Flaw]:
    """Whether it is http(s) with a host, or names a file of the message."""
    wrong = list(text_flaws(at, url, most))
    yield from wrong
    if wrong or not isinstance(url, str):
        return
    parts = urlsplit(url)
    if parts.scheme == "attachment":
        if parts.netloc + parts.path not in files:
            yield Flaw(at, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", f"No file is attached for {url}")
    elif parts.scheme not in ("http", "https"):
        message = f"Scheme \"{parts.scheme}\" is not one of ('http', 'https')."
        yield Flaw(at, "URL_TYPE_INVALID_SCHEME", message)
    elif not parts.hostname or " " in url:
        yield Flaw(at, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def barred_flaws(said: object, hosts: Collection[str]) -> Iterator[Flaw]:
    """Pictures from such hosts in whatever was sent: a message, or a response with one inside."""
    at: Path = ("data", "components") if "data" in mapping(said) else ("components",)
    components = mapping(mapping(said).get("data", said)).get("components")
    for place, one in walk(components if isinstance(components, list) else []):
        if urlsplit(str(mapping(one.get("media")).get("url", ""))).hostname in hosts:
            yield Flaw((*at, *place, "media", "url"), "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def emoji_flaws(at: Path, emoji: object) -> Iterator[Flaw]:
    """A custom one by its id, or one that Unicode calls an emoji: a star that is a mere letterform is none."""
    found = mapping(emoji)
    if found.get("id") is not None:
        if not str(found["id"]).isdigit():
            yield Flaw((*at, "id"), "NUMBER_TYPE_COERCE", f'Value "{found["id"]}" is not snowflake.')
    elif not is_emoji(found.get("name")):
        yield Flaw((*at, "name"), "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def is_emoji(name: object) -> bool:
    return isinstance(name, str) and name.replace(SHOWN_IN_COLOUR, "") in EMOJI


LEAVES: dict[int, Callable[[Path, Mapping[str, Any], frozenset[str]], Iterator[Flaw]]] = {
    BUTTON: _button,
    TEXT: _text,
    THUMBNAIL: _picture,
    FILE: _file,
    SEPARATOR: _separator,
    **dict.fromkeys(SELECTS, select_flaws),
}
