"""A post as Slack shows it: the headline, facts in two columns, a button to what it is about; within Slack's limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.cutting import cut
from bot.posts import leads_somewhere, stated
from bot.slack.blocks import TEXT, Sent
from bot.slack.mrkdwn import fitting, link
from bot.slack.parts import LABEL, Block, actions, context, header, marked, plain, section
from bot.wording import Wording
from jobs.posting import Post

SAID = 2500
"""Characters of the text of a post; what is longer has a place of its own, to which the link leads."""
NAME, VALUE = 100, 300
"""Characters of a fact, its escapes counted in; Slack takes 2000 of both together."""
FIELDS = 10
"""Facts in one block."""
FACTS = 6000
"""Characters of all facts: with all else that may stand there, a message comes to less than `blocks.ROOM`."""
BESIDE = 20
"""What a fact counts beside its words: the marks in it, and what says that they are marks."""
ALT = 500
WHERE = 3500
"""Characters of a link within the text beside the blocks."""


def drawn(post: Post, words: Wording) -> Sent:
    """One message whatever the post, once it is tidy, holds; facts that find no room are counted."""
    fields = _fields(post.facts)
    left = len(post.facts) - len(fields)
    below = [words.say("slack.more", n=left)] if left else []
    if post.chart is not None and post.chart.alt:
        below.append(cut(f"📈 {post.chart.alt}", ALT))
    blocks: list[Block] = [
        header(post.title),
        *([section(plain(post.text, SAID))] if post.text else []),
        *_columns(fields),
        *map(context, below),
        *(actions([button]) for button in _button(post.link)),
    ]
    said = [post.title, post.text, *map(stated, post.facts[: len(fields)]), *below]
    return Sent(blocks, _beside(said, post.link))


def _fields(facts: Sequence[tuple[str, str]]) -> list[Block]:
    """Of the facts, from the first on, as many as there is room for."""
    fields: list[Block] = []
    room = FACTS
    for name, value in facts:
        text = "\n".join(filter(None, [f"*{fitting(name, NAME)}*" if name else "", fitting(value, VALUE)]))
        room -= len(text) + BESIDE
        if room < 0:
            break
        fields.append(marked(text))
    return fields


def _columns(fields: Sequence[Block]) -> Iterator[Block]:
    for at in range(0, len(fields), FIELDS):
        yield {"type": "section", "fields": fields[at : at + FIELDS]}


def _button(target: tuple[str, str] | None) -> Iterator[Block]:
    """None where Slack would refuse the whole message for the address."""
    if target is not None and leads_somewhere(target[1]):
        label, address = target
        yield {"type": "button", "text": plain(label, LABEL), "url": address, "action_id": "ia:link"}


def _beside(said: Sequence[str], target: tuple[str, str] | None) -> str:
    """The text beside the blocks says the same, and it is all there is where Slack refuses them."""
    where = _where(target) if target is not None else ""
    whole = fitting("\n".join(filter(None, said)), TEXT - len(where) - 1)
    return "\n".join(filter(None, [whole, where]))


def _where(target: tuple[str, str]) -> str:
    """The beginning of an address that leads nowhere, or is too long with its escapes, is there to be read only."""
    label, address = target
    leading = link(cut(label, LABEL), address) if leads_somewhere(address) else ""
    return leading if 0 < len(leading) <= WHERE else fitting(address, ALT)
