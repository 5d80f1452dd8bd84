"""What Discord demands of application commands, as they arrive in a bulk overwrite."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

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

SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, NUMBER, CHANNEL = 3, 4, 10, 7
LEAVES = range(3, 12)
MOST_SIZE, MOST_COMMANDS, MOST_MENUS = 8000, 100, 15
LOCALES = frozenset(str(locale) for locale in discord.Locale)


def bulk_flaws(commands: Sequence[Any]) -> Iterator[Flaw]:
    """Flaws of all commands together; their paths begin with the place in the list."""
    found = [mapping(command) for command in commands]
    for kind, most in ((1, MOST_COMMANDS), (2, MOST_MENUS), (3, MOST_MENUS)):
        if sum(command.get("type", 1) == kind for command in found) > most:
            yield Flaw((), "APPLICATION_COMMANDS_MAX", f"Maximum number of application commands reached ({most})")
    for place, command in enumerate(found):
        yield from command_flaws((place,), command)
    names = [((place, "name"), (one.get("type", 1), one.get("name"))) for place, one in enumerate(found)]
    yield from repeated((), names, "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")


def command_flaws(at: Path, command: Mapping[str, Any]) -> Iterator[Flaw]:
    kind = command.get("type", 1)
    yield from choice_flaws((*at, "type"), kind, (1, 2, 3))
    if kind == 1:
        yield from _named(at, command)
        yield from _options((*at, "options"), command.get("options") or [], (*LEAVES, SUBCOMMAND, GROUP))
    else:
        yield from text_flaws((*at, "name"), command.get("name"), 32)
        if command.get("description"):
            message = "Context menu commands cannot have description"
            yield Flaw((*at, "description"), "APPLICATION_COMMAND_INVALID_DESCRIPTION", message)
    for name, known in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        if command.get(name) is not None:
            yield from _set((*at, name), command[name], known)
    permissions = command.get("default_member_permissions")
    if permissions is not None and not (isinstance(permissions, str) and permissions.isdigit()):
        message = f'Value "{permissions}" is not a permission set written as a string.'
        yield Flaw((*at, "default_member_permissions"), "BITFIELD_TYPE_COERCE", message)
    if size(command) > MOST_SIZE:
        yield Flaw(at, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MOST_SIZE})")


def size(thing: Mapping[str, Any]) -> int:
    """Characters that count toward 8000: name, description and values, each in its longest language."""
    own = sum(_longest(thing, name) for name in ("name", "description"))
    value = thing.get("value")
    own += len(value) if isinstance(value, str) else 0
    return own + sum(size(one) for key in ("options", "choices") for one in thing.get(key) or ())


def _longest(thing: Mapping[str, Any], name: str) -> int:
    translated = mapping(thing.get(f"{name}_localizations")).values()
    return max(len(text) for text in (thing.get(name) or "", *translated))


def _named(at: Path, thing: Mapping[str, Any]) -> Iterator[Flaw]:
    """The name and the description of a command, a subcommand, a group or an option, in every language."""
    yield from _name((*at, "name"), thing.get("name"))
    yield from text_flaws((*at, "description"), thing.get("description"), 100)
    for locale, name in _localized(thing, "name"):
        yield from _locale((*at, "name_localizations", locale), locale)
        yield from _name((*at, "name_localizations", locale), name)
    for locale, description in _localized(thing, "description"):
        yield from _locale((*at, "description_localizations", locale), locale)
        yield from text_flaws((*at, "description_localizations", locale), description, 100)


def _localized(thing: Mapping[str, Any], name: str) -> Iterator[tuple[str, object]]:
    yield from mapping(thing.get(f"{name}_localizations")).items()


def _locale(at: Path, locale: str) -> Iterator[Flaw]:
    if locale not in LOCALES:
        yield Flaw(at, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(sorted(LOCALES))}}}.")


def _name(at: Path, name: object) -> Iterator[Flaw]:
    yield from text_flaws(at, name, 32)
    if isinstance(name, str) and not all(map(_may_be_in_name, name)):
        yield Flaw(at, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _may_be_in_name(sign: str) -> bool:
    """Letters and digits of any script, lower case where there is one, and a few joints."""
    return sign in "-_'" or (unicodedata.category(sign)[0] in "LNM" and sign == sign.lower())


def _set(at: Path, values: object, known: Sequence[int]) -> Iterator[Flaw]:
    yield from count_flaws(at, values, len(known), 1)
    found = values if isinstance(values, list) else []
    for place, value in enumerate(found):
        yield from choice_flaws((*at, place), value, known)
    yield from repeated(
        at, [((place,), one) for place, one in enumerate(found)], "SET_TYPE_CONTAINS_DUPLICATES", "Twice"
    )


def _options(at: Path, options: Sequence[Any], allowed: Sequence[int]) -> Iterator[Flaw]:
    yield from count_flaws(at, options, 25)
    found = [mapping(option) for option in options]
    optional = False
    for place, option in enumerate(found):
        yield from _option((*at, place), option, allowed)
        if option.get("required") and optional:
            message = "Required options must be placed before non-required options"
            yield Flaw((*at, place), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional = optional or not option.get("required")
    kinds = {option.get("type") in (SUBCOMMAND, GROUP) for option in found}
    if len(kinds) > 1:
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        yield Flaw(at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    names = [((place, "name"), option.get("name")) for place, option in enumerate(found)]
    yield from repeated(at, names, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name already exists")


def _option(at: Path, option: Mapping[str, Any], allowed: Sequence[int]) -> Iterator[Flaw]:
    kind = option.get("type")
    yield from choice_flaws((*at, "type"), kind, allowed)
    yield from _named(at, option)
    inner = option.get("options") or []
    if kind in (SUBCOMMAND, GROUP):
        if option.get("required"):
            message = "A subcommand is not required"
            yield Flaw((*at, "required"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        yield from _options((*at, "options"), inner, (SUBCOMMAND,) if kind == GROUP else LEAVES)
        return
    if inner:
        yield Flaw((*at, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only subcommands have options")
    yield from _choices(at, option)
    for name, kinds, least, most in (
        ("min_value", (INTEGER, NUMBER), -(2**53), 2**53),
        ("max_value", (INTEGER, NUMBER), -(2**53), 2**53),
        ("min_length", (STRING,), 0, 6000),
        ("max_length", (STRING,), 1, 6000),
    ):
        if option.get(name) is not None:
            yield from choice_flaws((*at, "type"), kind, kinds)
            yield from range_flaws((*at, name), option[name], least, most)


def _choices(at: Path, option: Mapping[str, Any]) -> Iterator[Flaw]:
    choices = option.get("choices") or []
    if (choices or option.get("autocomplete")) and option.get("type") not in (STRING, INTEGER, NUMBER):
        message = "Choices and autocomplete are for strings and numbers only"
        yield Flaw((*at, "choices"), "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", message)
    if choices and option.get("autocomplete"):
        message = "autocomplete cannot be set when choices are present"
        yield Flaw((*at, "autocomplete"), "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", message)
    yield from choice_list_flaws((*at, "choices"), choices, option.get("type"))


def choice_list_flaws(at: Path, choices: object, kind: object) -> Iterator[Flaw]:
    """Flaws of the choices of an option or of an autocompletion, which have the same limits."""
    yield from count_flaws(at, choices, 25)
    for place, found in enumerate(choices if isinstance(choices, list) else ()):
        choice = mapping(found)
        yield from text_flaws((*at, place, "name"), choice.get("name"), 100)
        for locale, name in _localized(choice, "name"):
            yield from _locale((*at, place, "name_localizations", locale), locale)
            yield from text_flaws((*at, place, "name_localizations", locale), name, 100)
        value = choice.get("value")
        if kind == STRING:
            yield from text_flaws((*at, place, "value"), value, 100)
        elif isinstance(value, bool) or not isinstance(value, int if kind == INTEGER else int | float):
            yield Flaw((*at, place, "value"), "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
