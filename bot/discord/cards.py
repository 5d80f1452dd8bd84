"""A reply as Discord shows it: cards with cover, facts, reason and buttons, within Discord's limits by construction."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import discord
from discord import ButtonStyle, ui

from bot.cutting import cut
from bot.discord.markdown import escaped, link, parted
from bot.messages import Attachment, Choice, Origin, Reply
from bot.presses import Deed, Press, about
from bot.shop import Look
from bot.wording import Wording
from recommender.recommend import Pick

TEXT = 3800
"""Characters of all texts of one message: Discord takes 4000, and some are for what an escape adds."""
LABEL = 80
CARDS = 3
"""With five buttons each they come to 30 of the 40 components that a message may have."""
CHOICES = 10
A_ROW = 5

Item: TypeAlias = ui.Item[ui.LayoutView]
Button: TypeAlias = ui.Button[ui.LayoutView]

FACES = {
    Deed.PREVIOUS: "◀️",
    Deed.NEXT: "▶️",
    Deed.SHARE: "📣",
    Deed.MORE_LIKE: "✨",
    Deed.WHY: "💬",
    Deed.LIKE: "👍",
    Deed.OWN: "✅",
    Deed.HIDE: "🙈",
}
ON_A_CARD = (Deed.MORE_LIKE, Deed.WHY, Deed.LIKE, Deed.OWN, Deed.HIDE)


@dataclass(frozen=True)
class Sent:
    """One message; the views are finished ones: their buttons are answered by their codes, not by the view."""

    view: ui.LayoutView
    attachment: Attachment | None = None

    def files(self) -> list[discord.File]:
        """Anew each time: discord.py closes a file that it has sent, or has failed to send."""
        if self.attachment is None:
            return []
        return [discord.File(io.BytesIO(self.attachment.content), self.attachment.name)]


def messages(reply: Reply, look: Look) -> list[Sent]:
    """One message; several where the text or the cards are more than one holds. Note and buttons stand in the last."""
    groups = [reply.picks[at : at + CARDS] for at in range(0, len(reply.picks), CARDS)] or [()]
    room = TEXT - sum(len(_card_text(pick, reply, look)) for pick in groups[0]) - len(_note(reply))
    *before, text = parted(reply.told, room)
    bodies: list[list[Item]] = [[ui.TextDisplay(piece)] for piece in before]
    bodies += [[_card(pick, reply, look) for pick in group] for group in groups]
    if text:
        bodies[len(before)].insert(0, ui.TextDisplay(text))
    bodies[-1] += _below(reply, look)
    views = [_view(items) for items in bodies]
    return [*map(Sent, views[:-1]), Sent(views[-1], reply.attachment)]


def blank() -> ui.LayoutView:
    """A message that says nothing."""
    return _view([ui.TextDisplay("…")])


def toggled(view: ui.LayoutView, press: Press, *, holds: bool) -> ui.LayoutView:
    """The same message with the button of an opinion lit, or no longer, and those of the other opinions not."""
    opinions = {replace(press, deed=deed).code: deed for deed in (Deed.LIKE, Deed.OWN, Deed.HIDE)}
    for item in view.walk_children():
        if isinstance(item, ui.Button) and item.custom_id in opinions:
            lit = holds and opinions[item.custom_id] is press.deed
            item.style = ButtonStyle.success if lit else ButtonStyle.secondary
    view.stop()
    return view


def form(press: Press, words: Wording) -> ui.Modal:
    """Asks for the one option that the press is about."""
    name = press.subject
    field = ui.TextInput[ui.Modal](custom_id="value", style=discord.TextStyle.short, max_length=1000)
    modal = ui.Modal(title=words.say(f"form.{name}.title"), custom_id=press.code)
    modal.add_item(
        ui.Label(text=words.say(f"form.{name}.label"), description=words.say(f"form.{name}.hint"), component=field)
    )
    modal.stop()
    return modal


def _below(reply: Reply, look: Look) -> list[Item]:
    """Under the cards: note, file, buttons."""
    note: list[Item] = [ui.TextDisplay(_note(reply))] if reply.note else []
    files: list[Item] = [ui.File(f"attachment://{reply.attachment.name}")] if reply.attachment is not None else []
    most = A_ROW if reply.picks else CHOICES
    return [*note, *files, *_rows(list(_buttons(reply, look.words))[:most])]


def _view(items: Sequence[Item]) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def _card(pick: Pick, reply: Reply, look: Look) -> Item:
    text, cover = _card_text(pick, reply, look), look.covers.get(pick.game.app_id)
    parts: list[Item] = [
        ui.Section(text, accessory=ui.Thumbnail(cover, description=pick.game.title[:1024]))
        if cover
        else ui.TextDisplay(text)
    ]
    if reply.origin is not None:
        row = ui.ActionRow[ui.LayoutView]()
        for deed in ON_A_CARD:
            row.add_item(_button(about(reply.origin, deed, pick.game.app_id), look.words))
        parts.append(row)
    return ui.Container(*parts)


def _card_text(pick: Pick, reply: Reply, look: Look) -> str:
    address = look.address(pick.game)
    lines = [
        f"### {link(_short(pick.game.title), address)}",
        f"-# {escaped(look.words.summary(pick))}",
        escaped(look.words.whom(pick, reply.members)),
        escaped(look.words.reason_in(reply, pick)),
    ]
    return "\n".join(filter(None, lines))


def _note(reply: Reply) -> str:
    return "\n".join(f"-# {escaped(line)}" for line in (reply.note or "").splitlines())


def _buttons(reply: Reply, words: Wording) -> Iterator[Button]:
    if reply.origin is not None:
        if reply.picks:
            yield from _pages(reply, reply.origin, words)
        for at, choice in enumerate(reply.choices[:CHOICES]):
            yield _choice(at, choice, reply.origin)
    if reply.link is not None:
        label, address = reply.link
        yield ui.Button(label=cut(label, LABEL), url=address)


def _pages(reply: Reply, origin: Origin, words: Wording) -> Iterator[Button]:
    if origin.page > 1:
        yield _button(about(origin, Deed.PREVIOUS, origin.page), words)
    if origin.more:
        yield _button(about(origin, Deed.NEXT, origin.page), words)
    if reply.private:
        yield _button(about(origin, Deed.SHARE, origin.page), words)


def _choice(at: int, choice: Choice, origin: Origin) -> Button:
    """One that still asks for something opens a form: its code says all, so that no look-up can delay it."""
    asks = Press(Deed.ASK, choice.command, 0, choice.ask) if choice.ask else about(origin, Deed.CHOOSE, at)
    return ui.Button(label=cut(choice.label, LABEL), custom_id=asks.code, style=ButtonStyle.primary)


def _button(press: Press, words: Wording) -> Button:
    return ui.Button(label=words.say(f"button.{press.deed}"), emoji=FACES[press.deed], custom_id=press.code)


def _rows(buttons: Sequence[Button]) -> list[ui.ActionRow[ui.LayoutView]]:
    return [ui.ActionRow(*buttons[at : at + A_ROW]) for at in range(0, len(buttons), A_ROW)]


def _short(title: str) -> str:
    return cut(title, 150)
