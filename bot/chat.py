"""Talking to the bot in a terminal: a prompt with history and completion, or a list of lines said one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from rich.text import Text

from bot.commands.command import Command, Option
from bot.messages import Choice, Reply
from bot.terminal import Spoken, Terminal, parse, plain, press, unfinished
from bot.wording import Wording
from recommender.engine import Engine

PROMPT = "> "
QUIT = frozenset({"/quit", "/exit"})
MOST = 25
"""Completions offered at once."""


@dataclass(frozen=True)
class Before:
    """What a line may refer to: the choices of the last reply, and the last one that had picks."""

    choices: Sequence[Choice] = ()
    answer: Reply | None = None


async def chat(terminal: Terminal, engine: Engine, history: Path | None = None) -> None:
    """Until Ctrl-D or /quit. Ctrl-C drops the line; `history` is a file, in memory where there is none.

    A choice that asks for something begins the next line, for the person to go on.
    """
    session: PromptSession[str] = PromptSession(
        PROMPT,
        history=_remembering(history),
        completer=ThreadedCompleter(Completions(terminal.commands, engine, adult_ok=terminal.adult_ok)),
        complete_while_typing=True,
    )
    before, begun = Before(), ""
    while True:
        try:
            line = (await session.prompt_async(default=begun)).strip()
        except KeyboardInterrupt:
            begun = ""
            continue
        except EOFError:
            return
        if line.casefold() in QUIT:
            return
        meant = _meant(line, before, terminal)
        begun = _begun(meant)
        if meant is not None and not begun:
            after = await _answered(meant, before, terminal)
            if after.answer is not before.answer:
                terminal.console.print(plain(Wording(terminal.language).say("chat.of_picks"), "dim"), Text(), sep="\n")
            before = after


async def tour(lines: Iterable[str], terminal: Terminal) -> None:
    """Says each line and shows its answer, as the chat would look; a number takes a choice of the answer before."""
    before = Before()
    for line in lines:
        terminal.console.print(plain(PROMPT + line, "bold"))
        meant = _meant(line, before, terminal)
        if meant is not None:
            before = await _answered(meant, before, terminal)


def _meant(line: str, before: Before, terminal: Terminal) -> Spoken | Choice | None:
    """A number is a choice while there are some, and nothing while there are none."""
    if line.isdecimal() and len(line) <= 2:  # noqa: PLR2004 - longer numbers are Steam IDs and titles
        return before.choices[int(line) - 1] if 1 <= int(line) <= len(before.choices) else None
    return (press(line, before.answer) or parse(line, terminal.commands)) if line else None


async def _answered(meant: Spoken | Choice, before: Before, terminal: Terminal) -> Before:
    reply = await terminal.ask(meant)
    return Before(reply.choices, reply if reply.picks else before.answer)


def _begun(meant: Spoken | Choice | None) -> str:
    """The line that a choice begins; empty where nothing is left to be said."""
    if not isinstance(meant, Choice) or meant.ask is None:
        return ""
    given = "".join(f" {name}: {value}" for name, value in meant.options.items())
    return f"/{meant.command}{given} {meant.ask}: "


def _remembering(history: Path | None) -> History:
    if history is None:
        return InMemoryHistory()
    history.parent.mkdir(parents=True, exist_ok=True)
    return FileHistory(history)


class Completions(Completer):
    """Names of commands, then of their options, and the catalogue's tags and titles as their values."""

    def __init__(self, commands: Sequence[Command], engine: Engine, *, adult_ok: bool = False) -> None:
        self._commands = {command.name: command for command in commands}
        self._engine = engine
        self._adult_ok = adult_ok

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        del complete_event
        text = document.text_before_cursor.lstrip()
        names = [f"/{known} " for known in self._commands]
        begun = [name for name in names if name.startswith(text.casefold()) and len(name) > len(text)]
        if begun:
            return _starting(text, begun)
        if not text.startswith("/"):
            return self._inside(self._commands["recommend"], f"games: {text}")
        name = next((name for name in names if text.casefold().startswith(name)), "")
        return self._inside(self._commands[name.strip("/ ")], text[len(name) :]) if name else []

    def _inside(self, command: Command, rest: str) -> Iterable[Completion]:
        option, value = unfinished(rest, command)
        if option is not None:
            yield from self._values(option, value)
        free = [f"{known.name}: " for known in command.options if f"{known.name}:" not in rest]
        yield from _starting(rest.rpartition(" ")[2], free)

    def _values(self, option: Option, typed: str) -> list[Completion]:
        if option.autocomplete == "tag":
            tags = self._engine.served.catalog.complete_tag(typed, MOST)
            return [Completion(tag, -len(typed)) for tag in tags]
        if option.autocomplete in {"title", "titles"}:
            last = typed.rpartition(",")[2].lstrip()
            return [Completion(title, -len(last)) for title in self._titles(last)]
        return _starting(typed, option.choices)

    def _titles(self, typed: str) -> list[str]:
        games = self._engine.served.catalog.complete_title(typed, 2 * MOST)
        return [game.title for game in games if self._adult_ok or not game.adult][:MOST]


def _starting(typed: str, names: Iterable[str]) -> list[Completion]:
    return [Completion(name, -len(typed)) for name in names if name.startswith(typed.casefold())]
