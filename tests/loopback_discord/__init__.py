"""A Discord on 127.0.0.1 that the real client logs in to: REST and gateway, refusing what Discord refuses."""

from __future__ import annotations

from tests.loopback_discord.command_data import NotOffered, Role, Upload
from tests.loopback_discord.exchange import Exchange, Step, Unanswered
from tests.loopback_discord.people import Member
from tests.loopback_discord.rendering import render, render_modal
from tests.loopback_discord.server import LoopbackDiscord
from tests.loopback_discord.world import Channel, Guild

__all__ = [
    "Channel",
    "Exchange",
    "Guild",
    "LoopbackDiscord",
    "Member",
    "NotOffered",
    "Role",
    "Step",
    "Unanswered",
    "Upload",
    "render",
    "render_modal",
]
