"""A bot's session with the gateway, and the websocket that it is held over at the moment."""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections import deque
from enum import IntEnum

from aiohttp import web

from tests.loopback_discord.refusals import Payload

MOST_A_MINUTE, KEPT = 120, 2000


class Op(IntEnum):
    EVENT = 0
    BEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE = 4
    RESUME = 6
    RECONNECT = 7
    MEMBERS = 8
    INVALID = 9
    HELLO = 10
    ACK = 11


class Session:
    """`shard` is its number and how many there are, `sequence` that of the last event.

    `kept` are the last events, sent or not.
    """

    def __init__(self, intents: int, shard: list[int]) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.shard = shard
        self.sequence = 0
        self.kept: deque[Payload] = deque(maxlen=KEPT)
        self.connection: Connection | None = None

    def tell(self, name: str, data: Payload) -> None:
        self.sequence += 1
        event = {"op": Op.EVENT, "t": name, "s": self.sequence, "d": data}
        self.kept.append(event)
        if self.connection is not None:
            self.connection.send(event)

    def missed(self, sequence: int) -> list[Payload] | None:
        """What came after; None where that is no longer known."""
        if sequence > self.sequence or sequence < self.sequence - len(self.kept):
            return None
        return [event for event in self.kept if event["s"] > sequence]


class Connection:
    """One websocket; what is sent is written in order by a task of its own, compressed where that was asked for."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self._transport = request.transport
        self.session: Session | None = None
        self.heard: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._outgoing: asyncio.Queue[Payload] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, message: Payload) -> None:
        self._outgoing.put_nowait(message)

    async def close(self, code: int) -> None:
        self.leave()
        await self.socket.close(code=code)

    def cut(self) -> None:
        """Ends without a word, as a network does."""
        self.leave()
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Sends no more; what happens from now on waits in the session."""
        self._writer.cancel()
        if self.session is not None and self.session.connection is self:
            self.session.connection = None

    async def _write(self) -> None:
        while not self.socket.closed:
            message = await self._outgoing.get()
            text = json.dumps(message)
            try:
                if self._compressor is None:
                    await self.socket.send_str(text)
                else:
                    packed = self._compressor.compress(text.encode())
                    await self.socket.send_bytes(packed + self._compressor.flush(zlib.Z_SYNC_FLUSH))
            except (ConnectionError, RuntimeError):  # the client went away in the middle
                return
