"""The bot as a process on a loopback Discord: completion, and what is offered and shown where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.bot_process import FIGHTER
from tests.discord_process import Stage, lit, staged, titles
from tests.loopback_discord import Channel, Exchange, Member, NotOffered

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADULT = "Velvet Nights"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The bot is at home in channels that were there before it came: one for all, one for adults, and its thread."""
    async with staged(tmp_path_factory.mktemp("bot")) as stage:
        adults = stage.discord.channel(name="late-night", nsfw=True)
        stage.discord.thread(adults, name="of old")
        async with stage.serving():
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
def jin(stage: Stage) -> Member:
    return stage.discord.member("jin", "ko")


def offered(typing: Exchange) -> list[tuple[str, str]]:
    return [(choice["name"], choice["value"]) for choice in typing.choices]


async def test_a_tag_completes(ann: Member, channel: Channel) -> None:
    typing = await ann.autocomplete(channel, "curate", "tag", "rogue")

    assert offered(typing) == [("Roguelike", "Roguelike")]


@pytest.mark.parametrize("typed", ["로그", "rogue"])
async def test_a_tag_completes_by_its_name_in_either_language(jin: Member, channel: Channel, typed: str) -> None:
    typing = await jin.autocomplete(channel, "curate", "tag", typed)

    assert offered(typing) == [("로그라이크", "Roguelike")]


async def test_a_title_completes(ann: Member, channel: Channel) -> None:
    typing = await ann.autocomplete(channel, "similar", "game", "dice")

    assert ("Dicebound", "Dicebound") in offered(typing)


async def test_the_last_title_of_a_list_completes_and_the_others_stay(ann: Member, channel: Channel) -> None:
    typing = await ann.autocomplete(channel, "recommend", "games", "Dicebound, embe")

    assert ("Dicebound, Ember Depths", "Dicebound, Ember Depths") in offered(typing)


async def test_time_zones_complete_in_an_option_of_a_subcommand(stage: Stage, channel: Channel) -> None:
    boss = stage.discord.member("boss", manager=True)
    typing = await boss.autocomplete(channel, "digest here", "zone", "seou", day="monday")

    assert [value for _, value in offered(typing)] == ["Asia/Seoul"]


async def test_what_nothing_is_called_completes_to_nothing_and_an_empty_one_to_25_at_most(
    ann: Member, channel: Channel
) -> None:
    nothing = await ann.autocomplete(channel, "similar", "game", "zzqx")
    anything = await ann.autocomplete(channel, "similar", "game", "")

    assert nothing.choices == []
    assert 0 < len(anything.choices) <= 25


def adult_places(stage: Stage) -> dict[str, Channel]:
    adults = next(channel for channel in stage.discord.home.channels if channel.nsfw)
    abroad = stage.discord.guild("Elsewhere", installed=False)
    return {
        "channel": adults,
        "new channel": stage.discord.channel(nsfw=True),
        "thread of old": stage.discord.home.threads[0],
        "new thread": stage.discord.thread(adults),
        "channel abroad": stage.discord.channel(nsfw=True, guild=abroad),
    }


ADULT_PLACES = ("channel", "new channel", "thread of old", "new thread", "channel abroad")


@pytest.mark.parametrize("where", ADULT_PLACES)
async def test_adult_titles_complete_and_are_picked_where_all_are_adults(stage: Stage, where: str) -> None:
    ann, place = stage.discord.member("ann", installed=True), adult_places(stage)[where]
    typing = await ann.autocomplete(place, "similar", "game", "velvet")
    similar = await ann.slash(place, "similar", game=ADULT)
    picked = await ann.slash(place, "curate", tag="Sexual Content")

    assert offered(typing) == [(ADULT, ADULT)]
    assert f"Goes well with {ADULT}" in similar.text
    assert [title for message in picked.messages for title in titles(message)] == [ADULT]


