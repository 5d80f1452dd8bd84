"""A server on an in-process Discord with the bot in it: two members, a channel for all and one for adults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import discord
import simcord

from bot.commands import COMMANDS
from bot.commands.command import Command, Desk
from bot.commands.recents import Recents
from bot.discord.client import IndieAnClient
from bot.discord.sync import sync
from bot.presses import Deed, pressed
from bot.shop import Shop
from storage.synced import Synced
from tests.discord_screen import Part, walk
from tests.fakes import NOON, Place, open_place


@dataclass
class World:
    """`client` is the one that is connected now."""

    place: Place
    env: simcord.Env
    client: IndieAnClient
    channel: simcord.ChannelHandle
    adults: simcord.ChannelHandle
    ann: simcord.MemberActor
    bob: simcord.MemberActor

    async def restart(self) -> None:
        """What is not in the database is gone."""
        await self.place.flush()
        self.client = _client(replace(self.place.desk, recents=Recents()), Shop())
        await self.env.restart_bot(self.client)


@asynccontextmanager
async def on_discord(
    folder: Path,
    commands: tuple[Command, ...] = COMMANDS,
    shop: Shop = Shop(),  # noqa: B008 - frozen
) -> AsyncIterator[World]:
    async with open_place(folder, commands=commands) as place:
        client = _client(place.desk, shop)
        async with _running(client) as env:
            application = client.application_id
            assert application is not None, "simcord logs the client in"
            await sync(client.http, application, Synced(place.database), NOON)
            guild = env.create_guild()
            adults = guild.create_text_channel("late-night")
            known = client.get_channel(adults.id)
            assert isinstance(known, discord.TextChannel), "a new channel is heard of at once"
            known.nsfw = True  # simcord knows no age-restricted channels
            world = World(
                place,
                env,
                client,
                guild.create_text_channel("games"),
                adults,
                guild.add_member(env.create_user("ann")),
                guild.add_member(env.create_user("bob")),
            )
            try:
                yield world
            finally:
                await place.flush()  # simcord ends what is under way wherever it is


@asynccontextmanager
async def _running(client: IndieAnClient) -> AsyncIterator[simcord.Env]:
    """`simcord.run` wants to end in the very context it began in, which a fixture does not."""
    env = simcord.Env(client, shard_count=1)
    await env.start()
    try:
        yield env
    finally:
        await env.shutdown()


def _client(desk: Desk, shop: Shop) -> IndieAnClient:
    return IndieAnClient(desk, shop, now=lambda: NOON)


def answer(result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The message that the person ends up with."""
    shown = result.followups[-1] if result.followups else result.response
    assert shown is not None, f"nothing was answered: {result!r}"
    return shown


def code(message: simcord.ResponseMessage, deed: Deed, at: int = 0) -> str:
    """The code of the button of a deed, counted from 0 where there are several."""
    return codes(message.components, deed)[at]


def codes(components: Sequence[Part], deed: Deed) -> list[str]:
    found = [part["custom_id"] for part in walk(components) if "custom_id" in part]
    return [one for one in found if (press := pressed(one)) is not None and press.deed is deed]
