"""The bot under load, as its users meet it: `indiean serve` with the model in service, on a loopback Slack.

    INDIEAN_HOME=... python -m benchmarks.slack_load [--members 200] [--commands 10000] [--at-once 32]
                                                     [--chart memory.png] [--json]

The home must hold a published model and the warehouse that the players are drawn from; nothing is written to it.
What happens is what happens in `benchmarks.discord_load`, over Socket Mode: crowds of commands and presses, titles
typed into the field of a form, crowds while a model is trained beside, a long run, a kill. Seconds from Slack's side;
the servers share this machine's cores with the bot. The first sign of life is the acknowledgement, which Slack wants
within 3 s; lost is what had none by then or was not answered.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from benchmarks.load import Press, deed_of, main
from benchmarks.loopback_bot import Home, at_home
from bot.settings import Settings
from tests.loopback_slack import Channel, Exchange, LoopbackSlack, Member, Unanswered, render
from tests.loopback_slack.messages import Element
from tests.loopback_slack.refusals import Payload
from tests.slack_process import settings_of

ACKNOWLEDGED = 3.0
FIELD = "ia:find:game"


@dataclass
class Crowd:
    """Members and channels that take turns; `forms` are open before those who type."""

    home: Home
    slack: LoopbackSlack
    members: list[Member]
    channels: list[Channel]
    forms: list[Exchange] = field(default_factory=list)
    turn: int = 0

    @property
    def refused(self) -> list[str]:
        return [*map(str, self.slack.refused), *self.slack.warnings]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        socket = self.slack.delivery.socket
        before = socket.opened
        async with self.home.started(lambda: socket.opened > before) as process:
            yield process

    def begin(self) -> Exchange:
        saying = next(self.home.sayings)
        member, channel = self._next()
        said = " ".join(f"{name}: {value}" for name, value in saying.options.items())
        return member.begin(channel, f"/{saying.command}", said)

    async def prepare(self, count: int) -> None:
        """Each opens a form: a command has no completion on Slack."""
        opening = [member.slash(self.channels[0], "/similar") for member in self.members[:count]]
        self.forms = list(await asyncio.gather(*opening))

    async def type(self) -> Exchange:
        title, form = next(self.home.titles), self.forms[self.turn % len(self.forms)]
        self.turn += 1
        return await form.type(FIELD, title[: 1 + self.turn % len(title)])

    def presses(self, answer: Exchange) -> list[Press[Exchange]]:
        touch = partial(answer.member.touch, answer.channel)
        return [
            (deed_of(code), partial(touch, message, element, said))
            for message in answer.messages
            for element in message.elements
            for code, said in _offered(element)
        ]

    async def settled(self, asked: Exchange) -> bool:
        try:
            await asked.until_answered()
            await asked.until_acked()
        except Unanswered:
            return False
        return self.answered(asked)

    def first(self, asked: Exchange) -> float | None:
        return asked.acked

    def answered(self, asked: Exchange) -> bool:
        return asked.answered and asked.acked is not None and asked.acked <= ACKNOWLEDGED

    def twice(self, asked: Exchange) -> bool:
        texts = [render(message.body) for message in asked.messages]
        return len(asked.acks) > 1 or len(set(texts)) < len(texts)

    def forget(self, asked: Exchange) -> None:
        self.slack.forget(asked)

    def forgive(self, before: int) -> None:
        del self.slack.refused[before:]

    def _next(self) -> tuple[Member, Channel]:
        self.turn += 1
        return self.members[self.turn % len(self.members)], self.channels[self.turn % len(self.channels)]


def _offered(element: Element) -> list[tuple[str, Payload]]:
    """What a button or each entry of a menu says when it is pressed."""
    if element.kind == "overflow":
        return [(str(option["value"]), {"selected_option": option}) for option in element.options]
    return [] if "url" in element.said else [(str(element.said["value"]), {"value": element.said["value"]})]


@asynccontextmanager
async def staged(settings: Settings, count: int) -> AsyncIterator[Crowd]:
    async with (
        LoopbackSlack(patience=30.0, between_posts=0.0) as slack,
        at_home(settings, count, settings_of(slack)) as home,
    ):
        members = [slack.member(f"m{number}", ("en-US", "ko-KR")[number % 2]) for number in range(count)]
        channels = [slack.channel(), slack.channel(), slack.channel("private")]
        yield Crowd(home, slack, members, channels)


if __name__ == "__main__":
    main(__doc__ or "", staged)
