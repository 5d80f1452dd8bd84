"""Talking to the bot in a terminal: a prompt with history and completion, or a list of lines said one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from bot.commands.command import Command, Option
from bot.messages import Choice, Reply
from bot.terminal import Terminal, plain, unfinished
from recommender.engine import Engine

PROMPT = "> "
QUIT = frozenset({"/quit", "/exit"})
MOST = 25
"""Completions offered at once."""


async def chat(terminal: Terminal, engine: Engine, history: Path | None = None) -> None:
    """Until Ctrl-D or /quit. Ctrl-C drops the line; `history` is a file, in memory where there is none."""
    session: PromptSession[str] = PromptSession(
        PROMPT,
        history=_remembering(history),
        completer=ThreadedCompleter(Completions(terminal.commands, engine, adult_ok=terminal.adult_ok)),
        complete_while_typing=True,
    )
    choices: Sequence[Choice] = ()
    while True:
        try:
            line = (await session.prompt_async()).strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if line.casefold() in QUIT:
            return
        reply = await _answered(line, choices, terminal)
        choices = reply.choices if reply else choices


async def tour(lines: Iterable[str], terminal: Terminal) -> None:
    """Says each line and shows its answer, as the chat would look; a number takes a choice of the answer before."""
    choices: Sequence[Choice] = ()
    for line in lines:
        terminal.console.print(plain(PROMPT + line, "bold"))
        reply = await _answered(line, choices, terminal)
        choices = reply.choices if reply else choices


async def _answered(line: str, choices: Sequence[Choice], terminal: Terminal) -> Reply | None:
    """A number is a choice while there are some, and nothing while there are none."""
    if not line.isdecimal() or len(line) > 2:  # noqa: PLR2004 - longer numbers are Steam IDs and titles
        return await terminal.hear(line) if line else None
    chosen = int(line)
    return await terminal.ask(choices[chosen - 1]) if 1 <= chosen <= len(choices) else None


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
        name, space, rest = text.removeprefix("/").partition(" ")
        if not text or (text.startswith("/") and not space):
            return _starting(text, [f"/{known} " for known in self._commands])
        if not text.startswith("/"):
            name, rest = "recommend", f"games: {text}"
        command = self._commands.get(name.casefold())
        return self._inside(command, rest) if command else []

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
