"""The bot as a process on a loopback Slack: each command once, buttons, forms, shortcut, links and the Home tab."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
import pytest_asyncio
from syrupy.assertion import SnapshotAssertion

from bot.commands import COMMANDS
from tests import worlds
from tests.bot_process import COLLECTOR, COVERED, FARMER, FIGHTER
from tests.loopback_slack import Channel, Exchange, Member
from tests.loopback_slack.blocks import marked
from tests.pictures import TextPicture
from tests.slack_process import Stage, pictures, seen, shown, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCALES = {"en": "en-US", "ko": "ko-KR"}

OPTIONS = {
    "recommend": f"{FIGHTER} since: 2014",
    "curate": "Roguelike mix: hits",
    "similar": "The Hollow House",
    "why": "Ünheimlich",
    "hide": "Ash &amp; Arrow",  # as Slack writes it
    "link": "fighter",
    "digest here": "day: sunday hour: 9 zone: Asia/Seoul tags: Puzzle language: en",
    "help": "curate",
}
IN_KOREAN = {
    "curate": "로그라이크 mix: hits",
    "digest here": "day: sunday hour: 9 zone: Asia/Seoul tags: 퍼즐 language: ko",
}
BEFORE: Mapping[str, tuple[str, str]] = {
    "together": ("/link", COLLECTOR),
    "why": ("/recommend", "games: Drowned Chapel, Clockwork Snail"),
    "unlink": ("/link", "fighter"),
    "mydata": ("/curate", "Farming Sim"),
    "digest preview": ("/digest", f"here {OPTIONS['digest here']}"),
    "digest stop": ("/digest", f"here {OPTIONS['digest here']}"),
}
"""What has to have happened for a command to have something to say."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("bot")) as stage, stage.serving():
        await with_covers(stage)
        yield stage


