"""`indiean slack ...`: the bot on Slack, for its operator."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.output import out
from bot.errors import NotSetUp
from bot.settings import read_settings
from bot.slack.manifest import manifest, written
from bot.wording import Wording

app = typer.Typer(
    no_args_is_help=True, help="The bot on Slack: what its app looks like, and what is said to its channel."
)

WANTS_ADDRESS = "Slack delivers over the web to a public address only: set INDIEAN_PUBLIC_URL, or leave --web out"

ByWeb = Annotated[bool, typer.Option("--web", help="Deliver over the web, to INDIEAN_PUBLIC_URL, and not by a socket.")]


@app.callback()
def _group() -> None:
    """Keeps `manifest` a word of its own while it is the only command."""


@app.command("manifest")
def manifest_command(web: ByWeb = False) -> None:
    """Print what to paste at https://api.slack.com/apps under "From a manifest", in the language that is set."""
    settings = read_settings()
    if web and settings.slack_events_url is None:
        raise NotSetUp(WANTS_ADDRESS)
    events = settings.slack_events_url if web else None
    described = manifest(Wording(settings.language), events, settings.slack_redirect_url)
    out().print(written(described), end="", markup=False, highlight=False, soft_wrap=True)
