"""What is in a channel's digest: its people's taste and what rises, looked up; the choice itself is `weekly`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.digest_times import weeks_before
from recommender.engine import Engine
from recommender.recommend import Pick
from recommender.served import Served
from recommender.shelf import Wish
from recommender.weekly import PEOPLE, Evidence, Feature, Part, Weekly
from storage.channel_tastes import ChannelTastes
from storage.digests import Digests, Shown
from storage.subscriptions import Subscription

PICKS = 6
"""Games in one digest: two messages of Discord, and one screen of a desktop."""
LEAST = 3
"""With fewer it is not sent."""
NOT_AGAIN = 8
"""Weeks in which no game comes twice to a channel."""
LATELY = timedelta(days=180)
"""Within which somebody has to have asked or reacted in a channel to be one of its people."""


@dataclass(frozen=True)
class Sources:
    """What a digest is chosen by."""

    engine: Engine
    digests: Digests
    tastes: ChannelTastes


async def contents(
    sources: Sources, subscription: Subscription, week: str, now: datetime, *, adult: bool, picks: int = PICKS
) -> Weekly:
    """The digest of that week as it would be now, with games for adults only where `adult` says so.

    Raises:
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    weeks = weeks_before(week, NOT_AGAIN)
    hidden = await sources.digests.shown(subscription.platform, subscription.channel, weeks)
    evidence = await _evidence(sources.tastes, subscription, now)
    return await sources.engine.weekly(evidence, subscription.tags, Wish(adult=adult, hidden=hidden), picks)


async def _evidence(tastes: ChannelTastes, subscription: Subscription, now: datetime) -> Evidence:
    """Of the people of the channel or, where these are too few, of its server."""
    platform, server = subscription.platform, subscription.server
    found = await tastes.of_channel(platform, server, subscription.channel, now - LATELY)
    if len(found) < PEOPLE and server is not None:
        found = await tastes.of_server(platform, server, now - LATELY)
    today = now.astimezone(ZoneInfo(subscription.time_zone)).date()
    return Evidence(today, tuple(found), await tastes.likes(now))


def noted(features: Iterable[Feature]) -> list[Shown]:
    return [Shown(one.pick.game.app_id, one.part, one.people, one.tags, one.pick.score) for one in features]


def remembered(shown: Sequence[Shown], served: Served, *, adult: bool) -> list[Feature]:
    """As it was decided, without games that the catalogue has lost since, or that the channel is not for any more."""
    return list(_remembered(shown, served, adult=adult))


def _remembered(shown: Sequence[Shown], served: Served, *, adult: bool) -> Iterator[Feature]:
    for one in shown:
        game, position = served.catalog.get(one.app_id), served.scorer.items.position(one.app_id)
        if game is None or (game.adult and not adult):
            continue
        players = 0 if position is None else int(served.scorer.items.players[position])
        part = Part(one.part)
        yield Feature(Pick(game, one.score, players=players, new=part is Part.NEW), part, one.people, one.tags)


def suited(subscription: Subscription, said: bool | None) -> Subscription:
    """With what the platform says of the channel now: for adults only where it was when it was asked for, too."""
    return replace(subscription, adult=subscription.adult and said is not False)
