"""One thing that a person did, and all that the bot did about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.loopback_slack.filling import fill
from tests.loopback_slack.messages import Body, Element, Message
from tests.loopback_slack.refusals import Payload, mapping
from tests.loopback_slack.rendering import render, render_view
from tests.loopback_slack.world import Channel, View, World

if TYPE_CHECKING:
    from tests.loopback_slack.people import Member

COMMAND, INTERACTIVE, EVENT = "slash_commands", "interactive", "events_api"
Place = Message | View


class Unanswered(AssertionError):
    """What a person would have complained about, with all that the bot did do."""


@dataclass(frozen=True)
class Step:
    """`what` is ack, ephemeral, message, edit, delete, unfurl, view, push, update, publish, errors, options, close."""

    what: str
    after: float
    body: Body | None = None


class Exchange:
    """`kind` is how it is sent and `what` names it: "/curate", "block_actions", "app_home_opened".

    `acks` are the seconds of every acknowledgement, `ack` is the body of the last one, `status` of an answer by HTTP.
    `origin` is the exchange whose view was submitted or closed.
    """

    def __init__(self, world: World, member: Member, channel: Channel, kind: str, what: str) -> None:
        self.world = world
        self.member = member
        self.channel = channel
        self.kind = kind
        self.what = what
        self.payload: Payload = {}
        self.pressed: Message | None = None
        self.within: View | None = None
        self.origin: Exchange | None = None
        self.heirs: list[Exchange] = []
        self.began = time.monotonic()
        self.acks: list[float] = []
        self.ack: Payload | None = None
        self.status: int | None = None
        self.led_to: list[Message] = []
        self.views: list[View] = []
        self.offered: list[Payload] = []
        self.errors: dict[str, str] = {}
        self.steps: list[Step] = []
        self._changed = asyncio.Event()

    def note(self, what: str, message: Message | None = None, view: View | None = None) -> None:
        """Something that the bot did about it, told to those as well that came out of it."""
        if message is not None and message not in self.led_to:
            self.led_to.append(message)
            message.exchanges.append(self)
        if view is not None and view not in self.views:
            self.views.append(view)
        self.steps.append(Step(what, self.age, None if message is None else message.body))
        self._changed.set()
        for heir in self.heirs:
            heir.note(what, message, view)

    def responded(self, status: int) -> None:
        self.status = status
        self._changed.set()

    def acknowledged(self, body: Payload | None) -> None:
        self.acks.append(self.age)
        self.ack = body
        self.note("ack")

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    @property
    def acked(self) -> float | None:
        """Seconds to the first acknowledgement."""
        return self.acks[0] if self.acks else None

    @property
    def answered_after(self) -> float | None:
        return next((step.after for step in self.steps if step.what != "ack"), None)

    @property
    def answered(self) -> bool:
        return self.answered_after is not None

    @property
    def messages(self) -> list[Message]:
        """All that it led to and that stands there now, what it was done on included if that was changed."""
        return [one for one in self.led_to if not one.deleted]

    @property
    def ephemeral(self) -> bool:
        return bool(self.messages) and all(one.ephemeral for one in self.messages)

    @property
    def edits(self) -> list[Step]:
        return [step for step in self.steps if step.what == "edit"]

    @property
    def view(self) -> View | None:
        """The last view that it led to and that is still there."""
        return next((view for view in reversed(self.views) if view.open), None)

    @property
    def options(self) -> list[str]:
        """What is offered to somebody who types, as it reads."""
        return [str(mapping(option["text"])["text"]) for option in self.offered]

    @property
    def text(self) -> str:
        """All that a person sees of it now."""
        shown = [render(message.body) for message in self.messages]
        return "\n\n".join(shown if self.view is None else [*shown, render_view(self.view.body)])

    @property
    def rings(self) -> list[str]:
        """Mentions that made a device ring, in whatever the bot said at any time."""
        return [sign for step in self.steps if step.body is not None for sign in step.body.rings]

    async def until(self, seen: Callable[[Exchange], object], within: float | None = None) -> Exchange:
        """Waits until something can be seen. Raises Unanswered."""
        deadline = time.monotonic() + (self.world.patience if within is None else within)
        while not seen(self):
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(deadline - time.monotonic(), 0))
            except TimeoutError:
                raise Unanswered(self._complaint()) from None
        return self

    async def until_acked(self, within: float | None = None) -> Exchange:
        return await self.until(lambda exchange: exchange.acks, within)

    async def until_answered(self, within: float | None = None) -> Exchange:
        return await self.until(lambda exchange: exchange.answered, within)

    def _complaint(self) -> str:
        said = f"{self.what} was never acknowledged" if not self.acks else f"{self.what} was never answered"
        steps = ", ".join(f"{step.what} after {step.after:.2f} s" for step in self.steps) or "nothing"
        status = f" (status {self.status})" if self.status not in (None, 200) else ""
        refused = "".join(f"\nrefused: {one}" for one in self.world.refused[-5:])
        return f"{said}{status}; the bot did: {steps}{refused}\n{self.text}".rstrip()

    @property
    def _places(self) -> list[Place]:
        return [*([] if self.view is None else [self.view]), *self.messages]

    def element(self, name: str, nth: int = 0) -> tuple[Place, Element]:
        """What can be pressed or chosen in, by what is written on it, its action_id or value; `nth` of several."""
        there = [(place, element) for place in self._places for element in place.elements]
        found = [one for one in there if name in (one[1].name, one[1].action_id, one[1].said.get("value"))]
        if len(found) <= nth:
            known = [element.name or element.action_id for _, element in there]
            raise LookupError(f"there is no {name!r} number {nth}, there is {known}")
        return found[nth]

    def option(self, name: str, nth: int = 0) -> tuple[Place, Element, Payload]:
        """One choice in a menu, by how it reads or by its value; `nth` of several."""
        there = [
            (place, element, option)
            for place in self._places
            for element in place.elements
            for option in [*element.options, *self._offered(place, element)]
        ]
        found = [one for one in there if name in (one[2].get("value"), mapping(one[2]["text"]).get("text"))]
        if len(found) <= nth:
            known = [str(mapping(option["text"]).get("text")) for _, _, option in there]
            raise LookupError(f"there is no option {name!r} number {nth}, there is {known}")
        return found[nth]

    def _offered(self, place: Place, element: Element) -> list[Payload]:
        return [] if isinstance(place, Message) else place.offered.get(element.action_id, [])

    def press_on(self, name: str, nth: int = 0, *, by: Member | None = None) -> Exchange:
        """Presses a button without waiting. Raises LookupError."""
        place, element = self.element(name, nth)
        said = {key: found for key, found in element.said.items() if key in ("text", "value", "style")}
        return (by or self.member).touch(self.channel, place, element, said)

    async def press(self, name: str, nth: int = 0, *, by: Member | None = None) -> Exchange:
        """Presses a button and waits for the answer. Raises Unanswered, LookupError."""
        return await self.press_on(name, nth, by=by).until_answered()

    async def choose(self, name: str, nth: int = 0, *, by: Member | None = None) -> Exchange:
        """Chooses in an overflow menu or a select and waits for the answer. Raises Unanswered, LookupError."""
        place, element, option = self.option(name, nth)
        return (
            await (by or self.member).touch(self.channel, place, element, {"selected_option": option}).until_answered()
        )

    async def type(self, name: str, typed: str) -> Exchange:
        """Types into an external_select; `.options` has what is offered. Raises Unanswered, LookupError."""
        place, element = self.element(name)
        return await self.member.suggest(self.channel, place, element, typed).until_answered()

    async def submit(self, values: Mapping[str, object] | None = None) -> Exchange:
        """Fills the modal in, by label or name, and sends it. Raises Unanswered, LookupError, ValueError."""
        view = self._modal()
        fill(view, values or {})
        return await self.member.submit(self, view).until_acked()

    def close(self) -> Exchange | None:
        """Closes the modal; the bot is told if it asked for that."""
        view = self._modal()
        view.open = False
        return self.member.closed(self, view) if view.body.get("notify_on_close") else None

    def _modal(self) -> View:
        if self.view is None or self.view.body["type"] != "modal":
            raise LookupError("no modal is open")
        return self.view
