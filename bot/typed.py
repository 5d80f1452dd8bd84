"""What somebody types as a line, in a terminal or after a slash: which command, and which value for which option."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.commands.command import Command, Option
from bot.commands.near import REST
from bot.messages import Value


@dataclass(frozen=True)
class Spoken:
    """What a line asks for; without a slash it names games to pick by."""

    command: str
    options: dict[str, Value]


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
