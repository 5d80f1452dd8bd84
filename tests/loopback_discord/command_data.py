"""What a person typed, as the data of a command interaction: checked as Discord's own app checks before it sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.loopback_discord.command_rules import GROUP, INTEGER, NUMBER, STRING, SUBCOMMAND
from tests.loopback_discord.refusals import Payload
from tests.loopback_discord.world import CONTEXTS, Channel, World, member_payload, role_payload, snowflake

if TYPE_CHECKING:
    from tests.loopback_discord.people import Member

BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, ATTACHMENT = 5, 6, 7, 8, 9, 11


class NotOffered(AssertionError):
    """A person could not have done this: Discord would not show the command there, or not send it like that."""


@dataclass(frozen=True)
class Role:
    name: str
    id: str = field(default_factory=snowflake)


@dataclass(frozen=True)
class Upload:
    """A file that a person gives to a command."""

    name: str
    content: bytes
    id: str = field(default_factory=snowflake)


def command_data(world: World, member: Member, channel: Channel, said: str, options: Mapping[str, object]) -> Payload:
    """`said` may name a subcommand: "digest here". Raises NotOffered."""
    command, path, known = _found(world, said)
    _offered(command, member, channel)
    resolved: dict[str, dict[str, Payload]] = {}
    filled = [_filled(known[name], value, resolved, channel) for name, value in options.items() if _knows(known, name)]
    missing = [name for name, option in known.items() if option.get("required") and name not in options]
    if missing:
        raise NotOffered(f"/{said} wants {', '.join(missing)}")
    data = _wrapped(command, path, filled)
    return data | ({"resolved": resolved} if resolved else {})


def completion_data(world: World, said: str, focused: str, typed: str, others: Mapping[str, object]) -> Payload:
    """The same while somebody is still typing: nothing is checked, nothing resolved. Raises NotOffered."""
    command, path, known = _found(world, said)
    if not _knows(known, focused) or not known[focused].get("autocomplete"):
        raise NotOffered(f"/{said} does not complete {focused!r}")
    filled = [{"name": name, "type": known[name]["type"], "value": _plain(value)} for name, value in others.items()]
    return _wrapped(
        command, path, [*filled, {"name": focused, "type": known[focused]["type"], "value": typed, "focused": True}]
    )


def _found(world: World, said: str) -> tuple[Payload, list[Payload], dict[str, Payload]]:
    """The command, the groups and subcommands on the way, and the options at its end."""
    name, *below = said.split()
    command = world.commands.get((1, name))
    if command is None:
        raise NotOffered(f"there is no /{name}: {sorted(known for _, known in world.commands)}")
    options: dict[str, Payload] = {one["name"]: one for one in command.get("options") or ()}
    path = []
    for step in below:
        if step not in options or options[step]["type"] not in (SUBCOMMAND, GROUP):
            raise NotOffered(f"/{name} has no {step!r}: {sorted(options)}")
        path.append(options[step])
        options = {one["name"]: one for one in path[-1].get("options") or ()}
    if any(one["type"] in (SUBCOMMAND, GROUP) for one in options.values()):
        raise NotOffered(f"/{said} wants one of {sorted(options)} after it")
    return command, path, options


def _knows(known: Mapping[str, Payload], name: str) -> bool:
    if name not in known:
        raise NotOffered(f"there is no option {name!r}: {sorted(known)}")
    return True


def _offered(command: Payload, member: Member, channel: Channel) -> None:
    contexts, owners = command.get("contexts"), member.owners(channel)
    if contexts is not None and CONTEXTS[channel.where] not in contexts:
        raise NotOffered(f"/{command['name']} is not offered in a {channel.where} channel")
    if not any(int(kind) in (command.get("integration_types") or [0]) for kind in owners):
        raise NotOffered(f"/{command['name']} is not installed in a way that reaches there")
    wanted = int(command.get("default_member_permissions") or 0)
    if channel.where == "guild" and wanted & ~member.permissions:
        raise NotOffered(f"/{command['name']} is for people with the permissions {wanted}")
    if command.get("nsfw") and channel.where == "guild" and not channel.nsfw:
        raise NotOffered(f"/{command['name']} is for age-restricted channels")


def _wrapped(command: Payload, path: Sequence[Payload], options: list[Payload]) -> Payload:
    for step in reversed(path):
        options = [{"type": step["type"], "name": step["name"], "options": options}]
    return {"id": command["id"], "name": command["name"], "type": 1, "options": options}


def _plain(value: object) -> object:
    return getattr(value, "id", value)


def _filled(option: Payload, value: object, resolved: dict[str, dict[str, Payload]], channel: Channel) -> Payload:
    kind = option["type"]
    expected: dict[int, type | tuple[type, ...]] = {STRING: str, INTEGER: int, NUMBER: (int, float), BOOLEAN: bool}
    if kind in expected and (not isinstance(value, expected[kind]) or (kind != BOOLEAN and isinstance(value, bool))):
        raise NotOffered(f"{option['name']!r} does not take {value!r}")
    if kind not in expected:
        _resolve(option, value, resolved, channel)
    elif option.get("choices") and value not in [choice["value"] for choice in option["choices"]]:
        raise NotOffered(f"{option['name']!r} has no choice {value!r}")
    for name, measured in (("length", len(value) if isinstance(value, str) else None), ("value", value)):
        _within(option, name, measured)
    return {"name": option["name"], "type": kind, "value": _plain(value)}


def _within(option: Payload, name: str, measured: object) -> None:
    if not isinstance(measured, int | float) or isinstance(measured, bool):
        return
    least, most = option.get(f"min_{name}"), option.get(f"max_{name}")
    if (least is not None and measured < least) or (most is not None and measured > most):
        raise NotOffered(f"{option['name']!r} takes a {name} from {least} to {most}, not {measured}")


def _resolve(option: Payload, value: Any, resolved: dict[str, dict[str, Payload]], channel: Channel) -> None:
    """Puts what an option names into the resolved data, as Discord does beside the bare id."""
    from tests.loopback_discord.people import Member  # noqa: PLC0415 - members know how to type commands

    kind = option["type"]
    if isinstance(value, Member) and kind in (USER, MENTIONABLE):
        resolved.setdefault("users", {})[value.id] = value.user
        if channel.where == "guild":
            found = member_payload(value.user, value.permissions)
            del found["user"]
            resolved.setdefault("members", {})[value.id] = found
    elif isinstance(value, Role) and kind in (ROLE, MENTIONABLE):
        resolved.setdefault("roles", {})[value.id] = role_payload(value.id, value.name)
    elif isinstance(value, Channel) and kind == CHANNEL:
        resolved.setdefault("channels", {})[value.id] = value.payload(value.app_permissions)
    elif isinstance(value, Upload) and kind == ATTACHMENT:
        url = f"https://cdn.discordapp.com/ephemeral-attachments/0/{value.id}/{value.name}"
        found = {"id": value.id, "filename": value.name, "size": len(value.content), "url": url, "proxy_url": url}
        resolved.setdefault("attachments", {})[value.id] = found
    else:
        raise NotOffered(f"{option['name']!r} does not take {value!r}")
