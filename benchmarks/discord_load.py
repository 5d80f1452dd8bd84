"""The bot under load, as its users meet it: `indiean serve` with the model in service, on a loopback Discord.

    INDIEAN_HOME=... python -m benchmarks.discord_load [--members 200] [--commands 10000] [--at-once 32]
                                                       [--chart memory.png] [--json]

The home must hold a published model and the warehouse that the players are drawn from; nothing is written to it.
First so many members give a command in the same moment, and press a button in the same moment; then people type titles
that complete; then crowds come while a model is trained beside. Then commands go on, a few at once, while the bot's
memory is watched. Last the bot is killed in the middle of commands and started again, and every button of the answers
from before is pressed. Seconds from Discord's side; the servers share this machine's cores with the bot. Lost is what
was not answered, or too late for Discord; twice is what was answered a second time; sorry is an apology for an
unexpected error.
"""

from __future__ import annotations

from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks.load import Press, deed_of, main
from benchmarks.loopback_bot import Home, at_home
from bot.settings import Settings
from tests.discord_process import settings_of
from tests.loopback_discord import Channel, Exchange, LoopbackDiscord, Member, Unanswered, render

ALREADY = 40060


@dataclass
class Crowd:
    """Members and channels that take turns."""

    home: Home
    discord: LoopbackDiscord
    members: list[Member]
    channels: list[Channel]
    turn: int = 0

    @property
    def refused(self) -> list[str]:
        return [str(one) for one in self.discord.refused]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        gateway = self.discord.gateway
        before = len(gateway.identified)
        async with self.home.started(lambda: len(gateway.identified) > before and gateway.ready) as process:
            yield process

    def begin(self) -> Exchange:
        saying = next(self.home.sayings)
        member, channel = self._next()
        return member.begin(channel, saying.command, **saying.options)

    async def prepare(self, count: int) -> None:
        """Discord completes as one types a command."""

    async def type(self) -> Exchange:
        title = next(self.home.titles)
        member, channel = self._next()
        return await member.autocomplete(channel, "similar", "game", title[: 1 + self.turn % len(title)])

    def presses(self, answer: Exchange) -> list[Press[Exchange]]:
        there = [(message, button) for message in answer.messages for button in message.buttons if button.custom_id]
        return [(deed_of(str(one[1].custom_id)), partial(answer.press_on, *one)) for one in there]

    async def settled(self, asked: Exchange) -> bool:
        try:
            await asked.until_answered()
        except Unanswered:
            return False
        return True

    def first(self, asked: Exchange) -> float | None:
        return asked.first

    def answered(self, asked: Exchange) -> bool:
        return asked.answered

    def twice(self, asked: Exchange) -> bool:
        """Discord refuses a second first response; a second follow-up says the same."""
        again = any(one.token == asked.token and one.refusal.code == ALREADY for one in self.discord.refused)
        texts = [render(message.body) for message in asked.messages]
        return again or len(set(texts)) < len(texts)

    def forget(self, asked: Exchange) -> None:
        self.discord.forget(asked)

    def forgive(self, before: int) -> None:
        del self.discord.refused[before:]

    def _next(self) -> tuple[Member, Channel]:
        self.turn += 1
        return self.members[self.turn % len(self.members)], self.channels[self.turn % len(self.channels)]


@asynccontextmanager
async def staged(settings: Settings, count: int) -> AsyncIterator[Crowd]:
    async with (
        LoopbackDiscord(patience=30.0) as discord,
        at_home(settings, count, settings_of(discord)) as home,
    ):
        members = [discord.member(f"m{number}", ("en-US", "ko")[number % 2]) for number in range(count)]
        channels = [discord.channel(), discord.channel(), discord.channel("dm")]
        await home.ran("discord", "sync")
        yield Crowd(home, discord, members, channels)


if __name__ == "__main__":
    main(__doc__ or "", staged)
