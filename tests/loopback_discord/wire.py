"""Requests as they come in and answers as they go out, byte by byte as Discord has them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from tests.loopback_discord.faults import Fault
from tests.loopback_discord.messages import Attached
from tests.loopback_discord.refusals import Payload, not_json
from tests.loopback_discord.world import snowflake


@dataclass
class Asked:
    """One request, read: `match` are the parts of its path, `said` is the body but for the files."""

    match: dict[str, str]
    query: dict[str, str]
    said: Payload | list[Payload]
    uploads: list[Attached] = field(default_factory=list)

    @property
    def body(self) -> Payload:
        if not isinstance(self.said, dict):
            raise not_json()
        return self.said


async def read(request: web.Request) -> Asked:
    """Raises Refusal."""
    asked = Asked(dict(request.match_info), dict(request.query), {})
    if request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader), "Discord knows no parts within parts"
            content = bytes(await part.read())
            if part.name == "payload_json":
                asked.said = _decoded(content)
            else:
                asked.uploads.append(Attached(snowflake(), part.filename or "unknown", content))
    elif request.can_read_body:
        if request.content_type != "application/json":
            raise not_json()
        asked.said = _decoded(await request.read())
    return asked


def _decoded(content: bytes) -> Payload | list[Payload]:
    try:
        said = json.loads(content)
    except ValueError:
        raise not_json() from None
    if not isinstance(said, dict | list):
        raise not_json()
    return said


def answered(status: int, answer: object) -> web.Response:
    """With the content type to the letter: the client reads nothing else as JSON."""
    return web.Response(status=status, body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})


def broken(request: web.Request, fault: Fault) -> web.Response:
    if fault.drops and request.transport is not None:
        request.transport.abort()
    answer = answered(fault.status, fault.body)
    answer.headers.update(fault.headers)
    return answer
