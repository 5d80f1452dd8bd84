"""The terminal as one more chat: a typed line becomes a request, a reply becomes cards that fit its width."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.commands.command import Command
from bot.messages import Attachment, Choice, Language, Person, Place, Reply, Request
from bot.shop import STORE, page_of
from bot.typed import Spoken, parse
from bot.wording import Wording
from recommender.recommend import Pick

HERE = Person("terminal", "local")
CHANNEL = "console"
"""Where digests of the terminal are printed: the console of whoever runs the jobs."""

Dispatch = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True)
class Terminal:
    """One person at one console. `store_url` is where the links of picks lead, `folder` where files are put."""

    dispatch: Dispatch
    commands: tuple[Command, ...]
    console: Console
    language: Language = Language.EN
    store_url: str = STORE
    person: Person = HERE
    adult_ok: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    folder: Path = Path()

    async def hear(self, line: str) -> Reply:
        """Answers a typed line."""
        return await self.ask(parse(line, self.commands))

    async def ask(self, spoken: Spoken | Choice) -> Reply:
        """Answers on the console, and hands the reply back for what may follow it."""
        words = Wording(self.language)
        if isinstance(spoken, Choice) and spoken.ask is not None:
            reply = _asking(spoken.command, spoken.ask, words)
        else:
            reply = await self.answer(spoken)
        self.console.print(rendered(reply, Wording(reply.language or self.language), self.store_url))
        if reply.attachment is not None:
            self.console.print(plain(self._put(reply.attachment, words)), Text(), sep="\n")
        return reply

    def _put(self, attachment: Attachment, words: Wording) -> str:
        """Writes the file, for its owner's eyes alone, and says where it is."""
        path = self.folder / attachment.name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_bytes(attachment.content)
        except OSError as error:
            return words.say("terminal.not_saved", path=path, why=error.strerror)
        return words.say("terminal.saved", path=path)

    async def answer(self, spoken: Spoken | Choice) -> Reply:
        """The reply alone, shown to nobody."""
        request = Request(
            id=uuid4().hex,
            person=self.person,
            command=spoken.command,
            options=spoken.options,
            language=self.language,
            at=self.now(),
            place=Place(channel=CHANNEL, adult_ok=self.adult_ok, manageable=True),
        )
        return await self.dispatch(request)


def _asking(command: str, option: str, words: Wording) -> Reply:
    """A terminal has no forms: says what to type."""
    return Reply(words.say("terminal.ask", start=f"/{command} {option}:", about=words.say(f"option.{option}")))


def rendered(reply: Reply, words: Wording, store_url: str = STORE) -> RenderableType:
    """Text, cards, numbered choices and note, a blank line between; styles vanish where there is no terminal."""
    parts: list[RenderableType] = [plain(reply.text)]
    if reply.picks:
        parts += [Text(), _numbered([_card(pick, reply, words, store_url) for pick in reply.picks])]
    if reply.choices:
        parts += [Text(), _numbered([plain(choice.label) for choice in reply.choices])]
    if reply.link:
        label, address = reply.link
        parts += [Text(), plain(f"{label}: ") + Text(address, Style(color="blue", link=address), overflow="fold")]
    if reply.note:
        parts += [Text(), plain(reply.note, "italic")]
    return Group(*parts, Text())


def _numbered(bodies: Sequence[RenderableType]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for number, body in enumerate(bodies, 1):
        grid.add_row(str(number), body)
    return grid


def _card(pick: Pick, reply: Reply, words: Wording, store_url: str) -> RenderableType:
    address = page_of(pick.game.app_id, store_url)
    whom = words.whom(pick, reply.members)
    return Group(
        plain(pick.game.title, "bold cyan"),
        plain(words.summary(pick), "dim"),
        *([plain(whom, "magenta")] if whom else []),
        plain(words.reason_in(reply, pick), "green"),
        Text(address, Style(color="blue", link=address), overflow="fold"),
    )


def plain(text: str, style: str = "") -> Text:
    """Text that means nothing but itself: no markup, and no control character that could move the cursor."""
    kept = (char for char in text if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf"})
    return Text("".join(kept), style)
