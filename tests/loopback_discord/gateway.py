"""The gateway: sessions that outlive their connections, so that what was missed is told again."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from aiohttp import WSMsgType, web

from tests.loopback_discord.refusals import Payload, mapping
from tests.loopback_discord.sessions import MOST_A_MINUTE, Connection, Op, Session
from tests.loopback_discord.world import World

UNKNOWN, UNDECODED, UNAUTHENTICATED, BAD_TOKEN, TWICE = 4001, 4002, 4003, 4004, 4005
FAST, TIMED_OUT, BAD_VERSION, BAD_INTENTS, DISALLOWED = 4008, 4009, 4012, 4013, 4014
PRIVILEGED, ALL_INTENTS = 1 << 1 | 1 << 8 | 1 << 15, (1 << 26) - 1
LONGEST = 4096


class Gateway:
    """`heartbeat` is the seconds between beats that clients are told; without `acknowledging` they get no word back.

    `identified` and `resumed` are what came with IDENTIFY and RESUME, `closed` the codes that connections were ended
    with for a fault of the bot's, `privileged` the intents that are switched on for it in the portal.
    """

    def __init__(self, world: World, heartbeat: float) -> None:
        self.world = world
        self.heartbeat = heartbeat
        self.acknowledging = True
        self.privileged = 0
        self.url = ""
        self.identified: list[Payload] = []
        self.resumed: list[Payload] = []
        self.closed: list[int] = []
        self.beats = 0
        self.open = asyncio.Event()
        self.open.set()
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()

    def dispatch(self, name: str, data: Payload) -> None:
        for session in self.sessions.values():
            session.tell(name, data)

    @property
    def ready(self) -> bool:
        """Whether a bot is logged in and connected."""
        return any(session.connection is not None for session in self.sessions.values())

    async def disconnect(self, code: int | None) -> None:
        """Ends every connection, with a close code or, for None, by cutting the line."""
        for connection in list(self.connections):
            if code is None:
                connection.cut()
            else:
                await connection.close(code)

    def invalidate(self, *, resumable: bool) -> None:
        """Tells every client that its session is invalid; one that is not resumable is forgotten."""
        for connection in list(self.connections):
            if connection.session is not None and not resumable:
                self.sessions.pop(connection.session.id, None)
            connection.send({"op": Op.INVALID, "d": resumable})

    def ask_to_reconnect(self) -> None:
        for connection in list(self.connections):
            connection.send({"op": Op.RECONNECT, "d": None})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await self.open.wait()
        socket = web.WebSocketResponse(compress=False, autoclose=True)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        try:
            await self._converse(connection, request.query.get("v"))
        finally:
            connection.leave()
            self.connections.discard(connection)
        return socket

    async def _converse(self, connection: Connection, version: str | None) -> None:
        if version != "10":
            await self._end(connection, BAD_VERSION)
            return
        connection.send({"op": Op.HELLO, "d": {"heartbeat_interval": int(self.heartbeat * 1000), "_trace": []}})
        beaten = time.monotonic()
        while not connection.socket.closed:
            try:
                message = await connection.socket.receive(max(beaten + 2.5 * self.heartbeat - time.monotonic(), 0.001))
            except TimeoutError:
                await self._end(connection, TIMED_OUT)
                return
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            beaten = time.monotonic() if await self._hear(connection, message.data) == Op.BEAT else beaten

    async def _hear(self, connection: Connection, text: str) -> int | None:
        """Does what one message asks for, and says which opcode it had."""
        if len(connection.heard) == MOST_A_MINUTE and connection.heard[0] > time.monotonic() - 60:
            await self._end(connection, FAST)
            return None
        connection.heard.append(time.monotonic())
        said = _decoded(text)
        if said is None:
            await self._end(connection, UNDECODED)
            return None
        code, data = said.get("op"), said.get("d")
        if code == Op.BEAT:
            self.beats += 1
            if self.acknowledging:
                connection.send({"op": Op.ACK})
        elif code == Op.IDENTIFY:
            await self._identify(connection, mapping(data))
        elif code == Op.RESUME:
            await self._resume(connection, mapping(data))
        elif code not in (Op.PRESENCE, Op.VOICE, Op.MEMBERS):
            await self._end(connection, UNKNOWN)
        elif connection.session is None:
            await self._end(connection, UNAUTHENTICATED)
        return code

    async def _identify(self, connection: Connection, said: Any) -> None:
        self.identified.append({key: value for key, value in said.items() if key != "token"})
        intents = said.get("intents", 0)
        if connection.session is not None:
            await self._end(connection, TWICE)
        elif said.get("token") != self.world.token:
            await self._end(connection, BAD_TOKEN)
        elif not isinstance(intents, int) or intents & ~ALL_INTENTS:
            await self._end(connection, BAD_INTENTS)
        elif intents & PRIVILEGED & ~self.privileged:
            await self._end(connection, DISALLOWED)
        else:
            self._welcome(connection, Session(intents, said.get("shard") or [0, 1]))

    def _welcome(self, connection: Connection, session: Session) -> None:
        guilds = [guild for guild in self.world.guilds if guild.installed]
        others = {one.id: one for one in self.sessions.values() if one.shard != session.shard}
        self.sessions = others | {session.id: session}
        connection.session, session.connection = session, connection
        application = {"id": self.world.application_id, "flags": self.world.application["flags"]}
        session.tell(
            "READY",
            {
                "v": 10,
                "user": self.world.bot,
                "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "resume_gateway_url": f"{self.url}resume/",
                "application": application,
                "shard": session.shard,
            },
        )
        if session.intents & 1:
            for guild in guilds:
                session.tell("GUILD_CREATE", self.world.guild_payload(guild))

    async def _resume(self, connection: Connection, said: Any) -> None:
        self.resumed.append({key: value for key, value in said.items() if key != "token"})
        if said.get("token") != self.world.token:
            await self._end(connection, BAD_TOKEN)
            return
        session = self.sessions.get(str(said.get("session_id")))
        missed = None if session is None else session.missed(int(said.get("seq") or 0))
        if session is None or missed is None:
            connection.send({"op": Op.INVALID, "d": False})
            return
        for event in missed:
            connection.send(event)
        connection.session, session.connection = session, connection
        session.tell("RESUMED", {"_trace": []})

    async def _end(self, connection: Connection, code: int) -> None:
        self.closed.append(code)
        await connection.close(code)


def _decoded(text: str) -> Payload | None:
    try:
        said = json.loads(text) if len(text) <= LONGEST else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
