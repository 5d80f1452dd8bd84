"""Requests as they come in, form and JSON alike, and answers as they go out."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from tests.loopback_slack.faults import Fault
from tests.loopback_slack.refusals import Payload, Refusal

NESTED = {
    "blocks": "invalid_blocks_format",
    "attachments": "invalid_attachments",
    "view": "invalid_arguments",
    "unfurls": "invalid_arguments",
    "files": "invalid_arguments",
    "metadata": "invalid_metadata_format",
}
TRUE = ("1", "true", "True", True, 1)


@dataclass(frozen=True)
class Asked:
    """One request, read: what came in its address, form or JSON body is in `said`."""

    token: str | None
    said: Payload
    client: tuple[str, str] | None = None

    def flag(self, name: str) -> bool:
        return self.said.get(name) in TRUE

    def text(self, name: str) -> str:
        """Raises Refusal where it is missing."""
        found = self.said.get(name)
        if found is None or found == "":
            raise Refusal(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]}
            )
        return str(found)


async def read(request: web.Request) -> Asked:
    """Raises Refusal."""
    said: Payload = dict(request.query)
    if request.content_type == "application/json":
        said |= decoded(await request.text())
    elif request.can_read_body:
        said |= {name: found for name, found in (await request.post()).items() if isinstance(found, str)}
    for name, error in NESTED.items():
        if isinstance(said.get(name), str):
            said[name] = _nested(said[name], error)
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    token = credentials if kind == "Bearer" else said.get("token")
    client = b64decode(credentials).decode().split(":", 1) if kind == "Basic" else None
    return Asked(token, said, None if client is None else (client[0], client[1]))


def decoded(text: str) -> Payload:
    """Raises Refusal where it is no JSON object."""
    try:
        said = json.loads(text)
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(said, dict):
        raise Refusal("json_not_object")
    return said


def _nested(text: str, error: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal(error) from None


def answered(answer: Payload, status: int = 200, scopes: Iterable[str] = ()) -> web.Response:
    """`scopes` are what the token that asked is good for."""
    return web.json_response(answer, status=status, headers={"X-OAuth-Scopes": ",".join(sorted(scopes))})


def broken(request: web.Request, fault: Fault) -> web.Response:
    if fault.drops and request.transport is not None:
        request.transport.abort()
    return web.json_response(fault.body, status=fault.status or 200, headers=fault.headers)
