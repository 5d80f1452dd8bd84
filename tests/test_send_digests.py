"""Each channel gets each week's digest once, whatever is restarted, run twice or away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.messages import Language
from bot.status.digests import told
from bot.wording import Wording
from jobs.digest import LATE, LEASE
from jobs.digest_report import DigestsReport
from jobs.errors import NotSent
from jobs.posting import News
from jobs.sending import Letter, Sender
from storage.digests import Slot, State
from storage.logs import PastAnswer
from storage.personal_data import PersonalData
from storage.subscriptions import Subscription
from tests import worlds
from tests.databases import KINDS
from tests.digest_world import FRIDAY, TICK, WEEK, Kill, Newsroom, cards, newsroom
from tests.loopback_discord import Channel

WORDS = Wording(Language.EN)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Newsroom]:
    async with newsroom(tmp_path) as opened:
        yield opened
        assert opened.slack.warnings == []


@pytest.fixture(params=KINDS)
async def rooms(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Newsroom]:
    async with newsroom(tmp_path, request.param) as opened:
        yield opened


class Dying:
    """A process that ends at one point of what a sender does: `before` or `after` it is sent, or `asking` before."""

    def __init__(self, sender: Sender, point: str) -> None:
        self._sender, self._point = sender, point
        self.lead, self.notice = sender.lead, sender.notice

    async def for_adults(self, subscription: Subscription) -> bool | None:
        if self._point == "asking":
            raise Kill
        return await self._sender.for_adults(subscription)

    async def deliver(self, letter: Letter) -> str:
        if self._point == "before":
            raise Kill
        await self._sender.deliver(letter)
        raise Kill


class Counting:
    """Delivers nothing, counts, and refuses the first `refusals` letters."""

    lead = notice = timedelta(0)

    def __init__(self, refusals: int = 0, retry_after: float = 0.0) -> None:
        self.letters: list[Letter] = []
        self.tries, self._refusals, self._retry_after = 0, refusals, retry_after

    async def for_adults(self, _: Subscription) -> bool | None:
        return None

    async def deliver(self, letter: Letter) -> str:
        await asyncio.sleep(0)
        self.tries += 1
        if self.tries <= self._refusals:
            raise NotSent("the chat is away", self._retry_after)
        self.letters.append(letter)
        return "message"


def shown(room: Newsroom, channel: Channel) -> list[int]:
    return cards([one.body.components for one in room.discord.posted(channel)])


async def state(room: Newsroom, platform: str, channel: str, week: str = WEEK) -> State | None:
    row = (await room.sources.digests.of_weeks({week})).get(Slot(platform, channel, week))
    return row.state if row is not None else None


async def logged(room: Newsroom) -> PastAnswer:
    newest = next(one for one in await room.books.logs.recent(50) if one.command == "digest")
    answer = await room.books.logs.answer(newest.id)
    assert answer is not None
    return answer


async def test_a_channel_gets_its_digest_at_its_hour_and_once(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    room.hands.moment = FRIDAY - TICK
    reports = await room.runs(hours=3)

    assert [len(report.sent) for report in reports[:3]] == [0, 1, 0]
    assert sum(len(report.sent) for report in reports) == 1
    assert len(shown(room, channel)) == 6
    assert room.discord.refused == []


async def test_on_slack_it_is_handed_over_before_and_stands_there_at_its_hour(room: Newsroom) -> None:
    channel = room.slack.channel()
    await room.subscribe("slack", channel.id)
    room.hands.moment = FRIDAY - timedelta(minutes=20)
    await room.runs(hours=0.25)
    before = len(room.slack.posted(channel))
    room.hands.moment = FRIDAY
    (message,) = room.slack.posted(channel)

    assert before == 0
    assert float(message.ts) // 1 == FRIDAY.timestamp()
    assert room.slack.refused == []


async def test_what_it_showed_is_logged_as_asked_by_nobody(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id, "guild")
    await room.run()
    answer = await logged(room)
    (event,) = [one.event for one in await room.books.lake.after(0, 9)]

    assert [one.app_id for one in answer.shown] == shown(room, channel)
    assert [one.position for one in answer.shown] == [1, 2, 3, 4, 5, 6]
    assert (answer.request.person, answer.request.channel, answer.request.server) == ("", channel.id, "guild")
    assert answer.request.model_version == room.sources.engine.served.version
    assert (event.platform, event.person) == ("discord", None)
    assert (await room.books.logs.counts()).people == 0


@pytest.mark.parametrize("point", ["asking", "before", "after"])
@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_killed_at_any_point_it_goes_out_once(room: Newsroom, platform: str, point: str) -> None:
    on_discord, on_slack = room.discord.channel(), room.slack.channel()
    await room.subscribe(platform, on_discord.id if platform == "discord" else on_slack.id)
    room.hands.moment = FRIDAY - timedelta(minutes=15)
    if platform == "discord":
        room.hands.moment = FRIDAY
    with pytest.raises(Kill):
        await room.run(senders={platform: Dying(room.senders[platform], point)})
    room.hands.moment += TICK
    room.senders = room.new_senders()
    reports = await room.runs(hours=2)

    assert [len(report.sent) for report in reports if report.sent] == [1]
    assert [report.failed for report in reports if report.failed] == []
    assert len(room.discord.posted(on_discord)) + 2 * len(room.slack.posted(on_slack)) == 2
    assert len((await logged(room)).shown) == 6


async def test_killed_after_sending_what_is_found_there_is_what_is_logged(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    with pytest.raises(Kill):
        await room.run(senders={"discord": Dying(room.senders["discord"], "after")})
    there = shown(room, channel)
    await room.person("eve", "discord", channel.id, likes=[951, 952])
    await room.runs(hours=1)

    assert [one.app_id for one in (await logged(room)).shown] == there == shown(room, channel)


async def test_on_slack_one_that_nobody_looked_for_in_time_is_never_sent_again_and_told(room: Newsroom) -> None:
    channel = room.slack.channel()
    await room.subscribe("slack", channel.id)
    room.hands.moment = FRIDAY - timedelta(minutes=15)
    with pytest.raises(Kill):
        await room.run(senders={"slack": Dying(room.senders["slack"], "after")})
    room.hands.moment = FRIDAY + timedelta(hours=2)
    report = await room.run()
    later = await room.runs(hours=30)

    assert len(room.slack.posted(channel)) == 1
    assert await state(room, "slack", channel.id) is State.UNSURE
    assert [row.state for row in report.troubles] == [State.UNSURE]
    assert all(not (one.sent or one.failed or one.troubles) for one in later)


async def test_two_replicas_at_once_send_it_once(rooms: Newsroom) -> None:
    sender = Counting()
    for channel in range(9):
        await rooms.subscribe("discord", str(channel))
    await asyncio.gather(*(rooms.run(replica, {"discord": sender}) for replica in ("one", "two", "three")))

    assert sorted(one.slot.channel for one in sender.letters) == [str(channel) for channel in range(9)]


async def test_of_two_replicas_one_takes_over_what_the_other_left(rooms: Newsroom) -> None:
    sender = Counting()
    await rooms.subscribe("discord", "1")
    with pytest.raises(Kill):
        await rooms.run("one", {"discord": Dying(sender, "before")})
    rooms.hands.moment += LEASE - timedelta(seconds=1)
    await rooms.run("two", {"discord": sender})
    early = len(sender.letters)
    rooms.hands.moment += timedelta(seconds=1)
    await asyncio.gather(*(rooms.run(replica, {"discord": sender}) for replica in ("two", "three")))

    assert early == 0
    assert [one.begun for one in sender.letters] == [FRIDAY]


async def test_a_failure_is_tried_again_with_growing_pauses(room: Newsroom) -> None:
    sender = Counting(refusals=3)
    await room.subscribe("discord", "1")
    room.senders = {"discord": sender}
    reports = await room.runs(hours=2)
    tried = [at for at, report in enumerate(reports) if report.failed or report.sent]

    assert tried == [0, 1, 3, 7]
    assert [entry.why for report in reports for entry in report.failed] == ["the chat is away"] * 3
    assert await state(room, "discord", "1") is State.SENT


async def test_it_is_left_alone_as_long_as_the_platform_asks(room: Newsroom) -> None:
    sender = Counting(refusals=1, retry_after=1800)
    await room.subscribe("discord", "1")
    room.senders = {"discord": sender}
    reports = await room.runs(hours=1)

    assert [at for at, report in enumerate(reports) if report.sent] == [6]


async def test_after_a_day_it_is_given_up_until_next_week(room: Newsroom) -> None:
    sender = Counting(refusals=12)
    await room.subscribe("discord", "1")
    room.senders = {"discord": sender}
    await room.runs(hours=30)
    given_up, tries = await state(room, "discord", "1"), sender.tries
    sender.tries = 99
    room.hands.moment = FRIDAY + timedelta(weeks=1)
    next_week = await room.run()

    assert given_up is State.GIVEN_UP
    assert 8 <= tries <= 12
    assert len(next_week.sent) == 1


@pytest.mark.parametrize(("late", "outcome"), [(LATE - TICK, State.SENT), (LATE + TICK, State.MISSED)])
async def test_a_bot_that_was_away_sends_it_late_within_a_day_and_then_not_at_all(
    room: Newsroom, late: timedelta, outcome: State
) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    room.hands.moment = FRIDAY + late
    report = await room.run()
    again = await room.run()

    assert await state(room, "discord", channel.id) is outcome
    assert len(report.sent) + len(report.skipped) == 1
    assert again.sent == again.skipped == ()


async def test_one_that_was_asked_for_after_its_hour_comes_a_week_later(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id, since=FRIDAY)
    reports = await room.runs(hours=26)
    room.hands.moment = FRIDAY + timedelta(weeks=1)
    next_week = await room.run()

    assert not any(report.sent or report.skipped for report in reports)
    assert len(next_week.sent) == 1


async def test_a_change_after_it_came_brings_no_second_one_that_week(room: Newsroom) -> None:
    channel = room.discord.channel()
    one = await room.subscribe("discord", channel.id)
    await room.run()
    await room.books.subscriptions.keep(replace(one, weekday=5, hour=9, since=FRIDAY + timedelta(minutes=1)))
    reports = await room.runs(hours=24)

    assert not any(report.sent for report in reports[1:])


async def test_in_a_month_no_channel_sees_a_game_twice_and_then_some_come_again(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    weeks, titles = 4, 24
    for week in range(weeks):
        room.hands.moment = FRIDAY + timedelta(weeks=week)
        await room.run()
    seen = shown(room, channel)

    assert len(seen) == len(set(seen))
    assert titles <= len(seen) + 6


async def test_with_fewer_than_three_games_nothing_is_sent(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id, tags=("Sexual Content",))
    reports = await room.runs(hours=2)

    assert room.discord.posted(channel) == []
    assert [entry.why for report in reports for entry in report.skipped] == ["too_few"]


@pytest.mark.parametrize(("nsfw", "there"), [(True, True), (False, False)])
async def test_games_for_adults_come_only_as_long_as_discord_says_that_the_channel_is_for_them(
    room: Newsroom, *, nsfw: bool, there: bool
) -> None:
    channel = room.discord.channel(nsfw=nsfw)
    await room.subscribe("discord", channel.id, tags=("Horror",), adult=True)
    await room.run()

    assert bool({901, 953} & set(shown(room, channel))) is there


async def test_a_channel_that_turns_for_all_gets_none_for_adults_though_it_was_decided(room: Newsroom) -> None:
    channel = room.discord.channel(nsfw=True)
    await room.subscribe("discord", channel.id, tags=("Horror",), adult=True)
    with pytest.raises(Kill):
        await room.run(senders={"discord": Dying(room.senders["discord"], "before")})
    room.discord.changed(channel, nsfw=False)
    await room.runs(hours=1)

    assert not {901, 953} & set(shown(room, channel))
    assert len(shown(room, channel)) >= 3


async def test_gone_channels_unsubscribe_themselves_and_the_others_get_theirs(room: Newsroom) -> None:
    kept, gone = room.discord.channel(), room.discord.channel()
    left = room.slack.channel(has_bot=False)
    archived = room.slack.channel()
    archived.shut = "is_archived"
    for channel in (kept, gone):
        await room.subscribe("discord", channel.id)
    for other in (left, archived):
        await room.subscribe("slack", other.id)
    room.discord.removed(gone)
    report = await room.run()

    assert {entry.channel for entry in report.unsubscribed} == {gone.id, left.id, archived.id}
    assert [entry.channel for entry in report.sent] == [kept.id]
    assert [one.channel for one in await room.books.subscriptions.all()] == [kept.id]


async def test_a_long_outage_of_discord_makes_it_late(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    room.discord.fail_next(".", 503, times=1000)
    outage = await room.runs(hours=2)
    room.discord.faults.coming.clear()
    after = await room.runs(hours=4)

    assert not any(report.sent for report in outage)
    assert sum(len(report.sent) for report in after) == 1
    assert len(room.discord.posted(channel)) == 2


async def test_a_bug_that_one_channel_brings_to_light_leaves_the_others_theirs(room: Newsroom) -> None:
    class Broken(Counting):
        async def deliver(self, letter: Letter) -> str:
            if letter.slot.channel == "1":
                raise ZeroDivisionError
            return await super().deliver(letter)

    sender = Broken()
    for channel in ("1", "2", "3"):
        await room.subscribe("discord", channel)
    report = await room.run(senders={"discord": sender})

    assert sorted(one.slot.channel for one in sender.letters) == ["2", "3"]
    assert "reference" in report.failed[0].why


@pytest.mark.parametrize(
    ("summer", "winter"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 16, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 17, tzinfo=UTC)),
    ],
)
async def test_across_a_change_of_the_clocks_it_comes_at_its_hour_and_once(
    room: Newsroom, summer: datetime, winter: datetime
) -> None:
    await room.subscribe("discord", "1", weekday=6, time_zone="Europe/Berlin", since=summer - timedelta(days=3))
    await room.subscribe("discord", "2", weekday=6, hour=2, time_zone="Europe/Berlin", since=summer - timedelta(days=3))
    room.hands.moment, sender = summer, Counting()
    room.senders = {"discord": sender}
    reports = await room.runs(hours=48)
    at = [
        summer + TICK * place for place, report in enumerate(reports) for entry in report.sent if entry.channel == "1"
    ]

    assert at == [winter]
    assert sorted(one.slot.channel for one in sender.letters) == ["1", "2"]


async def test_the_fifty_third_week_is_a_week_of_its_own(room: Newsroom) -> None:
    since = datetime(2026, 12, 20, tzinfo=UTC)
    await room.subscribe("discord", "1", weekday=6, since=since)
    room.hands.moment, sender = since + timedelta(hours=19), Counting()
    room.senders = {"discord": sender}
    for _ in range(4):
        await room.run()
        room.hands.moment += timedelta(weeks=1)

    assert [one.slot.week for one in sender.letters] == ["2026-W51", "2026-W52", "2026-W53", "2027-W01"]


async def test_channels_of_a_platform_that_is_not_set_up_are_left_alone(room: Newsroom) -> None:
    await room.subscribe("terminal", "console", None)
    report = await room.run(senders={"discord": Counting()})

    assert report == DigestsReport()


async def test_most_runs_have_nothing_to_tell(room: Newsroom) -> None:
    await room.subscribe("discord", "1")
    room.senders = {"discord": Counting()}
    room.hands.moment = FRIDAY - TICK
    posts = [told(report, WORDS) for report in await room.runs(hours=2)]
    (post,) = [post for post in posts if post is not None]

    assert post.news is News.GOOD
    assert post.title == "Weekly digests: 1 sent, 0 unsubscribed"


async def test_troubles_are_told_once_a_day(room: Newsroom) -> None:
    for channel in ("1", "2"):
        await room.subscribe("discord", channel)
    await room.subscribe("discord", "3", hour=20)
    room.senders = {"discord": Counting(refusals=99)}
    reports = await room.runs(hours=47)
    posts = [post for report in reports if (post := told(report, WORDS)) is not None]

    assert len(posts) == 2
    assert [len(report.troubles) for report in reports if report.troubles] == [2, 3]
    assert all(post.news is News.BAD for post in posts)
    assert posts[0].facts[0] == (
        "discord 1",
        "2026-W21: not sent yet, and tried again at 2026-05-22 18:05 UTC. the chat is away",
    )
    assert "given up after a day" in posts[1].facts[0][1]


async def test_the_report_is_plain(room: Newsroom) -> None:
    await room.subscribe("discord", "1")
    report = await room.run(senders={"discord": Counting(refusals=9)})

    assert report.as_dict() == {
        "sent": [],
        "skipped": [],
        "unsubscribed": [],
        "failed": [
            {
                "platform": "discord",
                "channel": "1",
                "week": WEEK,
                "why": "the chat is away",
                "next_at": "2026-05-22T18:05:00+00:00",
            }
        ],
        "troubles": 1,
    }


PEOPLE = ("ann-of-games", "bob-of-games", "cleo-of-games", "dan-of-games", "eve-of-games")


async def lovers_of_horror(room: Newsroom, channel: str, count: int) -> None:
    titles = worlds.THEMES["Horror"]
    for at, name in enumerate(PEOPLE[:count]):
        await room.person(name, "discord", channel, plays=(titles[at], titles[(at + 1) % 6]))


async def test_five_people_s_taste_is_heard_and_nobody_is_named(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    await lovers_of_horror(room, channel.id, 5)
    await room.run()
    said = repr([one.body.components for one in room.discord.posted(channel)])

    assert "fits what people here like: Horror" in said
    assert not any(name in said for name in PEOPLE)
    assert "because" not in said


async def test_four_people_s_taste_is_heard_nowhere(room: Newsroom) -> None:
    channel, other = room.discord.channel(), room.discord.channel()
    await room.subscribe("discord", channel.id)
    await room.subscribe("discord", other.id, "elsewhere")
    await lovers_of_horror(room, channel.id, 4)
    await room.run()

    assert shown(room, channel) == shown(room, other)


async def test_people_of_a_whole_server_speak_where_a_channel_has_too_few(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    await lovers_of_horror(room, "another channel", 5)
    await room.run()

    assert "fits what people here like" in repr([one.body.components for one in room.discord.posted(channel)])


async def test_what_many_came_to_like_is_said_to_rise(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id, language="ko")
    for at in range(4):
        await room.person(f"person {at}", "discord", "elsewhere", "elsewhere", likes=[401])
    await room.run()

    assert shown(room, channel)[0] == 401
    assert "4명이 좋아요를 눌렀어요" in repr([one.body.components for one in room.discord.posted(channel)])


async def test_the_table_of_digests_knows_nobody_and_forgetting_leaves_it_as_it_is(room: Newsroom) -> None:
    channel = room.discord.channel()
    await room.subscribe("discord", channel.id)
    await lovers_of_horror(room, channel.id, 5)
    await room.run()
    about = await PersonalData(room.database).of("discord", PEOPLE[0])
    await PersonalData(room.database).erase("discord", PEOPLE[0], FRIDAY)

    assert "digests" not in about
    assert await state(room, "discord", channel.id) is State.SENT
    assert len((await logged(room)).shown) == 6
