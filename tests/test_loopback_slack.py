"""The loopback Slack against the real Bolt and SDK: what it lets through, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError

from tests import slack_client
from tests.loopback_slack import LoopbackSlack, NotOffered, Unanswered
from tests.processes import running


@asynccontextmanager
async def talking(slack: LoopbackSlack) -> AsyncIterator[LoopbackSlack]:
    """A Slack that the small bot of `tests.slack_client` is connected to."""
    async with slack:
        bolt = slack_client.app(slack.url, slack.bot_token, slack.signing_secret)
        handler = AsyncSocketModeHandler(bolt, slack.app_token, ping_interval=0.2)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves these two bare
        try:
            await slack.connected()
            yield slack
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with talking(LoopbackSlack(first_response=1.0, again_after=(0.0, 0.1), patience=5.0)) as slack:
        yield slack


async def test_a_command_is_acknowledged_and_then_answered_for_one_person(slack: LoopbackSlack) -> None:
    answer = await (await slack.member("ann").slash(slack.channel(), "/echo", "Hello")).until_acked()

    assert sorted(step.what for step in answer.steps) == ["ack", "ephemeral"]
    assert answer.text == (
        "Hello\n[⋯ More like this | Hide]\n[Count 1] [Share] [Store ↗ https://example.org/]\n(only visible to you)"
    )
    assert slack.refused == []
    assert slack.warnings == []


async def test_an_acknowledgement_may_be_the_answer(slack: LoopbackSlack) -> None:
    answer = await slack.member("ann").slash(slack.channel(), "/now", "Hello")

    assert answer.text == "Hello"
    assert slack.posted(answer.channel) == answer.messages


async def test_a_press_replaces_the_message_it_is_under(slack: LoopbackSlack) -> None:
    answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    await (await answer.press("Count 1")).press("Count 2")

    assert answer.text.startswith("Counted to 3")
    assert len(answer.messages) == 1


async def test_a_press_may_say_something_to_the_whole_channel(slack: LoopbackSlack) -> None:
    answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    await answer.press("Share")

    assert [message.body.text for message in slack.posted(answer.channel)] == ["Hello"]


async def test_an_overflow_menu_may_take_the_message_away(slack: LoopbackSlack) -> None:
    answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    more = await answer.choose("More like this")
    hidden = await answer.choose("hide")

    assert more.messages[-1].body.text == "more"
    assert "delete" in [step.what for step in hidden.steps]
    assert answer.messages == []


async def test_what_is_not_there_or_for_somebody_else_cannot_be_pressed(slack: LoopbackSlack) -> None:
    answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    with pytest.raises(LookupError, match="Count 1"):
        await answer.press("Count 9")
    with pytest.raises(LookupError, match="Hide"):
        await answer.choose("Show")
    with pytest.raises(LookupError, match="somebody else"):
        await answer.press("Count 1", by=slack.member("bob"))


async def test_only_commands_of_the_app_are_offered(slack: LoopbackSlack) -> None:
    slack.world.commands = frozenset({"/echo"})

    with pytest.raises(NotOffered, match="/echo"):
        slack.member("ann").begin(slack.channel(), "/now")


async def test_what_is_acknowledged_too_late_is_seen_by_nobody(slack: LoopbackSlack) -> None:
    slack.world.first_response = 0.1
    answer = slack.member("ann").begin(slack.channel(), "/slow", "0.3")

    await answer.until_acked()

    assert [str(one) for one in slack.refused] == ["ack of /slow: operation_timeout"]


async def test_a_command_that_is_never_acknowledged_is_told_of(slack: LoopbackSlack) -> None:
    slack.world.first_response = 0.1
    with pytest.raises(Unanswered, match=r"/silent was never acknowledged; the bot did: nothing\n.*operation_timeout"):
        await slack.member("ann").begin(slack.channel(), "/silent").until_answered(within=0.5)


async def test_a_response_url_is_good_for_five_answers(slack: LoopbackSlack) -> None:
    answer = slack.member("ann").begin(slack.channel(), "/often", "6")

    await slack.until(lambda: slack.refused)

    assert len(answer.messages) == 5
    assert [str(one) for one in slack.refused] == ["response_url: used_url"]


async def test_a_response_url_is_good_for_half_an_hour(slack: LoopbackSlack) -> None:
    slack.world.hook_life = 0.0
    slack.member("ann").begin(slack.channel(), "/often", "1")

    await slack.until(lambda: slack.refused)

    assert [str(one) for one in slack.refused] == ["response_url: expired_url"]


async def test_blocks_without_a_text_beside_them_are_warned_of(slack: LoopbackSlack) -> None:
    await slack.member("ann").slash(slack.channel(), "/bare", "Hello")

    assert slack.warnings == ["/bare: there is no text beside the blocks"]


async def test_too_long_a_text_is_refused_at_the_response_url(slack: LoopbackSlack) -> None:
    answer = slack.member("ann").begin(slack.channel(), "/echo", "A" * 3001)

    await slack.until(lambda: slack.refused)

    said = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert str(slack.refused[0]).startswith(f"response_url: invalid_blocks; {said}")
    assert answer.messages == []


async def test_a_modal_is_filled_in_with_what_is_offered_while_typing(slack: LoopbackSlack) -> None:
    asked = await slack.member("ann").slash(slack.channel(), "/find")
    assert asked.text == "╭ Find\n│ Game\n│ [Games ▾]\n│ Since (optional)\n│ [____]\n╰ [Search]"
    with pytest.raises(ValueError, match="Game"):
        await asked.submit()

    offered = await asked.type("games", "h")
    sent = await asked.submit({"Game": "Hollow Knight", "Since": "2017"})
    await sent.until(lambda exchange: exchange.messages)

    assert offered.options == ["Hades", "Hollow Knight"]
    assert asked.view is None
    assert asked.messages[0].body.text == "found hollow knight since 2017"
    assert sent.messages == asked.messages
    assert slack.refused == []


async def test_a_modal_that_is_sent_back_stays_open(slack: LoopbackSlack) -> None:
    asked = await slack.member("ann").slash(slack.channel(), "/find")
    await asked.type("games", "c")

    sent = await asked.submit({"which": "celeste", "since": "soon"})

    assert sent.errors == {"when": "A year, please"}
    assert asked.view is not None


async def test_only_what_was_offered_can_be_chosen(slack: LoopbackSlack) -> None:
    asked = await slack.member("ann").slash(slack.channel(), "/find")

    with pytest.raises(LookupError, match="not offered"):
        await asked.submit({"Game": "Tetris"})


async def test_the_bot_is_told_of_a_modal_that_is_closed(slack: LoopbackSlack) -> None:
    asked = await slack.member("ann").slash(slack.channel(), "/find")

    closed = asked.close()

    assert closed is not None
    assert (await closed.until_acked()).ack is None
    assert asked.view is None


async def test_people_and_places_can_be_asked_about(slack: LoopbackSlack) -> None:
    answer = await slack.member("jin", "ko-KR").slash(slack.channel(name="games"), "/where")

    assert answer.messages[0].body.text == "ko-KR in games of home-of-indies"


async def test_a_home_tab_is_published_and_can_be_pressed(slack: LoopbackSlack) -> None:
    ann = slack.member("ann")

    home = await ann.open_home()

    assert home.text.startswith("╭ Home\n│ # Your games\n│ Linked\n│ [⋯ More like this | Hide]")
    assert ann.home is not None
    assert (await home.press_on("Store").until_acked()).payload["view"]["id"] == ann.home.id


async def test_a_message_shortcut_knows_the_message(slack: LoopbackSlack) -> None:
    ann, channel = slack.member("ann"), slack.channel()

    answer = await ann.shortcut(channel, slack.member("bob").say(channel, "Hades"), "like_this")

    assert answer.messages[0].body.text == "games like Hades"


async def test_a_link_becomes_a_card(slack: LoopbackSlack) -> None:
    url = "https://store.steampowered.com/app/1/"
    await slack.member("ann").link(slack.channel(), f"look: {url}").until_answered()

    message = next(one for one in slack.world.messages.values() if url in one.body.text)
    assert list(message.unfurls) == [url]
    assert slack.refused == []
    with pytest.raises(NotOffered, match="steampowered"):
        slack.member("ann").link(slack.channel(), "look: https://example.org")


@asynccontextmanager
async def line(slack: LoopbackSlack) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection without a bot at its end."""
    async with aiohttp.ClientSession() as session, session.ws_connect(slack.delivery.socket.ticket()) as connection:
        yield connection


