"""One thing that a person did, and all that the bot did about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.loopback_discord.messages import Body, Button, Message
from tests.loopback_discord.modal_values import submitted
from tests.loopback_discord.refusals import Payload
from tests.loopback_discord.rendering import render, render_modal

if TYPE_CHECKING:
    from tests.loopback_discord.people import Member
    from tests.loopback_discord.world import Channel, World

COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 2, 3, 4, 5
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


class Unanswered(AssertionError):
    """What a person would have complained about, with all that the bot did do."""


@dataclass(frozen=True)
class Step:
    """`what` is defer, message, update, choices, modal, edit, followup or delete; `body` is what then stood there."""

    what: str
    after: float
    body: Body | None = None


class Exchange:
    """`first` is the seconds to the first response and `answered_after` those to the first with content.

    `message` is the one that @original names: the bot's own, or for a press that changes it the one pressed on.
    """

    def __init__(self, world: World, member: Member, channel: Channel, interaction: Payload) -> None:
        self.world = world
        self.member = member
        self.channel = channel
        self.interaction = interaction
        self.token: str = interaction["token"]
        self.kind: int = interaction["type"]
        self.pressed: Message | None = None
        self.began = time.monotonic()
        self.response: int | None = None
        self.message: Message | None = None
        self.followups: list[Message] = []
        self.modal: Payload | None = None
        self.choices: list[Payload] = []
        self.steps: list[Step] = []
        self._changed = asyncio.Event()

    def note(self, what: str, message: Message | None = None) -> None:
        self.steps.append(Step(what, self.age, None if message is None else message.body))
        self._changed.set()

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    @property
    def first(self) -> float | None:
        return self.steps[0].after if self.steps else None

    @property
    def deferred(self) -> bool:
        return self.response in (DEFER, DEFER_UPDATE)

    @property
    def answered_after(self) -> float | None:
        return next((step.after for step in self.steps if not step.what.startswith("defer")), None)

    @property
    def answered(self) -> bool:
        return self.answered_after is not None

    @property
    def ephemeral(self) -> bool:
        return self.message is not None and self.message.ephemeral

    @property
    def edits(self) -> list[Step]:
        return [step for step in self.steps if step.what == "edit"]

    @property
    def messages(self) -> list[Message]:
        """All that stands there now."""
        return [one for one in (self.message, *self.followups) if one is not None and not one.deleted]

    @property
    def text(self) -> str:
        """All that a person sees of it now."""
        shown = [render(message.body) for message in self.messages]
        return "\n\n".join([*shown, render_modal(self.modal)] if self.modal else shown)

    @property
    def rings(self) -> list[str]:
        """Mentions that made a device ring, in whatever the bot said at any time."""
        return [sign for step in self.steps if step.body is not None for sign in step.body.rings]

    @property
    def local(self) -> bool:
        """Whether the bot itself is at home there; what people brought along is held to five follow-ups."""
        return "0" in self.interaction["authorizing_integration_owners"]

    async def until(self, seen: Callable[[Exchange], object], within: float | None = None) -> Exchange:
        """Waits until something can be seen. Raises Unanswered."""
        deadline = time.monotonic() + (self.world.patience if within is None else within)
        while not seen(self):
            self._changed.clear()
            left = min(deadline, self._late()) - time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), max(left, 0))
            except TimeoutError:
                raise Unanswered(self._complaint()) from None
        return self

    async def until_answered(self, within: float | None = None) -> Exchange:
        return await self.until(lambda exchange: exchange.answered, within)

    async def until_followed_up(self, times: int = 1, within: float | None = None) -> Exchange:
        return await self.until(lambda exchange: len(exchange.followups) >= times, within)

    def _late(self) -> float:
        """The moment when people are told that the application did not respond; never once it did."""
        return float("inf") if self.steps else self.began + self.world.first_response + 0.1

    def _complaint(self) -> str:
        said = "the application did not respond" if not self.steps else "the answer never came"
        steps = ", ".join(f"{step.what} after {step.after:.2f} s" for step in self.steps) or "nothing"
        refused = "".join(f"\nrefused: {one}" for one in self.world.refused if one.token == self.token)
        return f"{said}; the bot did: {steps}{refused}\n{self.text}".rstrip()

    def button(self, name: str, nth: int = 0) -> tuple[Message, Button]:
        """Found by what is written on it or by its custom_id; `nth` of those where there are several."""
        found = [
            (message, button)
            for message in self.messages
            for button in message.buttons
            if name in (button.name, button.label, button.custom_id)
        ]
        if len(found) <= nth:
            there = [button.name for message in self.messages for button in message.buttons]
            raise LookupError(f"there is no button {name!r} number {nth}, there is {there}")
        return found[nth]

    async def press(self, name: str, nth: int = 0, *, by: Member | None = None) -> Exchange:
        """Presses a button and waits for the answer. Raises Unanswered, LookupError."""
        message, button = self.button(name, nth)
        return await self.press_on(message, button, by=by).until_answered()

    def press_on(self, message: Message, button: Button, *, by: Member | None = None) -> Exchange:
        """The same without waiting."""
        if button.disabled or button.custom_id is None:
            raise LookupError(f"the button {button.name!r} cannot be pressed")
        return (by or self.member).touch(self.channel, message, {"custom_id": button.custom_id, "component_type": 2})

    async def select(self, custom_id: str, *values: str, by: Member | None = None) -> Exchange:
        """Chooses in a select. Raises Unanswered, LookupError."""
        for message in self.messages:
            for menu in message.selects:
                if menu["custom_id"] == custom_id:
                    said = {"custom_id": custom_id, "component_type": menu["type"], "values": list(values)}
                    return await (by or self.member).touch(self.channel, message, said).until_answered()
        raise LookupError(f"there is no select {custom_id!r}")

    async def submit(self, values: Mapping[str, str]) -> Exchange:
        """Fills the modal in, by label or custom_id, and sends it. Raises Unanswered, LookupError, ValueError."""
        if self.modal is None:
            raise LookupError("no modal was opened")
        data = {"custom_id": self.modal["custom_id"], "components": submitted(self.modal, values)}
        return await self.member.act(self.channel, SUBMIT, data, self.pressed).until_answered()
