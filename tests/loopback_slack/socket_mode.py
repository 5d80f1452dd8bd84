"""Socket Mode: envelopes over a websocket, each acknowledged by its id."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Literal

from aiohttp import WSMsgType, web

from tests.loopback_slack.exchange import EVENT, Exchange
from tests.loopback_slack.refusals import Payload, Refusal
from tests.loopback_slack.world import World

Reason = Literal["warning", "refresh_requested"]
Acknowledge = Callable[[Exchange, Payload | None], None]


@dataclass(frozen=True, eq=False)
class Line:
    """One connection of the bot's."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class SocketMode:
    """`opened` counts the connections that ever were, `envelopes` is all that was sent.

    What comes while nobody is connected waits for the next connection; while `shut` is set nobody gets in.
    """

    def __init__(self, world: World, acknowledge: Acknowledge) -> None:
        self.world = world
        self.acknowledge = acknowledge
        self.url = ""
        self.shut = False
        self.opened = 0
        self.envelopes: list[Payload] = []
        self.connections: list[Line] = []
        self._tickets: set[str] = set()
        self._waiting: dict[Exchange, int] = {}
        self._awaited: dict[str, Exchange] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ticket(self) -> str:
        """The address of one connection. Raises Refusal."""
        if self.shut:
            raise Refusal("internal_error", status=503)
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        return f"{self.url}?ticket={ticket}&app_id={self.world.app_id}"

    def send(self, exchange: Exchange, attempt: int = 0) -> None:
        alive = [line for line in self.connections if not line.socket.closed]
        if not alive:
            self._waiting[exchange] = attempt
            return
        envelope = self._envelope(exchange, attempt)
        self._awaited[envelope["envelope_id"]] = exchange
        self.envelopes.append(envelope)
        self._later(self._written(alive[len(self.envelopes) % len(alive)].socket, envelope))

    def _envelope(self, exchange: Exchange, attempt: int) -> Payload:
        known = {"envelope_id": secrets.token_hex(16), "type": exchange.kind, "payload": exchange.payload}
        if exchange.kind != EVENT:
            return known | {"accepts_response_payload": True}
        retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        return known | {"accepts_response_payload": False} | retry

    async def _written(self, connection: web.WebSocketResponse, said: Payload) -> None:
        if not connection.closed:
            await connection.send_json(said)

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self.shut or ticket not in self._tickets:
            return web.Response(status=503 if self.shut else 404)
        self._tickets.remove(ticket)
        connection = web.WebSocketResponse(timeout=0.5)
        await connection.prepare(request)
        await connection.send_json(self._hello())
        self.opened += 1
        line = Line(connection, request.transport)
        self.connections.append(line)
        waiting, self._waiting = self._waiting, {}
        for exchange, attempt in waiting.items():
            self.send(exchange, attempt)
        try:
            async for message in connection:
                if message.type == WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            self.connections.remove(line)
        return connection

    def _hello(self) -> Payload:
        return {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "connection_info": {"app_id": self.world.app_id},
            "debug_info": {"host": "loopback", "started": time.time(), "approximate_connection_time": 18060},
        }

    def _heard(self, text: str) -> None:
        said = json.loads(text)
        exchange = self._awaited.pop(said.get("envelope_id", ""), None)
        if exchange is None:
            self.world.refuse("socket", Refusal("unknown_envelope"), said)
        else:
            self.acknowledge(exchange, said.get("payload"))

    async def disconnect(self, reason: Reason | None) -> None:
        """Asks every connection to make way for a new one, or cuts the line where no reason is given."""
        for line in list(self.connections):
            if reason is None:
                line.cut()
            else:
                await line.socket.send_json(
                    {"type": "disconnect", "reason": reason, "debug_info": {"host": "loopback"}}
                )

    async def close(self) -> None:
        for line in list(self.connections):
            await line.socket.close(code=1001)
        for task in self._tasks:
            task.cancel()