async def test_an_event_that_is_not_acknowledged_is_told_again() -> None:
    async with LoopbackSlack(first_response=0.05, again_after=(0.0, 0.0)) as slack, line(slack) as connection:
        hello = await connection.receive_json(timeout=5)
        ann = slack.member("ann")
        home = ann.event(slack.direct(ann), "app_home_opened", tab="home")
        told = [await connection.receive_json(timeout=5) for _ in range(3)]
        await connection.send_json({"envelope_id": told[0]["envelope_id"]})
        await home.until_acked()

    assert hello["type"] == "hello"
    assert [one["retry_attempt"] for one in told] == [0, 1, 2]
    assert len({one["payload"]["event_id"] for one in told}) == 1


async def test_a_bot_that_goes_on_saying_nothing_is_told_of() -> None:
    async with LoopbackSlack(first_response=0.01, again_after=(0.0,)) as slack:
        ann = slack.member("ann")

        ann.event(slack.direct(ann), "app_home_opened", tab="home")

        await slack.until(lambda: [str(one) for one in slack.refused] == ["ack of app_home_opened: operation_timeout"])


async def test_an_acknowledgement_of_nothing_is_refused() -> None:
    async with LoopbackSlack() as slack, line(slack) as connection:
        await connection.send_json({"envelope_id": "guessed"})
        await slack.until(lambda: slack.refused)

    assert [str(one) for one in slack.refused] == ["socket: unknown_envelope"]


