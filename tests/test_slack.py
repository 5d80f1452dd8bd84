"""The bot on a Slack on loopback: commands, buttons, forms and the rest, as the people there live them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.commands.command import Command, Desk
from bot.errors import PlatformRefused, PlatformUnavailable
from bot.messages import Reply, Request
from bot.shop import Shop
from bot.slack.app import SlackBot, web_client
from bot.slack.running import run_by_socket, run_by_web
from tests import worlds
from tests.fakes import PUBLIC
from tests.loopback_slack import Exchange, LoopbackSlack
from tests.loopback_slack.messages import Body, Message
from tests.slack_world import World, on_slack

WITHIN = 20.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with on_slack(tmp_path) as world:
        yield world


class Covers:
    async def of(self, app_ids: Sequence[int]) -> dict[int, str]:
        return {app_id: f"https://covers.example/{app_id}.jpg" for app_id in app_ids}


def titles(seen: str) -> set[str]:
    return {game.title for game in worlds.GAMES if f"|{game.title}>" in seen}


async def both(exchange: Exchange) -> Exchange:
    """Acknowledged and answered, in whatever order."""
    await exchange.until_answered()
    return await exchange.until_acked()


async def test_personal_answers_are_for_one_pair_of_eyes(world: World) -> None:
    shown = await both(await world.ann.slash(world.channel, "/recommend", PUBLIC))

    assert shown.ephemeral
    assert "Picked for you, going by 5 of the 5 games" in shown.text
    assert "Share to channel" in shown.text
    assert len(titles(shown.text)) == 3


async def test_themes_are_for_all_to_see(world: World) -> None:
    shown = await world.ann.slash(world.channel, "/curate", "roguelike max_price: 10")

    assert not shown.ephemeral
    assert "The best of Roguelike" in shown.text


async def test_a_command_of_two_words(world: World) -> None:
    shown = await world.ann.slash(world.channel, "/digest", "here day: friday hour: 9")

    assert "Friday" in shown.text
    (kept,) = await world.place.desk.subscriptions.all()
    assert (kept.platform, kept.channel, kept.server) == ("slack", world.channel.id, world.ann.team.id)
    assert kept.by == f"{world.ann.team.id}:{world.ann.id}"


async def test_a_near_miss_is_told_in_private_and_is_one_press_from_the_answer(world: World) -> None:
    asked = await world.ann.slash(world.channel, "/curate", "roguelik")
    shown = await asked.press("Roguelike")

    assert asked.ephemeral
    assert "Did you mean" in asked.text
    assert "The best of Roguelike:" in shown.text
    assert not shown.ephemeral


async def test_people_read_their_own_language(world: World) -> None:
    mina = world.slack.member("mina", "ko-KR")
    shown = await mina.slash(world.channel, "/curate", "roguelike")

    assert "로그라이크" in shown.text


async def test_who_cannot_be_asked_about_is_answered_in_english(world: World) -> None:
    world.slack.fail_next("users.info", error="missing_scope")
    mina = world.slack.member("mina", "ko-KR")
    shown = await mina.slash(world.channel, "/curate", "roguelike")

    assert "The best of Roguelike" in shown.text


async def test_pages_turn_in_place(world: World) -> None:
    first = await world.ann.slash(world.channel, "/recommend", PUBLIC)
    before = first.text
    second = await first.press("▶️ Next")
    turned = second.text
    back = await second.press("◀️ Back")

    assert titles(before).isdisjoint(titles(turned))
    assert titles(back.text) == titles(before)
    assert len(first.messages) == 1
    assert [step.what for step in back.steps if step.what != "ack"] == ["edit"]


async def test_an_opinion_is_lit_where_all_see_the_message_and_told_where_not(world: World) -> None:
    public = await world.ann.slash(world.channel, "/curate", "Puzzle")
    lit = await public.press("👍 Like")
    alone = await world.ann.slash(world.channel, "/recommend", PUBLIC)
    told = await alone.choose("🙈 Hide")

    assert "✓ Like" in lit.text
    assert "won't be picked for you again" in told.text
    assert len(await world.place.desk.feedback.of("slack", f"{world.ann.team.id}:{world.ann.id}")) == 2


async def test_somebody_else_s_press_leaves_the_answer_as_it_is(world: World) -> None:
    first = await world.ann.slash(world.channel, "/curate", "Puzzle")
    before = first.text
    turned = await first.press("▶️ Next", by=world.bob)
    liked = await first.press("👍 Like", by=world.bob)

    assert first.text == before
    assert turned.ephemeral
    assert titles(turned.text)
    assert liked.ephemeral
    assert len(await world.place.desk.feedback.of("slack", f"{world.bob.team.id}:{world.bob.id}")) == 1


async def test_sharing_shows_it_to_all(world: World) -> None:
    first = await world.ann.slash(world.channel, "/recommend", PUBLIC)
    shared = await first.press("📣 Share to channel")
    (message,) = [one for one in shared.messages if not one.ephemeral]

    assert world.slack.posted(world.channel) == [message]
    assert "ann" in message.body.text


@pytest.mark.parametrize(("label", "part"), [("💬 Why?", "%"), ("✨ More like this", "Goes well with")])
async def test_a_card_s_questions_are_answered_in_private(world: World, label: str, part: str) -> None:
    first = await world.ann.slash(world.channel, "/recommend", PUBLIC)
    shown = await (first.choose(label) if label.endswith("?") else first.press(label))

    assert shown.ephemeral
    assert part in shown.text


@pytest.mark.parametrize("label", ["▶️ Next", "📣 Share to channel", "✨ More like this", "👍 Like"])
async def test_no_button_is_lost_by_a_restart(world: World, label: str) -> None:
    first = await world.ann.slash(world.channel, "/recommend", PUBLIC)
    await world.restart()
    shown = await both(await first.press(label))

    assert "Sorry" not in shown.text
    assert "no longer" not in shown.text


async def test_a_search_form_opens_where_a_command_says_nothing(world: World) -> None:
    form = await world.ann.slash(world.channel, "/similar")
    offered = await form.type("ia:find:game", "ember")
    await form.submit({"Game": "Ember Depths"})
    shown = await form.until(lambda one: one.messages)

    assert offered.options == ["Ember Depths"]
    assert "Goes well with Ember Depths" in shown.text
    assert not shown.ephemeral


async def test_who_gives_nothing_is_asked_by_a_form(world: World) -> None:
    asked = await world.ann.slash(world.channel, "/recommend")
    form = await asked.press("Name games I like")
    await form.type("ia:find:games", "dice")
    await form.type("ia:find:games", "ember")
    await form.submit({"Three games or more": ["Dicebound", "Ember Depths"]})
    shown = await form.until(lambda one: [message for message in one.messages if titles(str(message.body.blocks))])

    assert "Because of Dicebound, Ember Depths:" in shown.text
    assert shown.ephemeral


async def test_a_file_comes_into_the_direct_messages(world: World) -> None:
    await world.ann.slash(world.channel, "/curate", "Puzzle")
    shown = await world.ann.slash(world.channel, "/mydata")
    (message,) = world.slack.posted(world.slack.direct(world.ann))
    (file,) = message.body.files
    content = file.content if file.content.startswith(b"{") else gzip.decompress(file.content)

    assert shown.messages[-1].ephemeral
    assert "direct messages" in shown.text
    assert json.loads(content)["person"] == f"{world.ann.team.id}:{world.ann.id}"


async def test_a_message_s_games_have_others_like_them(world: World) -> None:
    said = world.bob.say(world.channel, "has anybody finished Ember Depths yet?")
    shown = await world.ann.shortcut(world.channel, said, "similar_games")

    assert shown.ephemeral
    assert "Goes well with Ember Depths" in shown.text
    assert "Share to channel" in shown.text


async def test_a_message_with_several_games_is_a_wish_of_its_own(world: World) -> None:
    said = world.bob.say(world.channel, "Ember Depths or Dicebound?")
    shown = await world.ann.shortcut(world.channel, said, "similar_games")

    assert "Because of Ember Depths, Dicebound:" in shown.text


async def test_a_message_with_half_a_title_is_asked_about(world: World) -> None:
    said = world.bob.say(world.channel, "ember deps")
    shown = await world.ann.shortcut(world.channel, said, "similar_games")

    assert "Did you mean" in shown.text


async def test_a_link_to_the_store_becomes_a_card(world: World) -> None:
    game = worlds.game("Ember Depths")
    address = f"https://store.steampowered.com/app/{game.app_id}/Ember_Depths/"
    shown = await world.bob.link(world.channel, f"look at {address}").until_answered()

    (message,) = [one for one in world.slack.world.messages.values() if address in one.body.text]

    assert [step.what for step in shown.steps if step.what != "ack"] == ["unfurl"]
    assert "Ember Depths" in str(message.unfurls[address])


async def test_a_link_to_a_game_for_adults_or_to_none_stays_a_link(world: World) -> None:
    game = worlds.game("Velvet Nights")
    shown = world.bob.link(world.channel, f"https://store.steampowered.com/app/{game.app_id}/")
    await shown.until_acked()
    unknown = await world.bob.link(world.channel, "https://store.steampowered.com/app/4/").until_acked()
    await world.leave()

    assert [step.what for step in (*shown.steps, *unknown.steps)] == ["ack", "ack"]


async def test_the_home_tab_shows_what_is_known(world: World) -> None:
    fresh = await world.ann.open_home()
    before = fresh.text
    await world.ann.slash(world.channel, "/digest", "here")
    await world.ann.slash(world.channel, "/link", PUBLIC)
    picks = await world.ann.slash(world.channel, "/recommend")
    full = await world.ann.open_home()
    bobs = await world.bob.open_home()

    assert not titles(before)
    assert titles(full.text) >= titles(picks.text)
    assert f"<#{world.channel.id}>" in full.text
    assert world.channel.id not in bobs.text


async def test_a_press_on_the_home_tab_is_answered_among_the_direct_messages(world: World) -> None:
    await world.ann.slash(world.channel, "/curate", "Puzzle")
    home = await world.ann.open_home()
    home.press_on("✨ More like this")
    await world.slack.until(lambda: world.slack.posted(world.slack.direct(world.ann)))
    form = await home.press("Find by theme")
    (shown,) = world.slack.posted(world.slack.direct(world.ann))

    assert "Goes well with" in shown.body.text
    assert form.view is not None
    assert form.view.body["type"] == "modal"


async def test_what_is_delivered_twice_is_answered_once(world: World) -> None:
    world.slack.double_next()
    shown = await world.ann.slash(world.channel, "/curate", "Puzzle")
    await shown.until(lambda one: len(one.acks) == 2)
    await world.leave()
    await world.place.flush()

    assert len(shown.messages) == 1
    assert (await world.place.logs.counts()).requests == 1


async def test_pictures_that_slack_cannot_fetch_are_left_out(tmp_path: Path) -> None:
    async with on_slack(tmp_path, shop=Shop(covers=Covers())) as world:
        game = worlds.game("Ember Depths")
        world.slack.broken_images.add(f"https://covers.example/{game.app_id}.jpg")
        whole = await world.ann.slash(world.channel, "/curate", "Puzzle")
        shown = await world.ann.slash(world.channel, "/curate", "Roguelike")
        refusals = list(world.slack.refused)
        world.slack.refused.clear()

    assert "image_url" in str(whole.messages[0].body.blocks)
    assert "image_url" not in str(shown.messages[0].body.blocks)
    assert [refusal.refusal.error for refusal in refusals] == ["invalid_blocks"]


async def test_who_waits_longer_than_a_response_url_lives_is_answered_all_the_same(world: World) -> None:
    first = await world.ann.slash(world.channel, "/curate", "Puzzle")
    world.place.steam.delay = 0.3
    late = world.ann.begin(world.channel, "/recommend", PUBLIC)
    await late.until_acked()
    world.hands.moment += timedelta(minutes=31)
    await late.until_answered()

    assert late.ephemeral
    assert "Picked for you" in late.text
    assert world.slack.world.hooks[late.payload["response_url"].rsplit("/", 1)[1]].uses == 0
    assert first.messages


async def test_an_expired_response_url_is_no_dead_end(tmp_path: Path) -> None:
    slack = LoopbackSlack(hook_life=0.0, between_posts=0.0)
    async with on_slack(tmp_path, slack=slack) as world:
        away, direct = world.slack.channel(name="elsewhere", has_bot=False), world.slack.direct(world.ann)
        private = await world.ann.slash(world.channel, "/recommend", PUBLIC)
        world.ann.begin(world.channel, "/curate", "Puzzle")
        world.ann.begin(away, "/curate", "Roguelike")
        await world.slack.until(lambda: world.slack.posted(world.channel) and world.slack.posted(direct))
        (public,), (outside,) = world.slack.posted(world.channel), world.slack.posted(direct)
        before = public.body.text
        following = next(one for one in public.elements if one.name == "▶️ Next")
        world.ann.touch(world.channel, public, following, {"value": following.said["value"]})
        await world.slack.until(lambda: public.edits)
        world.slack.refused.clear()

    assert private.ephemeral
    assert "Puzzle" in before
    assert "Puzzle" in public.body.text != before
    assert "Roguelike" in outside.body.text


async def test_late_answers_to_a_channel_keep_slack_s_pace(tmp_path: Path) -> None:
    """As long as a response_url is good Slack counts nothing; messages after that are one a second a channel."""
    async with on_slack(tmp_path, slack=LoopbackSlack(hook_life=0.0)) as world:
        elsewhere = world.slack.channel(name="elsewhere")
        for channel in (world.channel, world.channel, world.channel, elsewhere):
            world.ann.begin(channel, "/curate", "Puzzle")
        await world.slack.until(lambda: len(world.slack.posted(world.channel)) == 3 and world.slack.posted(elsewhere))
        limited = list(world.slack.api.limited)
        world.slack.refused.clear()  # the addresses that were too old

    assert limited == []


async def test_slack_is_waited_for_where_it_says_so(world: World) -> None:
    world.slack.fail_next("response_url", 429, retry_after=1)
    shown = await world.ann.slash(world.channel, "/curate", "Puzzle")

    assert len(shown.messages) == 1


async def test_a_lost_line_is_taken_up_again(world: World) -> None:
    await world.slack.disconnect("refresh_requested")
    asked = await world.ann.slash(world.channel, "/curate", "Puzzle")
    async with world.slack.away():
        waiting = world.ann.begin(world.channel, "/curate", "Roguelike")
    await waiting.until_answered()

    assert len(asked.messages) == len(waiting.messages) == 1


def with_curate(handler: object) -> tuple[Command, ...]:
    return tuple(replace(row, handler=handler) if row.name == "curate" else row for row in COMMANDS)  # type: ignore[arg-type]


async def broken(request: Request, desk: Desk) -> Reply:
    raise ZeroDivisionError


async def test_a_bug_is_an_apology_with_a_reference_that_stands_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_slack(tmp_path, with_curate(broken)) as world:
        shown = await world.ann.slash(world.channel, "/curate", "Puzzle")
    reference = shown.messages[0].body.text.rsplit(" ", 1)[1]

    assert shown.ephemeral
    assert [record for record in caplog.records if reference in record.getMessage()]


class NoCovers:
    async def of(self, app_ids: Sequence[int]) -> dict[int, str]:
        raise ZeroDivisionError(app_ids)


async def test_a_bug_beyond_the_command_is_one_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with on_slack(tmp_path, shop=Shop(covers=NoCovers())) as world:
        shown = await world.ann.slash(world.channel, "/curate", "Puzzle")
    reference = shown.messages[0].body.text.rsplit(" ", 1)[1]

    assert shown.ephemeral
    assert [record for record in caplog.records if reference in record.getMessage()]


async def test_what_is_under_way_is_answered_before_the_bot_leaves(world: World) -> None:
    world.place.steam.delay = 0.5
    asking = await world.ann.begin(world.channel, "/recommend", PUBLIC).until_acked()
    leaving = asyncio.create_task(world.bot.drain(5))
    await asyncio.sleep(0.05)
    late = await world.bob.slash(world.channel, "/curate", "Puzzle")
    left = await leaving

    assert left == 0
    assert "Picked for you" in asking.text
    assert "restarting" in late.text


async def test_a_button_of_another_day_says_so(world: World) -> None:
    old = {"type": "button", "text": {"type": "plain_text", "text": "Old"}, "action_id": "x", "value": "no code"}
    block = {"type": "actions", "block_id": "b", "elements": [old]}
    body = Body("old", [block])
    message = world.slack.world.place(Message("1.000001", world.channel.id, world.ann.team.bot_user, body))
    asked = world.ann.say(world.channel, "hello")
    element = message.elements[0]
    shown = await world.ann.touch(world.channel, message, element, {"value": "no code"}).until_answered()

    assert "no longer works" in shown.text
    assert asked.body.text == "hello"


async def test_no_word_of_a_person_rings_and_no_secret_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        shown = await world.ann.slash(world.channel, "/curate", "<!channel> @here")

    assert shown.rings == []
    assert world.slack.bot_token not in caplog.text
    assert "/respond/" not in caplog.text


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive"])
async def test_a_refused_token_ends_it_and_says_which(tmp_path: Path, error: str) -> None:
    async with on_slack(tmp_path, connected=False) as world:
        world.slack.fail_next("auth.test", error=error)
        with pytest.raises(PlatformRefused, match="INDIEAN_SLACK_BOT_TOKEN"):
            await run_by_web(world.bot, asyncio.Event())
        with pytest.raises(PlatformRefused, match="INDIEAN_SLACK_APP_TOKEN"):
            await run_by_socket(world.bot, "xapp-of-nobody", asyncio.Event())
        world.slack.refused.clear()


async def test_a_slack_that_is_away_may_come_back(tmp_path: Path) -> None:
    async with on_slack(tmp_path, connected=False) as world:
        client = web_client("xoxb-1", "http://127.0.0.1:9/api/", world.session)
        with pytest.raises(PlatformUnavailable, match="cannot be reached"):
            await run_by_web(SlackBot(world.place.desk, client), asyncio.Event())
