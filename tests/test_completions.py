"""What is offered while a value is being typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import COMMANDS, titles
from bot.commands.command import Completed, Kind, Option
from bot.commands.zones import zone_named
from bot.completions import LONGEST, MOST, Completion, completions
from bot.messages import Language
from recommender.catalog import Catalog, Game
from recommender.engine import Engine
from recommender.served import Served
from tests import worlds

EN, KO = Language.EN, Language.KO
TAG, TAGS, TITLE, TITLES, ZONE = (
    Option(kind, autocomplete=kind) for kind in ("tag", "tags", "title", "titles", "zone")
)
MIX = Option("mix", Kind.CHOICE, choices=("gems", "balanced", "hits"))

LONG = "The Unbelievably Long, Winding and Never Ending Tale of a Snail That Once Set Out for the Sea, Volume 2"


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    found = Engine(worlds.served())
    yield found
    found.close()


@pytest_asyncio.fixture
async def crowded() -> AsyncIterator[Engine]:
    """With titles that are too long, ambiguous or have commas."""
    games = (
        Game(1, LONG, ("Horror",), positive=9),
        Game(2, "Prey", year=2006, positive=8),
        Game(3, "Prey", year=2017, positive=90),
        Game(4, "PREY", positive=7),
        Game(5, "Papers, Please", positive=6),
        *(Game(at, f"Snail Racer {at} {'of the Deep Blue Sea ' * 2}", ("Racing",)) for at in range(10, 60)),
    )
    found = Engine(replace(worlds.served(), catalog=Catalog(games)))
    yield found
    found.close()


async def offered(option: Option, typed: str, engine: Engine, language: Language = EN) -> list[tuple[str, str]]:
    found = await completions(option, typed, language, engine, adult_ok=False)
    return [(one.label, one.value) for one in found]


async def test_tags_are_offered_by_what_they_are_called_and_meant_in_english(engine: Engine) -> None:
    assert await offered(TAG, "hor", engine) == [("Horror", "Horror")]
    assert await offered(TAG, "hor", engine, KO) == [("공포", "Horror")]
    assert await offered(TAG, "공", engine, KO) == [("공포", "Horror")]
    assert await offered(TAG, "공ㅍ", engine, EN) == [("Horror", "Horror")]
    assert await offered(TAG, "호러", engine, KO) == [("공포", "Horror")]
    assert await offered(TAG, "zzz", engine) == []


async def test_nothing_typed_offers_the_most_used_tags(engine: Engine) -> None:
    assert [value for _, value in await offered(TAG, "", engine)][:3] == list(engine.served.catalog.tags[:3])


async def test_titles_are_offered_and_adult_ones_only_where_they_may_be(engine: Engine) -> None:
    assert await offered(TITLE, "last l", engine) == [("Last Lantern", "Last Lantern")]
    assert await offered(TITLE, '"last l', engine) == [("Last Lantern", "Last Lantern")]
    assert await offered(TITLE, "velvet", engine) == []
    assert await completions(TITLE, "velvet", EN, engine, adult_ok=True) == [
        Completion("Velvet Nights", "Velvet Nights")
    ]


async def test_an_app_id_is_offered_as_its_game(engine: Engine) -> None:
    game = worlds.game("Tessera")

    assert await offered(TITLE, str(game.app_id), engine) == [("Tessera", "Tessera")]


async def test_a_title_that_is_too_long_is_cut_and_meant_by_its_app_id(crowded: Engine) -> None:
    ((label, value),) = await offered(TITLE, "the unbel", crowded)

    assert (label[:12], label[-1], len(label), value) == (LONG[:12], "…", LONGEST, "1")
    assert (await crowded.find(value)).title == LONG


async def test_games_of_one_title_are_told_apart(crowded: Engine) -> None:
    found = await offered(TITLE, "prey", crowded)

    assert found == [("Prey", "Prey"), ("Prey (2006)", "2"), ("PREY", "4")]
    assert [(await crowded.find(value)).app_id for _, value in found] == [3, 2, 4]


async def test_the_last_piece_of_a_list_is_completed_and_the_others_stay(engine: Engine) -> None:
    assert await offered(TITLES, "Static, tess", engine) == [("Static, Tessera", "Static, Tessera")]
    assert await offered(TITLES, "Static,tess", engine) == [("Static, Tessera", "Static, Tessera")]
    assert await offered(TAGS, "Horror, 공포, puz", engine, KO) == [("Horror, 공포, 퍼즐", "Horror, 공포, Puzzle")]


async def test_what_is_in_the_list_is_not_offered_again(engine: Engine) -> None:
    assert "Horror" not in [value.rpartition(", ")[2] for _, value in await offered(TAGS, "공포, ", engine)]
    assert await offered(TITLES, "Tessera, tess", engine) == []


async def test_a_title_with_a_comma_is_quoted_in_a_list_and_found_by_what_stands_before_it(engine: Engine) -> None:
    quoted = '"Sow, Reap, Sleep"'

    assert await offered(TITLES, "sow", engine) == [("Sow, Reap, Sleep", quoted)]
    assert (await offered(TITLES, "sow, re", engine))[0] == ("Sow, Reap, Sleep", quoted)
    assert await offered(TITLES, '"Sow, re', engine) == [("Sow, Reap, Sleep", quoted)]
    assert await offered(TITLES, f"{quoted}, tess", engine) == [(f"{quoted}, Tessera", f"{quoted}, Tessera")]
    assert await offered(TITLES, "Static, sow", engine) == [("Static, Sow, Reap, Sleep", f"Static, {quoted}")]


async def test_a_list_that_grew_too_long_is_not_completed_but_may_be_typed(crowded: Engine) -> None:
    kept = "Papers, Please, " * 5

    assert await offered(TITLES, f"{kept}snail", crowded) == []


@pytest.mark.parametrize("typed", ["seo", "asia/se", "Asia Seoul", "SEOUL", "서울", "서우", "ㅅㅓ", "한국", "kst"])
async def test_a_time_zone_is_offered_by_its_city_in_either_language(engine: Engine, typed: str) -> None:
    assert ("Asia/Seoul", "Asia/Seoul") in (await offered(ZONE, typed, engine))[:2]
    assert ("서울 (Asia/Seoul)", "Asia/Seoul") in (await offered(ZONE, typed, engine, KO))[:2]


async def test_cities_come_before_regions_and_old_names_are_not_offered(engine: Engine) -> None:
    found = [value for _, value in await offered(ZONE, "america", engine)]
    pacific = [value for _, value in await offered(ZONE, "pacific", engine)]

    assert found[0] == "America/New_York"
    assert len(found) == MOST
    assert "US/Pacific" not in pacific
    assert [value for _, value in await offered(ZONE, "new y", engine)] == ["America/New_York"]
    assert await offered(ZONE, "atlantis", engine) == []


async def test_nothing_typed_offers_the_zones_most_asked_for(engine: Engine) -> None:
    assert [value for _, value in await offered(ZONE, "", engine)][:3] == ["Asia/Seoul", "UTC", "Europe/London"]


async def test_every_zone_that_is_offered_is_understood(engine: Engine) -> None:
    for letter in "abcdefghijklmnopqrstuvwxyz":
        values = [value for _, value in await offered(ZONE, letter, engine)]
        assert [zone_named(value) for value in values] == values


async def test_choices_are_offered_by_their_value_and_by_what_it_means(engine: Engine) -> None:
    assert await offered(MIX, "", engine) == [
        ("hidden gems only", "gems"),
        ("half and half", "balanced"),
        ("well-known games only", "hits"),
    ]
    assert await offered(MIX, "GE", engine) == [("hidden gems only", "gems")]
    assert await offered(MIX, "유명", engine, KO) == [("유명한 게임만", "hits")]


async def test_what_has_no_names_is_not_completed(engine: Engine) -> None:
    assert await offered(Option("since", Kind.INTEGER), "20", engine) == []


@pytest.mark.parametrize("option", [option for command in COMMANDS for option in command.options], ids=lambda o: o.name)
@pytest.mark.parametrize("language", Language)
async def test_every_option_of_every_command_may_be_completed(
    option: Option, language: Language, engine: Engine
) -> None:
    found = await offered(option, "", engine, language)

    assert bool(found) == bool(option.autocomplete or option.choices)


@given(
    kind=st.sampled_from(["tag", "tags", "title", "titles", "zone"]),
    typed=st.text(max_size=120) | st.text('ab,"“” 공포ㅅ/', max_size=30),
    language=st.sampled_from(Language),
)
async def test_whatever_is_typed_all_that_is_offered_fits(kind: Completed, typed: str, language: Language) -> None:
    engine = Engine(Served("world", worlds.model(), Catalog([*worlds.GAMES, Game(1, LONG), Game(2, LONG)])))

    found = await completions(Option(kind, autocomplete=kind), typed, language, engine, adult_ok=False)

    engine.close()
    assert len(found) <= MOST
    assert len({one.value for one in found}) == len(found)
    for one in found:
        assert 1 <= len(one.label.strip()) <= len(one.label) <= LONGEST
        assert 1 <= len(one.value.strip()) <= len(one.value) <= LONGEST


@given(st.text('ab,"“” ', max_size=30))
def test_a_list_is_parted_into_all_that_was_typed(typed: str) -> None:
    kept, part = titles.parted(typed)

    assert kept + typed[len(kept) :] == typed
    assert part == typed[len(kept) :].lstrip()
    assert not kept or kept.endswith(",")


@pytest.mark.parametrize(
    ("typed", "kept", "part"),
    [
        ("", "", ""),
        ("Static", "", "Static"),
        ("Static, ", "Static,", ""),
        ('"Sow, Reap, Sleep", Te', '"Sow, Reap, Sleep",', "Te"),
        ('Static, "Sow, Re', "Static,", '"Sow, Re'),
        ("“Sow, Reap” , x", "“Sow, Reap” ,", "x"),
        (", , a", ", ,", "a"),
    ],
)
def test_a_comma_parts_a_list_unless_it_is_quoted(typed: str, kept: str, part: str) -> None:
    assert titles.parted(typed) == (kept, part)


def test_a_long_list_is_parted_at_once() -> None:
    assert titles.parted(" " * 5000 + "a" + " " * 5000) == ("", "a" + " " * 5000)