async def test_a_ticket_is_good_for_one_connection() -> None:
    async with LoopbackSlack() as slack, aiohttp.ClientSession() as session:
        address = slack.delivery.socket.ticket()
        async with session.ws_connect(address):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
                await session.ws_connect(address)


async def test_an_event_may_come_twice(slack: LoopbackSlack) -> None:
    slack.double_next()
    ann = slack.member("ann")

    home = ann.event(slack.direct(ann), "app_home_opened", tab="home")
    await home.until(lambda exchange: len(exchange.acks) == 2)

    envelopes = slack.delivery.socket.envelopes
    assert [(one["retry_attempt"], one["retry_reason"]) for one in envelopes] == [(0, ""), (1, "timeout")]
    assert envelopes[0]["payload"]["event_id"] == envelopes[1]["payload"]["event_id"]
    assert envelopes[0]["envelope_id"] != envelopes[1]["envelope_id"]


async def test_a_bot_is_asked_to_connect_anew(slack: LoopbackSlack) -> None:
    await slack.disconnect("refresh_requested")
    await slack.until(lambda: slack.delivery.socket.opened == 2)

    answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    assert answer.messages
    assert slack.refused == []


async def test_what_people_do_while_the_line_is_cut_waits_for_the_next_connection(slack: LoopbackSlack) -> None:
    slack.world.first_response = 5.0
    async with slack.away():
        answer = slack.member("ann").begin(slack.channel(), "/echo", "Hello")

    assert (await answer.until_answered()).text.startswith("Hello")


async def test_uninstalling_ends_the_token(slack: LoopbackSlack) -> None:
    revoked, uninstalled = slack.member("ann").uninstall()

    assert (await revoked.until_acked()).ack is None
    assert (await uninstalled.until_acked()).ack is None
    with pytest.raises(SlackApiError, match="account_inactive"):
        await slack_client.client(slack.url, slack.bot_token).auth_test()


async def test_a_bot_may_be_a_process_of_its_own(tmp_path: Path) -> None:
    async with LoopbackSlack() as slack:
        addresses = {
            "LOOPBACK_API_URL": slack.url,
            "LOOPBACK_BOT_TOKEN": slack.bot_token,
            "LOOPBACK_APP_TOKEN": slack.app_token,
        }
        async with running("tests.slack_client", env=addresses, log=tmp_path / "client.log"):
            await slack.connected()
            answer = await slack.member("ann").slash(slack.channel(), "/echo", "Hello")

    assert answer.text.startswith("Hello")
    assert slack.refused == []
