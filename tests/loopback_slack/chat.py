"""The chat.* methods: messages in channels, and cards in place of links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.loopback_slack.acting import remove, rewrite
from tests.loopback_slack.blocks import block_flaws
from tests.loopback_slack.messages import Message, drafted, finished
from tests.loopback_slack.refusals import Payload, Refusal, insist, mapping
from tests.loopback_slack.world import Channel, World, timestamp

if TYPE_CHECKING:
    from tests.loopback_slack.web_api import Call


def find_channel(call: Call, name: object) -> Channel:
    """By id or name, or a person's own by the person. Raises Refusal."""
    world = call.world
    member = world.members.get(str(name))
    if member is not None and member.team is call.team:
        return world.direct(member)
    for channel in world.channels.values():
        if channel.team is call.team and name in (channel.id, channel.name, f"#{channel.name}"):
            if channel.where == "private" and not channel.has_bot:
                break
            return channel
    raise Refusal("channel_not_found")


def writable(call: Call, name: object) -> Channel:
    """A channel that the bot may post in. Raises Refusal."""
    channel = find_channel(call, name)
    if not channel.has_bot and "chat:write.public" not in call.team.scopes:
        raise Refusal("not_in_channel")
    if channel.shut is not None:
        raise Refusal(channel.shut)
    return channel


def post_message(call: Call) -> Payload:
    channel = writable(call, call.asked.text("channel"))
    call.world.warn_of_text("chat.postMessage", call.said)
    message = call.world.place(_message(call, channel))
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": message.payload}


def post_ephemeral(call: Call) -> Payload:
    """Told to the person's last exchange there: nothing else says what it is an answer to."""
    channel, user = writable(call, call.asked.text("channel")), call.asked.text("user")
    member = call.world.members.get(user)
    if member is None or member.team is not call.team:
        raise Refusal("user_not_in_channel")
    call.world.warn_of_text("chat.postEphemeral", call.said)
    message = call.world.place(_message(call, channel, user))
    exchange = call.world.latest(user, channel.id)
    if exchange is not None:
        exchange.note("ephemeral", message)
    return {"ok": True, "message_ts": message.ts}


def update(call: Call) -> Payload:
    message = _own(call, "cant_update_message")
    rewrite(call.world, None, message, _kept(message, call.said))
    return {"ok": True, "channel": message.channel, "ts": message.ts, "text": message.body.text} | {
        "message": message.payload
    }


def delete(call: Call) -> Payload:
    message = _own(call, "cant_delete_message")
    remove(None, message)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def unfurl(call: Call) -> Payload:
    """Shows a card below a message that has the link. Raises Refusal."""
    message = _linking(call.world, call.said)
    if call.world.channels[message.channel].team is not call.team:
        raise Refusal("cannot_find_channel")
    unfurls = call.said.get("unfurls")
    if not isinstance(unfurls, dict) or not unfurls:
        raise Refusal("missing_unfurls")
    for url, card in unfurls.items():
        if url not in message.body.text:
            raise Refusal("cannot_unfurl_url")
        insist("invalid_blocks", block_flaws(mapping(card).get("blocks") or [], broken=call.world.broken_images))
    for url, card in unfurls.items():
        message.unfurls[url] = {**card, "blocks": finished(card.get("blocks") or [])}
    for exchange in message.exchanges:
        exchange.note("unfurl")
    return {"ok": True}


def _message(call: Call, channel: Channel, to: str | None = None) -> Message:
    body = drafted(call.said, call.world.broken_images, ephemeral=to is not None)
    thread = call.said.get("thread_ts")
    return Message(timestamp(), channel.id, call.team.bot_user, body, to, call.world.app_id, thread)


def _own(call: Call, otherwise: str) -> Message:
    """What is for one person alone is not found: only its response_url changes that. Raises Refusal."""
    channel = find_channel(call, call.asked.text("channel"))
    message = call.world.messages.get((channel.id, call.asked.text("ts")))
    if message is None or message.deleted or message.ephemeral:
        raise Refusal("message_not_found")
    if message.user != call.team.bot_user:
        raise Refusal(otherwise)
    return message


def _kept(message: Message, said: Payload) -> Payload:
    """A new text alone leaves the blocks as they are."""
    if "blocks" in said or "attachments" in said or not message.body.blocks:
        return said
    return {**said, "blocks": list(message.body.blocks)}


def _linking(world: World, said: Payload) -> Message:
    place = (str(said.get("channel")), str(said.get("ts")))
    if said.get("unfurl_id"):
        channel, _, ts = str(said["unfurl_id"]).rpartition("-")
        place = (channel, ts)
    message = world.messages.get(place)
    if message is None or message.deleted:
        raise Refusal("cannot_find_message")
    return message
