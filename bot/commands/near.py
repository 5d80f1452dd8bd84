"""Did you mean: what comes close to a title, a tag, a zone or a command that nobody has heard of, one choice each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from rapidfuzz import fuzz, process

from bot.commands.command import Desk
from bot.commands.suitable import suitable
from bot.commands.zones import zones_near
from bot.messages import Choice, Outcome, Reply, Request, Value
from bot.wording import Wording, quoted
from recommender.errors import UnknownGame, UnknownTag

REST = "text"
"""The option under which an adapter hands over what followed a command that it does not know."""
NEAR = 60.0
"""The least similarity (ratio, 0 to 100) at which a command is worth asking "did you mean" about."""


def titles_near(
    unknown: UnknownGame, request: Request, desk: Desk, options: Callable[[str], Mapping[str, Value]]
) -> Reply:
    """`options` says what becomes of the request's options with the right title."""
    found = (desk.engine.served.catalog.get(app_id) for app_id in unknown.near)
    titles = [game.title for game in found if game is not None and suitable(game, request)]
    choices = tuple(Choice(title, request.command, {**request.options, **options(title)}) for title in titles)
    return _asked_back("game", unknown.said, choices, Wording(request.language))


def tags_near(
    unknown: UnknownTag, request: Request, options: Callable[[str], Mapping[str, Value]] = lambda tag: {"tag": tag}
) -> Reply:
    """`options` as for titles."""
    choices = tuple(Choice(tag, request.command, {**request.options, **options(tag)}) for tag in unknown.near)
    return _asked_back("tag", unknown.said, choices, Wording(request.language))


def zones_near_miss(said: str, request: Request) -> Reply:
    choices = tuple(Choice(zone, request.command, {**request.options, "zone": zone}) for zone in zones_near(said))
    return _asked_back("zone", said, choices, Wording(request.language))


def commands_near(request: Request, desk: Desk) -> Reply:
    """What followed the unknown command is kept as far as the right one takes it."""
    known = {command.name: command for command in desk.commands}
    request = _with_second_word(request, known)
    matches = process.extract(request.command.casefold(), list(known), scorer=fuzz.ratio, limit=3, score_cutoff=NEAR)
    choices = []
    for name, _, _ in matches:
        names = [option.name for option in known[name].options]
        options = {key: value for key, value in request.options.items() if key in names}
        if names and REST in request.options:
            options = {names[0]: request.options[REST], **options}
        choices.append(Choice(f"/{name}", name, options))
    return _asked_back("command", request.command, tuple(choices), Wording(request.language))


def _with_second_word(request: Request, known: Iterable[str]) -> Request:
    """What follows the name of a group is meant as the name of one of its commands."""
    group = f"{request.command.casefold()} "
    word, _, rest = str(request.options.get(REST, "")).partition(" ")
    if not word or not any(name.startswith(group) for name in known):
        return request
    others = {name: value for name, value in request.options.items() if name != REST}
    return replace(
        request, command=f"{request.command} {word}", options={REST: rest, **others} if rest.strip() else others
    )


def _asked_back(what: str, said: str, choices: tuple[Choice, ...], words: Wording) -> Reply:
    if choices:
        return Reply(words.say(f"near.{what}", said=quoted(said)), choices=choices, outcome=Outcome.NEAR_MISS)
    return Reply(words.say(f"unknown.{what}", said=quoted(said)), outcome=Outcome.REFUSED)