@pytest.mark.parametrize("where", ["channel", "thread", "dm", "private", "thread abroad"])
async def test_adult_titles_are_shown_nowhere_else(stage: Stage, where: str) -> None:
    ann = stage.discord.member("ann", installed=True)
    if where in ("dm", "private"):
        place = stage.discord.channel("dm" if where == "dm" else "private")
    elif where == "thread abroad":  # nobody tells the bot of the channel that it belongs to
        abroad = stage.discord.guild("Elsewhere", installed=False)
        place = stage.discord.thread(stage.discord.channel(nsfw=True, guild=abroad))
    else:
        place = stage.discord.channel()
        place = stage.discord.thread(place) if where == "thread" else place
    typing = await ann.autocomplete(place, "similar", "game", "velvet")
    similar = await ann.slash(place, "similar", game=ADULT)
    picked = await ann.slash(place, "curate", tag="Sexual Content")

    assert typing.choices == []
    assert "adults only" in similar.text
    assert not [title for message in picked.messages for title in titles(message)]


async def test_a_channel_that_becomes_one_for_adults_is_one_at_once(stage: Stage, ann: Member) -> None:
    before = stage.discord.channel()
    after = stage.discord.changed(before, nsfw=True)

    assert f"Goes well with {ADULT}" in (await ann.slash(after, "similar", game=ADULT)).text


@pytest.mark.parametrize("where", ["guild", "dm", "private"])
async def test_ones_own_app_answers_where_the_bot_is_not(stage: Stage, where: str) -> None:
    ann = stage.discord.member("ann", installed=True)
    abroad = stage.discord.guild("Elsewhere", installed=False)
    place = {
        "guild": stage.discord.channel(guild=abroad),
        "dm": stage.discord.channel("dm"),
        "private": stage.discord.channel("private"),
    }[where]
    answer = await ann.slash(place, "recommend", steam=FIGHTER)
    first = titles(answer.messages[0])
    await answer.press("Next")
    await answer.press("Like", 0)
    public = await (await answer.press("Share")).press("Like", 0)

    assert answer.interaction["authorizing_integration_owners"]["1"] == ann.id
    assert answer.ephemeral
    assert len(first) == 3
    assert set(first).isdisjoint(titles(answer.messages[0]))
    assert lit(answer.messages[0]) == ["Like"]
    assert not public.ephemeral


async def test_a_digest_is_for_servers_and_the_bots_own_direct_messages(stage: Stage) -> None:
    ann = stage.discord.member("ann", installed=True)
    alone = await ann.slash(stage.discord.channel("dm"), "digest here", tags="Horror")

    assert "The digest of this channel" in alone.text
    with pytest.raises(NotOffered, match="not offered in a private channel"):
        await ann.slash(stage.discord.channel("private"), "digest here")


async def test_a_digest_is_for_who_manages_the_channel(stage: Stage, ann: Member, channel: Channel) -> None:
    boss = stage.discord.member("boss", manager=True)
    with pytest.raises(NotOffered, match="permissions"):
        await ann.slash(channel, "digest here")
    set_up = await boss.slash(channel, "digest here", tags="Horror")
    shown = await boss.slash(channel, "digest preview")
    stopped = await boss.slash(channel, "digest stop")

    assert "the best of Horror" in set_up.text
    assert titles(shown.messages[0])
    assert "Stopped" in stopped.text


async def test_who_was_let_through_by_a_servers_settings_still_has_to_manage_the_channel(
    stage: Stage, ann: Member, channel: Channel
) -> None:
    """Servers may give commands to whom they like; what a digest does is for those who manage the channel."""
    registered = stage.discord.commands["digest"]
    kept = registered["default_member_permissions"]
    registered["default_member_permissions"] = None
    try:
        refused = await ann.slash(channel, "digest here")
    finally:
        registered["default_member_permissions"] = kept

    assert refused.ephemeral
    assert "for those who may manage this channel" in refused.text
