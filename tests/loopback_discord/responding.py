"""What the bot may do about an interaction, and when Discord will not have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tests.loopback_discord.command_rules import choice_list_flaws
from tests.loopback_discord.exchange import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    MESSAGE,
    MODAL,
    SUBMIT,
    UPDATE,
    Exchange,
)
from tests.loopback_discord.history import single
from tests.loopback_discord.messages import Attached, Body, Message, drafted, redrafted
from tests.loopback_discord.modals import modal_flaws
from tests.loopback_discord.refusals import (
    Flaw,
    Payload,
    already_acknowledged,
    choice_flaws,
    insist,
    mapping,
    too_many_followups,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)
from tests.loopback_discord.validate import EPHEMERAL, LOADING
from tests.loopback_discord.world import World, snowflake

ALLOWED = {
    COMMAND: (MESSAGE, DEFER, MODAL),
    COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    SUBMIT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE),
}
MOST_FOLLOWUPS = 5
OF_A_MESSAGE = (DEFER_UPDATE, UPDATE)


def respond(exchange: Exchange, said: Payload, uploads: Sequence[Attached]) -> Payload:
    """The first response; answers what `with_response` shows. Raises Refusal."""
    if exchange.age > exchange.world.first_response:
        raise unknown_interaction()
    if exchange.response is not None:
        raise already_acknowledged()
    kind = said.get("type")
    insist(choice_flaws(("type",), kind, _allowed(exchange)))
    data = mapping(said.get("data"))
    if kind == MESSAGE:
        exchange.message = _new(exchange, drafted(dict(data), uploads, ("data",)))
    elif kind == DEFER:
        exchange.message = _new(exchange, Body(flags=LOADING | int(data.get("flags") or 0) & EPHEMERAL))
    elif kind in OF_A_MESSAGE:
        exchange.message = exchange.pressed
        if kind == UPDATE and exchange.pressed is not None:
            _change(exchange.pressed, redrafted(exchange.pressed.body, dict(data), uploads, ("data",)))
    elif kind == CHOICES:
        insist(choice_list_flaws(("choices",), data.get("choices"), _focused(exchange)), ("data",))
        exchange.choices = list(data["choices"])
    else:
        insist(modal_flaws(data), ("data",))
        exchange.modal = dict(data)
    exchange.response = int(kind or 0)
    exchange.note(NAMES[exchange.response], exchange.message)
    return _response(exchange)


def follow_up(exchange: Exchange, said: Payload, uploads: Sequence[Attached]) -> Message:
    """Raises Refusal. The first one after a deferral takes the place of the message that was still awaited."""
    if exchange.response is None:
        raise unknown_webhook()
    first = exchange.message
    if exchange.response == DEFER and first is not None and first.loading and not first.deleted:
        said = said | {"flags": int(said.get("flags") or 0) & ~EPHEMERAL | first.body.flags & EPHEMERAL}
        _change(first, drafted(said, uploads))
        exchange.note("followup", first)
        return first
    if not exchange.local and len(exchange.followups) >= MOST_FOLLOWUPS:
        raise too_many_followups()
    message = _new(exchange, drafted(said, uploads))
    exchange.followups.append(message)
    exchange.note("followup", message)
    return message


def edit(exchange: Exchange, which: str, said: Payload, uploads: Sequence[Attached]) -> Message:
    """Raises Refusal."""
    message = find(exchange, which)
    _change(message, redrafted(message.body, said, uploads))
    exchange.note("edit", message)
    return message


def delete(exchange: Exchange, which: str) -> None:
    """Raises Refusal."""
    message = find(exchange, which)
    message.deleted = True
    exchange.note("delete")


def find(exchange: Exchange, which: str) -> Message:
    """By id, or @original. Raises Refusal."""
    there = [one for one in (exchange.message, *exchange.followups) if one is not None and not one.deleted]
    found = exchange.message if which == "@original" else next((one for one in there if one.id == which), None)
    if exchange.response is None or found not in there or found is None:
        raise unknown_message() if exchange.response is not None else unknown_webhook()
    return found


def post(world: World, channel_id: str, said: Payload, uploads: Sequence[Attached]) -> Message:
    """A message that nobody asked for. Raises Refusal."""
    channel = world.channels[channel_id]
    flags = int(said.get("flags") or 0)
    if flags & EPHEMERAL:
        insist([Flaw(("flags",), "BASE_TYPE_INVALID", "Only answers to interactions are ephemeral")])
    if (known := single(world, said)) is not None:
        return known
    guild = None if channel.guild is None else channel.guild.id
    now = world.clock()
    message = Message(snowflake(now), channel.id, guild, world.bot, drafted(said, uploads))
    message.created, message.nonce = datetime.fromtimestamp(now, UTC), said.get("nonce")
    world.messages[message.id] = message
    if message.nonce is not None:
        world.nonces[str(message.nonce)] = message
    return message


NAMES = {
    MESSAGE: "message",
    DEFER: "defer",
    DEFER_UPDATE: "defer_update",
    UPDATE: "update",
    CHOICES: "choices",
    MODAL: "modal",
}


def _allowed(exchange: Exchange) -> list[int]:
    """A form that was not opened from a message has no message to change."""
    return [one for one in ALLOWED[exchange.kind] if exchange.pressed is not None or one not in OF_A_MESSAGE]


def _focused(exchange: Exchange) -> object:
    """The type of the option that is being typed."""
    options = exchange.interaction["data"]["options"]
    while options and "options" in options[0]:
        options = options[0]["options"]
    return next((option["type"] for option in options if option.get("focused")), None)


def _new(exchange: Exchange, body: Body) -> Message:
    guild = exchange.interaction.get("guild_id")
    metadata = {
        "id": exchange.interaction["id"],
        "type": exchange.kind,
        "user": exchange.member.user,
        "authorizing_integration_owners": exchange.interaction["authorizing_integration_owners"],
    }
    if exchange.kind == SUBMIT:
        metadata["triggering_interaction_metadata"] = {**metadata, "type": COMMAND}
    if exchange.pressed is not None:
        metadata["interacted_message_id"] = exchange.pressed.id
    message = Message(snowflake(), exchange.channel.id, guild, exchange.world.bot, body, metadata)
    exchange.world.messages[message.id] = message
    return message


def _change(message: Message, body: Body) -> None:
    awaited = message.loading
    message.body = replace(body, flags=body.flags | message.body.flags & EPHEMERAL)
    if not awaited:
        message.edited = datetime.now(UTC)


def _response(exchange: Exchange) -> Payload:
    message, kind = exchange.message, exchange.response
    interaction: Payload = {"id": exchange.interaction["id"], "type": exchange.kind}
    if message is not None:
        interaction |= {
            "response_message_id": message.id,
            "response_message_loading": message.loading,
            "response_message_ephemeral": message.ephemeral,
            "channel_id": message.channel_id,
            "guild_id": message.guild_id,
        }
    shown = message is not None and kind in (MESSAGE, UPDATE)
    return {
        "interaction": interaction,
        "resource": {"type": kind} | ({"message": message.payload} if message is not None and shown else {}),
    }
