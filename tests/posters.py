"""Places to post to, each as people see it: a channel of the Slack on loopback, and a terminal."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bot.messages import Language
from bot.slack.pace import Pace
from bot.slack.poster import SlackPoster, posting_client
from bot.terminal_poster import TerminalPoster
from bot.wording import Wording
from jobs.posting import Poster
from tests.loopback_slack import Channel, LoopbackSlack
from tests.loopback_slack.messages import Body, Message
from tests.slack_screen import plain, walk

WORDS = Wording(Language.EN)
WIDE = 400
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da63fcff1f0002eb01f67f0d"
    "2f220000000049454e44ae426082"
)
"""One grey dot."""


class Clock:
    """A time of its own, which passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass(frozen=True)
class Board:
    """`seen` is what people read there, `charts` the files; `jam` keeps charts away and `shut` everything."""

    poster: Poster
    seen: Callable[[], str]
    charts: Callable[[], list[bytes]]
    jam: Callable[[], None]
    shut: Callable[[], None]


def slack_poster(slack: LoopbackSlack, channel: Channel, pace: Pace | None = None) -> SlackPoster:
    client = posting_client(slack.bot_token, slack.url)
    return SlackPoster(client, channel.id, WORDS, pace or Pace(every=0.0))


def read(body: Body) -> str:
    """As it reads, without markup, its files by name; its text where there are no blocks."""
    texts = [part for part in walk(list(body.blocks)) if part.get("type") in {"plain_text", "mrkdwn"}]
    said = [part["text"] if part["type"] == "plain_text" else plain(part["text"]) for part in texts]
    links = [part["url"] for part in walk(list(body.blocks)) if "url" in part]
    return "\n".join([*(said if body.blocks else [plain(body.text)]), *links, *(file.name for file in body.files)])


def files(messages: list[Message]) -> list[bytes]:
    return [file.content for message in messages for file in message.body.files]


@asynccontextmanager
async def on_slack(folder: Path) -> AsyncIterator[Board]:
    async with LoopbackSlack(between_posts=0.0) as slack:
        channel = slack.channel(name="status")
        yield Board(
            slack_poster(slack, channel),
            lambda: "\n".join(read(message.body) for message in slack.posted(channel)),
            lambda: files(slack.posted(channel)),
            lambda: slack.fail_next("upload", 500),
            lambda: slack.fail_next("chat.postMessage", error="is_archived"),
        )
        assert slack.refused == []
        assert slack.warnings == []
        assert [message.body.rings for message in slack.posted(channel) if message.body.rings] == []


class Screen(io.StringIO):
    """A terminal that can be taken away."""

    gone = False

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


@asynccontextmanager
async def on_a_terminal(folder: Path) -> AsyncIterator[Board]:
    screen, charts = Screen(), folder / "charts"

    def shut() -> None:
        screen.gone = True

    yield Board(
        TerminalPoster(Console(file=screen, width=WIDE), charts, WORDS),
        screen.getvalue,
        lambda: [path.read_bytes() for path in sorted(charts.glob("*"))],
        lambda: charts.write_text("in the way"),  # type: ignore[arg-type]
        shut,
    )
