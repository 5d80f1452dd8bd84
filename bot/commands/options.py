"""From what a person typed to what a command may rely on: known options, of their kind, within their bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from bot.commands.command import Command, Kind, Option
from bot.commands.refused import Refused
from bot.messages import Value
from bot.wording import quoted

LONGEST = 2000
"""Characters of one option; twenty titles fit, a pasted book does not."""

_AMOUNT = re.compile(
    r"(?:US)?[$]?\s*([+-]?[0-9]+(?:[.,][0-9]{1,2})?|[+-]?[0-9]*[.][0-9]+)\s*(?:[$]|USD)?", re.IGNORECASE
)
_MENTION = re.compile(r"<@!?([A-Za-z0-9]+)(?:\|[^<>]*)?>")


def cleaned(command: Command, options: Mapping[str, Value]) -> dict[str, Value]:
    """The options by name, as their kinds; a blank one counts as not given.

    Raises:
        Refused: unknown, missing, too long, of another kind or out of bounds.
    """
    known = {option.name: option for option in command.options}
    given: dict[str, Value] = {}
    for name, value in options.items():
        if name not in known:
            raise Refused("refused.unknown_option", option=quoted(name), command=command.name)
        if str(value).strip():
            given[name] = _read(known[name], value)
    missing = next((option for option in command.options if option.required and option.name not in given), None)
    if missing is not None:
        raise Refused(f"refused.missing_{missing.name}", command=command.name)
    return given


def _read(option: Option, value: Value) -> Value:
    match option.kind:
        case Kind.TEXT:
            return _text(option, str(value))
        case Kind.CHOICE:
            return _choice(option, str(value))
        case Kind.INTEGER:
            return int(_number(option, value, whole=True))
        case Kind.NUMBER:
            return _number(option, value, whole=False)
        case Kind.MEMBERS:
            return " ".join(members(_text(option, str(value))))


def _text(option: Option, said: str) -> str:
    if len(said) > LONGEST:
        raise Refused("refused.too_long", option=option.name, most=LONGEST)
    return " ".join(said.split())


def members(said: str) -> list[str]:
    """Ids, each once; Discord and Slack write a person as <@id>, older clients of Discord as <@!id>."""
    return list(dict.fromkeys(_MENTION.sub(r"\1", said).replace(",", " ").split()))


def _choice(option: Option, said: str) -> str:
    chosen = said.strip().casefold()
    if chosen not in option.choices:
        raise Refused(
            "refused.choice", option=option.name, choices=", ".join(option.choices), said=quoted(said.strip())
        )
    return chosen


def _number(option: Option, value: Value, *, whole: bool) -> float:
    number = _parsed(value)
    why = "refused.whole_number" if whole else "refused.number"
    if number is None or (whole and not number.is_integer()):
        raise Refused(why, option=option.name, said=quoted(str(value).strip()))
    if not option.least <= number <= option.most:
        why = "refused.at_least" if number < option.least else "refused.at_most"
        raise Refused(why, option=option.name, least=option.least, most=option.most)
    return number


def _parsed(value: Value) -> float | None:
    if isinstance(value, str):
        amount = _AMOUNT.fullmatch(value.strip())
        return float(amount[1].replace(",", ".")) if amount else None
    return float(value) if math.isfinite(value) else None
