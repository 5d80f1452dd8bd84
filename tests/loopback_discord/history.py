"""What was said in a channel before, page by page, and messages that are to be single."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.loopback_discord.messages import Message
from tests.loopback_discord.refusals import Flaw, insist, range_flaws
from tests.loopback_discord.world import Channel, World

NONCE_LIVES = 180.0
"""Discord says "a few minutes"."""
LONGEST_NONCE = 25
BETWEEN = ("before", "after", "around")


def last(world: World, channel: Channel) -> str | None:
    """The id of the last message, also of one that was deleted since."""
    return max((one.id for one in _said(world, channel)), key=int, default=None)


def page(world: World, channel: Channel, query: Mapping[str, str]) -> Sequence[Message]:
    """The newest first; nothing for who may not read it. Raises Refusal."""
    limit = int(query.get("limit", 50))
    insist(range_flaws(("limit",), limit, 1, 100))
    insist(_too_many(query))
    if not channel.readable:
        return []
    found = sorted((one for one in _said(world, channel) if not one.deleted), key=lambda one: int(one.id))
    if "after" in query:
        found = [one for one in found if int(one.id) > int(query["after"])][:limit]
    if "before" in query:
        found = [one for one in found if int(one.id) < int(query["before"])]
    return found[-limit:][::-1]


def single(world: World, said: Mapping[str, Any]) -> Message | None:
    """The message of the same nonce of the last few minutes, where that is to be looked at. Raises Refusal."""
    insist(_nonce_flaws(said))
    if not said.get("enforce_nonce") or said.get("nonce") is None:
        return None
    known = world.nonces.get(str(said["nonce"]))
    return known if known is not None and world.clock() - known.created.timestamp() < NONCE_LIVES else None


def _said(world: World, channel: Channel) -> list[Message]:
    return [one for one in world.messages.values() if one.channel_id == channel.id and not one.ephemeral]


def _too_many(query: Mapping[str, str]) -> Iterator[Flaw]:
    if sum(name in query for name in BETWEEN) > 1:
        yield Flaw(BETWEEN[:1], "MUTUALLY_EXCLUSIVE", "before, after and around are mutually exclusive.")


def _nonce_flaws(said: Mapping[str, Any]) -> Iterator[Flaw]:
    nonce, enforced = said.get("nonce"), said.get("enforce_nonce")
    if nonce is not None and (isinstance(nonce, bool) or not isinstance(nonce, str | int)):
        yield Flaw(("nonce",), "NONCE_TYPE_INVALID", "Must be a string or an integer.")
    elif isinstance(nonce, str) and len(nonce) > LONGEST_NONCE:
        yield Flaw(("nonce",), "BASE_TYPE_MAX_LENGTH", f"Must be {LONGEST_NONCE} or fewer in length.")
    if enforced is not None and not isinstance(enforced, bool):
        yield Flaw(("enforce_nonce",), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
