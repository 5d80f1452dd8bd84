"""Posts where no channel is set up: on the terminal, and the same words in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.posts import tidy
from bot.terminal import plain
from bot.wording import Wording
from jobs.errors import ChartNotPosted, NotPosted
from jobs.posting import Chart, News, Post

log = logging.getLogger(__name__)

STYLES = {News.GOOD: "bold green", News.BAD: "bold red"}


class TerminalPoster:
    """A `Poster`; `folder` is where charts are put, and their paths are printed."""

    def __init__(self, console: Console, folder: Path, words: Wording) -> None:
        self._console, self._folder, self._words = console, folder, words
        self._one_by_one = asyncio.Lock()

    async def post(self, post: Post) -> None:
        post = tidy(post, self._words.say("post.link"))
        async with self._one_by_one:
            self._print(Group(*_parts(post)), NotPosted)
            if post.chart is not None:
                path = await asyncio.to_thread(_put, post.chart, self._folder)
                alt = [f"📈 {post.chart.alt}"] if post.chart.alt else []
                saved = self._words.say("terminal.saved", path=path)
                self._print(plain("\n".join([*alt, saved])), ChartNotPosted)

    def _print(self, seen: RenderableType, otherwise: type[NotPosted]) -> None:
        try:
            with self._console.capture() as printed:
                self._console.print(seen)
            self._console.print(seen, Text(), sep="\n")
        except OSError as error:
            raise otherwise(
                f"the terminal takes no text ({error.strerror}): send the output elsewhere, or post to Slack with "
                "INDIEAN_SLACK_BOT_TOKEN and INDIEAN_SLACK_STATUS_CHANNEL"
            ) from error
        for line in Text.from_ansi(printed.get()).plain.splitlines():
            log.info("%s", line.rstrip())


def _parts(post: Post) -> Iterator[RenderableType]:
    yield plain(post.title, STYLES[post.news])
    if post.text:
        yield plain(post.text)
    if post.facts:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", overflow="fold")
        grid.add_column(overflow="fold")
        for name, value in post.facts:
            grid.add_row(plain(name), plain(value))
        yield grid
    if post.link is not None:
        label, address = post.link
        yield plain(f"{label}: ") + Text(plain(address).plain, Style(color="blue"), overflow="fold")


def _put(chart: Chart, folder: Path) -> Path:
    """The path of the file; one of the same name is replaced."""
    path = folder / chart.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chart.png)
    except OSError as error:
        raise ChartNotPosted(
            f"{path} cannot be written ({error.strerror}): make room there, or set INDIEAN_HOME to another folder"
        ) from error
    return path
