"""Telling Discord which commands there are, only when they have changed since it was told last."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from discord.http import HTTPClient

from bot.discord.payloads import command_payloads, payload_digest
from storage.synced import Synced


async def sync(http: HTTPClient, application_id: int, synced: Synced, now: datetime, *, force: bool = False) -> bool:
    """True where the commands were sent. `http` is logged in.

    Raises:
        discord.HTTPException: Discord refuses them, or us.
        DatabaseError: what was sent last cannot be looked up or noted.
    """
    payloads = command_payloads()
    name, digest = f"discord:{application_id}", payload_digest(payloads)
    if not force and await synced.get(name) == digest:
        return False
    await http.bulk_upsert_global_commands(application_id, cast("list[Any]", payloads))
    await synced.put(name, digest, now)
    return True
