"""`/help`: every command of the table, or one of them with its options and an example."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.command import Command, Desk, Kind, Option
from bot.commands.near import commands_near
from bot.messages import Outcome, Reply, Request
from bot.wording import Wording

OPTIONS = (Option("command"),)


async def help_(request: Request, desk: Desk) -> Reply:
    words = Wording(request.language)
    wanted = " ".join(str(request.options.get("command", "")).lstrip("/").casefold().split())
    if not wanted:
        lines = [words.say("help.intro"), *(_line(command, words) for command in desk.commands), words.say("help.more")]
        return Reply("\n".join(lines))
    group = [command for command in desk.commands if command.name.startswith(f"{wanted} ")]
    if group:
        return Reply("\n".join([*(_line(command, words) for command in group), words.say("help.more")]))
    command = next((command for command in desk.commands if command.name == wanted), None)
    if command is None:
        near = commands_near(replace(request, command=wanted, options={}), desk)
        choices = tuple(replace(c, command="help", options={"command": c.command}) for c in near.choices)
        return replace(near, choices=choices)
    return Reply("\n".join(_details(command, words)), outcome=Outcome.ANSWERED)


def _line(command: Command, words: Wording) -> str:
    shape = " ".join([f"/{command.name}", *(_shape(option) for option in command.options[:1])])
    return words.say("help.line", shape=shape, about=words.say(f"command.{command.name}.about"))


def _details(command: Command, words: Wording) -> list[str]:
    options = [
        words.say("help.option", shape=_shape(option), about=words.say(f"option.{option.name}"))
        for option in command.options
    ]
    example = words.say("help.example", example=words.say(f"command.{command.name}.example"))
    return [_line(command, words), *options, example]


def _shape(option: Option) -> str:
    """`<needed>` or `[not needed]`, with the values of a choice."""
    name = "|".join(option.choices) if option.kind is Kind.CHOICE else option.name
    if option.kind is Kind.CHOICE:
        name = f"{option.name}: {name}"
    return f"<{name}>" if option.required else f"[{name}]"
