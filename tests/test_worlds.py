"""The world keeps its word, so that tests built on it mean something."""

from __future__ import annotations

import pytest

from recommender.engine import recommend
from recommender.shelf import Wish
from tests import worlds


@pytest.mark.parametrize("theme", worlds.THEMES)
def test_a_lover_of_a_theme_is_picked_exactly_the_rest_of_it(theme: str) -> None:
    titles = worlds.THEMES[theme]
    for withheld in titles:
        owned = worlds.library(*(title for title in titles if title != withheld))

        answer = recommend(worlds.served(), owned, Wish(), k=1)

        assert [pick.game.title for pick in answer.picks] == [withheld]


def test_the_strongest_reason_is_a_game_of_the_same_theme() -> None:
    owned = worlds.library("Ember Depths", "Dicebound", "Tessera", "Galactic Arena")

    picks = recommend(worlds.served(), owned, Wish(), k=10).picks

    assert {pick.game.tags[0] for pick in picks} >= {"Roguelike", "Puzzle"}
    assert all(pick.because[0].game.tags[0] == pick.game.tags[0] for pick in picks)
