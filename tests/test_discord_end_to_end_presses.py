"""The bot as a process on a loopback Discord: buttons and forms, for who asked and for who came by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.discord.markdown import escaped
from tests.bot_process import FARMER, FIGHTER
from tests.discord_process import Stage, lit, staged, titles
from tests.loopback_discord import Channel, Exchange, Member

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("bot")) as stage, stage.serving():
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Discord refuses nothing in any of these tests, and the log tells no secret."""
    shared.discord.refused.clear()
    yield shared
    assert shared.discord.refused == []
    assert shared.secrets_told() == []


@pytest.fixture
def channel(stage: Stage) -> Channel:
    return stage.discord.channel()


@pytest.fixture
def ann(stage: Stage) -> Member:
    return stage.discord.member("ann")


@pytest.fixture
def bob(stage: Stage) -> Member:
    return stage.discord.member("bob")


def shown(answer: Exchange) -> list[str]:
    return [title for message in answer.messages for title in titles(message)]


PAGES = [
    ("recommend", {"steam": FIGHTER}),
    ("recommend", {"games": "Dicebound, Turnip Days"}),
    ("curate", {"tag": "Roguelike"}),
    ("similar", {"game": "The Hollow House"}),
]


@pytest.mark.parametrize(("command", "options"), PAGES, ids=["a profile", "titles", "a theme", "a game"])
async def test_pages_turn_in_place_for_who_asked(
    ann: Member, channel: Channel, command: str, options: dict[str, object]
) -> None:
    answer = await ann.slash(channel, command, **options)
    first = shown(answer)
    turned = await answer.press("Next")
    second = shown(answer)
    await answer.press("Back")

    assert turned.message is answer.message
    assert (len(first), len(second)) == (3, 3)
    assert set(first).isdisjoint(second)
    assert shown(answer) == first
    assert len(answer.messages) == 1


async def test_after_the_last_page_there_is_a_sentence(ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "curate", tag="Puzzle")
    pages = [shown(answer)]
    await answer.press("Next")
    pages.append(shown(answer))
    beyond = await answer.press("Next")

    assert sum(map(len, pages)) == 6
    assert beyond.ephemeral
    assert "Page 2 was the last" in beyond.text


async def test_one_opinion_of_a_game_is_lit_and_holds_for_the_next_answer(ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "curate", tag="Farming Sim")
    seen = []
    for name in ("Like", "Own it", "Hide", "Hide", "Hide"):
        await answer.press(name, 1)
        seen.append(lit(answer.messages[0]))
    again = await ann.slash(channel, "curate", tag="Farming Sim")

    assert seen == [["Like"], ["Own it"], ["Hide"], [], ["Hide"]]
    assert len(answer.messages) == 1
    assert shown(answer)[1] not in shown(again)


async def test_a_hidden_game_is_left_out_of_the_next_page(ann: Member, channel: Channel) -> None:
    known = await ann.slash(channel, "curate", tag="Roguelike")
    await known.press("Next")
    hidden = shown(known)[0]
    await known.press("Hide", 0)
    answer = await ann.slash(channel, "curate", tag="Roguelike")
    await answer.press("Next")

    assert hidden not in shown(answer)


async def test_sharing_shows_the_picks_to_all_and_whose_library_it_was_to_nobody(
    ann: Member, bob: Member, channel: Channel
) -> None:
    answer = await ann.slash(channel, "recommend", steam=FIGHTER)
    shared = await answer.press("Share")
    theirs = await shared.press("Like", 0, by=bob)
    refused = await shared.press("Why?", 0, by=bob)

    assert (answer.ephemeral, shared.ephemeral, theirs.ephemeral, refused.ephemeral) == (True, False, True, True)
    assert "Ann shares these picks:" in shared.text
    assert shown(shared) == shown(answer)
    assert all(str(button.custom_id).endswith(":") for button in shared.messages[0].buttons)
    assert lit(shared.messages[0]) == []
    assert "somebody else's library" in refused.text


