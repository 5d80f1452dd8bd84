"""Talking to the bot in a terminal: a prompt with history and completion, or a list of lines said one by one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from rich.text import Text

from bot.commands.command import Command, Option
from bot.commands.titles import parted
from bot.completions import LISTS, pieces
from bot.messages import Choice, Language, Reply
from bot.presses import Deed, about
from bot.terminal import Terminal, plain
from bot.typed import Spoken, parse, unfinished
from bot.wording import Wording
from recommender.engine import Engine

PROMPT = "> "
PAGES = frozenset({Deed.NEXT, Deed.PREVIOUS, Deed.SHARE})
PRESSED = frozenset(Deed) - {Deed.CHOOSE, Deed.ASK}
"""A choice is taken by its number alone."""
QUIT = frozenset({"/quit", "/exit"})


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
        completer=Completions(terminal.commands, engine, terminal.language, adult_ok=terminal.adult_ok),
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
    return (_pressed(line, before.answer) or parse(line, terminal.commands)) if line else None


def _pressed(line: str, answer: Reply | None) -> Spoken | None:
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
    """Names of commands, then of their options, and what completes their values."""

    def __init__(
        self,
        commands: Sequence[Command],
        engine: Engine,
        language: Language = Language.EN,
        *,
        adult_ok: bool = False,
    ) -> None:
        self._commands = {command.name: command for command in commands}
        self._engine = engine
        self._language = language
        self._adult_ok = adult_ok

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        raise NotImplementedError("the prompt asks get_completions_async")

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        del complete_event
        for completion in await self._completing(document.text_before_cursor.lstrip()):
            yield completion

    async def _completing(self, text: str) -> list[Completion]:
        names = [f"/{known} " for known in self._commands]
        begun = [name for name in names if name.startswith(text.casefold()) and len(name) > len(text)]
        if begun:
            return _starting(text, begun)
        if not text.startswith("/"):
            return await self._inside(self._commands["recommend"], f"games: {text}")
        name = next((name for name in names if text.casefold().startswith(name)), "")
        return await self._inside(self._commands[name.strip("/ ")], text[len(name) :]) if name else []

    async def _inside(self, command: Command, rest: str) -> list[Completion]:
        option, value = unfinished(rest, command)
        values = await self._values(option, value) if option is not None else []
        free = [f"{known.name}: " for known in command.options if f"{known.name}:" not in rest]
        return values + _starting(rest.rpartition(" ")[2], free)

    async def _values(self, option: Option, typed: str) -> list[Completion]:
        part = parted(typed)[1] if option.autocomplete in LISTS else typed
        found = await pieces(option, part, self._language, self._engine, adult_ok=self._adult_ok)
        return [Completion(one.value, -len(part), display=one.label) for one in found]


def _starting(typed: str, names: Iterable[str]) -> list[Completion]:
    return [Completion(name, -len(typed)) for name in names if name.startswith(typed.casefold())]
