"""The commands as Discord registers them: one payload a command, made from the one table and the two languages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

import discord
from discord import AppCommandOptionType as Type

from bot.commands import COMMANDS
from bot.commands.command import Command, Kind, Option
from bot.commands.options import LONGEST
from bot.messages import Language
from bot.wording import Wording

DESCRIPTION = 100
"""The longest description, in characters."""
MEMBERS = 7
"""People that one command may name beside who gives it: Discord has no option that takes a list."""

Payload: TypeAlias = dict[str, object]

_TYPES = {Kind.TEXT: Type.string, Kind.CHOICE: Type.string, Kind.INTEGER: Type.integer, Kind.NUMBER: Type.number}
_EVERYWHERE: Payload = {"integration_types": [0, 1], "contexts": [0, 1, 2]}
_WHERE_THE_BOT_IS: Payload = {"integration_types": [0], "contexts": [0, 1]}
_EN, _KO = Wording(Language.EN), Wording(Language.KO)


def command_payloads(commands: Iterable[Command] = COMMANDS) -> list[Payload]:
    """Of global commands, as PUT /applications/{id}/commands takes them; commands of one group in one payload.

    Names stay as they are in every language, as the sentences and `/help` say them; all else is localized.
    https://discord.com/developers/docs/interactions/application-commands
    """
    return [_payload(name, list(group)) for name, group in groupby(commands, lambda command: command.name.split()[0])]


def payload_digest(payloads: Sequence[Payload]) -> str:
    """SHA-256, in hexadecimal, of what would be sent."""
    return hashlib.sha256(json.dumps(payloads, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def members_options(option: Option) -> list[str]:
    """The names of the options that stand for one of several people."""
    return [option.name, *(f"{option.name}_{at}" for at in range(2, MEMBERS + 1))]


def _payload(name: str, commands: list[Command]) -> Payload:
    manages = all(command.manages for command in commands)
    rights: Payload = (
        {"default_member_permissions": str(discord.Permissions(manage_channels=True).value)} if manages else {}
    )
    head: Payload = {"type": 1, "name": name, **(_WHERE_THE_BOT_IS if manages else _EVERYWHERE), **rights}
    if commands[0].name == name:
        return head | _described(f"command.{name}.about") | {"options": _options(commands[0])}
    return head | _described(f"group.{name}") | {"options": [_subcommand(command) for command in commands]}


def _subcommand(command: Command) -> Payload:
    about = _described(f"command.{command.name}.about")
    return {"type": Type.subcommand.value, "name": command.name.split()[1], **about, "options": _options(command)}


def _options(command: Command) -> list[Payload]:
    """Required ones first, as Discord wants them."""
    ordered = sorted(command.options, key=lambda option: not option.required)
    return [payload for option in ordered for payload in _option(option)]


def _option(option: Option) -> list[Payload]:
    if option.kind is Kind.MEMBERS:
        about = _described(f"option.{option.name}")
        names = members_options(option)
        return [
            {"type": Type.user.value, "name": name, "required": option.required and at == 0, **about}
            for at, name in enumerate(names)
        ]
    payload: Payload = {"type": _TYPES[option.kind].value, "name": option.name, "required": option.required}
    return [payload | _described(f"option.{option.name}") | _bounds(option)]


def _bounds(option: Option) -> Payload:
    if option.kind is Kind.CHOICE:
        return {"choices": [_choice(value) for value in option.choices]}
    if option.kind is Kind.TEXT:
        completed: Payload = {"autocomplete": True} if option.autocomplete else {}
        return {"max_length": LONGEST} | completed
    most: Payload = {} if option.most == float("inf") else {"max_value": _number(option, option.most)}
    return {"min_value": _number(option, option.least)} | most


def _number(option: Option, bound: float) -> float:
    return int(bound) if option.kind is Kind.INTEGER else float(bound)


def _choice(value: str) -> Payload:
    key = f"value.{value}"
    return {"name": _EN.say(key), "name_localizations": {"ko": _KO.say(key)}, "value": value}


def _described(key: str) -> Payload:
    return {"description": _cut(_EN.say(key)), "description_localizations": {"ko": _cut(_KO.say(key))}}


def _cut(text: str) -> str:
    return text if len(text) <= DESCRIPTION else text[: DESCRIPTION - 1] + "…"
