"""What a person reads of one reply: the sentences, titles, links and buttons that each of the three renderers shows.

Differences that are meant, and left out here: in a terminal the store's address is printed under a card and leads from
the title in chats; pages and reactions are typed in a terminal and pressed in chats; signs without a look of their own
are no words; Slack folds rarer reactions into a menu, and faces and the order of buttons are each chat's own.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rich.console import Console
from rich.segment import Segment

from bot.discord import cards
from bot.messages import Language, Reply
from bot.presses import Deed, Press, pressed
from bot.shop import STORE, Look
from bot.slack import blocks
from bot.terminal import rendered
from bot.wording import Wording
from tests import discord_screen, slack_screen
from tests.discord_screen import Part

WIDE = 30_000
"""Characters of a terminal in which no line is broken."""
TYPED = "• "
"""What a choice begins with that chats offer no button for."""
PAGES = (Deed.PREVIOUS, Deed.NEXT, Deed.SHARE)
CHOICES = (Deed.CHOOSE, Deed.ASK)
FILE = "📎 "

_DISCORD_TITLE = re.compile(r"^### \[.*\]\((https?://[^)]*)\)$", re.MULTILINE)
_SLACK_TITLE = re.compile(r"^\*<(https?://[^|>]*)\|[^>]*>\*$", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """`lines` are text, cards and note from top to bottom, a card as title, facts, whom it is for and reason.

    `addresses` are where the titles lead. `links` are labels with the address that they open.
    """

    lines: Sequence[str]
    addresses: Sequence[str]
    choices: Sequence[str]
    links: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Pressable:
    """What a chat offers under a reply: codes of pages and choices as they stand, those on cards in no order."""

    pages: Sequence[str]
    choices: Sequence[str]
    on_cards: frozenset[str]


def meant(reply: Reply, language: Language) -> Reading:
    """What is to be read, taken from the reply by itself."""
    words = Wording(language)
    lines = [reply.text]
    for pick in reply.picks:
        lines += [pick.game.title, words.summary(pick), words.whom(pick, reply.members), words.reason_in(reply, pick)]
    return Reading(
        _lines([*lines, reply.note or ""]),
        [f"{STORE}/app/{pick.game.app_id}/" for pick in reply.picks],
        [_visible(choice.label) for choice in reply.choices],
        [reply.link] if reply.link else [],
    )


def in_terminal(reply: Reply, language: Language) -> Reading:
    """By the looks: numbers are bold, titles have a colour, addresses can be clicked on."""
    console = Console(file=io.StringIO(), width=WIDE, color_system="truecolor", force_terminal=True)
    drawn = console.render_lines(rendered(reply, Wording(language)), pad=False)
    lines, addresses, choices, links = list[str](), list[str](), list[str](), list[tuple[str, str]]()
    for line in drawn:
        address = next((part.style.link for part in line if part.style and part.style.link), None)
        numbered = bool(line) and _bold(line[0]) and line[0].text.strip().isdigit()
        said = "".join(part.text for part in (line[1:] if numbered else line)).strip()
        if address is not None and said == address:
            addresses.append(address)
        elif address is not None:
            links.append((said.removesuffix(f": {address}"), address))
        elif numbered and not any(part.style and part.style.color for part in line):
            choices.append(said)
        else:
            lines.append(said)
    return Reading(_lines(lines), addresses, choices, links)


def on_discord(reply: Reply, language: Language) -> Reading:
    drawn = _on_discord(reply, language)
    texts = [str(part["content"]) for part in drawn if part["type"] == 10]
    buttons = [part for part in drawn if part["type"] == 2]
    lines, typed = _parted(_lines(map(discord_screen.plain, texts)), reply)
    return Reading(
        lines,
        [address for text in texts for address in _DISCORD_TITLE.findall(text)],
        typed + [str(one["label"]) for one in buttons if _does(one.get("custom_id"), CHOICES)],
        [(str(one["label"]), str(one["url"])) for one in buttons if "url" in one],
    )


def on_slack(reply: Reply, language: Language) -> Reading:
    drawn = _on_slack(reply, language)
    said = [part for part in drawn if part["type"] in ("section", "context")]
    texts = [text for part in said for text in (part.get("elements") or [part["text"]])]
    marked = [str(text["text"]) for text in texts if text["type"] == "mrkdwn"]
    buttons = [one for part in drawn if part["type"] == "actions" for one in part["elements"]]
    read = [slack_screen.plain(text["text"]) if text["type"] == "mrkdwn" else text["text"] for text in texts]
    lines, typed = _parted(_lines(text for text in read if not text.startswith(FILE)), reply)
    return Reading(
        lines,
        [address for text in marked for address in _SLACK_TITLE.findall(text)],
        typed + [str(one["text"]["text"]) for one in buttons if _does(one.get("value"), CHOICES)],
        [(str(one["text"]["text"]), str(one["url"])) for one in buttons if "url" in one],
    )


def pressable_on_discord(reply: Reply, language: Language) -> Pressable:
    return _pressable(str(part["custom_id"]) for part in _on_discord(reply, language) if "custom_id" in part)


def pressable_on_slack(reply: Reply, language: Language) -> Pressable:
    parts = slack_screen.walk(_on_slack(reply, language))
    return _pressable(str(part["value"]) for part in parts if "value" in part)


def _on_discord(reply: Reply, language: Language) -> list[Part]:
    sent = cards.messages(reply, Look(Wording(language), STORE, {}))
    return [part for one in sent for part in discord_screen.walk(discord_screen.components(one.view))]


def _on_slack(reply: Reply, language: Language) -> list[Part]:
    sent = blocks.messages(reply, Look(Wording(language), STORE, {}))
    return [block for one in sent for block in one.blocks]


def _pressable(codes: Iterable[str]) -> Pressable:
    known = [press for press in map(pressed, codes) if press is not None]
    others = (press for press in known if press.deed not in PAGES + CHOICES)
    return Pressable(_codes(known, PAGES), _codes(known, CHOICES), frozenset(press.code for press in others))


def _codes(presses: Iterable[Press], deeds: Sequence[Deed]) -> list[str]:
    return [press.code for press in presses if press.deed in deeds]


def _does(code: object, deeds: Sequence[Deed]) -> bool:
    press = pressed(str(code))
    return press is not None and press.deed in deeds


def _parted(lines: Sequence[str], reply: Reply) -> tuple[list[str], list[str]]:
    """Lines, and choices that are to be typed, which only a reply without buttons has."""
    typed = [line for line in lines if line.startswith(TYPED)] if reply.origin is None else []
    return [line for line in lines if line not in typed], [line.removeprefix(TYPED) for line in typed]


def _bold(part: Segment) -> bool:
    return part.style is not None and bool(part.style.bold)


def _lines(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in map(_visible, text.splitlines()) if line]


def _visible(line: str) -> str:
    return "".join(char for char in line if unicodedata.category(char) not in {"Cc", "Cf"}).strip()


def shortened(read: Sequence[str], whole: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of lines that say neither the same nor the beginning of it with a sign that something is missing."""
    for seen, said in zip(read, whole, strict=True):
        common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(seen, said, strict=False)))
        if seen not in (said, f"{common}…"):
            yield seen, said
