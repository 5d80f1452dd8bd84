"""The README names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands import COMMANDS

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert f"`/{command}`" in README.read_text("utf-8")
