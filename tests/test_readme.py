"""The README names what there is, and shows it as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.people import sample_world
from bot.commands import COMMANDS
from bot.discord import cards
from bot.dispatch import dispatch
from bot.messages import Language, Reply, Value
from bot.settings import Settings
from bot.shop import STORE, Look
from bot.slack import blocks
from bot.wording import Wording
from tests import discord_screen, slack_screen
from tests.fakes import open_place, request

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert f"`/{command}`" in README.read_text("utf-8")


async def answered(folder: Path, command: str, **options: Value) -> Reply:
    served = sample_world(Settings(home=folder / "demo"))
    asked = replace(request(command, **options), id="1", shown=3)
    async with open_place(folder, served) as place:
        return await dispatch(asked, place.desk)


def covers(reply: Reply) -> dict[int, str]:
    return {pick.game.app_id: "https://covers.example" for pick in reply.picks}


async def test_the_card_of_discord_in_the_readme_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    reply = await answered(tmp_path, "recommend", games="Hades, Dead Cells, Slay the Spire")
    (sent,) = cards.messages(reply, Look(Wording(Language.EN), STORE, covers(reply)))

    drawn = discord_screen.screen(discord_screen.components(sent.view), ephemeral=True)
    assert drawn.strip() in README.read_text("utf-8")


async def test_the_card_of_slack_in_the_readme_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    reply = await answered(tmp_path, "curate", tag="Metroidvania", max_price=15, mix="gems")
    (sent,) = blocks.messages(reply, Look(Wording(Language.EN), STORE, covers(reply)))

    assert slack_screen.screen(sent.blocks).strip() in README.read_text("utf-8")
