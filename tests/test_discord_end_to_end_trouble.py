"""The bot as a process on a loopback Discord: a Discord that stumbles, a gateway that comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests import worlds
from tests.discord_process import Stage, pictures, staged, titles
from tests.loopback_discord import Channel, Exchange, Member

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("bot")) as stage, stage.serving():
        await stage.discord.member("first").slash(stage.discord.channel(), "privacy")  # it has heard of its session
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Discord refuses nothing in any of these tests, and the log tells no secret."""
    shared.discord.refused.clear()
    yield shared
    assert shared.discord.refused == []
    assert shared.discord.faults.left == []
    assert shared.secrets_told() == []


@pytest.fixture
def channel(stage: Stage) -> Channel:
    return stage.discord.channel()


@pytest.fixture
def ann(stage: Stage) -> Member:
    return stage.discord.member("ann")


def steps(answer: Exchange) -> list[str]:
    return [step.what for step in answer.steps]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_discord_that_stumbles_over_the_answer_is_answered_again(
    stage: Stage, ann: Member, channel: Channel, status: int
) -> None:
    stage.discord.fail_next("POST /interactions", status)
    answer = await ann.slash(channel, "curate", tag="Roguelike")

    assert steps(answer) == ["message"]
    assert len(titles(answer.messages[0])) == 3


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
async def test_a_line_that_is_cut_loses_no_answer(stage: Stage, ann: Member, channel: Channel, done: bool) -> None:
    stage.discord.drop_next("POST /interactions", after=done)
    answer = await ann.slash(channel, "recommend")
    stage.discord.drop_next("POST /interactions", after=done)
    form = await answer.press("Name games I like")
    stage.discord.drop_next("POST /interactions", after=done)
    named = await form.submit({"value": "Dicebound, Turnip Days"})
    stage.discord.drop_next("POST /interactions", after=done)
    turned = await named.press("Next")
    await stage.discord.until(lambda: len(stage.discord.refused) == 4 * done)

    assert [steps(one) for one in (answer, form, named, turned)] == [["message"], ["modal"], ["message"], ["update"]]
    assert [one.refusal.code for one in stage.discord.refused] == [40060] * 4 * done
    stage.discord.refused.clear()


async def test_a_discord_that_stumbles_after_it_has_heard_is_not_answered_twice(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    stage.discord.fail_next("POST /interactions", 502, after=True)
    answer = await ann.slash(channel, "curate", tag="Roguelike")
    await stage.discord.until(lambda: stage.discord.refused)

    assert [one.refusal.code for one in stage.discord.refused] == [40060]
    assert steps(answer) == ["message"]
    stage.discord.refused.clear()


async def test_a_file_is_sent_again_whole(stage: Stage, ann: Member, channel: Channel) -> None:
    await ann.slash(channel, "curate", tag="Roguelike")
    stage.discord.drop_next("POST /interactions")
    answer = await ann.slash(channel, "mydata")

    (file,) = answer.messages[0].body.attachments
    assert file.content.startswith(b"{")


async def test_a_cover_that_discord_refuses_is_left_out(stage: Stage, ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "curate", tag="Roguelike")
    for _ in range(20):
        if pictures(answer.messages[0]):  # known by now
            break
        answer = await ann.slash(channel, "curate", tag="Roguelike")
    stage.discord.rest.barred.add("shared.akamai.steamstatic.com")
    try:
        bare = await ann.slash(channel, "curate", tag="Roguelike")
    finally:
        stage.discord.rest.barred.clear()
    assert [one.refusal.code for one in stage.discord.refused] == [50035]
    stage.discord.refused.clear()

    assert (pictures(answer.messages[0]), pictures(bare.messages[0])) == (2, 0)
    assert titles(bare.messages[0]) == titles(answer.messages[0])


@pytest.mark.parametrize("code", [4000, 1001, None], ids=["closed", "going away", "cut"])
async def test_what_is_asked_while_the_gateway_is_away_is_answered_once(
    stage: Stage, ann: Member, channel: Channel, code: int | None
) -> None:
    identified, resumed = len(stage.discord.gateway.identified), len(stage.discord.gateway.resumed)
    async with stage.discord.away(code):
        asked = ann.begin(channel, "curate", tag="Roguelike")
    await asked.until_answered()
    await stage.written([asked])

    assert len(stage.discord.gateway.identified) == identified
    assert len(stage.discord.gateway.resumed) == resumed + 1
    assert steps(asked) == ["message"]


async def test_a_request_to_reconnect_loses_nothing(stage: Stage, ann: Member, channel: Channel) -> None:
    resumed = len(stage.discord.gateway.resumed)
    stage.discord.gateway.ask_to_reconnect()
    asked = [ann.begin(channel, "curate", tag=tag) for tag in worlds.THEMES]
    for one in asked:
        await one.until_answered()
    await stage.discord.until(lambda: len(stage.discord.gateway.resumed) == resumed + 1)

    assert [steps(one) for one in asked] == [["message"]] * len(asked)


async def test_an_invalid_session_that_can_be_resumed_is(stage: Stage, ann: Member, channel: Channel) -> None:
    resumed = len(stage.discord.gateway.resumed)
    stage.discord.gateway.invalidate(resumable=True)
    asked = ann.begin(channel, "curate", tag="Horror")
    await asked.until_answered()
    await stage.discord.until(lambda: len(stage.discord.gateway.resumed) == resumed + 1)

    assert steps(asked) == ["message"]


async def test_a_session_that_is_gone_begins_anew_and_the_buttons_work_on(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    answer = await ann.slash(channel, "curate", tag="Roguelike")
    first, identified = titles(answer.messages[0]), len(stage.discord.gateway.identified)
    stage.discord.gateway.invalidate(resumable=False)
    await stage.discord.until(lambda: len(stage.discord.gateway.identified) == identified + 1)
    await stage.discord.ready()
    await answer.press("Next")

    assert set(first).isdisjoint(titles(answer.messages[0]))


async def test_whatever_happened_the_log_tells_of_no_bug(stage: Stage, ann: Member, channel: Channel) -> None:
    await ann.slash(channel, "privacy")

    assert "Traceback" not in stage.log
