"""The bot on an in-process Discord: commands, buttons and forms, as the people there live them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.commands.command import Command, Desk
from bot.discord.sync import sync
from bot.messages import Reply, Request
from bot.presses import Deed
from bot.shop import Shop
from storage.synced import Synced
from tests import worlds
from tests.discord_screen import labels, screen, walk, words
from tests.discord_world import World, answer, code, on_discord
from tests.fakes import NOON, PRIVATE, PUBLIC

Handler = Callable[[Request, Desk], Awaitable[Reply]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with on_discord(tmp_path) as world:
        yield world


class Covers:
    def __init__(self, address: str = "https://covers.example/{}.jpg") -> None:
        self._address = address

    async def of(self, app_ids: Sequence[int]) -> dict[int, str]:
        return {app_id: self._address.format(app_id) for app_id in app_ids}


async def test_personal_answers_are_for_one_pair_of_eyes(world: World) -> None:
    shown = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))

    assert shown.ephemeral
    assert "Picked for you, going by 5 of the 5 games" in words(shown.components)
    assert labels(shown.components)[-2:] == ["Next", "Share"]


async def test_themes_are_for_all_to_see(world: World) -> None:
    shown = answer(await world.ann.slash(world.channel, "curate", tag="Roguelike"))

    assert not shown.ephemeral
    assert labels(shown.components)[-1] == "Next"


async def test_what_goes_wrong_with_a_public_command_is_told_in_private(world: World) -> None:
    shown = answer(await world.ann.slash(world.channel, "curate", tag="roguelik"))

    assert shown.ephemeral
    assert "Did you mean" in words(shown.components)


async def test_a_near_miss_is_one_press_from_the_answer(world: World) -> None:
    asked = answer(await world.ann.slash(world.channel, "curate", tag="roguelik"))
    shown = answer(await world.ann.click(asked, custom_id=code(asked, Deed.CHOOSE)))

    assert "The best of Roguelike:" in words(shown.components)


def with_curate(handler: Handler) -> tuple[Command, ...]:
    return tuple(replace(row, handler=handler) if row.name == "curate" else row for row in COMMANDS)


async def test_pages_turn_in_place(world: World) -> None:
    first = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))
    before = words(first.components)
    await world.ann.click(first, custom_id=code(first, Deed.NEXT))
    second = words(first.components)
    await world.ann.click(first, custom_id=code(first, Deed.PREVIOUS))

    assert titles(before).isdisjoint(titles(second))
    assert titles(words(first.components)) == titles(before)


def titles(seen: str) -> set[str]:
    return {game.title for game in worlds.GAMES if game.title in seen.splitlines()}


async def test_an_opinion_is_lit_and_changes_the_next_page(world: World) -> None:
    first = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))
    await world.place.flush()
    await world.ann.click(first, custom_id=code(first, Deed.LIKE))
    await world.ann.click(first, custom_id=code(first, Deed.HIDE))
    lit = [part["label"] for part in walk(first.components) if part["type"] == 2 and part["style"] == 3]
    again = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))

    assert lit == ["Hide"]
    (hidden,) = await world.place.desk.feedback.of("discord", str(world.ann.id))
    assert hidden not in {worlds.game(title).app_id for title in titles(words(again.components))}


async def test_somebody_else_s_press_leaves_the_answer_as_it_is(world: World) -> None:
    first = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))
    before = first.components
    turned = await world.bob.click(first, custom_id=code(first, Deed.NEXT))
    liked = await world.bob.click(first, custom_id=code(first, Deed.LIKE))

    assert first.components == before
    assert answer(turned).ephemeral
    assert titles(words(answer(turned).components))
    assert answer(liked).ephemeral
    assert len(await world.place.desk.feedback.of("discord", str(world.bob.id))) == 1


async def test_sharing_shows_it_to_all(world: World) -> None:
    first = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))
    shared = answer(await world.ann.click(first, custom_id=code(first, Deed.SHARE)))

    assert not shared.ephemeral
    assert titles(words(shared.components)) == titles(words(first.components))
    assert "Share" not in labels(shared.components)


@pytest.mark.parametrize(("deed", "part"), [(Deed.WHY, "%"), (Deed.MORE_LIKE, "Goes well with")])
async def test_a_card_s_questions_are_answered_in_private(world: World, deed: Deed, part: str) -> None:
    first = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))
    shown = answer(await world.ann.click(first, custom_id=code(first, deed)))

    assert shown.ephemeral
    assert part in words(shown.components)


@pytest.mark.parametrize("deed", [deed for deed in Deed if deed not in {Deed.ASK, Deed.CHOOSE, Deed.PREVIOUS}])
async def test_no_button_is_lost_by_a_restart(world: World, deed: Deed) -> None:
    first = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))
    await world.place.flush()
    await world.restart()
    result = await world.ann.click(first, custom_id=code(first, deed))
    seen = words(answer(result).components) if deed not in {Deed.NEXT, Deed.LIKE, Deed.OWN, Deed.HIDE} else ""

    assert result.acknowledged
    assert "Ask" not in seen
    assert "Sorry" not in seen


async def test_who_gives_nothing_is_asked_by_a_form(world: World) -> None:
    asked = answer(await world.ann.slash(world.channel, "recommend"))
    form = await world.ann.click(asked, custom_id=code(asked, Deed.ASK))
    shown = answer(await world.ann.submit_modal(form, {"value": "Dicebound, Ember Depths"}))

    assert "Because of Dicebound, Ember Depths:" in words(shown.components)
    assert shown.ephemeral


async def test_adult_titles_are_for_channels_that_are_for_adults(world: World) -> None:
    anywhere = answer(await world.ann.slash(world.channel, "similar", game="Velvet Nights"))
    there = answer(await world.ann.slash(world.adults, "similar", game="Velvet Nights"))

    assert "adults only" in words(anywhere.components)
    assert "Goes well with Velvet Nights" in words(there.components)


async def test_tags_and_titles_complete(world: World) -> None:
    tags = await world.ann.autocomplete(world.channel, "curate", "tag", "rogue")
    titles = await world.ann.autocomplete(world.channel, "similar", "game", "velvet")
    adult = await world.ann.autocomplete(world.adults, "similar", "game", "velvet")

    assert tags == [{"name": "Roguelike", "value": "Roguelike"}]
    assert titles == []
    assert [choice["name"] for choice in adult] == ["Velvet Nights"]


async def test_covers_are_shown_where_they_are_known(tmp_path: Path) -> None:
    async with on_discord(tmp_path, shop=Shop(covers=Covers())) as world:
        shown = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))

    assert len([part for part in walk(shown.components) if part["type"] == 11]) == 3


async def broken(request: Request, desk: Desk) -> Reply:
    raise ZeroDivisionError


async def test_a_bug_is_an_apology_with_a_reference_that_stands_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_discord(tmp_path, with_curate(broken)) as world:
        shown = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))
    reference = words(shown.components).rsplit(" ", 1)[1]

    assert shown.ephemeral
    assert [record for record in caplog.records if reference in record.getMessage()]


class NoCovers:
    async def of(self, app_ids: Sequence[int]) -> dict[int, str]:
        raise ZeroDivisionError(app_ids)


async def test_a_bug_beyond_the_command_is_one_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with on_discord(tmp_path, shop=Shop(covers=NoCovers())) as world:
        shown = answer(await world.ann.slash(world.channel, "curate", tag="Puzzle"))
    reference = shown.content.rsplit(" ", 1)[1]

    assert shown.ephemeral
    assert [record for record in caplog.records if reference in record.getMessage()]


async def test_what_is_under_way_is_answered_before_the_bot_leaves(world: World) -> None:
    world.place.steam.delay = 0.5
    asking = asyncio.create_task(world.ann.slash(world.channel, "recommend", steam=PUBLIC))
    await asyncio.sleep(0.1)
    left = await world.client.drain(5)
    answered = answer(await asking)
    late = answer(await world.bob.slash(world.channel, "curate", tag="Puzzle"))

    assert left == 0
    assert "Picked for you" in words(answered.components)
    assert "restarting" in late.content


async def test_commands_are_sent_only_when_they_have_changed(world: World) -> None:
    http, application, synced = world.client.http, world.client.application_id or 0, Synced(world.place.database)

    assert not await sync(http, application, synced, NOON)
    assert await sync(http, application, synced, NOON, force=True)


async def test_no_word_of_a_game_or_a_person_rings(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        shown = answer(await world.ann.slash(world.channel, "curate", tag="@everyone <@1>"))

    assert "\\@everyone" in str(shown.components)
    assert world.client.allowed_mentions is not None
    assert str(world.client.allowed_mentions.to_dict()) == "{'parse': []}"
    assert PRIVATE not in caplog.text


async def test_the_page_looks_like_this(world: World) -> None:
    shown = answer(await world.ann.slash(world.channel, "recommend", steam=PUBLIC))

    assert screen(shown.components, ephemeral=shown.ephemeral).count("[👍") == 3
