"""A reply as Slack shows it: cards with cover, facts, reason and buttons, within Slack's limits by construction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.cutting import cut, pieces
from bot.messages import Choice, Origin, Reply
from bot.presses import Deed, Press, about
from bot.shop import Look
from bot.slack.mrkdwn import fitting, link
from bot.slack.parts import (
    CONTEXT,
    FACES,
    LABEL,
    SECTION,
    Block,
    actions,
    button,
    context,
    faced,
    marked,
    picture,
    plain,
    section,
)
from bot.wording import Wording
from recommender.recommend import Pick

BLOCKS = 50
ROOM = 13_000
"""Characters of one message, addresses and codes counted in: Slack refuses some 13,200."""
TEXT = 3900
"""Characters of the text beside the blocks: Slack wants no more than 4000."""
TITLE, FACTS, WHOM, REASON = 120, 600, 600, 900
"""Characters of a card's lines: with their escapes and the address they come to less than SECTION."""
CHOICES = 10

OPEN = (Deed.MORE_LIKE, Deed.LIKE)
FOLDED = (Deed.WHY, Deed.OWN, Deed.HIDE)
"""What a card offers as buttons, and what in its menu."""


@dataclass(frozen=True)
class Sent:
    """One message; `text` says the same without any look, for notifications and screen readers."""

    blocks: list[Block]
    text: str


@dataclass(frozen=True)
class Part:
    """Blocks that stay together, and what they say."""

    blocks: Sequence[Block]
    said: str = ""


def messages(reply: Reply, look: Look) -> list[Sent]:
    """One message; several where one does not hold it all. Note and buttons stand in the last."""
    parts = [
        *(Part([section(plain(piece, SECTION))], piece) for piece in _told(reply.told, SECTION)),
        *(card(pick, reply, look) for pick in reply.picks),
        *_below(reply, look.words),
    ]
    return [
        Sent([block for part in group for block in part.blocks], _summary(group))
        for group in _grouped(parts or [Part([section(plain("…", SECTION))], "…")])
    ]


def card(pick: Pick, reply: Reply, look: Look) -> Part:
    address = look.address(pick.game)
    facts = look.words.summary(pick)
    whom, reason = look.words.whom(pick, reply.members), look.words.reason_in(reply, pick)
    lines = [
        f"*{link(cut(pick.game.title, TITLE), address)}*",
        fitting(facts, FACTS),
        fitting(whom, WHOM),
        fitting(reason, REASON),
    ]
    cover = look.covers.get(pick.game.app_id)
    shown = section(marked("\n".join(filter(None, lines))), picture(cover, pick.game.title) if cover else None)
    said = " – ".join(filter(None, [pick.game.title, facts, whom, reason]))
    if reply.origin is None:
        return Part([shown], said)
    return Part([shown, _reactions(reply.origin, pick.game.app_id, look.words)], said)


def _reactions(origin: Origin, app_id: int, words: Wording) -> Block:
    buttons = [button(about(origin, deed, app_id), faced(deed, words)) for deed in OPEN]
    options = [{"text": plain(faced(deed, words), LABEL), "value": about(origin, deed, app_id).code} for deed in FOLDED]
    menu: Block = {"type": "overflow", "action_id": f"ia:menu:{app_id}", "options": options}
    return actions([*buttons, menu])


def _below(reply: Reply, words: Wording) -> Iterator[Part]:
    """Under the cards: note, file, buttons."""
    yield from (Part([context(piece)], piece) for piece in _told(reply.note or "", CONTEXT))
    if reply.attachment is not None:
        name = f"📎 {reply.attachment.name}"
        yield Part([context(name)], name)
    offered = reply.choices if reply.origin is not None else ()
    if buttons := [*_pages(reply, words), *_choices(reply), *_links(reply)]:
        yield Part([actions(buttons)], "\n".join(cut(choice.label, LABEL) for choice in offered[:CHOICES]))
    if len(offered) > CHOICES:
        more = words.say("slack.more", n=len(offered) - CHOICES)
        yield Part([context(more)], more)


def _pages(reply: Reply, words: Wording) -> Iterator[Block]:
    origin = reply.origin
    if origin is None or not reply.picks:
        return
    if origin.page > 1:
        yield button(about(origin, Deed.PREVIOUS, origin.page), faced(Deed.PREVIOUS, words))
    if origin.more:
        yield button(about(origin, Deed.NEXT, origin.page), faced(Deed.NEXT, words))
    if reply.private:
        yield button(about(origin, Deed.SHARE, origin.page), f"{FACES[Deed.SHARE]} {words.say('slack.share')}")


def _choices(reply: Reply) -> Iterator[Block]:
    if reply.origin is not None:
        for at, choice in enumerate(reply.choices[:CHOICES]):
            yield button(_meant(at, choice, reply.origin), choice.label, at) | {"style": "primary"}


def _meant(at: int, choice: Choice, origin: Origin) -> Press:
    """One that still asks for something opens a form: its code says all, so that no look-up can delay it."""
    return Press(Deed.ASK, choice.command, 0, choice.ask) if choice.ask else about(origin, Deed.CHOOSE, at)


def _links(reply: Reply) -> Iterator[Block]:
    if reply.link is not None:
        label, address = reply.link
        yield {"type": "button", "text": plain(label, LABEL), "url": address, "action_id": "ia:link"}


def _told(text: str, room: int) -> list[str]:
    """In pieces that each say something: Slack takes no empty text."""
    return [piece for piece in pieces(text, room) if piece.strip()]


def _grouped(parts: Iterable[Part]) -> list[list[Part]]:
    groups: list[list[Part]] = [[]]
    for part in parts:
        longer = [*groups[-1], part]
        if sum(len(one.blocks) for one in longer) > BLOCKS or sum(_weight(list(one.blocks)) for one in longer) > ROOM:
            groups.append([part])
        else:
            groups[-1] = longer
    return groups


def _weight(part: object) -> int:
    """Characters of all that stands in it."""
    if isinstance(part, Mapping):
        return sum(map(_weight, part.values()))
    if isinstance(part, list):
        return sum(map(_weight, part))
    return len(part) if isinstance(part, str) else 0


def _summary(parts: Iterable[Part]) -> str:
    return fitting("\n".join(filter(None, (part.said for part in parts))), TEXT) or "…"
