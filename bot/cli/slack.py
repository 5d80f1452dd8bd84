"""`indiean slack`: what its app looks like there, and what its status channel hears."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.output import out
from bot.errors import FileRefused, NotSetUp
from bot.hosting.posters import status_channel
from bot.posts import leads_somewhere
from bot.settings import Settings, read_settings
from bot.slack.manifest import manifest, written
from bot.slack.pace import Pace
from bot.wording import Wording
from jobs.posting import Chart, News, Post, Poster

app = typer.Typer(no_args_is_help=True, help="The bot on Slack: its app, and what its status channel hears.")

WANTS = {
    "INDIEAN_SLACK_BOT_TOKEN": "the Bot User OAuth Token of the app at https://api.slack.com/apps",
    "INDIEAN_SLACK_STATUS_CHANNEL": "the id at the end of the channel's details in Slack",
}
WANTS_ADDRESS = "Slack delivers over the web to a public address only: set INDIEAN_PUBLIC_URL, or leave --web out"
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 20_000_000
"""Bytes of a chart; one of ours has some 50,000."""


class Status(StrEnum):
    """As GitHub names the results of a job; what was cancelled is bad news, as what it was for has not happened."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


NEWS = {Status.SUCCESS: News.GOOD, Status.FAILURE: News.BAD, Status.CANCELLED: News.BAD}


def _title(said: str) -> str:
    if not said.strip():
        raise typer.BadParameter("say in a line what happened")
    return said


def _address(said: str) -> str:
    if not leads_somewhere(said):
        raise typer.BadParameter("give the address of a page, with https:// before it")
    return said


def _facts(said: list[str] | None) -> list[str]:
    wrong = [fact for fact in said or () if not all(part.strip() for part in fact.partition("=")[::2])]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is no fact: write it as LABEL=VALUE")
    return said or []


@app.command("manifest")
def manifest_command(
    web: Annotated[bool, typer.Option("--web", help="Deliver to INDIEAN_PUBLIC_URL, and not by a socket.")] = False,
) -> None:
    """Print what to paste at https://api.slack.com/apps under "From a manifest", in the language that is set."""
    settings = read_settings()
    if web and settings.slack_events_url is None:
        raise NotSetUp(WANTS_ADDRESS)
    events = settings.slack_events_url if web else None
    described = manifest(Wording(settings.language), events, settings.slack_redirect_url)
    out().print(written(described), end="", markup=False, highlight=False, soft_wrap=True)


@app.command("notify")
def notify_command(
    status: Annotated[Status, typer.Option(help="Whether it went well.")],
    title: Annotated[str, typer.Option(help="What happened, in a line.", callback=_title)],
    url: Annotated[str, typer.Option(help="Where to read on: the page of the run.", callback=_address)],
    text: Annotated[str, typer.Option(help="What else there is to say.")] = "",
    fact: Annotated[
        list[str] | None, typer.Option(help="LABEL=VALUE, as often as there are facts.", callback=_facts)
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="A picture that goes with it, as PNG.")] = None,
) -> None:
    """Tell the status channel how something went, as a CI workflow does."""
    settings = read_settings()
    words = Wording(settings.language)
    facts = tuple((label.strip(), value.strip()) for label, _, value in (one.partition("=") for one in fact or ()))
    link = (words.say("post.link"), url)
    post = Post(NEWS[status], title, text, facts, link, None if chart is None else _chart(chart))
    asyncio.run(_poster(settings).post(post))


def _poster(settings: Settings) -> Poster:
    channel = status_channel(settings, Pace())
    if channel is None:
        given = settings.slack_bot_token, settings.slack_status_channel
        wanted = [f"{name} ({WANTS[name]})" for name, value in zip(WANTS, given, strict=True) if value is None]
        raise NotSetUp(f"nobody would hear of it: set {' and '.join(wanted)}")
    return channel


def _chart(path: Path) -> Chart:
    try:
        with path.open("rb") as file:
            png = file.read(LARGEST + 1)
    except OSError as error:
        raise FileRefused(f"the chart {path} cannot be read ({error.strerror}): name a PNG file") from error
    if not png.startswith(PNG):
        raise FileRefused(f"the chart {path} is no PNG file: save it as one, or leave --chart out")
    if len(png) > LARGEST:
        raise FileRefused(f"the chart {path} is larger than {LARGEST // 1_000_000} MB: draw it smaller")
    return Chart(path.name, png)
