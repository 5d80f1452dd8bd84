"""The table of models: what is fitted, with which settings, and in which package it lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from benchmarks.quality import ours, peers
from benchmarks.quality.peers import Fit, Setting
from recommender.interactions import Weighting
from recommender.linear import TUNED


@dataclass(frozen=True, eq=False)
class Model:
    """`package` is what has to be importable, None for our own; `grid` is what tuning tries for each setting.

    An `informed` one is told which games are indie: `indie` [n] in its setting.
    """

    name: str
    title: str
    fit: Fit
    setting: Setting
    package: str | None = None
    grid: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    informed: bool = False

    def having(self, setting: Setting) -> Model:
        return replace(self, setting=setting)


OURS = "ours"
"""The model that all others are compared with: what `indiean train` does where nothing is set."""

PLAIN = asdict(Weighting())
L2 = (100.0, 200.0, 500.0, 1000.0, 2000.0)

MODELS: tuple[Model, ...] = (
    Model("popularity", "popularity", ours.popularity, {}),
    Model(
        "knn-cosine",
        "ItemKNN, cosine (implicit)",
        peers.implicit_neighbours,
        {"kind": "CosineRecommender", "K": 20},
        "implicit",
        {"K": (10, 20, 50, 100)},
    ),
    Model(
        "knn-bm25",
        "ItemKNN, BM25 (implicit)",
        peers.implicit_neighbours,
        {"kind": "BM25Recommender", "K": 400, "K1": 0.2, "B": 0.75},
        "implicit",
        {"K": (100, 400), "K1": (0.2, 0.5, 1.2), "B": (0.75, 1.0)},
    ),
    Model(
        "ials",
        "iALS (implicit)",
        peers.implicit_als,
        {"factors": 128, "alpha": 1.0, "regularization": 60.0, "iterations": 15},
        "implicit",
        {"alpha": (0.25, 0.5, 1.0, 2.0), "regularization": (10.0, 30.0, 60.0, 120.0)},
    ),
    Model(
        "slim",
        "SLIM (LensKit)",
        peers.lenskit_slim,
        {"l1_reg": 1.0, "l2_reg": 1000.0, "max_nbrs": 100},
        "lenskit",
        {"l1_reg": (1.0, 5.0), "l2_reg": (200.0, 1000.0, 5000.0)},
    ),
    Model(
        "sansa",
        "SANSA (sansa)",
        peers.sansa,
        {"l2": 2000.0, "density": 0.01, "scans": 1, "steps": 10},
        "sansa",
        {"l2": (1000.0, 2000.0, 5000.0, 10_000.0)},
    ),
    Model("ease-rectools", "EASE (RecTools)", peers.rectools_ease, {"regularization": 2000.0}, "rectools"),
    Model(
        "ease-cornac",
        "EASE (Cornac)",
        peers.cornac_ease,
        {"lamb": 2000.0, "posB": False},
        "cornac",
        {"posB": (True, False)},  # its l2 is LensKit's, as that is the same matrix
    ),
    Model(
        "ease-lenskit",
        "EASE (LensKit)",
        peers.lenskit_ease,
        {"regularization": 2000.0},
        "lenskit",
        {"regularization": L2},
    ),
    Model("ease-100", "ours: EASE, l2 100", ours.linear, {"l2": 100.0, "dropout": 0.0, "weighting": PLAIN}),
    Model("ease-500", "ours: EASE, l2 500", ours.linear, {"l2": 500.0, "dropout": 0.0, "weighting": PLAIN}),
    Model("edlae", "ours: EDLAE, l2 200, dropout 0.3", ours.linear, {"l2": 200.0, "dropout": 0.3, "weighting": PLAIN}),
    Model("solve", "ours, without the factors of calibration", ours.linear, asdict(TUNED)),
    Model("sparse", "the same, approximated: 200 neighbours a game", ours.approximated, asdict(TUNED)),
    Model(OURS, "ours, the default", ours.calibrated_linear, asdict(TUNED), informed=True),
)
