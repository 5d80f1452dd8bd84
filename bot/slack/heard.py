"""What a payload of Slack asks for, in the words that all chats share."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.commands.command import Command, Kind
from bot.messages import Person, Value
from bot.presses import Press, pressed
from bot.typed import parse
from recommender.catalog import Catalog, Game

PLATFORM = "slack"
EVERY = "indiean"
"""The command that any other may be said after: Slack gives a name that two apps have to the one installed last."""
SHOWN = 3
"""Cards of one answer: what a phone shows without scrolling for long."""

Raw = Mapping[str, Any]
"""A payload, or a part of one, as Slack sends it."""

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|([^<>]*))?>")
_OTHERS = re.compile(r"<([#!]?)([^<>|@]+)(?:\|([^<>]*))?>")
"""A link, a channel or a group of people, with the words that Slack shows for it."""
_STORE = re.compile(r"https?://store\.steampowered\.com/(?:agecheck/)?app/([0-9]{1,10})\b")
_WORD = re.compile(r"\S+")
LONGEST_TITLE = 8
"""Words of a title that is looked for in a sentence."""
SHORTEST_TITLE = 4
"""Letters of one: a shorter one is more often a word than a game."""
MOST_TITLES = 5


@dataclass(frozen=True, slots=True)
class Heard:
    """Who did something where. `key` is the same each time that Slack delivers the same deed.

    `team` is the workspace, or the organisation where the app belongs to all of one. `message` is the time stamp of
    the message that was pressed, `text` and `blocks` are what it shows; Slack hands those of an ephemeral one
    to nobody.
    """

    key: str
    team: str
    user: str
    name: str = ""
    channel: str | None = None
    response_url: str | None = field(default=None, repr=False)
    trigger: str = ""
    message: str | None = None
    text: str = ""
    ephemeral: bool = False
    blocks: Sequence[dict[str, object]] | None = field(default=None, repr=False)

    @property
    def person(self) -> Person:
        return Person(PLATFORM, person_id(self.team, self.user))

    @property
    def direct(self) -> bool:
        """Whether nobody but this person and the bot is there."""
        return self.channel is not None and self.channel.startswith("D")


@dataclass(frozen=True, slots=True)
class Said:
    """`mentioned` are the users that the options speak of, each with the name that Slack gives, which may be none."""

    command: str
    options: Mapping[str, Value]
    mentioned: Mapping[str, str]


def person_id(team: str, user: str) -> str:
    return f"{team}:{user}"


def heard(body: Raw) -> Heard:
    """From the payload of a command, a press, a form, a shortcut or an event."""
    event, user = _part(body, "event"), body.get("user")
    who = user if isinstance(user, Mapping) else {}
    container, message, before = _part(body, "container"), _part(body, "message"), _before(body)
    channel = _part(body, "channel").get("id") or body.get("channel_id") or container.get("channel_id")
    at = container.get("message_ts") or message.get("ts")
    return Heard(
        key=key_of(body),
        team=_team(body),
        user=str(who.get("id") or body.get("user_id") or event.get("user") or ""),
        name=str(who.get("name") or who.get("username") or body.get("user_name") or ""),
        channel=str(channel or event.get("channel") or before.get("channel") or "") or None,
        response_url=body.get("response_url") or before.get("response_url") or None,
        trigger=str(body.get("trigger_id", "")),
        message=str(at) if at else None,
        text=str(message.get("text") or ""),
        ephemeral=bool(container.get("is_ephemeral")),
        blocks=message.get("blocks"),
    )


def carried(one: Heard) -> str:
    """What a form takes along, so that it is answered where it was asked for: Slack's forms stand nowhere."""
    return json.dumps({"channel": one.channel, "response_url": one.response_url})


def key_of(body: Raw) -> str:
    """Fits the code of a button: Slack's own ids have dots and no fixed length."""
    own = body.get("event_id") or body.get("trigger_id")
    told = str(own) if own else json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def command_said(command: str, text: str, commands: Sequence[Command], team: str) -> Said:
    """A slash command and what was typed after it; people are named by workspace and user."""
    name, typed = command.lstrip("/"), plain(text).strip()
    line = f"/{name} {typed}" if name != EVERY else typed and f"/{typed.removeprefix('/')}"
    spoken = parse(line, commands)
    known = next((one for one in commands if one.name == spoken.command), None)
    options, mentioned = dict(spoken.options), dict[str, str]()
    for option in known.options if known else ():
        if option.kind is Kind.MEMBERS and option.name in options:
            said = str(options[option.name])
            mentioned |= {user: name or "" for user, name in _MENTION.findall(said)}
            named = _MENTION.sub(lambda found: f" {person_id(team, found[1])} ", said)
            options[option.name] = " ".join(named.replace(",", " ").split())
    return Said(spoken.command, options, mentioned)


def plain(text: str) -> str:
    """As it was typed: Slack makes links of addresses and entities of three signs. People stay mentions."""
    return html.unescape(_OTHERS.sub(_typed, text))


def press_in(action: Raw) -> Press | None:
    """The press of a button, or of an entry of a menu; None where it is none of ours."""
    code = action.get("value") or _part(action, "selected_option").get("value")
    return pressed(str(code)) if code else None


def linked_app(address: str) -> int | None:
    """The app id in the address of a page of the Steam store."""
    found = _STORE.match(html.unescape(address))
    return int(found[1]) if found else None


def games_in(text: str, catalog: Catalog) -> list[Game]:
    """The games that a message speaks of, by links to the store or by whole titles, each once, in its order."""
    typed = plain(text)
    linked = (catalog.get(int(found[1])) for found in _STORE.finditer(typed))
    games = [game for game in linked if game is not None] or list(_named(typed, catalog))
    return list(dict.fromkeys(games))[:MOST_TITLES]


def _named(text: str, catalog: Catalog) -> Iterator[Game]:
    """The longest title that begins at each word, then on after it."""
    whole = catalog.named(text)
    if whole is not None:
        yield whole
        return
    words = [found.span() for found in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        taken = 1
        for length in range(min(LONGEST_TITLE, len(words) - at), 0, -1):
            part = text[words[at][0] : words[at + length - 1][1]]
            game = catalog.named(part)
            if game is not None and _telling(part):
                yield game
                taken = length
                break
        at += taken


def _telling(part: str) -> bool:
    """Whether that is a title in the middle of a sentence: it has capital letters, or a script that knows none."""
    return (len(part) >= SHORTEST_TITLE and part != part.lower()) or any("가" <= sign <= "힣" for sign in part)


def _typed(found: re.Match[str]) -> str:
    sign, meant, label = found.groups()
    if sign:
        return f"{'@' if sign == '!' else sign}{label or meant}"
    return meant.removeprefix("mailto:") if "://" in meant or not label else label


def _before(body: Raw) -> Raw:
    """What a form took along."""
    try:
        told = json.loads(_part(body, "view").get("private_metadata") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, Mapping) else {}


def _team(body: Raw) -> str:
    team = _part(body, "team").get("id") or body.get("team_id")
    return str(team or _part(body, "enterprise").get("id") or body.get("enterprise_id") or "")


def _part(body: Raw, name: str) -> Raw:
    """An object of the payload; an empty one where it is missing, null or something else."""
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}
