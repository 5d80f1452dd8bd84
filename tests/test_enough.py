"""From which score by content on a game is as good as a usual pick: measured without a second fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.catalog import Catalog, Game
from recommender.content import ContentScorer, learn_content, leverage, spread
from recommender.device import Device
from recommender.enough import HITS, _judged, enough
from recommender.evaluate import SplitSettings, split
from recommender.interactions import Interactions
from recommender.linear import Linear, LinearSettings, fit
from recommender.shelf import Shelf
from tests import worlds

THEMES = 6
GAMES = 20


def themed(players: int, seed: int = 3, *, by_theme: bool = True) -> tuple[Interactions, Linear, Shelf]:
    """Each player owns half the games of one theme and a few others; the tag says the theme, or something random."""
    rng = np.random.default_rng(seed)
    loves = rng.integers(0, THEMES, players)
    games = np.arange(THEMES * GAMES)
    owns = rng.random((players, len(games))) < np.where(games // GAMES == loves[:, None], 0.5, 0.03)
    owns[:, 0] = True
    rows = [np.asarray(column, np.int32) for column in np.nonzero(owns)]
    interactions = Interactions.from_columns(rows[0], rows[1] + 1, np.zeros(len(rows[0]), np.int32))
    tags = games // GAMES if by_theme else rng.integers(0, THEMES, len(games))
    catalog = Catalog([Game(int(g) + 1, f"G{g}", (f"Theme {tags[g]}",), ("Indie",), price=1.0) for g in games])
    model = fit(interactions, LinearSettings(20.0, 0.3), Device.CPU)
    return interactions, model, Shelf(catalog, interactions.items)


def test_a_prediction_without_the_game_is_that_of_a_fit_without_it() -> None:
    """The closed form of leaving one out: nothing is fitted again, and nothing is lost."""
    _, model, shelf = themed(400)
    content = learn_content(model, shelf.games)
    h, at = leverage(content, shelf.games), 17
    without = learn_content(model, [None if place == at else game for place, game in enumerate(shelf.games)])
    t = content.rows([shelf.games[at]])
    own = -model.inverse[:, at] / model.diagonal[at] * spread(model.items)[at]  # [n]
    own[at] = 0.0  # a game is no reason for itself
    alone = (np.asarray(t @ content.weights.T)[0] - h[at] * own) / (1 - h[at])

    assert 0 < h[at] < 1
    renamed = [without.features.index(name) for name in content.features]
    np.testing.assert_allclose(alone, np.asarray(t @ without.weights[:, renamed].T)[0], rtol=1e-3, atol=1e-6)


def test_what_is_asked_for_tells_lovers_of_a_theme_from_others() -> None:
    interactions, model, shelf = themed(3000)
    content = learn_content(model, shelf.games)
    least = enough(content, model, interactions, shelf)
    scores = ContentScorer(model.items, shelf.games, content, model.settings.weighting).score_many(
        interactions.take(np.arange(300))
    )

    assert np.isfinite(least)
    assert 0.01 < (scores >= least).mean() < 0.5


def test_where_tags_say_nothing_more_is_asked_for_than_any_reaches() -> None:
    interactions, model, shelf = themed(3000, by_theme=False)
    content = learn_content(model, shelf.games)
    scorer = ContentScorer(model.items, shelf.games, content, model.settings.weighting)
    least = enough(content, model, interactions, shelf)

    assert (scorer.score_many(interactions.take(np.arange(300))) >= least).mean() < 0.01


def test_the_factors_of_a_ranking_change_no_score_by_content() -> None:
    """A game's own part in its prediction is that of the matrix, to which the content was fitted."""
    interactions, model, shelf = themed(1000)
    parts = split(interactions, SplitSettings())
    content = learn_content(model, shelf.games)
    factored = replace(model, factor=np.linspace(0.5, 2, len(model.items), dtype=np.float32))
    (_, plain), *_ = _judged(content, model, parts, shelf)
    (_, other), *_ = _judged(content, factored, parts, shelf)

    np.testing.assert_allclose(np.sort(other[2]), np.sort(plain[2]), rtol=1e-4, atol=1e-6)


def test_the_same_seed_asks_for_the_same() -> None:
    interactions, model, shelf = themed(1000)
    content = learn_content(model, shelf.games)

    assert enough(content, model, interactions, shelf, 7) == enough(content, model, interactions, shelf, 7)


@pytest.mark.parametrize("players", [3, HITS - 1])
def test_from_a_handful_of_players_nothing_is_told(players: int) -> None:
    interactions, model, shelf = themed(players)
    content = learn_content(model, shelf.games)

    assert enough(content, model, interactions, shelf) == np.inf


def test_without_indie_games_nothing_is_told() -> None:
    interactions, model, shelf = themed(500)
    none = Shelf(Catalog([replace(game, genres=()) for game in shelf.games if game]), shelf.items)

    assert enough(learn_content(model, none.games), model, interactions, none) == np.inf


def test_a_world_with_known_answers_asks_for_something() -> None:
    shelf = Shelf(worlds.catalog(), worlds.model().items)
    content = learn_content(worlds.model(), shelf.games)

    assert enough(content, worlds.model(), worlds.interactions(), shelf) > 0
