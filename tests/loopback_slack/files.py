"""Uploads: an address is asked for, the bytes go there, and then the file is shown in a channel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.loopback_slack import chat
from tests.loopback_slack.messages import Body, File, Message
from tests.loopback_slack.refusals import Payload, Refusal, items
from tests.loopback_slack.world import World, identity, timestamp

if TYPE_CHECKING:
    from tests.loopback_slack.web_api import Call


def begin_upload(call: Call) -> Payload:
    name, length = call.asked.text("filename"), call.asked.text("length")
    if not length.isdigit() or int(length) < 1:
        raise Refusal("invalid_arguments")
    file = File(identity("F"), name, name, b"\0" * int(length), str(call.said.get("alt_txt") or ""))
    call.world.uploads[file.id] = file
    return {"ok": True, "upload_url": f"{call.world.url}/upload/{file.id}", "file_id": file.id}


def upload(world: World, file_id: str, content: bytes) -> int:
    """Keeps what was sent, which has to be as long as was said. Raises Refusal."""
    file = world.uploads.get(file_id)
    if file is None:
        raise Refusal("file_not_found", status=404)
    if len(content) != len(file.content):
        raise Refusal("length_mismatch", status=400)
    world.files[file_id] = replace(file, content=content)
    return len(content)


def complete_upload(call: Call) -> Payload:
    """Shows the files in a channel that the bot is in, or keeps them to itself where none is named. Raises Refusal."""
    found = tuple(_titled(call.world, one) for one in items(call.said.get("files")))
    if not found:
        raise Refusal("invalid_arguments")
    names = (
        [call.said["channel_id"]] if call.said.get("channel_id") else str(call.said.get("channels") or "").split(",")
    )
    for name in filter(None, names):
        channel = chat.find_channel(call, name)
        if name != channel.id:
            raise Refusal("channel_not_found")
        if not channel.has_bot:
            raise Refusal("not_in_channel")
        body = Body(str(call.said.get("initial_comment") or ""), files=found)
        thread = call.said.get("thread_ts")
        call.world.place(Message(timestamp(), channel.id, call.team.bot_user, body, None, call.world.app_id, thread))
    return {"ok": True, "files": [file.payload for file in found]}


def _titled(world: World, said: Payload | object) -> File:
    named = said if isinstance(said, dict) else {}
    file = world.files.pop(str(named.get("id")), None)
    if file is None:
        raise Refusal("file_not_found")
    return replace(file, title=str(named.get("title") or file.name))
