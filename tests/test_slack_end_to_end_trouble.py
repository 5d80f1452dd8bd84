"""The bot as a process on a loopback Slack: lines that break, limits, repeats and forgeries, over socket and web."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from tests import worlds
from tests.bot_process import COLLECTOR, FIGHTER
from tests.loopback_slack import Channel, Exchange, LoopbackSlack, Member
from tests.loopback_slack.socket_mode import Reason
from tests.slack_process import Stage, pictures, shown, staged, staged_on_the_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODES = {"socket": staged, "web": staged_on_the_web}
BY_SOCKET, BY_WEB = (pytest.mark.parametrize("shared", [mode], indirect=True, scope="module") for mode in MODES)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=MODES)
async def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with MODES[request.param](tmp_path_factory.mktemp("bot")) as stage, stage.serving():
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Slack refuses nothing in any of these tests, and the log tells no secret and of no bug."""
    shared.slack.refused.clear()
    yield shared
    shared.slack.faults.coming.clear()
    assert shared.slack.refused == []
    assert shared.slack.warnings == []
    assert shared.secrets_told() == []
    assert "Traceback" not in shared.log


@pytest.fixture
def channel(stage: Stage) -> Channel:
    return stage.slack.channel()


@pytest.fixture
def ann(stage: Stage) -> Member:
    return stage.slack.member("ann")


def deeds(answer: Exchange) -> list[str]:
    return [step.what for step in answer.steps if step.what != "ack"]


async def test_everything_that_people_do_is_heard(stage: Stage, ann: Member, channel: Channel) -> None:
    command = await ann.slash(channel, "/recommend", FIGHTER)
    press = await command.press("▶️ Next")
    form = await ann.slash(channel, "/similar")
    typed = await form.type("ia:find:game", "ember")
    await form.submit({"Game": "Ember Depths"})
    answer = await form.until(lambda one: one.messages)
    home = await ann.open_home()
    game = worlds.game("Ember Depths")
    link = await ann.link(channel, f"https://store.steampowered.com/app/{game.app_id}/").until_answered()
    shortcut = await ann.shortcut(channel, ann.say(channel, "Ember Depths"), "similar_games")

    assert command.ephemeral
    assert press.edits
    assert typed.options == ["Ember Depths"]
    assert "Goes well with Ember Depths" in answer.text
    assert home.view is not None
    assert deeds(link) == ["unfurl"]
    assert "Goes well with Ember Depths" in shortcut.text


async def test_what_is_delivered_twice_is_answered_once(stage: Stage, ann: Member, channel: Channel) -> None:
    stage.slack.double_next()
    command = await ann.slash(channel, "/curate", "Puzzle")
    stage.slack.double_next()
    press = await command.press("✨ More like this")
    for one in (command, press):
        await one.until(lambda one: len(one.acks) == 2)
    await stage.written([command, press])

    assert (deeds(command), deeds(press)) == (["message"], ["ephemeral"])


async def test_slack_is_waited_for_as_long_as_it_says(stage: Stage, ann: Member, channel: Channel) -> None:
    for where in ("response_url", "views.publish", "chat.unfurl"):
        stage.slack.fail_next(where, 429, retry_after=1)
    command = await ann.slash(channel, "/curate", "Puzzle")
    home = await ann.open_home()
    game = worlds.game("Ember Depths")
    link = await ann.link(channel, f"https://store.steampowered.com/app/{game.app_id}/").until_answered()

    assert [deeds(one) for one in (command, home, link)] == [["message"], ["publish"], ["unfurl"]]
    assert all(one.answered_after is not None and one.answered_after >= 1 for one in (command, home, link))


async def test_a_line_that_is_cut_loses_no_answer(stage: Stage, ann: Member, channel: Channel) -> None:
    stage.slack.drop_next("response_url")
    answer = await ann.slash(channel, "/curate", "Puzzle")
    stage.slack.drop_next("response_url")
    turned = await answer.press("▶️ Next")

    assert deeds(answer)[0] == "message"
    assert deeds(turned) == ["edit"]


async def test_a_cover_that_slack_cannot_fetch_is_left_out(stage: Stage, ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "/curate", "Roguelike")
    for _ in range(20):
        if pictures(answer.messages[0]):  # known by now
            break
        answer = await ann.slash(channel, "/curate", "Roguelike")
    blocks = answer.messages[0].body.blocks
    broken = {str(one["accessory"]["image_url"]) for one in blocks if "accessory" in one}
    stage.slack.broken_images.update(broken)
    try:
        bare = await ann.slash(channel, "/curate", "Roguelike")
    finally:
        stage.slack.broken_images.clear()
    assert [one.refusal.error for one in stage.slack.refused] == ["invalid_blocks"]
    stage.slack.refused.clear()

    assert (pictures(answer.messages[0]), pictures(bare.messages[0])) == (2, 0)
    assert shown(bare) == shown(answer)


@BY_SOCKET
@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_request_to_reconnect_loses_nothing(
    stage: Stage, ann: Member, channel: Channel, reason: Reason
) -> None:
    opened = stage.slack.delivery.socket.opened
    await stage.slack.disconnect(reason)
    asked = [ann.begin(channel, "/curate", tag) for tag in worlds.THEMES]
    for one in asked:
        await one.until_answered()
    await stage.slack.until(lambda: stage.slack.delivery.socket.opened > opened)

    assert [deeds(one) for one in asked] == [["message"]] * len(asked)


@BY_SOCKET
async def test_what_is_asked_while_the_line_is_away_is_answered_once(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    async with stage.slack.away():
        asked = [ann.begin(channel, "/curate", tag) for tag in worlds.THEMES]
    for one in asked:
        await one.until_answered(30)
    await stage.written(asked)
    late = {one.refusal.error for one in stage.slack.refused}
    stage.slack.refused.clear()

    assert late <= {"operation_timeout"}  # as long as nobody listens
    assert [deeds(one) for one in asked] == [["message"]] * len(asked)


@BY_WEB
@pytest.mark.parametrize(
    ("secret", "age"), [("forged" * 6, 0.0), (LoopbackSlack.signing_secret, 600.0)], ids=["forged", "stale"]
)
async def test_the_forged_and_the_stale_are_unauthorized(
    stage: Stage, ann: Member, channel: Channel, secret: str, age: float
) -> None:
    with stage.slack.signing(secret, age=age):
        asked = await ann.begin(channel, "/curate", "Puzzle").until(lambda one: one.status is not None)
    answered = await ann.slash(channel, "/curate", "Puzzle")
    await answered.until_acked()

    assert (asked.status, answered.status) == (401, 200)
    assert deeds(asked) == []


@BY_WEB
async def test_the_unsigned_is_unauthorized(stage: Stage) -> None:
    assert stage.web is not None
    async with aiohttp.ClientSession() as session, session.post(stage.web, data={"command": "/help"}) as answer:
        status = answer.status

    assert status == 401


async def test_a_library_that_takes_long_is_answered_when_it_is_there(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    await ann.slash(channel, "/link", COLLECTOR)
    await ann.slash(channel, "/unlink")  # and nothing of it is kept
    stage.steam.delay = 3.5
    try:
        answer = await ann.slash(channel, "/recommend", COLLECTOR)
    finally:
        stage.steam.delay = 0

    assert answer.acks[0] < 1
    assert answer.answered_after is not None
    assert answer.answered_after > 3
    assert len(shown(answer)) == 3
