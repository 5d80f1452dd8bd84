"""Tags go by their Korean names, typed and shown, and each name is one tag's alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Language
from bot.tag_names import english, korean_letters, korean_names, localized, tag_named
from recommender.catalog import Catalog, Game, joined
from recommender.errors import UnknownTag
from storage.datasets.sample import sample_games

EN, KO = Language.EN, Language.KO
NAMES = korean_names()
CATALOG = Catalog([Game(1, "a", ("Rogue-like", "Horror", "Farming Sim"), ("Indie",)), Game(2, "b", ("Horror", "RPG"))])


def test_each_name_is_of_a_tag_of_the_sample_world_or_of_one_that_is_said_to_be_elsewhere() -> None:
    sample = {tag for game in sample_games() for tag in (*game.tags, *game.genres)}

    assert NAMES.names.keys() - sample == set(NAMES.elsewhere) - sample
    assert NAMES.also.keys() <= NAMES.names.keys()


def test_no_tag_that_is_elsewhere_has_no_name() -> None:
    assert set(NAMES.elsewhere) <= NAMES.names.keys()
    assert len(set(NAMES.elsewhere)) == len(NAMES.elsewhere)


def test_each_name_is_one_tags_alone_whatever_its_spaces() -> None:
    said = Counter(
        joined(name) for name in (*NAMES.names.values(), *(n for names in NAMES.also.values() for n in names))
    )
    tags = Counter(joined(tag) for tag in NAMES.names)

    assert {name for name, times in (said + tags).items() if times > 1} == set()


def test_most_tags_of_the_sample_world_have_a_korean_name() -> None:
    tags = Counter(tag for game in sample_games() for tag in game.tags)
    named = sum(times for tag, times in tags.items() if localized(tag, KO) != tag)

    assert named > 0.9 * tags.total()


@pytest.mark.parametrize(
    ("tag", "korean"),
    [("Roguelike", "로그라이크"), ("Rogue-like", "로그라이크"), ("Farming Sim", "농장 시뮬레이션"), ("Horror", "공포")],
)
def test_a_tag_is_called_as_the_store_calls_it_in_the_persons_language(tag: str, korean: str) -> None:
    assert (localized(tag, EN), localized(tag, KO)) == (tag, korean)


@pytest.mark.parametrize("tag", ["RPG", "FPS", "4X", "No Such Tag", ""])
def test_a_tag_without_another_name_keeps_its_own(tag: str) -> None:
    assert localized(tag, KO) == english(tag) == tag


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("농장 시뮬레이션", "Farming Sim"),
        ("농장시뮬레이션", "Farming Sim"),
        (" 공 포 ", "Horror"),
        ("호러", "Horror"),
        ("e스포츠", "e-sports"),
        ("E스포츠", "e-sports"),
        ("sf", "Sci-fi"),
        ("horror", "horror"),
        ("없는 태그", "없는 태그"),
    ],
)
def test_a_korean_name_becomes_the_stores_english_tag(said: str, tag: str) -> None:
    assert english(said) == tag


@pytest.mark.parametrize("tag", sorted(NAMES.names))
def test_there_and_back_again(tag: str) -> None:
    assert english(localized(tag, KO)) == tag


@pytest.mark.parametrize(
    ("said", "tag"), [("공포", "Horror"), ("로그라이크", "Rogue-like"), ("roguelike", "Rogue-like"), ("인디", "Indie")]
)
def test_a_tag_is_found_by_any_of_its_names_and_spelt_as_in_the_catalogue(said: str, tag: str) -> None:
    assert tag_named(said, CATALOG) == tag


@pytest.mark.parametrize(
    ("said", "near"),
    [("로그라이그", ("Rogue-like",)), ("농장 시뮬래이션", ("Farming Sim",)), ("horor", ("Horror",)), ("뷁뷁뷁", ())],
)
def test_a_near_miss_in_either_language_names_the_tag(said: str, near: tuple[str, ...]) -> None:
    with pytest.raises(UnknownTag) as refused:
        tag_named(said, CATALOG)

    assert (refused.value.said, refused.value.near) == (said, near)


def test_a_tag_that_the_catalogue_lacks_is_refused_in_the_persons_own_words() -> None:
    with pytest.raises(UnknownTag) as refused:
        tag_named("협동", CATALOG)

    assert refused.value.said == "협동"


@given(st.text(max_size=10))
def test_whatever_is_said_is_a_tag_of_the_catalogue_or_refused_with_some_of_it(said: str) -> None:
    found: set[str] = set()
    try:
        found.add(tag_named(said, CATALOG))
    except UnknownTag as refused:
        found.update(refused.near)

    assert found <= set(CATALOG.tags)


@pytest.mark.parametrize("half", ["ㄱ", "고", "공", "공ㅍ", "공포"])
def test_a_name_begins_with_what_is_half_typed_of_it(half: str) -> None:
    assert korean_letters("공포").startswith(korean_letters(half))
