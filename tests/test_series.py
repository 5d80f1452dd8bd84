"""What belongs together, by titles and makers, and what is no game at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from recommender.catalog import Game
from recommender.series import is_tool, maker, series_of, stem, studios_of


def numbers(*games: Game | None) -> list[int]:
    return [int(number) for number in series_of(games)]


def by(developer: str | None, *titles: str) -> list[Game]:
    return [Game(at, title, developer=developer) for at, title in enumerate(titles)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Hades II", "hades"),
        ("HADES™", "hades"),
        ("Trine 2: Complete Story", "trine"),
        ("The Binding of Isaac: Rebirth", "binding of isaac"),
        ("Half-Life 2: Episode One", "half life"),
        ("Half-Life 2 Episode 3", "half life"),
        ("Dark Souls – Prepare to Die Edition", "dark souls"),
        ("Fallout 3 Game of the Year Edition", "fallout"),
        ("Borderlands GOTY", "borderlands"),
        ("BioShock Remastered", "bioshock"),
        ("Bastion Original Soundtrack", "bastion original"),
        ("Bastion - Soundtrack", "bastion"),
        ("Guacamelee! Gold Edition", "guacamelee"),
        ("Call of Duty® 4: Modern Warfare®", "call of duty"),
        ("Divinity II: Developer's Cut", "divinity"),
        ("Pokémon (2016)", "pokemon"),
        ("스타 밸리 2", "스타 밸리"),
        ("140", "140"),
        ("VVVVVV", "vvvvvv"),
        ("II", "ii"),
        ("The Final Episode", "the"),
        ("***", ""),
        ("", ""),
    ],
)
def test_a_stem_is_the_title_without_part_number_and_edition(title: str, expected: str) -> None:
    assert stem(title) == expected


@pytest.mark.parametrize(
    "titles",
    [
        ("Hades", "Hades II"),
        ("Trine Enchanted Edition", "Trine 2: Complete Story", "Trine"),
        ("Shadowrun Returns", "Shadowrun: Dragonfall - Director's Cut", "Shadowrun Hong Kong"),
        ("The Walking Dead", "The Walking Dead: Season Two", "The Walking Dead: Michonne - A Telltale Miniseries"),
    ],
)
def test_games_of_one_studio_that_share_a_stem_or_begin_with_it_are_one_series(titles: Sequence[str]) -> None:
    assert len(set(numbers(*by("A Studio", *titles)))) == 1


HAVENS = (("Haven", "One"), ("Haven 2", "Other"), ("Haven 3", "One"))


def test_the_same_name_of_different_makers_is_no_series() -> None:
    games = [Game(at, title, developer=studio) for at, (title, studio) in enumerate(HAVENS)]

    assert numbers(*games) == [0, 1, 0]


def test_a_publisher_makes_a_series_of_different_studios_games() -> None:
    games = [
        Game(1, "Amnesia: The Dark Descent", developer="Frictional", publisher="Frictional"),
        Game(2, "Amnesia: A Machine for Pigs", developer="The Chinese Room", publisher="Frictional"),
    ]

    assert len(set(numbers(*games))) == 1


def test_a_game_of_an_unknown_maker_is_of_the_best_known_series_of_its_name() -> None:
    games = [Game(1, "Haven", developer="One"), Game(2, "Haven", developer="Other"), Game(3, "Haven II")]

    assert numbers(*games) == [0, 1, 0]


def test_games_unlike_each_other_are_alone_and_so_are_those_without_a_name() -> None:
    games = [*by("A Studio", "Braid", "The Witness", "Wit"), None, None, Game(9, "")]

    assert len(set(numbers(*games))) == len(games)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("CAPCOM Co., Ltd.", "capcom"),
        ("Firaxis Games,Feral Interactive (Mac)", "firaxis games"),
        ("Io-Interactive A/S", "io interactive"),
        ("CINEMAX, s.r.o.", "cinemax"),
        ("RavenSoft / id Software", "ravensoft"),
        ("LLC", "llc"),
    ],
)
def test_a_maker_is_the_first_named_without_its_legal_form(said: str, expected: str) -> None:
    assert maker(said).removesuffix(" a") == expected


def test_games_of_no_known_studio_have_one_each() -> None:
    games = [Game(1, "A", developer="X Inc."), None, Game(2, "B"), Game(3, "C", developer="x")]

    assert studios_of(games).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    "game",
    [
        Game(1, "Lambda Wars Beta"),
        Game(1, "H1Z1 Test Server"),
        Game(1, "Arma 3 Dedicated Server"),
        Game(1, "Shelter 2 Soundtrack", genres=("Adventure", "Indie")),
        Game(1, "Always Sometimes Monsters Demo"),
        Game(1, "FaceRig", genres=("Animation & Modeling", "Indie")),
    ],
)
def test_tests_demos_soundtracks_servers_and_programs_are_tools(game: Game) -> None:
    assert is_tool(game)


@pytest.mark.parametrize(
    "game",
    [
        Game(1, "Environmental Station Alpha"),
        Game(1, "Demon's Tilt"),
        Game(1, "Beta Max"),
        Game(1, "Sinless + OST"),
        Game(1, "Typing of the Dead", genres=("Action", "Education")),
    ],
)
def test_games_are_no_tools_whatever_their_names_remind_of(game: Game) -> None:
    assert not is_tool(game)
