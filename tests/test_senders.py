"""What every sender keeps to: a letter that was handed over twice stands in its channel once; troubles have names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import ChannelGone, NobodyKnows, NotSent, Unfinished
from jobs.sending import Letter, Sender
from tests.digest_world import FRIDAY, Newsroom, cards, features, letter, newsroom


@dataclass(frozen=True)
class Place:
    """One channel as a sender meets it: `seen` are the games on the cards there, once the letter's moment has come.

    `away` keeps the platform from answering the next letters at all, `lost` loses the answer about one message.
    """

    room: Newsroom
    sender: Sender
    letter: Letter
    seen: Callable[[], list[int]]
    away: Callable[[], None]
    lost: Callable[[], None]
    gone: Callable[[], None]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Newsroom]:
    async with newsroom(tmp_path) as opened:
        yield opened


def on_discord(room: Newsroom) -> Place:
    channel = room.discord.channel()
    return Place(
        room,
        room.senders["discord"],
        letter("discord", channel.id),
        lambda: cards([one.body.components for one in room.discord.posted(channel)]),
        lambda: room.discord.fail_next("channels", 503, times=5),
        lambda: room.discord.drop_next("POST /channels", 3, after=True),
        lambda: room.discord.removed(channel),
    )


def on_slack(room: Newsroom) -> Place:
    channel = room.slack.channel()

    def seen() -> list[int]:
        room.hands.moment = FRIDAY + timedelta(hours=1)
        return cards([one.body.blocks for one in room.slack.posted(channel)])

    def gone() -> None:
        channel.has_bot = False

    room.hands.moment = FRIDAY - timedelta(minutes=15)
    return Place(
        room,
        room.senders["slack"],
        letter("slack", channel.id),
        seen,
        lambda: room.slack.fail_next("chat", error="fatal_error", times=2),
        lambda: room.slack.drop_next("chat.scheduleMessage", after=True),
        gone,
    )


PLACES = [on_discord, on_slack]


@pytest.fixture(params=PLACES, ids=lambda made: made.__name__)
def place(request: pytest.FixtureRequest, room: Newsroom) -> Place:
    made: Callable[[Newsroom], Place] = request.param
    return made(room)


def again(one: Letter) -> Letter:
    return replace(one, begun=FRIDAY - timedelta(minutes=15))


def said(place: Place) -> int:
    """How many messages there are."""
    room, channel = place.room, place.letter.slot.channel
    if place.letter.slot.platform == "discord":
        return len([one for one in room.discord.world.messages.values() if one.channel_id == channel])
    return len([one for one in room.slack.world.messages.values() if one.channel == channel])


def known(one: Letter) -> list[int]:
    return [feature.pick.game.app_id for feature in one.features]


MESSAGES = {"discord": 2, "slack": 1}


async def test_a_letter_stands_in_its_channel_card_by_card(place: Place) -> None:
    message = await place.sender.deliver(place.letter)

    assert message
    assert place.seen() == known(place.letter)


async def test_handed_over_again_after_a_restart_it_stands_there_once(place: Place) -> None:
    platform = place.letter.slot.platform
    first = await place.sender.deliver(place.letter)
    second = await place.room.new_senders()[platform].deliver(again(place.letter))

    assert second == first
    assert place.seen() == known(place.letter)
    assert said(place) == MESSAGES[platform]


async def test_one_that_never_got_there_is_sent_after_a_look(place: Place) -> None:
    await place.sender.deliver(again(place.letter))

    assert place.seen() == known(place.letter)


async def test_where_the_platform_does_not_answer_it_is_not_sent(place: Place) -> None:
    place.away()
    with pytest.raises((NotSent, Unfinished)):
        await place.sender.deliver(place.letter)


async def test_where_the_answer_is_lost_it_stands_there_once_all_the_same(place: Place) -> None:
    place.lost()
    try:
        await place.sender.deliver(place.letter)
    except Unfinished:
        await place.sender.deliver(again(place.letter))

    assert place.seen() == known(place.letter)
    assert said(place) == MESSAGES[place.letter.slot.platform]


async def test_a_channel_that_is_gone_is_told_apart(place: Place) -> None:
    place.gone()
    with pytest.raises(ChannelGone):
        await place.sender.deliver(place.letter)


async def test_a_terminal_prints_it_and_prints_nothing_twice(room: Newsroom) -> None:
    sender, one = room.senders["terminal"], letter("terminal", "console", None)
    await sender.deliver(one)
    with pytest.raises(NobodyKnows):
        await sender.deliver(again(one))

    assert room.console.getvalue().count(one.features[0].pick.game.title) >= 1
    assert room.console.getvalue().count("Indie games of the week") == 1


async def test_a_terminal_that_takes_no_text_is_a_trouble(room: Newsroom) -> None:
    def shut(_: str) -> int:
        raise OSError(5, "Input/output error")

    room.console.write = shut  # type: ignore[method-assign]
    with pytest.raises(NotSent):
        await room.senders["terminal"].deliver(letter("terminal", "console", None))


@pytest.mark.parametrize("settings", [{"writable": False}, {"writable": False, "readable": False}])
async def test_a_channel_of_discord_in_which_the_bot_may_not_speak_is_gone(
    room: Newsroom, settings: dict[str, bool]
) -> None:
    channel = room.discord.changed(room.discord.channel(), **settings)
    with pytest.raises(ChannelGone):
        await room.senders["discord"].deliver(letter("discord", channel.id))


async def test_a_server_that_has_thrown_the_bot_out_is_gone(room: Newsroom) -> None:
    guild = room.discord.guild("Elsewhere")
    channel = room.discord.channel(guild=guild)
    guild.installed = False
    with pytest.raises(ChannelGone):
        await room.senders["discord"].for_adults(letter("discord", channel.id).subscription)


@pytest.mark.parametrize("nsfw", [True, False])
async def test_discord_says_which_channels_are_for_adults_and_a_thread_is_what_its_channel_is(
    room: Newsroom, *, nsfw: bool
) -> None:
    channel = room.discord.channel(nsfw=nsfw)
    thread = room.discord.thread(channel)
    said = [
        await room.senders["discord"].for_adults(letter("discord", one.id).subscription) for one in (channel, thread)
    ]

    assert said == [nsfw, nsfw]


async def test_in_a_channel_of_discord_that_the_bot_may_not_read_nothing_is_sent_twice(room: Newsroom) -> None:
    channel = room.discord.changed(room.discord.channel(), readable=False)
    one = letter("discord", channel.id)
    await room.senders["discord"].deliver(one)
    room.hands.moment += timedelta(minutes=10)
    with pytest.raises(NobodyKnows):
        await room.senders["discord"].deliver(again(one))

    assert len(room.discord.posted(channel)) == 2


async def test_in_a_channel_of_discord_where_nothing_was_said_since_it_is_sent_though_it_cannot_be_read(
    room: Newsroom,
) -> None:
    channel = room.discord.changed(room.discord.channel(), readable=False)
    await room.senders["discord"].deliver(letter("discord", channel.id))
    room.hands.moment += timedelta(weeks=1)
    later = replace(letter("discord", channel.id), answer="b" * 32, begun=room.hands.moment)
    later = replace(later, slot=replace(later.slot, week="2026-W22"))
    await room.senders["discord"].deliver(later)

    assert len(room.discord.posted(channel)) == 4


async def test_of_two_messages_the_one_that_is_missing_is_sent(room: Newsroom) -> None:
    channel = room.discord.channel()
    one = letter("discord", channel.id)
    posted: list[int] = []

    def clock() -> float:
        posted.append(1)
        if len(posted) == 1:  # the first message stands: what comes next finds Discord in trouble
            room.discord.fail_next("POST /channels", 503, times=3)
        return room.hands.seconds()

    room.discord.world.clock = clock
    with pytest.raises(Unfinished):
        await room.senders["discord"].deliver(one)
    half = [cards(message.body.components) for message in room.discord.posted(channel)]
    room.discord.faults.coming.clear()
    room.discord.world.clock = room.hands.seconds
    await room.new_senders()["discord"].deliver(again(one))
    whole = [cards(message.body.components) for message in room.discord.posted(channel)]

    assert half == [known(one)[:3]]
    assert whole == [known(one)[:3], known(one)[3:]]


async def test_discord_has_the_same_nonce_for_the_same_digest_only(room: Newsroom) -> None:
    first, second = room.discord.channel(), room.discord.channel()
    for channel in (first, second, first):
        await room.senders["discord"].deliver(letter("discord", channel.id))

    assert len(room.discord.posted(first)) == len(room.discord.posted(second)) == 2


async def test_a_digest_that_was_to_be_there_already_is_not_scheduled_again_on_slack(room: Newsroom) -> None:
    channel = room.slack.channel()
    room.hands.moment = FRIDAY + timedelta(minutes=1)
    with pytest.raises(NobodyKnows):
        await room.senders["slack"].deliver(again(letter("slack", channel.id)))

    assert room.slack.world.scheduled == {}


async def test_slack_asks_for_a_pause_and_it_is_kept(room: Newsroom) -> None:
    channel = room.slack.channel()
    room.hands.moment = FRIDAY - timedelta(minutes=15)
    room.slack.fail_next("chat.scheduleMessage", 429, retry_after=1)
    await room.senders["slack"].deliver(letter("slack", channel.id))

    assert len(room.slack.world.scheduled) == 1


async def test_discord_asks_for_a_pause_and_it_is_kept(room: Newsroom) -> None:
    channel = room.discord.channel()
    room.discord.fail_next("POST /channels", 429, retry_after=0.2)
    await room.senders["discord"].deliver(letter("discord", channel.id))

    assert len(room.discord.posted(channel)) == 2


async def test_nothing_is_wrong_with_what_is_sent(room: Newsroom) -> None:
    channel, other = room.discord.channel(), room.slack.channel()
    await room.senders["discord"].deliver(letter("discord", channel.id))
    room.hands.moment = FRIDAY - timedelta(minutes=15)
    await room.senders["slack"].deliver(letter("slack", other.id))

    assert len(features().features) == 6
    assert room.discord.refused == []
    assert room.slack.refused == []
    assert room.slack.warnings == []
    assert [one.body.rings for one in room.discord.posted(channel)] == [[], []]
