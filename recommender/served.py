"""All that answers requests, of one version: its model, its catalogue, and what is worked out of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from recommender.catalog import Catalog
from recommender.confidence import Confidence
from recommender.content import Content, ContentScorer
from recommender.linear import Linear
from recommender.newcomers import Newcomers
from recommender.popularity import Popularity
from recommender.scorer import Scorer
from recommender.shelf import Shelf
from recommender.tempered import Tempered
from recommender.updates import NOTHING, Learned

Players = Mapping[str, Learned]
"""Rows by the pseudonym of their player."""


def replaced(learned: Players, rows: Players, fitted: Players) -> Players:
    """What a model that has `learned` holds of those players of whom `rows` has another row; see `Engine.learn`."""
    held = {player: learned.get(player, fitted.get(player, NOTHING)) for player in rows}
    return {player: row for player, row in held.items() if not row.same_as(rows[player])}


@dataclass(frozen=True, eq=False)
class Served:
    """All that answers one request: a model, its catalogue and its version, never mixed with another's.

    `learned` are the rows that the model holds of players who were learned, changed or forgotten since its fit.
    `confidence` is None where the model was never measured.
    """

    version: str
    scorer: Scorer
    catalog: Catalog
    synthetic: bool = False
    confidence: Confidence | None = None
    learned: Players = field(default_factory=dict)
    content: Content | None = None

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.catalog, self.scorer.items)

    @cached_property
    def themes(self) -> Shelf:
        """Also the games that no player of the model owns: new ones above all."""
        return Shelf.of_all(self.catalog, self.scorer.items)

    def prepare(self) -> None:
        """So that the first to ask waits no longer than the next."""
        self.shelf.prepare()
        _ = self.shelf.series
        self.themes.prepare()
        if self.newcomers is not None:
            self.newcomers.prepare()

    @cached_property
    def newcomers(self) -> Newcomers | None:
        """None where nothing was learned of content."""
        if self.content is None or not isinstance(self.scorer, Linear):
            return None
        weighting = self.scorer.settings.heard
        scorer = ContentScorer(self.themes.items, self.themes.games, self.content, weighting)
        return Newcomers(self.themes, self.shelf, scorer)

    def updated(self, scorer: Scorer, learned: Players) -> Served:
        """The same version with another matrix for the same games: what is known of these is not worked out again."""
        after = replace(self, scorer=scorer, learned=learned)
        players = scorer.items.players
        of_all = np.pad(players, (0, len(self.themes.items) - len(players)))
        vars(after).update(shelf=self.shelf.recounted(players), themes=self.themes.recounted(of_all))
        return after

    @cached_property
    def popularity(self) -> Popularity:
        return Popularity.of_played(self.scorer.items)

    @cached_property
    def tempered(self) -> Tempered:
        """What answers one player: what is like a game, and what suits a group, the model says alone."""
        return Tempered(self.scorer, self.popularity)
