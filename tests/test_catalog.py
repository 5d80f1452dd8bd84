"""A game is found by what people type, and a near miss is offered where it is not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog import Catalog, Game, fold
from recommender.errors import UnknownGame, UnknownTag

TITLES = st.lists(st.text(min_size=1, max_size=12).filter(fold), min_size=1, max_size=8, unique_by=fold)

GAMES = (
    Game(10, "Stardew Valley", ("Farming Sim", "Rogue-like"), positive=900),
    Game(20, "Café International", ("Board Game",)),
    Game(30, "Hades™", ("Rogue-like", "Action")),
    Game(40, "Hades' Star", ("Space",)),
    Game(50, "던전앤파이터", ("RPG",)),
    Game(60, "스타듀 밸리", ("Farming Sim",)),
    Game(70, "2048", ("Puzzle",)),
    Game(2048, "Some Other Game", ("Puzzle", "Rogue-like")),
    Game(80, "***", ("Puzzle",)),
    Game(90, "???", ("Puzzle",)),
    Game(100, ""),
    Game(110, "Z"),
    Game(120, "Valley of Stars"),
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(GAMES)


@given(TITLES)
def test_a_title_unlike_all_others_finds_its_own_game(titles: list[str]) -> None:
    catalog = Catalog(Game(app_id, title) for app_id, title in enumerate(titles))

    assert [catalog.find(title).title for title in titles] == titles


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folding_leaves_no_space_at_the_ends_and_none_doubled(text: str) -> None:
    assert fold(text) == " ".join(fold(text).split())


@given(st.text(max_size=10))
def test_whatever_is_typed_is_found_or_refused_with_games_that_exist(said: str) -> None:
    catalog = Catalog(GAMES)

    found, near = found_or_near(catalog, said)

    assert found is None or found in GAMES
    assert len(near) <= 5
    assert all(catalog.get(app_id) for app_id in near)


def found_or_near(catalog: Catalog, said: str) -> tuple[Game | None, tuple[int, ...]]:
    try:
        return catalog.find(said), ()
    except UnknownGame as refused:
        return None, refused.near


@pytest.mark.parametrize(
    ("said", "app_id"),
    [
        ("stardew  valley", 10),
        ("STARDEW-VALLEY!", 10),
        ("cafe international", 20),
        (unicodedata.normalize("NFD", "Café International"), 20),
        ("Hades", 30),
        ("HADES®", 30),
        ("hades star", 40),
        ("Hades’ Star", 40),
        ("던전앤파이터", 50),
        (unicodedata.normalize("NFD", "던전앤파이터"), 50),
        (" 스타듀  밸리 ", 60),
        ("***", 80),
        ("???", 90),
    ],
)
def test_spellings_of_a_title_find_its_game(catalog: Catalog, said: str, app_id: int) -> None:
    assert catalog.find(said).app_id == app_id


def test_a_number_is_an_app_id_unless_a_game_is_called_so(catalog: Catalog) -> None:
    assert catalog.find("2048").app_id == 70
    assert catalog.find(" 30 ").app_id == 30
    assert catalog.find("#30").app_id == 30


@pytest.mark.parametrize("said", ["²", "9" * 5000, "3e1", "31"])
def test_what_only_looks_like_an_id_is_no_game(catalog: Catalog, said: str) -> None:
    with pytest.raises(UnknownGame):
        catalog.find(said)


@pytest.mark.parametrize("said", ["", "  ", "!", "™"])
def test_saying_nothing_finds_nothing_even_where_games_have_no_title(catalog: Catalog, said: str) -> None:
    with pytest.raises(UnknownGame) as refused:
        catalog.find(said)

    assert refused.value.near == ()


@pytest.mark.parametrize(
    ("said", "likeliest"),
    [("stardew valey", 10), ("hadez", 30), ("스타듀밸리", 60), ("스타듀 벨리", 60), ("café internationale", 20)],
)
def test_a_near_miss_names_the_likeliest_game_first(catalog: Catalog, said: str, likeliest: int) -> None:
    with pytest.raises(UnknownGame) as refused:
        catalog.find(said)

    assert refused.value.near[0] == likeliest


def test_a_title_of_one_letter_is_near_to_little(catalog: Catalog) -> None:
    with pytest.raises(UnknownGame) as refused:
        catalog.find("hadez")

    assert 110 not in refused.value.near


def test_among_games_of_one_title_the_most_played_is_meant() -> None:
    twins = [Game(1, "Prey", positive=9000), Game(2, "PREY", positive=10), Game(3, "Prey!", positive=20)]

    assert Catalog(twins).find("prey").app_id == 1
    assert Catalog(twins, {2: 500}).find("prey").app_id == 2
    assert [game.app_id for game in Catalog(twins, {2: 500})] == [2, 1, 3]


def test_a_game_is_got_by_id_or_not_at_all(catalog: Catalog) -> None:
    assert catalog.get(30) == GAMES[2]
    assert catalog.get(31) is None
    assert len(catalog) == len(GAMES)


def test_completing_starts_with_what_was_typed_then_contains_it_and_famous_ones_first() -> None:
    titles = ["Valley of Stars", "Stardew Valley", "Star Wars", "Dark Star", "Mustard"]
    catalog = Catalog((Game(at, title) for at, title in enumerate(titles)), {2: 50, 1: 40, 4: 30, 3: 20, 0: 10})

    assert [game.title for game in catalog.complete_title("STAR")] == [
        "Star Wars",
        "Stardew Valley",
        "Mustard",
        "Dark Star",
        "Valley of Stars",
    ]
    assert [game.title for game in catalog.complete_title("star", limit=3)] == [
        "Star Wars",
        "Stardew Valley",
        "Mustard",
    ]
    assert [game.title for game in catalog.complete_title("star", limit=1)] == ["Star Wars"]


def test_completing_korean_and_nothing(catalog: Catalog) -> None:
    assert [game.app_id for game in catalog.complete_title("스타")] == [60]
    assert catalog.complete_title("zzz") == []
    assert len(catalog.complete_title("", limit=4)) == 4


@given(st.lists(st.text("ab ", max_size=5), max_size=12), st.text("ab ", max_size=3), st.integers(1, 6))
def test_completing_is_what_a_look_at_every_title_finds(titles: list[str], typed: str, limit: int) -> None:
    games = [Game(at, title, positive=100 - at) for at, title in enumerate(titles)]
    named = [game for game in games if game.title.strip() and fold(typed) in fold(game.title)]
    expected = sorted(named, key=lambda game: not fold(game.title).startswith(fold(typed)))

    assert Catalog(games).complete_title(typed, limit) == expected[:limit]


def test_an_app_id_completes_to_its_game_before_the_titles_that_have_the_number() -> None:
    games = [Game(1, "10 Seconds", positive=9), Game(10, "Counter-Strike"), Game(30, "40"), Game(40, "Left 4 Dead")]
    catalog = Catalog(games)

    assert [game.app_id for game in catalog.complete_title("10")] == [10, 1]
    assert [game.app_id for game in catalog.complete_title("#30 ")] == [30]
    assert [game.app_id for game in catalog.complete_title("40")] == [30]
    assert catalog.complete_title("9" * 5000) == catalog.complete_title("²") == []


def test_adult_games_leave_their_room_to_others_when_they_are_not_wanted() -> None:
    games = [Game(1, "Nights", positive=9, adult=True), Game(2, "Night Shift"), Game(3, "Nightfall")]
    catalog = Catalog(games)

    assert [game.app_id for game in catalog.complete_title("night", 2)] == [1, 2]
    assert [game.app_id for game in catalog.complete_title("night", 2, adult=False)] == [2, 3]
    assert [game.app_id for game in catalog.complete_title("1", adult=False)] == []


def test_a_game_without_a_title_is_never_offered(catalog: Catalog) -> None:
    assert "" not in [game.title for game in catalog.complete_title("", 99)]
    assert catalog.complete_title("100") == []


@pytest.mark.parametrize("said", ["Rogue-like", "rogue like", "ROGUELIKE", " roguelike "])
def test_a_tag_is_found_however_it_is_joined(catalog: Catalog, said: str) -> None:
    assert catalog.tag(said) == "Rogue-like"


def test_of_two_spellings_of_a_tag_the_more_used_is_meant() -> None:
    games = [Game(1, "a", ("Roguelike",)), Game(2, "b", ("Roguelike",)), Game(3, "c", ("Rogue-Like", "roguelike"))]

    assert Catalog(games).tag("roguelike") == "Roguelike"


def test_a_genre_is_a_tag_and_counts_once_a_game() -> None:
    games = [Game(1, "a", ("Indie", "Action"), ("Indie",)), Game(2, "b", ("Action",)), Game(3, "c", (), ("Strategy",))]

    assert list(Catalog(games).tags) == ["Action", "Indie", "Strategy"]


def test_a_misspelt_tag_is_refused_with_near_ones(catalog: Catalog) -> None:
    with pytest.raises(UnknownTag) as refused:
        catalog.tag("farmin sim")

    assert (refused.value.said, refused.value.near[0]) == ("farmin sim", "Farming Sim")


@pytest.mark.parametrize("said", ["", "!!!", "qwxyz"])
def test_a_tag_like_none_has_no_near_ones(catalog: Catalog, said: str) -> None:
    with pytest.raises(UnknownTag) as refused:
        catalog.tag(said)

    assert refused.value.near == ()


def test_completing_a_tag_starts_with_it_first_and_most_used_first(catalog: Catalog) -> None:
    assert catalog.complete_tag("r") == ["Rogue-like", "RPG", "Farming Sim", "Board Game"]
    assert catalog.complete_tag("R", limit=1) == ["Rogue-like"]
    assert catalog.complete_tag("")[:2] == list(catalog.tags[:2])


def test_a_tag_is_completed_however_it_is_joined(catalog: Catalog) -> None:
    assert catalog.complete_tag("roguel") == catalog.complete_tag("rogue-l") == ["Rogue-like"]
    assert catalog.complete_tag("boardg") == ["Board Game"]
    assert catalog.complete_tag("zzz") == []


@pytest.mark.parametrize(("tags", "genres", "indie"), [(("Indie",), (), 1), ((), ("Indie",), 1), (("Action",), (), 0)])
def test_indie_is_a_genre_or_a_tag(tags: tuple[str, ...], genres: tuple[str, ...], indie: int) -> None:
    assert Game(1, "a", tags, genres).indie == bool(indie)


def test_free_is_for_sale_and_unpriced_is_not() -> None:
    assert Game(1, "a", price=0.0).for_sale
    assert not Game(1, "a", price=None).for_sale


def test_what_the_store_took_down_is_not_for_sale_whatever_its_price() -> None:
    assert not Game(1, "a", price=4.99, delisted=True).for_sale


def test_a_theme_that_two_sets_spell_differently_is_one_theme() -> None:
    old, new, other = (
        Game(1, "Old", ("Rogue-like",)),
        Game(2, "New", ("Roguelike", "Rogue-like")),
        Game(3, "Other", ("Roguelike",)),
    )
    catalog = Catalog([old, new, other])

    assert catalog.tag("rogue like") == catalog.tag("ROGUELIKE")
    assert len({catalog.tag("roguelike"), *(tag for game in catalog for tag in game.tags)}) == 1
    assert list(catalog.tags) == [catalog.tag("roguelike")]


@given(st.text(st.characters(max_codepoint=127)).filter(lambda text: any(map(str.isalnum, text))))
def test_plain_letters_are_folded_as_beside_others(text: str) -> None:
    assert fold(text) + " e" == fold(text + " é")
