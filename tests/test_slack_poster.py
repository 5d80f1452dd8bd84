"""The status channel on Slack: within its limits whatever is posted, and what it refuses is a sentence."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from traceback import format_exception

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messages import Language
from bot.posts import tidy
from bot.slack.pace import Pace
from bot.slack.poster import SlackPoster, posting_client
from bot.slack.posts import drawn
from bot.wording import Wording
from jobs.errors import ChartNotPosted, NotPosted
from jobs.posting import Chart, News, Post
from tests.loopback_slack import Channel, LoopbackSlack
from tests.loopback_slack.world import SCOPES
from tests.posters import PNG, WORDS, Clock, read, slack_poster
from tests.slack_limits import TEXT, too_much

CHART = Chart("nights.png", PNG, "nDCG@10 of 30 nights, rising")
REPORT = Post(
    News.GOOD, "Trained", "Better than last night", (("Rows", "4,120"),), ("Run", "https://ci.example/7"), CHART
)

texts = st.text(max_size=30) | st.text("<>&*_~`@|:! 한\n", max_size=2_000) | st.just("x" * 20_000)
addresses = st.just("https://ci.example/") | st.builds("https://ci.example/{}".format, texts) | texts
posts = st.builds(
    Post,
    st.sampled_from(News),
    texts,
    texts,
    st.lists(st.tuples(texts, texts), max_size=120).map(tuple),
    st.none() | st.tuples(texts, addresses),
    st.none() | st.builds(Chart, texts, st.just(PNG), texts),
)


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack(between_posts=0.0) as slack:
        yield slack


@pytest.fixture
def channel(slack: LoopbackSlack) -> Channel:
    return slack.channel(name="status")


@given(posts)
@settings(max_examples=50, deadline=None)
def test_no_post_is_more_than_slack_takes(post: Post) -> None:
    sent = drawn(tidy(post, "Details"), WORDS)

    assert too_much(sent.blocks) == []
    assert 0 < len(sent.text) <= TEXT


async def test_slack_takes_the_largest_post_there_is(slack: LoopbackSlack, channel: Channel) -> None:
    vast = replace(REPORT, title="&" * 9_000, text="<" * 9_000, facts=(("&" * 500, "<" * 9_000),) * 200)
    await slack_poster(slack, channel).post(vast)

    assert slack.refused == []


async def test_a_report_as_it_is_drawn(slack: LoopbackSlack, channel: Channel) -> None:
    await slack_poster(slack, channel).post(REPORT)
    message, below = slack.posted(channel)

    assert [block["type"] for block in message.body.blocks] == ["header", "section", "section", "context", "actions"]
    assert message.body.text.splitlines() == [
        "✅ Trained",
        "Better than last night",
        "Rows: 4,120",
        "📈 nDCG@10 of 30 nights, rising",
        "<https://ci.example/7|Run>",
    ]
    assert [(file.name, file.title, file.alt) for file in below.body.files] == [("nights.png", "✅ Trained", CHART.alt)]


async def test_no_link_of_a_post_unfolds_into_a_preview(slack: LoopbackSlack, channel: Channel) -> None:
    await slack_poster(slack, channel).post(replace(REPORT, chart=None))
    (message,) = slack.posted(channel)

    assert (message.body.unfurls_links, message.body.unfurls_media) == (False, False)


async def test_the_channel_speaks_the_language_of_its_people(slack: LoopbackSlack, channel: Channel) -> None:
    client = posting_client(slack.bot_token, slack.url)
    poster = SlackPoster(client, channel.id, Wording(Language.KO), Pace(every=0.0))
    await poster.post(replace(REPORT, facts=(("줄", "가" * 300),) * 90, chart=None))
    (message,) = slack.posted(channel)

    assert "개 더" in read(message.body)


@pytest.mark.parametrize("error", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"])
async def test_where_slack_refuses_the_looks_the_text_goes_alone(
    slack: LoopbackSlack, channel: Channel, error: str
) -> None:
    slack.fail_next("chat.postMessage", error=error)
    await slack_poster(slack, channel).post(REPORT)
    message, chart = slack.posted(channel)

    assert message.body.blocks == []
    assert "Rows: 4,120" in message.body.text
    assert "Run" in message.body.text
    assert chart.body.files[0].content == PNG


async def test_the_text_alone_and_the_chart_wait_for_their_turn_as_well(slack: LoopbackSlack, channel: Channel) -> None:
    slack.fail_next("chat.postMessage", error="invalid_blocks")
    clock = Clock()
    await slack_poster(slack, channel, Pace(1.0, clock, clock.sleep)).post(REPORT)

    assert clock.slept == [1.0, 1.0]


@pytest.mark.parametrize(
    ("error", "remedies"),
    [
        ("not_in_channel", ["/invite", "INDIEAN_SLACK_STATUS_CHANNEL"]),
        ("channel_not_found", ["/invite", "INDIEAN_SLACK_STATUS_CHANNEL"]),
        ("is_archived", ["/invite", "INDIEAN_SLACK_STATUS_CHANNEL"]),
        ("restricted_action_read_only_channel", ["INDIEAN_SLACK_STATUS_CHANNEL"]),
        ("invalid_auth", ["INDIEAN_SLACK_BOT_TOKEN"]),
        ("token_revoked", ["INDIEAN_SLACK_BOT_TOKEN"]),
        ("internal_error", ["try again"]),
    ],
)
async def test_what_slack_refuses_is_a_sentence_with_a_way_out(
    slack: LoopbackSlack, channel: Channel, error: str, remedies: list[str]
) -> None:
    slack.fail_next("chat.postMessage", error=error)
    with pytest.raises(NotPosted) as refused:
        await slack_poster(slack, channel).post(REPORT)

    assert [word for word in [error, *remedies] if word not in str(refused.value)] == []
    assert slack.posted(channel) == []


async def test_a_bot_that_nobody_invited_says_so(slack: LoopbackSlack) -> None:
    outside = slack.channel(has_bot=False)
    with pytest.raises(NotPosted, match=r"not_in_channel.*/invite"):
        await slack_poster(slack, outside).post(REPORT)


@pytest.mark.parametrize(("scope", "kind"), [("chat:write", NotPosted), ("files:write", ChartNotPosted)])
async def test_a_missing_scope_is_named(
    slack: LoopbackSlack, channel: Channel, scope: str, kind: type[NotPosted]
) -> None:
    slack.home.scopes = frozenset(SCOPES) - {scope}
    with pytest.raises(NotPosted, match=f"scope {scope}: add it") as refused:
        await slack_poster(slack, channel).post(REPORT)

    assert type(refused.value) is kind


async def test_slack_s_pauses_are_kept(slack: LoopbackSlack, channel: Channel) -> None:
    slack.fail_next("chat.postMessage", 429, retry_after=1)
    await slack_poster(slack, channel).post(REPORT)

    assert len(slack.posted(channel)) == 2


async def test_a_slack_that_never_stops_asking_for_pauses_is_a_sentence(slack: LoopbackSlack, channel: Channel) -> None:
    slack.fail_next("chat.postMessage", 429, times=4, retry_after=0)
    with pytest.raises(NotPosted, match="pause"):
        await slack_poster(slack, channel).post(REPORT)

    assert slack.posted(channel) == []


async def test_a_slack_that_is_away_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    token = "xoxb-nobody-may-see-this"  # noqa: S105 - opens nothing
    poster = SlackPoster(posting_client(token, "http://127.0.0.1:9/api"), "C0123456789", WORDS, Pace())
    with caplog.at_level(logging.DEBUG), pytest.raises(NotPosted, match="cannot be reached") as refused:
        await poster.post(REPORT)

    assert token not in repr(refused.value) + caplog.text + "".join(format_exception(refused.value))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_message_whose_answer_was_lost_is_not_sent_again(
    slack: LoopbackSlack, channel: Channel, *, after: bool
) -> None:
    """Nobody can tell whether it stands there, but whoever looks."""
    slack.drop_next("chat.postMessage", after=after)
    with pytest.raises(NotPosted, match="look before you post it again"):
        await slack_poster(slack, channel).post(REPORT)

    assert len(slack.posted(channel)) == after


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload"])
async def test_a_chart_whose_way_broke_off_is_sent_again(slack: LoopbackSlack, channel: Channel, step: str) -> None:
    slack.drop_next(step)
    await slack_poster(slack, channel).post(REPORT)

    assert [file.content for message in slack.posted(channel) for file in message.body.files] == [PNG]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_chart_that_may_be_there_is_not_sent_again(
    slack: LoopbackSlack, channel: Channel, *, after: bool
) -> None:
    slack.drop_next("files.completeUploadExternal", after=after)
    with pytest.raises(ChartNotPosted, match="look before you post it again"):
        await slack_poster(slack, channel).post(REPORT)

    assert len(slack.posted(channel)) == 1 + after
    assert slack.refused == []


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_where_the_upload_fails_the_message_stands_once(
    slack: LoopbackSlack, channel: Channel, step: str
) -> None:
    slack.fail_next(step, 500)
    with pytest.raises(ChartNotPosted, match="the message stands, without its chart"):
        await slack_poster(slack, channel).post(REPORT)
    (message,) = slack.posted(channel)

    assert "rising" in read(message.body)
    assert slack.api.counted["chat.postMessage"] == 1
