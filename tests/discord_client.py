"""A small bot with the real client, for trying the loopback Discord: `python -m tests.discord_client`.

It reads LOOPBACK_API_URL, LOOPBACK_GATEWAY_URL and LOOPBACK_TOKEN, registers its commands and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
from typing import Any, Self

import discord
import yarl
from discord import app_commands, ui

FRUIT = ("apple", "apricot", "banana")
Spoken = discord.Interaction[discord.Client]


class Counter(ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"count:(?P<number>\d+)"):
    """A button that holds all its state and therefore survives a restart."""

    def __init__(self, number: int) -> None:
        super().__init__(ui.Button(label=f"Count {number}", custom_id=f"count:{number}"))
        self.number = number

    @classmethod
    async def from_custom_id(cls, _: Spoken, __: ui.Item[ui.LayoutView], match: re.Match[str]) -> Self:
        return cls(int(match["number"]))

    async def callback(self, interaction: Spoken) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(view=card(f"Counted to {self.number}", self.number + 1))


class Wish(ui.Modal, title="A wish"):
    wished: ui.Label[Self] = ui.Label(text="What do you wish for?", component=ui.TextInput(max_length=50))

    async def on_submit(self, interaction: Spoken) -> None:
        field = self.wished.component
        assert isinstance(field, ui.TextInput)
        await interaction.response.send_message(f"You wish for {field.value}", ephemeral=True)


def card(text: str, number: int) -> ui.LayoutView:
    view, row = ui.LayoutView(timeout=None), ui.ActionRow[ui.LayoutView]()
    picture = ui.Thumbnail[ui.LayoutView]("https://example.org/cover.png", description="a cover")
    row.add_item(Counter(number))
    row.add_item(ui.Button(label="Store", url="https://example.org/store"))
    view.add_item(ui.Container(ui.Section(ui.TextDisplay(text), accessory=picture), ui.Separator(), row))
    return view


@app_commands.command(description="Says it back on a card")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def echo(interaction: Spoken, text: str, secret: bool = False) -> None:
    await interaction.response.defer(ephemeral=secret)
    await interaction.edit_original_response(view=card(text, 1))


@app_commands.command(description="Chooses a fruit")
async def fruit(interaction: Spoken, name: str) -> None:
    await interaction.response.send_message(name)


@fruit.autocomplete("name")
async def fruit_names(_: Spoken, typed: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=one.title(), value=one) for one in FRUIT if one.startswith(typed)]


@app_commands.command(description="Opens a form")
async def wish(interaction: Spoken) -> None:
    await interaction.response.send_modal(Wish())


@app_commands.command(description="Tells where it was called, by whom and about whom")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def where(interaction: Spoken, about: discord.User | None = None) -> None:
    nsfw = getattr(interaction.channel, "nsfw", None)
    manages = interaction.permissions.manage_channels
    told = f"{interaction.locale} {interaction.guild_locale} nsfw={nsfw} manages={manages} about={about}"
    context = interaction.context
    place = "guild" if context.guild else "dm" if context.dm_channel else "private"
    kind = type(interaction.user).__name__
    await interaction.response.send_message(f"{kind} in {place}, {told}, user={interaction.is_user_integration()}")


@app_commands.command(description="Sends what is asked for in a file of one's own")
async def mine(interaction: Spoken, times: int = 1) -> None:
    await interaction.response.send_message("There you are")
    for number in range(times):
        await interaction.followup.send(file=discord.File(io.BytesIO(b"all"), f"mine{number}.json"), ephemeral=True)


@app_commands.command(description="Rings")
async def ring(interaction: Spoken, whom: discord.User, loud: bool) -> None:
    allowed = discord.AllowedMentions(users=[whom]) if loud else discord.AllowedMentions.none()
    await interaction.response.send_message(f"Hello {whom.mention}", allowed_mentions=allowed)


@app_commands.command(description="Takes its time")
async def slow(interaction: Spoken, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await interaction.response.send_message("at last")


@app_commands.command(description="Says too much")
async def shout(interaction: Spoken) -> None:
    await interaction.response.defer()
    try:
        await interaction.edit_original_response(content="A" * 2001)
    except discord.HTTPException as error:
        await interaction.edit_original_response(content=f"{error.status} {error.code} {error.text}")


@app_commands.command(description="Speaks in the channel")
async def speak(interaction: Spoken) -> None:
    assert isinstance(interaction.channel, discord.TextChannel)
    await interaction.response.defer()
    await interaction.channel.send("unasked")
    await interaction.edit_original_response(content="spoken")


group = app_commands.Group(name="digest", description="A weekly digest")


@group.command(description="Here")
async def here(interaction: Spoken, day: app_commands.Range[int, 1, 7]) -> None:
    await interaction.response.send_message(f"every {day}")


COMMANDS: tuple[Any, ...] = (echo, fruit, wish, where, mine, ring, slow, shout, speak, group)


class Client(discord.Client):
    """Hears of nothing but guilds and interactions; takes a silent gateway for dead sooner than others."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), heartbeat_timeout=1.5)
        self.tree = app_commands.CommandTree(self)
        for command in COMMANDS:
            self.tree.add_command(command)
        self.add_dynamic_items(Counter)

    async def setup_hook(self) -> None:
        await self.tree.sync()


def main() -> None:
    discord.http.Route.BASE = os.environ["LOOPBACK_API_URL"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["LOOPBACK_GATEWAY_URL"])
    Client().run(os.environ["LOOPBACK_TOKEN"])


if __name__ == "__main__":
    main()
