"""A channel has one digest at most, kept as it was asked for until it is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.subscriptions import Subscription, Subscriptions
from tests.databases import KINDS, NOON, empty, migrated

LOBBY = Subscription(
    platform="discord",
    channel="lobby",
    server="guild",
    weekday=4,
    hour=18,
    time_zone="Asia/Seoul",
    tags=("Roguelike", "로그라이크"),
    language="ko",
    adult=False,
    by="ada",
    since=NOON,
)


@pytest.fixture(params=KINDS)
async def subscriptions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subscriptions]:
    async with empty(request.param, tmp_path) as url, migrated(url) as ready:
        yield Subscriptions(ready)


async def test_without_one_there_is_none(subscriptions: Subscriptions) -> None:
    assert await subscriptions.of("discord", "lobby") is None
    assert await subscriptions.all() == []
    assert not await subscriptions.stop("discord", "lobby")


@pytest.mark.parametrize(
    "wanted",
    [LOBBY, replace(LOBBY, server=None, tags=(), adult=True, weekday=0, hour=0, time_zone="UTC", language="en")],
    ids=["all of it", "least of it"],
)
async def test_a_subscription_comes_back_as_it_was_kept(subscriptions: Subscriptions, wanted: Subscription) -> None:
    await subscriptions.keep(wanted)

    assert await subscriptions.of("discord", "lobby") == wanted


async def test_a_channel_s_second_wish_takes_the_place_of_its_first(subscriptions: Subscriptions) -> None:
    second = replace(LOBBY, hour=9, tags=(), by="grace")
    await subscriptions.keep(LOBBY)
    await subscriptions.keep(second)

    assert await subscriptions.all() == [second]


async def test_a_stopped_one_is_gone_and_the_others_stay(subscriptions: Subscriptions) -> None:
    elsewhere = [replace(LOBBY, channel="den"), replace(LOBBY, platform="slack")]
    for wanted in (LOBBY, *elsewhere):
        await subscriptions.keep(wanted)

    assert await subscriptions.stop("discord", "lobby")
    assert not await subscriptions.stop("discord", "lobby")
    assert await subscriptions.all() == elsewhere


async def test_all_are_in_order_of_platform_and_channel(subscriptions: Subscriptions) -> None:
    wanted = [replace(LOBBY, platform=platform, channel=channel) for platform in ("a", "b") for channel in ("1", "2")]
    for one in reversed(wanted):
        await subscriptions.keep(one)

    assert await subscriptions.all() == wanted


async def test_its_moment_is_of_utc_on_every_database(subscriptions: Subscriptions) -> None:
    await subscriptions.keep(LOBBY)
    kept = await subscriptions.of("discord", "lobby")

    assert kept is not None
    assert kept.since.isoformat() == "2024-05-17T12:00:00+00:00"


async def test_a_new_database_object_finds_what_an_old_one_kept(tmp_path: Path) -> None:
    async with empty("sqlite", tmp_path) as url:
        async with migrated(url) as first:
            await Subscriptions(first).keep(LOBBY)
        async with migrated(url) as second:
            kept = await Subscriptions(second).all()

    assert kept == [LOBBY]
