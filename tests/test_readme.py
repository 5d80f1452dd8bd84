"""The README names what there is, and shows it as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.people import sample_world
from bot.commands import COMMANDS
from bot.discord.cards import Look, messages
from bot.discord.heard import SHOWN
from bot.dispatch import dispatch
from bot.messages import Language
from bot.settings import Settings
from bot.shop import STORE
from bot.wording import Wording
from tests.discord_screen import components, screen
from tests.fakes import open_place, request

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert f"`/{command}`" in README.read_text("utf-8")


async def test_the_card_in_the_readme_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    served = sample_world(Settings(home=tmp_path / "demo"))
    asked = replace(request("recommend", games="Hades, Dead Cells, Slay the Spire"), id="1", shown=SHOWN)
    async with open_place(tmp_path, served) as place:
        reply = await dispatch(asked, place.desk)
    look = Look(Wording(Language.EN), STORE, {pick.game.app_id: "https://covers.example" for pick in reply.picks})
    (sent,) = messages(reply, look)

    assert screen(components(sent.view), ephemeral=True).strip() in README.read_text("utf-8")
