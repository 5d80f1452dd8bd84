"""Messages to come on the Slack on loopback, single and past ones on the Discord, as strict as the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.loopback_discord import Channel, LoopbackDiscord
from tests.loopback_slack import LoopbackSlack

NOW = 1_800_000_000.0


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack(between_posts=0) as opened:
        opened.world.clock = lambda: NOW
        yield opened


@pytest.fixture
def client(slack: LoopbackSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.url)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(0, "time_in_past"), (-5, "time_in_past"), (120 * 86400 + 1, "time_too_far")],
)
async def test_a_moment_has_to_come_and_not_in_a_long_time(
    slack: LoopbackSlack, client: AsyncWebClient, seconds: int, error: str
) -> None:
    with pytest.raises(SlackApiError, match=error):
        await client.chat_scheduleMessage(channel=slack.channel().id, post_at=int(NOW) + seconds, text="soon")


async def test_what_is_scheduled_is_listed_until_it_is_posted(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    channel, other = slack.channel(), slack.channel(name="other")
    made = await client.chat_scheduleMessage(channel=channel.id, post_at=int(NOW) + 60, text="soon")
    listed = await client.chat_scheduledMessages_list(channel=channel.id)
    elsewhere = await client.chat_scheduledMessages_list(channel=other.id)
    before = slack.posted(channel)
    slack.world.clock = lambda: NOW + 60
    after = await client.chat_scheduledMessages_list(channel=channel.id)

    assert [one["id"] for one in listed["scheduled_messages"]] == [made["scheduled_message_id"]]
    assert listed["scheduled_messages"][0]["post_at"] == int(NOW) + 60
    assert elsewhere["scheduled_messages"] == after["scheduled_messages"] == before == []
    assert [one.body.text for one in slack.posted(channel)] == ["soon"]


async def test_there_may_not_be_too_many_within_five_minutes_and_they_come_in_pages(
    slack: LoopbackSlack, client: AsyncWebClient
) -> None:
    channel = slack.channel()
    for at in range(30):
        await client.chat_scheduleMessage(channel=channel.id, post_at=int(NOW) + 100 + at, text=str(at))
    with pytest.raises(SlackApiError, match="restricted_too_many"):
        await client.chat_scheduleMessage(channel=channel.id, post_at=int(NOW) + 100, text="too many")
    first = await client.chat_scheduledMessages_list(channel=channel.id, limit=20)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.chat_scheduledMessages_list(channel=channel.id, limit=20, cursor=cursor)

    assert (len(first["scheduled_messages"]), len(second["scheduled_messages"])) == (20, 10)


async def test_where_the_bot_has_left_meanwhile_nothing_is_posted(slack: LoopbackSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    await client.chat_scheduleMessage(channel=channel.id, post_at=int(NOW) + 60, text="soon")
    channel.has_bot = False
    slack.world.clock = lambda: NOW + 60

    assert slack.posted(channel) == []


async def test_scheduling_needs_chat_write_and_listing_nothing_more(
    slack: LoopbackSlack, client: AsyncWebClient
) -> None:
    channel = slack.channel()
    slack.home.scopes = frozenset()
    listed = await client.chat_scheduledMessages_list(channel=channel.id)
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.chat_scheduleMessage(channel=channel.id, post_at=int(NOW) + 60, text="soon")

    assert listed["scheduled_messages"] == []


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord() as opened:
        opened.world.clock = lambda: NOW
        yield opened


async def say(discord: LoopbackDiscord, channel: Channel, **said: object) -> tuple[int, dict[str, object]]:
    url, headers = f"{discord.url}/channels/{channel.id}/messages", {"Authorization": f"Bot {discord.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=said) as answer:
        return answer.status, await answer.json()


async def heard(discord: LoopbackDiscord, channel: Channel, **query: str | int) -> list[str]:
    url, headers = f"{discord.url}/channels/{channel.id}/messages", {"Authorization": f"Bot {discord.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url, params=query) as answer:
        return [one["content"] for one in await answer.json()]


async def test_a_nonce_keeps_a_message_single_for_a_few_minutes(discord: LoopbackDiscord) -> None:
    channel = discord.channel()
    _, first = await say(discord, channel, content="one", nonce="n", enforce_nonce=True)
    _, second = await say(discord, channel, content="two", nonce="n", enforce_nonce=True)
    _, loose = await say(discord, channel, content="three", nonce="n")
    discord.world.clock = lambda: NOW + 600
    _, late = await say(discord, channel, content="four", nonce="n", enforce_nonce=True)

    assert first["id"] == second["id"]
    assert len({first["id"], loose["id"], late["id"]}) == 3
    assert [one.body.content for one in discord.posted(channel)] == ["one", "three", "four"]


async def test_a_nonce_is_no_longer_than_it_may_be(discord: LoopbackDiscord) -> None:
    status, said = await say(discord, discord.channel(), content="one", nonce="n" * 26, enforce_nonce=True)

    assert (status, said["code"]) == (400, 50035)


async def test_past_messages_come_the_newest_first_after_one_or_before(discord: LoopbackDiscord) -> None:
    channel = discord.channel()
    ids = [(await say(discord, channel, content=str(at)))[1]["id"] for at in range(4)]

    assert await heard(discord, channel) == ["3", "2", "1", "0"]
    assert await heard(discord, channel, after=str(ids[0]), limit=2) == ["2", "1"]
    assert await heard(discord, channel, before=str(ids[2]), limit=1) == ["1"]


async def test_who_may_not_read_what_was_said_hears_nothing(discord: LoopbackDiscord) -> None:
    channel = discord.channel()
    await say(discord, channel, content="one")
    shut = discord.changed(channel, readable=False)

    assert await heard(discord, shut) == []
