"""The terminal as one more chat: a typed line becomes a request, a reply becomes cards that fit its width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bot.commands.command import Command, Option
from bot.commands.near import REST
from bot.messages import Attachment, Choice, Language, Person, Place, Reply, Request, Value
from bot.presses import Deed, about
from bot.wording import Wording
from recommender.recommend import Pick

STORE = "https://store.steampowered.com"
HERE = Person("terminal", "local")

PAGES = frozenset({Deed.NEXT, Deed.PREVIOUS, Deed.SHARE})
PRESSED = frozenset(Deed) - {Deed.CHOOSE, Deed.ASK}
"""A choice is taken by its number alone."""

Dispatch = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True)
class Spoken:
    """What a line asks for; without a slash it names games to pick by."""

    command: str
    options: dict[str, Value]


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
            place=Place(adult_ok=self.adult_ok, manageable=True),
        )
        return await self.dispatch(request)


def press(line: str, answer: Reply | None) -> Spoken | None:
    """A button of the answer before, typed: `/next`, `/previous`, `/share`, or `/like 2` of its second pick.

    None where the line is none of that. What cannot be pressed is pressed in vain, so that a sentence says so.
    """
    word, _, place = line.strip().removeprefix("/").casefold().partition(" ")
    if not line.strip().startswith("/") or word not in PRESSED:
        return None
    deed, number = Deed(word), place.strip()
    origin = answer.origin if answer else None
    if answer is None or origin is None:
        return Spoken(word, {})
    if deed in PAGES:
        return Spoken(word, dict(about(origin, deed, origin.page).options))
    if not number.isdecimal() or not 1 <= int(number[:3]) <= len(answer.picks):
        return Spoken(word, {"answer": origin.answer})
    return Spoken(word, dict(about(origin, deed, answer.picks[int(number[:3]) - 1].game.app_id).options))


def _asking(command: str, option: str, words: Wording) -> Reply:
    """A terminal has no forms: says what to type."""
    return Reply(words.say("terminal.ask", start=f"/{command} {option}:", about=words.say(f"option.{option}")))


def parse(line: str, commands: Sequence[Command]) -> Spoken:
    """`/command value name: value`: quotes hold a value together, and only known names part a value from the next.

    The name of a command may be two words.
    """
    text = line.strip()
    if not text:
        return Spoken("help", {})
    if not text.startswith("/"):
        text = f"/recommend games: {text}"
    command, rest = _command(text[1:], commands)
    if command is None:
        name, _, rest = text[1:].partition(" ")
        everything = [option.name for known in commands for option in known.options]
        return Spoken(name, _options(rest, everything, REST))
    names = [option.name for option in command.options]
    return Spoken(command.name, _options(rest, names, names[0] if names else None))


def _command(text: str, commands: Sequence[Command]) -> tuple[Command | None, str]:
    """The command that the text begins with, and what follows it."""
    for known in commands:
        words = r"\s+".join(map(re.escape, known.name.split()))
        if found := re.match(rf"{words}(?:\s+|$)", text, re.IGNORECASE):
            return known, text[found.end() :]
    return None, text


def _options(text: str, names: Sequence[str], first: str | None) -> dict[str, Value]:
    """What stands before the first name belongs to `first`; a name given twice means its last value."""
    marks = [found for found in _marks(text, names) if found["name"]]
    ends = [*(mark.start() for mark in marks), len(text)]
    lead = text[: ends[0]]
    values: dict[str, Value] = {first: _unquoted(lead)} if first and lead.strip() else {}
    for mark, end in zip(marks, ends[1:], strict=True):
        values[mark["name"].casefold()] = _unquoted(text[mark.end() : end])
    return values


def unfinished(text: str, command: Command) -> tuple[Option | None, str]:
    """The option whose value the end of `text` is, and that value so far; None where the command takes none."""
    known = {option.name: option for option in command.options}
    marks = [found for found in _marks(text, list(known)) if found["name"]]
    option = known[marks[-1]["name"].casefold()] if marks else next(iter(command.options), None)
    return option, text[marks[-1].end() if marks else 0 :].lstrip(' "“')


def _marks(text: str, names: Sequence[str]) -> Iterator[re.Match[str]]:
    known = "|".join(map(re.escape, names)) or "(?!)"
    return re.finditer(rf'"[^"]*"|“[^”]*”|(?:(?<=\s)|^)(?P<name>{known})\s?:', text, re.IGNORECASE)


def _unquoted(value: str) -> str:
    """Without the quotes around the whole; quotes around parts of it are left to who reads the value."""
    text = value.strip()
    whole = re.fullmatch(r'"([^"]*)"|“([^”]*)”', text)
    return (whole[1] or whole[2] or "").strip() if whole else text


def rendered(reply: Reply, words: Wording, store_url: str = STORE) -> RenderableType:
    """Text, cards, numbered choices and note, a blank line between; styles vanish where there is no terminal."""
    parts: list[RenderableType] = [plain(reply.text)]
    if reply.picks:
        parts += [Text(), _numbered([_card(pick, words, store_url) for pick in reply.picks])]
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


def _card(pick: Pick, words: Wording, store_url: str) -> RenderableType:
    address = f"{store_url.rstrip('/')}/app/{pick.game.app_id}/"
    return Group(
        plain(pick.game.title, "bold cyan"),
        plain(" · ".join(words.facts(pick.game)), "dim"),
        plain(words.reason(pick), "green"),
        Text(address, Style(color="blue", link=address), overflow="fold"),
    )


def plain(text: str, style: str = "") -> Text:
    """Text that means nothing but itself: no markup, and no control character that could move the cursor."""
    kept = (char for char in text if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf"})
    return Text("".join(kept), style)
