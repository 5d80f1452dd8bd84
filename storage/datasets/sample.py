"""The world that ships with the product: real games, and players who do not exist.

The games are facts of the Steam store: app id, title, year of the full release, base price in US dollars, studio,
genres, tags. The players are synthetic, drawn from the model that `sample_interactions` describes. They are there so
that every part can be tried without a network; nothing measured on them says anything about real people.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommender.catalog import Game, fold
from storage.warehouse import INTERACTIONS, SAMPLE_SOURCE

__all__ = ["BATCH", "HITS", "SAMPLE_SOURCE", "TASTE", "THEMES", "sample_games", "sample_interactions"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

THEMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "roguelikes": ("Action Roguelike", "Roguelike", "Roguelite", "Traditional Roguelike", "Dungeon Crawler"),
        "deckbuilders": ("Roguelike Deckbuilder", "Deckbuilding", "Card Game"),
        "metroidvanias": ("Metroidvania", "Souls-like"),
        "platformers": ("Precision Platformer", "2D Platformer", "3D Platformer", "Puzzle Platformer", "Platformer"),
        "cosy": ("Cozy", "Farming Sim", "Life Sim", "Wholesome", "Relaxing"),
        "builders": ("City Builder", "Automation", "Colony Sim", "Base Building", "Management", "Building"),
        "horror": ("Horror", "Survival Horror", "Psychological Horror"),
        "puzzles": ("Puzzle", "Logic", "Sokoban", "Escape Room"),
        "programming": ("Programming", "Hacking", "Automation", "Science"),
        "stories": ("Walking Simulator", "Choices Matter", "Emotional", "Interactive Fiction", "Narration"),
        "point and click": ("Point & Click", "Detective", "Investigation", "Mystery"),
        "visual novels": ("Visual Novel", "Dating Sim", "Romance", "Anime"),
        "survival": ("Open World Survival Craft", "Survival", "Crafting"),
        "tactics": ("Turn-Based Tactics", "Turn-Based Strategy", "Tactical", "Stealth"),
        "strategy": ("RTS", "Grand Strategy", "4X", "Tower Defense", "Strategy"),
        "racing and sports": ("Racing", "Sports", "Driving", "Golf", "Transportation"),
        "rhythm": ("Rhythm", "Music"),
        "arcade": ("Shoot 'Em Up", "Bullet Hell", "Twin Stick Shooter", "Top-Down Shooter", "Arcade"),
        "party": ("Party Game", "Local Multiplayer", "Local Co-Op", "Fighting", "Online Co-Op"),
        "shooters": ("Boomer Shooter", "FPS", "Immersive Sim", "Shooter"),
        "role-playing": ("CRPG", "JRPG", "Party-Based RPG", "Action RPG", "Hack and Slash", "RPG"),
    }
)
"""The tastes that a player can have, each by the tags that speak for it."""

# fmt: off
# one id a line would be longer than the rest of the file
HITS = frozenset({
    400, 440, 550, 570, 620, 730, 4000, 8930, 40800, 49520, 70300, 72850, 105600, 108600, 113200, 204360, 211820,
    212680, 219150, 219740, 220200, 221910, 227300, 239030, 242760, 250900, 252490, 252950, 262060, 264710, 268910,
    271590, 292030, 294100, 304430, 322330, 346110, 367520, 377160, 391540, 413150, 427520, 477160, 504230, 578080,
    588650, 620980, 632360, 646570, 648800, 739630, 753640, 892970, 945360, 1086940, 1091500, 1092790, 1145360,
    1245620, 1313140, 1623730, 1794680, 1966720, 2379780,
})
# fmt: on
"""The games (app ids) that nearly everyone has heard of."""

TASTE = 4.0
BATCH = 1000
"""Players drawn at a time, and one record batch: what bounds the memory."""

_TASTES = (0.45, 0.35, 0.20)  # how many players have one, two and three tastes
_LIBRARY = (25.0, 0.6)  # median games owned, and the sigma of their logarithm
_MINUTES = (100.0, 1.2)  # the same of the minutes played of a game of middling length and no appeal to the taste
_BUNDLED = 10.0  # dollars up to which an indie game is likely to have come in a bundle
_SERIES = re.compile(r"(:| - ).*$|\s+(\d+|I{1,3}|IV|VI?)(?=:|$)")


def sample_games() -> list[Game]:
    """All games of the file, in the order of their app ids; `released`, `positive` and `negative` are not known."""
    lines = (files(__package__) / "sample_games.tsv").read_text(encoding="utf-8").splitlines()
    return [_game(row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def sample_interactions(players: int = 3000, seed: int = 2026, taste: float = TASTE) -> Iterator[pa.RecordBatch]:
    """What `players` synthetic players own and played, in batches of the schema `INTERACTIONS`.

    The model, for a player who has one to three tastes t of weights w (Dirichlet) and a game g:

    - Pull A_tg in 0..1: how strongly g is tagged with the tags of t, its first tags counting most.
    - Attraction: fame_g + log Σ_t w_t exp(taste · A_tg) + a normal draw that the player has for each series and each
      studio of two games or more. Fame is normal on the log scale, so attraction is long-tailed; `HITS` and non-indie
      games have a head start.
    - Library: the K largest of attraction + Gumbel noise (drawing without replacement), ln K normal about 25 games.
    - Never started: about a third of the games, more often those far from the taste and those cheap enough to come
      in a bundle. Minutes of the others are log-normal, longer for games that are long and for those near the taste.

    Args:
        players: how many, from "synthetic-0001" on; a larger number continues a smaller one up to whole batches.
        seed: the same seed gives the same rows, on any platform with the same numpy.
        taste: how much taste decides; at 0.0 only fame, series and studio do.
    """
    games = sample_games()
    rng = np.random.default_rng(seed)
    world = _World.of(games, rng)
    for first in range(0, players, BATCH):
        yield _batch(world, first, min(BATCH, players - first), taste, rng)


@dataclass(frozen=True, eq=False)
class _World:
    app_ids: npt.NDArray[np.int32]  # [G]
    pull: Floats  # [T, G] in 0..1
    fame: Floats  # [G] logarithm
    length: Floats  # [G] logarithm
    series: Floats  # [S, G] 1.0 where the game is one of the series
    studio: Floats  # [U, G] the same of the studio
    bundled: Mask  # [G]

    @classmethod
    def of(cls, games: Sequence[Game], rng: np.random.Generator) -> _World:
        ahead = np.array([1.4 * (g.app_id in HITS) + 1.4 * (not g.indie) for g in games])
        return cls(
            app_ids=np.array([g.app_id for g in games], np.int32),
            pull=np.array([[_pull(g, tags) for g in games] for tags in THEMES.values()]),
            fame=rng.normal(0.0, 0.6, len(games)) + ahead,
            length=rng.normal(0.0, 0.6, len(games)),
            series=_families([fold(_SERIES.sub("", g.title)) for g in games]),
            studio=_families([fold(g.developer or g.title) for g in games]),
            bundled=np.array([g.indie and g.price is not None and 0 < g.price <= _BUNDLED for g in games]),
        )


def _batch(world: _World, first: int, players: int, taste: float, rng: np.random.Generator) -> pa.RecordBatch:
    tastes = _draw_tastes(players, rng)  # [P, T]
    near = tastes @ world.pull / np.maximum(tastes.max(axis=1, keepdims=True), 1e-9)  # [P, G]
    owned = _draw_libraries(world, tastes, taste, rng)  # [P, G]
    minutes = _draw_minutes(world, taste * np.minimum(near, 1.0), rng)  # [P, G]
    rows, games = np.nonzero(owned)
    ids = np.array([f"synthetic-{first + n + 1:04d}" for n in range(players)])
    columns = [pa.array(ids[rows]), pa.array(world.app_ids[games]), pa.array(minutes[rows, games])]
    return pa.RecordBatch.from_arrays(columns, schema=INTERACTIONS)


def _draw_tastes(players: int, rng: np.random.Generator) -> Floats:
    """[P, T] the weight of each theme for each player: rows add up to one, one to three are not zero."""
    many = rng.choice(len(_TASTES), size=(players, 1), p=_TASTES) + 1
    place = rng.random((players, len(THEMES))).argsort(axis=1).argsort(axis=1)
    weights = np.where(place < many, rng.exponential(size=place.shape), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _draw_libraries(world: _World, tastes: Floats, taste: float, rng: np.random.Generator) -> Mask:
    """[P, G] by Gumbel top-k: the k largest of log-attraction + Gumbel noise are k draws without replacement."""
    players, games = len(tastes), len(world.app_ids)
    liked = np.log(tastes @ np.exp(taste * world.pull))
    liked += rng.normal(0.0, 1.2, (players, len(world.series))) @ world.series
    liked += rng.normal(0.0, 0.8, (players, len(world.studio))) @ world.studio
    scores = world.fame + liked + rng.gumbel(size=(players, games))
    median, sigma = _LIBRARY
    size = np.clip(np.rint(median * np.exp(rng.normal(0.0, sigma, players))), 3, games // 2).astype(np.int64)
    kth = np.sort(scores, axis=1)[np.arange(players), games - size]
    return np.asarray(scores >= kth[:, None])


def _draw_minutes(world: _World, nearness: Floats, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """[P, G] whole minutes, 0 where the game is never started."""
    filler = -0.15 - 0.5 * nearness + 0.5 * world.bundled  # log-odds
    started = rng.random(nearness.shape) >= 1 / (1 + np.exp(-filler))
    median, sigma = _MINUTES
    minutes = median * np.exp(world.length + 0.45 * nearness + rng.normal(0.0, sigma, nearness.shape))
    return np.where(started, np.clip(np.rint(minutes), 1, 600_000), 0).astype(np.int32)


def _families(names: Sequence[str]) -> Floats:
    """[F, G] who belongs to which name; names that only one game has are left out."""
    _, code, count = np.unique(names, return_inverse=True, return_counts=True)
    return np.asarray(np.flatnonzero(count > 1)[:, None] == code, np.float64)


def _pull(game: Game, theme: tuple[str, ...]) -> float:
    """The first tag of a game counts 1, the fifth a half; 0.0 without any tag of the theme, 1.0 at most."""
    return min(1.0, sum(1 / (1 + rank / 4) for rank, tag in enumerate(game.tags) if tag in theme) / 1.5)


def _game(row: Mapping[str, str]) -> Game:
    return Game(
        app_id=int(row["app_id"]),
        title=row["title"],
        tags=tuple(row["tags"].split("|")),
        genres=tuple(row["genres"].split("|")),
        developer=row["developer"],
        price=float(row["price"]),
        year=int(row["year"]),
        adult=row["adult"] == "1",
    )
