"""Where the people who run the bot are told how things went: the status channel, or else the terminal or the log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bot.settings import Settings
from bot.slack.pace import Pace
from bot.slack.poster import SlackPoster, posting_client
from bot.terminal_poster import TerminalPoster
from bot.wording import Wording
from jobs.posting import Poster

WIDTH = 120
"""Characters of a line in the log."""


def status_channel(settings: Settings, pace: Pace) -> SlackPoster | None:
    """None where it is not set up; `pace` is that of all that this process posts on Slack."""
    token, channel = settings.slack_bot_token, settings.slack_status_channel
    if token is None or channel is None:
        return None
    client = posting_client(token.get_secret_value(), str(settings.slack_api_url))
    return SlackPoster(client, channel, Wording(settings.language), pace)


def terminal(settings: Settings, console: Console) -> TerminalPoster:
    return TerminalPoster(console, settings.home / "charts", Wording(settings.language))


@contextmanager
def status_poster(settings: Settings, pace: Pace) -> Iterator[Poster]:
    """For a process without a terminal: what nobody hears on Slack stands in the log."""
    channel = status_channel(settings, pace)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:  # the terminal's words go to the log as well
        yield channel or terminal(settings, Console(file=nowhere, width=WIDTH))
