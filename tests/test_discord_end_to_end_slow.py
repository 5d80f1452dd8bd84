"""The bot as a process on a loopback Discord: answers that take long are announced first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from tests.bot_process import COLLECTOR, FARMER, FIGHTER, HIDING, PATIENT
from tests.discord_process import Stage, staged, titles
from tests.loopback_discord import Channel, Exchange, LoopbackDiscord, Member

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = 1.2
"""Seconds that Steam takes, which is longer than the bot waits before it says that it is on it."""


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
    shared.steam.delay = 0
    assert shared.discord.refused == []
    assert shared.discord.faults.left == []
    assert shared.secrets_told() == []


@pytest.fixture
def channel(stage: Stage) -> Channel:
    return stage.discord.channel()


@pytest.fixture
def ann(stage: Stage) -> Member:
    return stage.discord.member("ann")


@pytest_asyncio.fixture(loop_scope="module")
async def bob(stage: Stage, channel: Channel) -> Member:
    """He has linked an account."""
    bob = stage.discord.member("bob")
    await bob.slash(channel, "link", steam=FARMER)
    return bob


async def slowly(stage: Stage, player: str) -> None:
    """Steam takes its time from now on, and the bot has nothing of that player's games kept."""
    helper, channel = stage.discord.member("helper"), stage.discord.channel()
    await helper.slash(channel, "link", steam=player)
    await helper.slash(channel, "unlink")
    stage.steam.delay = SLOW


def steps(answer: Exchange) -> list[str]:
    return [step.what for step in answer.steps]


async def test_what_takes_long_is_announced_to_who_asked_and_then_answered(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    await slowly(stage, FIGHTER)
    answer = await ann.slash(channel, "recommend", steam=FIGHTER)

    assert steps(answer) == ["defer", "edit"]
    assert answer.ephemeral
    assert len(titles(answer.messages[0])) == 3


async def test_what_takes_long_and_is_for_all_is_announced_to_all(
    stage: Stage, ann: Member, bob: Member, channel: Channel
) -> None:
    await ann.slash(channel, "link", steam=COLLECTOR)
    await slowly(stage, COLLECTOR)
    answer = await ann.slash(channel, "together", **{"with": bob})

    assert steps(answer) == ["defer", "edit"]
    assert not answer.ephemeral
    assert "Games for Ann and Bob together:" in answer.text


async def test_a_refusal_of_what_was_announced_to_all_is_for_who_asked_alone(
    stage: Stage, ann: Member, bob: Member, channel: Channel
) -> None:
    await ann.slash(channel, "link", steam=HIDING)
    stage.steam.delay = SLOW
    answer = await ann.slash(channel, "together", **{"with": bob})
    await answer.until(lambda one: "delete" in steps(one))

    assert steps(answer) == ["defer", "edit", "followup", "delete"]
    assert [message.ephemeral for message in answer.messages] == [True]
    assert "at least two" in answer.text
    assert all("two" not in str(step.body) for step in answer.steps if step.what in ("defer", "edit"))


async def test_what_was_announced_to_one_is_shared_with_all(stage: Stage, ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "recommend", steam=FIGHTER)
    await slowly(stage, FIGHTER)
    shared = await answer.press("Share")
    await shared.until(lambda one: "delete" in steps(one))

    assert [message.ephemeral for message in shared.messages] == [False]
    assert titles(shared.messages[0]) == titles(answer.messages[0])


async def test_a_page_that_takes_long_is_turned_in_place(stage: Stage, ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "recommend", steam=FIGHTER)
    first = titles(answer.messages[0])
    await slowly(stage, FIGHTER)
    turned = await answer.press("Next")

    assert steps(turned) == ["defer_update", "edit"]
    assert turned.message is answer.message
    assert set(first).isdisjoint(titles(answer.messages[0]))


async def test_a_page_that_takes_long_and_is_refused_leaves_the_one_before(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    answer = await ann.slash(channel, "recommend", steam=PATIENT)
    before = answer.text
    stage.steam.add_player(PATIENT, games_private=True)
    await slowly(stage, PATIENT)
    turned = await answer.press("Next")
    await turned.until_followed_up()

    assert answer.text == before
    assert [message.ephemeral for message in turned.followups] == [True]
    assert "hides its games" in turned.text


TROUBLES: dict[str, Callable[[LoopbackDiscord, str], None]] = {
    "too much": lambda discord, what: discord.fail_next(what, 429, times=2),
    "stumbling": lambda discord, what: discord.fail_next(what, 500),
    "cut before it was done": lambda discord, what: discord.drop_next(what),
    "cut after it was done": lambda discord, what: discord.drop_next(what, after=True),
}


@pytest.mark.parametrize("when", ["POST /interactions", "PATCH /webhooks"], ids=["announcing", "answering"])
async def test_no_trouble_with_discord_loses_an_announced_answer(stage: Stage, channel: Channel, when: str) -> None:
    """Everybody's is another one, all at the same time."""
    await slowly(stage, FIGHTER)
    ann = stage.discord.member("ann")
    asked = {name: ann.begin(channel, "recommend", steam=FIGHTER) for name in TROUBLES}
    for name, one in asked.items():
        TROUBLES[name](stage.discord, f"{when}/.*{one.token}")
    for one in asked.values():
        await one.until_answered()
    await stage.written(asked.values())

    assert [name for name, one in asked.items() if set(steps(one)) != {"defer", "edit"}] == []
    assert all(len(titles(one.messages[0])) == 3 for one in asked.values())
    assert {one.refusal.code for one in stage.discord.refused} <= {40060}  # a first response that it has had
    stage.discord.refused.clear()


async def test_an_announcement_that_somebody_dismissed_is_no_bug(stage: Stage, ann: Member, channel: Channel) -> None:
    await slowly(stage, FIGHTER)
    asked = await ann.begin(channel, "recommend", steam=FIGHTER).until(lambda one: one.deferred)
    assert asked.message is not None
    asked.message.deleted = True
    await stage.discord.until(lambda: stage.discord.refused)

    assert [one.refusal.code for one in stage.discord.refused] == [10008]
    assert (await ann.slash(channel, "privacy")).answered
    assert "Traceback" not in stage.log
    stage.discord.refused.clear()
