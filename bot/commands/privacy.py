"""`/privacy`: what is kept of whoever asks, and what is not."""

from __future__ import annotations

from bot.commands.command import Desk
from bot.messages import Reply, Request
from bot.wording import Wording


async def privacy(request: Request, desk: Desk) -> Reply:
    """The promises are about the tables of storage/schema.py, the cleaning in dispatch and `Recents`."""
    minutes = round(desk.recents.seconds / 60)
    return Reply(Wording(request.language).say("privacy.text", minutes=minutes))
