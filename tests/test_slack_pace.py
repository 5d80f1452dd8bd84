"""One message a second a channel, in the order in which they came, and nobody waits for another channel."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from bot.slack.pace import Pace
from jobs.posting import News, Post
from tests.loopback_slack import LoopbackSlack
from tests.posters import Clock, read, slack_poster


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(1.0, clock, clock.sleep)


async def test_messages_to_a_channel_are_a_second_apart(pace: Pace, clock: Clock) -> None:
    moments = []
    for _ in range(4):
        async with pace.turn("C1"):
            moments.append(clock.now)

    assert [later - earlier for earlier, later in pairwise(moments)] == [1.0, 1.0, 1.0]


async def test_the_second_begins_when_the_message_has_arrived(pace: Pace, clock: Clock) -> None:
    async with pace.turn("C1"):
        clock.now += 0.7  # on its way
        arrived = clock.now
    async with pace.turn("C1"):
        assert clock.now == arrived + 1.0


async def test_one_that_failed_counts_too(pace: Pace, clock: Clock) -> None:
    with pytest.raises(OSError, match="away"):
        async with pace.turn("C1"):
            raise OSError("away")
    async with pace.turn("C1"):
        assert clock.slept == [1.0]


async def test_who_comes_after_a_while_waits_for_nothing(pace: Pace, clock: Clock) -> None:
    for _ in range(3):
        async with pace.turn("C1"):
            pass
        clock.now += 5.0

    assert clock.slept == []


async def test_channels_do_not_wait_for_each_other(pace: Pace, clock: Clock) -> None:
    async with pace.turn("C1"), pace.turn("C2"), pace.turn("C3"):
        pass

    assert clock.slept == []


async def test_who_came_first_goes_first(pace: Pace) -> None:
    went: list[int] = []

    async def go(number: int) -> None:
        async with pace.turn("C1"):
            await asyncio.sleep(0)
            went.append(number)

    await asyncio.gather(*map(go, range(50)))

    assert went == list(range(50))


async def test_who_gives_up_waiting_holds_up_nobody(pace: Pace, clock: Clock) -> None:
    async with pace.turn("C1"):
        waiting = asyncio.create_task(pace.turn("C1").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    async with pace.turn("C1"):
        pass

    assert clock.slept == [1.0]


async def test_channels_that_have_been_silent_are_forgotten(pace: Pace, clock: Clock) -> None:
    for number in range(10_000):
        async with pace.turn(f"C{number}"):
            clock.now += 0.1

    assert pace.remembered <= 11


async def test_a_channel_takes_posts_in_order_and_slack_asks_for_no_pause() -> None:
    """At Slack's own pace, by two posters of one process."""
    async with LoopbackSlack() as slack:
        channel, pace = slack.channel(), Pace()
        posters = [slack_poster(slack, channel, pace) for _ in range(2)]
        posts = [Post(News.GOOD, f"number {at}.") for at in range(4)]
        await asyncio.gather(*(posters[at % 2].post(post) for at, post in enumerate(posts)))
        read_there = [read(message.body).removeprefix("✅ ") for message in slack.posted(channel)]

    assert read_there == [post.title for post in posts]
    assert slack.api.limited == []


async def test_posts_to_many_channels_go_out_at_once() -> None:
    async with LoopbackSlack(between_posts=3600.0) as slack:
        channels, pace = [slack.channel(name=f"c{at}") for at in range(8)], Pace(every=3600.0)
        async with asyncio.timeout(30):
            posters = [slack_poster(slack, channel, pace) for channel in channels]
            await asyncio.gather(*(poster.post(Post(News.GOOD, "done")) for poster in posters))

    assert [len(slack.posted(channel)) for channel in channels] == [1] * 8
    assert slack.api.limited == []
