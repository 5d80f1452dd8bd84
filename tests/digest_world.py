"""Channels of a Discord and a Slack on loopback that want digests, with one clock for all, moved by hand."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bot.discord.address import address
from bot.discord.sender import DiscordSender
from bot.presses import pressed
from bot.shop import Shop
from bot.slack.clients import Clients
from bot.slack.pace import Pace
from bot.slack.sender import SlackSender
from bot.terminal_sender import TerminalSender
from jobs.digest import Books, send_digests
from jobs.digest_contents import Sources
from jobs.digest_report import DigestsReport
from jobs.sending import Letter, Sender
from recommender.engine import Engine
from recommender.game import Game
from recommender.shelf import Wish
from recommender.weekly import Evidence, Feature, Weekly, weekly
from storage.channel_tastes import ChannelTastes
from storage.database import Database
from storage.digests import Digests, Slot
from storage.feedback import Feedback, Opinion
from storage.lake.events import library_read
from storage.lake.lake import Lake
from storage.logs import Logs, RequestLog
from storage.subscriptions import Subscription, Subscriptions
from tests import worlds
from tests.databases import ready
from tests.loopback_discord import LoopbackDiscord
from tests.loopback_slack import LoopbackSlack

FRIDAY = datetime(2026, 5, 22, 18, tzinfo=UTC)
"""A Friday at six."""
TICK = timedelta(minutes=5)
WEEK = "2026-W21"


class Kill(BaseException):
    """The process ends here."""


class Hands:
    """The moment that a clock set by hand shows."""

    def __init__(self, moment: datetime = FRIDAY) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def seconds(self) -> float:
        return self.moment.timestamp()


def fresh(app_id: int, title: str, theme: str, released: date, **more: object) -> Game:
    return Game(
        app_id,
        title,
        (theme, "Indie", "Singleplayer"),
        ("Indie",),
        developer=f"{title} Studio",
        price=9.99,
        released=released,
        year=released.year,
        **more,  # type: ignore[arg-type]
    )


NEWS = (
    fresh(951, "Lantern Delve", "Roguelike", date(2026, 5, 10), positive=90, negative=10),
    fresh(952, "Turnip Island", "Farming Sim", date(2026, 5, 2), positive=400, negative=20),
    fresh(953, "Midnight Velvet", "Horror", date(2026, 5, 9), positive=90, negative=1, adult=True),
    fresh(954, "Old News", "Puzzle", date(2026, 2, 1), positive=900, negative=1),
)


@dataclass
class Newsroom:
    """`console` is what was printed. `senders` may be put in the place of those that are real."""

    database: Database
    sources: Sources
    books: Books
    hands: Hands
    discord: LoopbackDiscord
    slack: LoopbackSlack
    console: io.StringIO
    senders: dict[str, Sender]
    discord_senders: list[DiscordSender] = field(default_factory=list)

    async def run(self, replica: str = "one", senders: Mapping[str, Sender] | None = None) -> DigestsReport:
        return await send_digests(self.sources, self.books, senders or self.senders, now=self.hands, replica=replica)

    async def runs(self, hours: float) -> list[DigestsReport]:
        """Every five minutes for so long, beginning now."""
        until, reports = self.hands.moment + timedelta(hours=hours), []
        while self.hands.moment < until:
            reports.append(await self.run())
            self.hands.moment += TICK
        return reports

    async def subscribe(
        self, platform: str, channel: str, server: str | None = "server", **more: object
    ) -> Subscription:
        one = Subscription(
            platform=platform,
            channel=channel,
            server=server,
            weekday=4,
            hour=18,
            time_zone="UTC",
            tags=(),
            language="en",
            adult=False,
            by="ann",
            since=FRIDAY - timedelta(days=1),
        )
        one = replace(one, **more)  # type: ignore[arg-type]
        await self.books.subscriptions.keep(one)
        return one

    async def person(
        self,
        name: str,
        platform: str,
        channel: str,
        server: str | None = "server",
        *,
        plays: Sequence[str] = (),
        likes: Sequence[int] = (),
        hides: Sequence[int] = (),
    ) -> None:
        """Somebody who asked in a channel of late; `plays` are titles of the linked library, the rest app ids."""
        at = self.hands.moment - timedelta(days=2)
        asked = RequestLog(
            uuid4().hex, at, platform, name, "recommend", {}, "answered", 5, server=server, channel=channel
        )
        await self.books.logs.record(asked, ())
        if plays:
            await self.books.lake.append([library_read(platform, name, worlds.library(*plays), at)])
        feedback = Feedback(self.database)
        for opinion, app_ids in ((Opinion.LIKE, likes), (Opinion.HIDE, hides)):
            for app_id in app_ids:
                await feedback.toggle(platform, name, app_id, opinion, at)

    def new_senders(self) -> dict[str, Sender]:
        """As a process that has just been started has them."""
        sender = DiscordSender(self.discord.token, Shop())
        self.discord_senders.append(sender)
        clients = Clients(self.slack.url, self.slack.bot_token, None)
        return {
            "discord": sender,
            "slack": SlackSender(clients, Shop(), Pace(every=0.0), self.hands),
            "terminal": TerminalSender(Console(file=self.console, width=200)),
        }


@asynccontextmanager
async def newsroom(folder: Path, kind: str = "sqlite", moment: datetime = FRIDAY) -> AsyncIterator[Newsroom]:
    hands = Hands(moment)
    async with ready(kind, folder) as database, LoopbackDiscord() as discord, LoopbackSlack(between_posts=0) as slack:
        discord.world.clock = slack.world.clock = hands.seconds
        address(discord.url, discord.gateway_url)
        engine = Engine(worlds.served_with_content(NEWS))
        sources = Sources(engine, Digests(database), ChannelTastes(database))
        books = Books(Subscriptions(database), Logs(database), Lake(database, hands))
        room = Newsroom(database, sources, books, hands, discord, slack, io.StringIO(), {})
        room.senders = room.new_senders()
        try:
            yield room
        finally:
            for sender in room.discord_senders:
                await sender.close()
            engine.close()


def features(k: int = 6, **evidence: object) -> Weekly:
    served = worlds.served_with_content(NEWS)
    found = weekly(served, Evidence(FRIDAY.date(), **evidence), (), Wish(), k)  # type: ignore[arg-type]
    return Weekly(tuple(found), served.version)


def letter(
    platform: str, channel: str, server: str | None = "server", found: Sequence[Feature] | None = None, **more: object
) -> Letter:
    subscription = Subscription(platform, channel, server, 4, 18, "UTC", (), "en", adult=False, by="", since=FRIDAY)
    chosen = tuple(found) if found is not None else features().features
    made = Letter(Slot(platform, channel, WEEK), subscription, "a" * 32, chosen, "world-1", FRIDAY)
    return replace(made, **more)  # type: ignore[arg-type]


def cards(message: object) -> list[int]:
    """The app ids of the cards in a message of either chat, in their order."""
    presses = [pressed(code) for code in codes(message)]
    return list(dict.fromkeys(press.number for press in presses if press is not None and press.number))


def codes(part: object) -> Iterator[str]:
    """Of all that can be pressed, however deep it stands."""
    if isinstance(part, Mapping):
        yield from (str(part[name]) for name in ("custom_id", "value") if name in part)
        yield from codes(list(part.values()))
    elif isinstance(part, list | tuple):
        for one in part:
            yield from codes(one)
