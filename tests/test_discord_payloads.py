"""Every row of the table is a slash command that Discord takes, described in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import COMMANDS
from bot.commands.command import Command, Kind, Option
from bot.discord.payloads import MEMBERS, command_payloads, payload_digest
from bot.messages import Reply

Raw = Mapping[str, Any]


def leaves(payloads: list[dict[str, object]]) -> Iterator[tuple[str, Raw]]:
    """Each command that can be given, by its whole name."""
    for payload in payloads:
        options: Any = payload["options"]
        subcommands = [option for option in options if option["type"] == 1]
        for inner in subcommands:
            yield f"{payload['name']} {inner['name']}", inner
        if not subcommands:
            yield str(payload["name"]), payload


def parts(payload: Raw) -> Iterator[Raw]:
    yield payload
    for option in payload.get("options", ()):
        yield from parts(option)


ALL = command_payloads()
PARTS = [part for payload in ALL for part in parts(payload)]


def test_every_command_of_the_table_is_one_that_can_be_given() -> None:
    assert [name for name, _ in leaves(ALL)] == [command.name for command in COMMANDS]


@pytest.mark.parametrize("payload", ALL, ids=lambda payload: str(payload["name"]))
def test_a_command_fits_discord_s_limits(payload: Raw) -> None:
    every = list(parts(payload))

    assert all(re.fullmatch(r"[-_a-z0-9]{1,32}", part["name"]) for part in every)
    assert all(1 <= len(part["description"]) <= 100 for part in every)
    assert all(1 <= len(part["description_localizations"]["ko"]) <= 100 for part in every)
    assert all(len(part.get("options", ())) <= 25 and len(part.get("choices", ())) <= 25 for part in every)
    assert sum(len(part["name"]) + len(part["description"]) for part in every) <= 4000


def test_nothing_is_described_in_one_language_only() -> None:
    same = {part["name"] for part in PARTS if part["description"] == part["description_localizations"]["ko"]}

    assert same == set()


@pytest.mark.parametrize("payload", PARTS, ids=lambda payload: str(payload["name"]))
def test_required_options_come_first(payload: Raw) -> None:
    required = [bool(option.get("required")) for option in payload.get("options", ())]

    assert required == sorted(required, reverse=True)


def test_personal_commands_go_wherever_a_person_goes() -> None:
    (recommend,) = [payload for payload in ALL if payload["name"] == "recommend"]

    assert recommend["integration_types"] == [0, 1]
    assert recommend["contexts"] == [0, 1, 2]


async def nothing(request: object, desk: object) -> Reply:
    return Reply("")


MANAGED = [
    Command("curate", nothing, manages=True),
    Command("hide", nothing, (Option("game", Kind.MEMBERS, required=True),)),
]


def test_what_manages_a_channel_is_for_those_who_may_and_where_the_bot_itself_is() -> None:
    managed, _ = command_payloads(MANAGED)

    assert managed["default_member_permissions"] == str(1 << 4)
    assert managed["integration_types"] == [0]


def test_several_members_are_options_for_one_each_and_only_the_first_is_required() -> None:
    _, payload = command_payloads(MANAGED)
    options: Any = payload["options"]

    assert [option["name"] for option in options] == ["game", *(f"game_{at}" for at in range(2, MEMBERS + 1))]
    assert [option["required"] for option in options] == [True] + [False] * (MEMBERS - 1)
    assert {option["type"] for option in options} == {6}


def test_bounds_and_completion_are_told_to_discord() -> None:
    (recommend,) = [payload for name, payload in leaves(ALL) if name == "recommend"]
    options = {option["name"]: option for option in recommend["options"]}

    assert (options["since"]["min_value"], options["since"]["max_value"]) == (1970, 2100)
    assert options["max_price"]["min_value"] == 0
    assert options["tag"]["autocomplete"]
    assert options["games"]["autocomplete"]
    assert [choice["value"] for choice in options["mix"]["choices"]] == ["gems", "balanced", "hits"]


def test_the_digest_tells_changed_commands_from_the_same_ones() -> None:
    fewer = command_payloads(COMMANDS[1:])
    renamed = command_payloads([replace(COMMANDS[0], options=COMMANDS[0].options[:-1]), *COMMANDS[1:]])

    assert payload_digest(command_payloads()) == payload_digest(ALL)
    assert len({payload_digest(payloads) for payloads in (ALL, fewer, renamed)}) == 3
