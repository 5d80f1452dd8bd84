"""The application's commands: overwritten all at once, listed with their languages only when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.loopback_discord.command_rules import bulk_flaws
from tests.loopback_discord.refusals import Payload, insist, missing_access, not_json
from tests.loopback_discord.world import World, snowflake


def overwrite(world: World, match: Mapping[str, str], said: object) -> list[Payload]:
    """Those of the same name keep their id. Raises Refusal."""
    _own(world, match)
    if not isinstance(said, list):
        raise not_json()
    insist(bulk_flaws(said))
    world.commands = {(one.get("type", 1), one["name"]): _kept(world, one) for one in said}
    world.syncs += 1
    return list(world.commands.values())


def listed(world: World, match: Mapping[str, str], query: Mapping[str, str]) -> list[Payload]:
    """Raises Refusal."""
    _own(world, match)
    found = list(world.commands.values())
    return found if query.get("with_localizations") in ("1", "true") else [_plain(one) for one in found]


def _own(world: World, match: Mapping[str, str]) -> None:
    if match["application"] != world.application_id:
        raise missing_access()


def _kept(world: World, command: Payload) -> Payload:
    kind = command.get("type", 1)
    before = world.commands.get((kind, command["name"]), {})
    always = {
        "id": before.get("id") or snowflake(),
        "application_id": world.application_id,
        "version": snowflake(),
        "type": kind,
        "description": "",
        "default_member_permissions": None,
        "nsfw": False,
        "integration_types": [0],
        "contexts": None,
    }
    return always | command


def _plain(thing: Any) -> Any:
    if isinstance(thing, list):
        return [_plain(one) for one in thing]
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items() if not key.endswith("_localizations")}
    return thing
