"""What is chosen for many at once: rising, new and fitting games in turn, and nothing that shows one person's taste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from recommender.crowd import AGREE, PEOPLE, Crowd, Taste
from recommender.library import Library
from recommender.recommend import Pick
from recommender.served import Served
from recommender.shelf import Wish
from recommender.weekly import LIKED, Evidence, Feature, Part, Rise, in_turn, weekly
from tests import worlds
from tests.digest_world import FRIDAY, NEWS, fresh

TODAY = FRIDAY.date()


def player(*titles: str, hides: Sequence[int] = ()) -> Taste:
    return Taste(worlds.library(*titles), frozenset(hides))


def lovers(theme: str, count: int = PEOPLE) -> tuple[Taste, ...]:
    """Each of whom has two games of a theme."""
    titles = worlds.THEMES[theme]
    return tuple(player(titles[who % 6], titles[(who + 1) % 6]) for who in range(count))


def chosen(
    tastes: Sequence[Taste] = (),
    rises: dict[int, Rise] | None = None,
    themes: Sequence[str] = (),
    wish: Wish = Wish(),  # noqa: B008 - frozen
    k: int = 6,
    served: Served | None = None,
    today: date = TODAY,
) -> list[Feature]:
    evidence = Evidence(today, tuple(tastes), rises or {})
    return weekly(served or worlds.served_with_content(NEWS), evidence, themes, wish, k)


def of(part: Part, features: Sequence[Feature]) -> list[str]:
    return [one.pick.game.title for one in features if one.part is part]


def test_the_parts_take_turns() -> None:
    found = chosen(lovers("Roguelike"), {201: Rise(9, 1.0), 301: Rise(12, 2.0)})

    assert [one.part for one in found] == [Part.RISING, Part.NEW, Part.TASTE] * 2


def test_what_rises_comes_in_the_order_of_how_steeply() -> None:
    found = chosen(rises={201: Rise(9, 8.0), 301: Rise(5, 0.5), 401: Rise(5, 5.0), 402: Rise(LIKED - 1)})

    assert of(Part.RISING, found) == [worlds.THEMES["Horror"][1], worlds.THEMES["Farming Sim"][1]]
    assert [one.people for one in found if one.part is Part.RISING] == [5, 9]


def test_new_is_what_came_out_within_a_month() -> None:
    assert of(Part.NEW, chosen()) == ["Turnip Island", "Lantern Delve"]
    assert all(one.pick.new for one in chosen() if one.part is Part.NEW)


def test_a_catalogue_that_ends_before_today_has_news_of_its_own() -> None:
    found = chosen(today=TODAY + timedelta(days=400))

    assert of(Part.NEW, found) == ["Turnip Island", "Lantern Delve"]


def test_what_is_not_out_yet_is_no_news() -> None:
    found = chosen(today=date(2026, 5, 5))

    assert of(Part.NEW, found) == ["Turnip Island"]


def test_a_part_of_another_game_is_no_news() -> None:
    extras = fresh(960, "Turnip Island: Soundtrack", "Farming Sim", date(2026, 5, 12), positive=900, negative=1)
    found = chosen(served=worlds.served_with_content((*NEWS, extras)))

    assert of(Part.NEW, found) == ["Turnip Island", "Lantern Delve"]


def test_new_games_that_the_people_would_like_come_first() -> None:
    found = chosen(lovers("Roguelike"))

    assert of(Part.NEW, found)[0] == "Lantern Delve"
    assert next(one.tags for one in found if one.part is Part.NEW) == ("Roguelike",)


def test_what_fits_is_of_the_kind_that_the_people_like_and_says_so() -> None:
    found = [one for one in chosen(lovers("Roguelike")) if one.part is Part.TASTE]

    assert {one.pick.game.tags[0] for one in found} == {"Roguelike"}
    assert {one.tags for one in found} == {("Roguelike",)}
    assert all(one.pick.because == () for one in found)


def test_fewer_than_so_many_people_are_not_heard_at_all() -> None:
    alone, nobody = chosen(lovers("Horror", PEOPLE - 1)), chosen()

    assert alone == nobody
    assert {one.part for one in nobody} == {Part.NEW, Part.POPULAR}


def test_people_of_whom_the_model_knows_no_game_are_nobody() -> None:
    strangers = tuple(Taste(Library({worlds.UNLISTED + who: 60})) for who in range(1, 9))

    assert chosen((*lovers("Horror", PEOPLE - 1), *strangers)) == chosen()


def test_the_taste_of_one_or_two_among_many_does_not_show() -> None:
    """Neither in a pick nor in a tag: it takes AGREE of them."""
    many = lovers("Roguelike", 8)
    for others in range(1, AGREE):
        found = chosen((*many, *lovers("Farming Sim", others)), k=20)
        fitting = [one for one in found if one.part is Part.TASTE]

        assert fitting
        assert "Farming Sim" not in {tag for one in found for tag in one.tags}
        assert "Farming Sim" not in {one.pick.game.tags[0] for one in fitting}


def test_who_joins_with_the_same_taste_makes_it_show_at_last() -> None:
    found = chosen((*lovers("Roguelike", 5), *lovers("Farming Sim", AGREE)), k=20)

    assert "Farming Sim" in {tag for one in found for tag in one.tags}


def test_a_larger_library_speaks_no_louder() -> None:
    served = worlds.served_with_content(NEWS)
    hoarder = player(*(title for titles in worlds.THEMES.values() for title in titles[:5]))
    crowd = Crowd.of((*lovers("Roguelike", 5), hoarder), served, Wish())

    assert crowd is not None
    assert crowd.tags == {"Roguelike"}


def test_what_half_of_them_have_is_left_out() -> None:
    """Every game of the theme is owned by two thirds: the crowd has nothing left to find in it."""
    all_owned = tuple(player(*worlds.THEMES["Puzzle"]) for _ in range(PEOPLE))
    found = chosen(all_owned)

    assert set(of(Part.TASTE, found)) & set(worlds.THEMES["Puzzle"]) == set()


def test_with_themes_there_is_nothing_else() -> None:
    found = chosen(lovers("Roguelike"), {201: Rise(9), 301: Rise(9)}, themes=("Horror", "Puzzle"))

    assert len(found) == 6
    assert {one.pick.game.tags[0] for one in found} == {"Horror", "Puzzle"}
    assert of(Part.RISING, found) == [worlds.THEMES["Horror"][1]]


def test_a_theme_that_is_no_more_leaves_its_turn_to_the_others() -> None:
    found = chosen(themes=("Forgotten", "Puzzle"))

    assert {one.pick.game.tags[0] for one in found} == {"Puzzle"}


@pytest.mark.parametrize("adult", [False, True])
def test_games_for_adults_come_only_where_they_may(*, adult: bool) -> None:
    found = chosen(rises={901: Rise(9)}, themes=("Horror",), wish=Wish(adult=adult), k=20)
    titles = {one.pick.game.title for one in found}

    assert ("Velvet Nights" in titles) is adult
    assert ("Midnight Velvet" in titles) is adult


def test_hits_come_last() -> None:
    served = worlds.served_with_content(NEWS)
    found = [one for one in chosen(k=40, served=served) if one.part is Part.POPULAR]
    hits = [bool(served.shelf.head[served.scorer.items.position(one.pick.game.app_id)]) for one in found]

    assert {False, True} == set(hits)
    assert hits == sorted(hits)


def test_what_was_shown_of_late_does_not_come_again() -> None:
    first = [one.pick.game.app_id for one in chosen(lovers("Roguelike"), {201: Rise(9)})]
    second = [
        one.pick.game.app_id for one in chosen(lovers("Roguelike"), {201: Rise(9)}, wish=Wish(hidden=frozenset(first)))
    ]

    assert len(second) == 6
    assert set(first) & set(second) == set()


def test_no_studio_comes_twice_where_others_are_left() -> None:
    twins = [fresh(970 + at, f"Twin {at}", "Puzzle", date(2026, 5, 11), positive=999, negative=1) for at in range(4)]
    same = [replace(one, developer="Twin Works") for one in twins]
    found = chosen(served=worlds.served_with_content((*NEWS, *same)))

    assert sum(one.pick.game.developer == "Twin Works" for one in found) == 1


def test_turns_are_taken_in_the_order_of_parts_and_nothing_comes_twice() -> None:
    a, b, c, d = (Feature(Pick(game, 1.0), Part.THEME) for game in worlds.GAMES[:4])

    assert in_turn([[a, b], [b, c], [d]], 9) == [a, b, d, c]
    assert in_turn([[a, b], [a, c]], 3) == [a, c, b]
    assert in_turn([[], []], 5) == []


async def test_nothing_is_asked_of_a_model_without_content() -> None:
    found = chosen(lovers("Horror"), served=worlds.served())

    assert of(Part.NEW, found) == []
    assert {one.pick.game.tags[0] for one in found if one.part is Part.TASTE} == {"Horror"}
