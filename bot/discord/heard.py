"""What an interaction asks for, in the words that all chats share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import discord

from bot.commands.command import Command, Kind
from bot.discord.payloads import members_options
from bot.messages import Language, Person, Place, Request, Value

PLATFORM = "discord"
SHOWN = 3
"""Cards of one answer: with five buttons each, what Discord's forty components hold and a phone still shows."""

Raw = Mapping[str, Any]
"""A part of a payload as Discord sends it."""


def language_of(interaction: discord.Interaction) -> Language:
    return Language.KO if interaction.locale is discord.Locale.korean else Language.EN


def request_of(
    interaction: discord.Interaction,
    command: str,
    options: Mapping[str, Value],
    now: datetime,
    names: Mapping[str, str],
) -> Request:
    """`now` is when it was heard; the interaction's own id is the request's, so one heard twice is logged once."""
    person = Person(PLATFORM, str(interaction.user.id))
    return Request(
        id=str(interaction.id),
        person=person,
        command=command,
        options=options,
        language=language_of(interaction),
        at=now,
        place=place_of(interaction),
        names=names,
        shown=SHOWN,
    )


def place_of(interaction: discord.Interaction) -> Place:
    """The bot's own direct messages belong to whoever writes there."""
    own = interaction.guild_id is None and interaction.context.dm_channel
    return Place(
        server=str(interaction.guild_id) if interaction.guild_id else None,
        channel=str(interaction.channel_id) if interaction.channel_id else None,
        adult_ok=_for_adults(interaction.channel),
        manageable=own or interaction.permissions.manage_channels,
    )


def _for_adults(channel: object) -> bool:
    """A thread is what its channel is; where that cannot be known, it is not."""
    if isinstance(channel, discord.Thread):
        return channel.parent is not None and channel.parent.is_nsfw()
    return bool(getattr(channel, "nsfw", False))


def command_said(data: Raw, commands: Sequence[Command]) -> tuple[str, dict[str, Value], dict[str, str]]:
    """The command's whole name, its options by name, and the names of the people they speak of by id.

    Bots are left out of the people: they own no games.
    """
    name, given = _leaf(data)
    command = next((known for known in commands if known.name == name), None)
    values = {option["name"]: cast("Value", option["value"]) for option in given if "value" in option}
    people = _people(data.get("resolved", {}))
    for option in command.options if command else ():
        if option.kind is Kind.MEMBERS:
            slots = (str(values.pop(slot)) for slot in members_options(option) if slot in values)
            values[option.name] = " ".join(member for member in slots if member in people)
    return name, values, people


def focused(data: Raw) -> tuple[str, str, str]:
    """The command, the option that somebody is typing in, and what stands there so far."""
    name, given = _leaf(data)
    option = next(option for option in given if option.get("focused"))
    return name, option["name"], str(option["value"])


def typed(data: Raw) -> str:
    """What a form with one field was sent with."""
    row: Raw = data["components"][0]
    field: Raw = row["component"] if "component" in row else row["components"][0]
    return str(field["value"])


def _leaf(data: Raw) -> tuple[str, Sequence[Raw]]:
    given: Sequence[Raw] = data.get("options", ())
    if given and given[0]["type"] == discord.AppCommandOptionType.subcommand.value:
        return f"{data['name']} {given[0]['name']}", given[0].get("options", ())
    return data["name"], given


def _people(resolved: Raw) -> dict[str, str]:
    users: Mapping[str, Raw] = resolved.get("users", {})
    members: Mapping[str, Raw] = resolved.get("members", {})
    return {
        person: members.get(person, {}).get("nick") or user.get("global_name") or user["username"]
        for person, user in users.items()
        if not user.get("bot")
    }
