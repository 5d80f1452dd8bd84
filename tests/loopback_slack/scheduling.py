"""Messages that are to be posted later, and the list of those that are still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.loopback_slack.chat import find_channel, writable
from tests.loopback_slack.messages import Message, drafted
from tests.loopback_slack.refusals import Payload, Refusal
from tests.loopback_slack.world import Scheduled, identity, timestamp

if TYPE_CHECKING:
    from tests.loopback_slack.web_api import Call

FURTHEST = 120 * 24 * 3600
MOST, WINDOW = 30, 300
"""Messages of one channel within so many seconds."""
LONGEST_PAGE = 100


def schedule(call: Call) -> Payload:
    channel = writable(call, call.asked.text("channel"))
    post_at = _second(call)
    near = [
        one
        for one in call.world.scheduled.values()
        if one.message.channel == channel.id and abs(one.post_at - post_at) < WINDOW
    ]
    if len(near) >= MOST:
        raise Refusal("restricted_too_many")
    if "metadata" in call.said:
        raise Refusal("invalid_arguments")  # Slack takes it and never posts the message, which helps nobody
    call.world.warn_of_text("chat.scheduleMessage", call.said)
    body = drafted(call.said, call.world.broken_images)
    message = Message(timestamp(post_at), channel.id, call.team.bot_user, body, None, call.world.app_id)
    one = Scheduled(identity("Q"), post_at, int(call.world.clock()), message)
    call.world.scheduled[one.id] = one
    return {
        "ok": True,
        "channel": channel.id,
        "scheduled_message_id": one.id,
        "post_at": str(post_at),
        "message": message.payload,
    }


def listed(call: Call) -> Payload:
    """Those that the bot scheduled and that are still to come, the soonest first; their blocks are not told."""
    channel = call.said.get("channel")
    wanted = _channel(call, channel) if channel else None
    oldest, latest = float(call.said.get("oldest") or 0), float(call.said.get("latest") or "inf")
    if oldest >= latest:
        raise Refusal("invalid_arguments")
    found = sorted((one for one in call.world.scheduled.values() if _ours(call, one)), key=lambda one: one.post_at)
    found = [one for one in found if wanted in (None, one.message.channel) and oldest <= one.post_at <= latest]
    start, limit = int(call.said.get("cursor") or 0), min(int(call.said.get("limit") or LONGEST_PAGE), LONGEST_PAGE)
    more = str(start + limit) if len(found) > start + limit else ""
    return {
        "ok": True,
        "scheduled_messages": [
            {
                "id": one.id,
                "channel_id": one.message.channel,
                "post_at": one.post_at,
                "date_created": one.created,
                "text": one.message.body.text,
            }
            for one in found[start : start + limit]
        ],
        "response_metadata": {"next_cursor": more},
    }


def _second(call: Call) -> int:
    """Raises Refusal where nothing can be posted then."""
    said = call.asked.text("post_at")
    if not said.isdigit():
        raise Refusal("invalid_time")
    if int(said) <= call.world.clock():
        raise Refusal("time_in_past")
    if int(said) > call.world.clock() + FURTHEST:
        raise Refusal("time_too_far")
    return int(said)


def _channel(call: Call, name: object) -> str:
    try:
        return find_channel(call, name).id
    except Refusal:
        raise Refusal("invalid_channel") from None


def _ours(call: Call, one: Scheduled) -> bool:
    return one.message.user == call.team.bot_user