async def with_covers(stage: Stage) -> None:
    """Covers that come too late for one answer are there for the next: here, for all."""
    member, channel = stage.slack.member("first"), stage.slack.channel()

    for game in COVERED:
        for _ in range(20):
            answer = await member.slash(channel, "/curate", f"{game.tags[0]} since: {game.year}")
            if pictures(answer.messages[0]):
                break
        else:
            raise AssertionError(f"no cover of {game.title}:\n{stage.log}")


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Slack refuses nothing in any of these tests, and the log tells no secret and of no bug."""
    shared.slack.refused.clear()
    yield shared
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


@pytest.fixture
def bob(stage: Stage) -> Member:
    return stage.slack.member("bob")


async def given(member: Member, channel: Channel, name: str, options: str = "") -> Exchange:
    """A command of two words is one of one word to Slack."""
    word, _, rest = name.partition(" ")
    return await member.slash(channel, f"/{word}", f"{rest} {options}")


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
async def test_every_command_is_answered(stage: Stage, name: str, language: str, snapshot: SnapshotAssertion) -> None:
    member, channel = stage.slack.member("ann", LOCALES[language]), stage.slack.channel()
    options = IN_KOREAN.get(name) if language == "ko" else None
    said = OPTIONS.get(name, "") if options is None else options
    if name == "together":
        bob = stage.slack.member("bob")
        await bob.slash(channel, "/link", FARMER)
        said = f"{bob.mention} tag: Farming Sim"
    if name in BEFORE:
        command, before = BEFORE[name]
        await member.slash(channel, command, before)
    answer = await given(member, channel, name, said)
    await answer.until_acked()

    assert answer.rings == []
    assert answer.acks[0] < 3
    assert seen(answer).replace(channel.id, "CHANNEL") == snapshot.use_extension(TextPicture)


async def test_pages_turn_in_place_for_who_asked(ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "/recommend", FIGHTER)
    first = shown(answer)
    await answer.press("▶️ Next")
    second = shown(answer)
    await answer.press("◀️ Back")

    assert answer.ephemeral
    assert (len(first), len(second), len(answer.messages)) == (3, 3, 1)
    assert set(first).isdisjoint(second)
    assert shown(answer) == first


async def test_opinions_are_lit_and_hold_for_the_next_answer(ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "/curate", "Farming Sim")
    hidden = shown(answer)[1]
    await answer.press("👍 Like", 1)
    liked = answer.text
    await answer.choose("🙈 Hide", 1)
    again = await ann.slash(channel, "/curate", "Farming Sim")

    assert "✓ Like" in liked
    assert "✓ Hide" in answer.text
    assert "✓ Like" not in answer.text
    assert hidden not in shown(again)


async def test_somebody_elses_press_leaves_the_answer_as_it_is(ann: Member, bob: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "/curate", "Puzzle")
    before = answer.text
    turned, liked = await answer.press("▶️ Next", by=bob), await answer.press("👍 Like", by=bob)

    assert answer.text == before
    assert (turned.ephemeral, liked.ephemeral) == (True, True)
    assert shown(turned)


async def test_sharing_shows_the_picks_to_all_and_whose_library_it_was_to_nobody(
    ann: Member, bob: Member, channel: Channel
) -> None:
    answer = await ann.slash(channel, "/recommend", FIGHTER)
    shared = await answer.press("📣 Share to channel")
    refused = await shared.choose("💬 Why?", by=bob)

    assert (answer.ephemeral, shared.ephemeral, refused.ephemeral) == (True, False, True)
    assert shown(shared) == shown(answer)
    assert "somebody else's library" in refused.text


@pytest.mark.parametrize("called", ["@everyone", "<!channel> *x* <https://evil.example|y>"])
async def test_no_name_of_a_person_rings_or_leads_anywhere(stage: Stage, channel: Channel, called: str) -> None:
    evil, bob = stage.slack.member(called), stage.slack.member("bob")
    await evil.slash(channel, "/link", FIGHTER)
    await bob.slash(channel, "/link", FARMER)
    shared = await (await evil.slash(channel, "/recommend")).press("📣 Share to channel")
    group = await bob.slash(channel, "/together", evil.mention)

    for answer in (shared, group):
        assert answer.rings == []
        assert all(not message.body.mentions for message in answer.messages)
        assert not [text for one in answer.messages for text in marked(list(one.body.blocks)) if "|y>" in text]


async def test_a_near_miss_is_one_press_from_the_answer(ann: Member, channel: Channel) -> None:
    asked = await ann.slash(channel, "/curate", "roguelik")
    answer = await asked.press("Roguelike")

    assert asked.ephemeral
    assert "Did you mean" in asked.text
    assert "The best of Roguelike:" in answer.text


async def test_half_a_command_says_what_may_follow(ann: Member, channel: Channel) -> None:
    asked = await ann.slash(channel, "/digest")

    assert {line for line in asked.text.splitlines() if line.startswith("• ")} == {
        "• /digest stop",
        "• /digest here",
        "• /digest preview",
    }


async def test_a_form_completes_what_is_typed_and_is_answered_where_it_was_asked_for(
    ann: Member, channel: Channel
) -> None:
    form = await ann.slash(channel, "/curate")
    typed = [await form.type("ia:find:tag", said) for said in ("h", "ho", "hor")]
    await form.submit({"Theme": "Horror", "Price at most": "10"})
    answer = await form.until(lambda one: one.messages)

    assert typed[-1].options == ["Horror"]
    assert all(one.answered_after is not None and one.answered_after < 3 for one in typed)
    assert "The best of Horror:" in answer.text
    assert [message.channel for message in answer.messages] == [channel.id]


async def test_a_steam_account_is_linked_by_a_form_in_korean(stage: Stage, channel: Channel) -> None:
    jin = stage.slack.member("jin", "ko-KR")
    form = await (await jin.slash(channel, "/link")).press("Steam ID 직접 알려 주기")
    await form.submit({"Steam ID 또는 프로필 링크": "fighter"})
    await form.until(lambda one: "연결했어요" in one.text)
    answer = await jin.slash(channel, "/recommend")

    assert "라이브러리의 게임 3개 중 3개" in answer.text


async def test_the_home_tab_shows_what_is_known_and_its_buttons_work(stage: Stage, ann: Member) -> None:
    channel = stage.slack.channel()
    fresh = (await ann.open_home()).text
    await ann.slash(channel, "/link", COLLECTOR)
    picked = await ann.slash(channel, "/recommend")
    await stage.written([picked])
    home = await ann.open_home()
    form = await home.press("Find by theme")

    assert "Nothing yet" in fresh
    assert all(title in home.text for title in shown(picked))
    assert form.view is not None
    assert form.view.body["type"] == "modal"


async def test_a_link_to_the_store_becomes_a_card(bob: Member, channel: Channel) -> None:
    game = worlds.game("Ember Depths")
    address = f"https://store.steampowered.com/app/{game.app_id}/"
    posted = await bob.link(channel, f"look: {address}").until_answered()
    (message,) = [message for message in posted.world.messages.values() if address in message.body.text]

    assert [step.what for step in posted.steps if step.what != "ack"] == ["unfurl"]
    assert "Ember Depths" in str(message.unfurls[address])


async def test_a_messages_games_have_others_like_them(ann: Member, bob: Member, channel: Channel) -> None:
    said = bob.say(channel, "has anybody finished Ember Depths yet?")
    answer = await ann.shortcut(channel, said, "similar_games")

    assert answer.ephemeral
    assert "Goes well with Ember Depths" in answer.text


async def test_everything_that_is_kept_comes_as_a_file_and_is_gone_once_erased(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    await ann.slash(channel, "/link", FIGHTER)
    await (await ann.slash(channel, "/curate", "Puzzle")).press("👍 Like")
    await ann.slash(channel, "/mydata")
    erased = await (await ann.slash(channel, "/forgetme")).press("Yes, forget me")
    await ann.slash(channel, "/mydata")

    (posted,) = stage.slack.posted(stage.slack.direct(ann))
    (file,) = posted.body.files
    content = file.content if file.content.startswith(b"{") else gzip.decompress(file.content)
    tables = json.loads(content)["tables"]
    assert FIGHTER in json.dumps(tables["linked_accounts"]["rows"])
    assert tables["feedback"]["rows"]
    assert "erased" in erased.text.casefold()