@pytest.mark.parametrize("called", ["@everyone", "<@&1> # [x](https://evil.example)"])
async def test_no_name_of_a_person_rings_or_leads_anywhere(stage: Stage, channel: Channel, called: str) -> None:
    evil, bob = stage.discord.member(called), stage.discord.member("bob")
    await evil.slash(channel, "link", steam=FIGHTER)
    await bob.slash(channel, "link", steam=FARMER)
    shared = await (await evil.slash(channel, "recommend")).press("Share")
    group = await bob.slash(channel, "together", **{"with": evil})

    for answer in (shared, group):
        assert answer.rings == []
        assert all(one.body.allowed_mentions == {"parse": []} for one in answer.messages)
        assert escaped(called) in answer.text


@pytest.mark.parametrize(("name", "part"), [("Why?", "%"), ("More like this", "Goes well with")])
async def test_a_cards_questions_are_answered_in_private(
    ann: Member, bob: Member, channel: Channel, name: str, part: str
) -> None:
    answer = await ann.slash(channel, "recommend", games="The Hollow House, Dicebound")
    public = await ann.slash(channel, "curate", tag="Horror")
    mine, theirs = await answer.press(name, 0), await public.press(name, 0, by=bob)

    assert mine.ephemeral
    assert part in mine.text
    assert theirs.ephemeral
    assert len(public.messages) == 1


async def test_somebody_elses_press_leaves_the_answer_as_it_is(ann: Member, bob: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "curate", tag="Puzzle")
    before = answer.text
    turned, liked = await answer.press("Next", by=bob), await answer.press("Like", 0, by=bob)

    assert answer.text == before
    assert turned.ephemeral
    assert shown(turned)
    assert liked.ephemeral
    assert "your next picks go by it" in liked.text


async def test_a_near_miss_is_one_press_from_the_answer(ann: Member, channel: Channel) -> None:
    asked = await ann.slash(channel, "curate", tag="roguelik")
    answer = await asked.press("Roguelike")

    assert asked.ephemeral
    assert "I know no tag called “roguelik”. Did you mean:" in asked.text
    assert "The best of Roguelike:" in answer.text


async def test_who_names_nobody_is_asked_for_games_by_a_form(ann: Member, channel: Channel) -> None:
    asked = await ann.slash(channel, "recommend")
    form = await asked.press("Name games I like")
    answer = await form.submit({"Three games or more": "Dicebound, Ember Depths"})

    assert form.modal is not None
    assert form.modal["title"] == "Games you like"
    assert answer.ephemeral
    assert "Because of Dicebound, Ember Depths:" in answer.text


async def test_a_steam_account_is_linked_by_a_form_in_korean(stage: Stage, channel: Channel) -> None:
    jin = stage.discord.member("jin", "ko")
    form = await (await jin.slash(channel, "link")).press("Steam ID 직접 알려 주기")
    linked = await form.submit({"Steam ID 또는 프로필 링크": "fighter"})
    answer = await jin.slash(channel, "recommend")

    assert "연결했어요" in linked.text
    assert "라이브러리의 게임 3개 중 3개" in answer.text


async def test_a_group_turns_its_page_and_nobody_else_does(stage: Stage, ann: Member, channel: Channel) -> None:
    bob, eve = stage.discord.member("bob"), stage.discord.member("eve")
    await ann.slash(channel, "link", steam=FIGHTER)
    await bob.slash(channel, "link", steam=FARMER)
    answer = await ann.slash(channel, "together", **{"with": bob})
    his, hers = await answer.press("Next", by=bob), await answer.press("Next", by=eve)
    mine = await answer.press("Next")

    assert (his.ephemeral, hers.ephemeral) == (True, True)
    assert shown(his)
    assert not shown(hers)
    assert mine.message is answer.message


async def test_a_digest_looked_at_beforehand_is_shared_as_a_whole(stage: Stage, channel: Channel) -> None:
    boss = stage.discord.member("boss", manager=True)
    await boss.slash(channel, "digest here", tags="Puzzle")
    preview = await (await boss.slash(channel, "digest preview")).until_followed_up()
    shared = await (await preview.press("Share")).until_followed_up()

    assert [message.ephemeral for message in shared.messages] == [False, False]
    assert shown(shared) == shown(preview)
    assert len(shown(shared)) == 6


async def test_a_button_of_another_time_says_so(stage: Stage, ann: Member, channel: Channel) -> None:
    answer = await ann.slash(channel, "curate", tag="Horror")
    old = ann.touch(channel, answer.messages[0], {"custom_id": "v0:next:1", "component_type": 2})

    assert "no longer works" in (await old.until_answered()).text
    assert old.ephemeral
