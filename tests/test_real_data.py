"""The whole line on the real Steam data: import, describe, fit, measure, and answer one of its players."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bot.__main__ import run
from jobs.describe import Matrix, describe
from jobs.training import Gathered, TrainingSettings, gather
from recommender.calibration import calibrated
from recommender.catalog import Catalog
from recommender.device import Device
from recommender.evaluate import evaluate, split
from recommender.gram import gram
from recommender.interactions import Weighting
from recommender.library import Library
from recommender.linear import Linear, fit, fit_counted
from recommender.recommend import picks_for
from recommender.registry import Registry
from recommender.series import is_tool
from recommender.served import Served
from recommender.shelf import Shelf, Wish
from recommender.tempered import leaning
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.importing import ImportReport, import_paths
from tests.loopback_steam import LoopbackSteam

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAYER = "76561197960287930"


Imported = tuple[Path, ImportReport]


@pytest.fixture(scope="module")
def imported(steam_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """A home folder that holds the interactions and the games, once for this file."""
    made = tmp_path_factory.mktemp("real")
    files = [steam_data / name for name in ("interactions.parquet", "games.parquet")]
    with DuckDBWarehouse(made / "warehouse.duckdb") as warehouse:
        return made, import_paths(files, warehouse, home=made, now=NOW, progress=lambda _: None)


@pytest.fixture(scope="module")
def home(imported: Imported) -> Iterator[Path]:
    """A model in service with its measures: one fit, on the players that are not held out, serves both."""
    folder, settings = imported[0], TrainingSettings(device=Device.CPU)
    with DuckDBWarehouse(folder / "warehouse.duckdb", read_only=True) as warehouse:
        gathered = gather(warehouse, settings)
    parts = split(gathered.interactions, settings.split)
    shelf = Shelf(gathered.catalog, parts.train.items)
    model = calibrated(fit(parts.train, settings.model, settings.device), shelf.indie)
    report = evaluate(model, parts, shelf)
    Registry(folder / "models").publish(
        model,
        gathered.games,
        created=NOW,
        metrics=report.as_dict(),
        fingerprint=gathered.fingerprint,
        synthetic=gathered.synthetic,
        players=len(gathered.interactions),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INDIEAN_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def served(home: Path) -> Served:
    return Registry(home / "models").open_current()


@pytest.fixture(scope="module")
def library(home: Path) -> Library:
    """The library of a player with a middling number of games, most of them played."""
    with DuckDBWarehouse(home / "warehouse.duckdb", read_only=True) as warehouse:
        columns = warehouse.training_interactions(min_games=21)
    sizes = np.bincount(columns.players)
    player = int(np.flatnonzero(sizes == 60)[0])
    rows = columns.players == player
    return Library(dict(zip(columns.app_ids[rows].tolist(), columns.minutes[rows].tolist(), strict=True)))


def test_all_rows_are_read_and_repeats_merged(imported: Imported) -> None:
    games, interactions = imported[1].files

    assert (games.read, games.added) == (71_329, 71_329)
    assert (interactions.read, interactions.added, interactions.repeated) == (4_630_133, 4_577_057, 53_076)


def test_what_is_described_is_what_is_known_of_the_set(imported: Imported) -> None:
    with DuckDBWarehouse(imported[0] / "warehouse.duckdb", read_only=True) as warehouse:
        found = describe(warehouse)

    assert found.kept == Matrix(rows=4_399_559, players=42_903, games=10_781)
    assert found.items_per_player.p50 == 40
    # Counted from the parquet files themselves; the whole set has 6,168 indie games and the same 40 % of the rows.
    assert (found.indie_games, round(found.indie_row_share, 2)) == (6_034, 0.40)
    assert round(found.never_started, 2) == 0.36


def test_the_picks_are_as_good_as_measured_before(home: Path) -> None:
    card = Registry(home / "models").versions()[0]

    assert (card.players, card.items) == (42_903, 10_781)
    assert card.metrics["all"]["ndcg_10"] >= 0.635  # 0.6415 over five seeds, with a standard error of 0.0036 each
    assert card.metrics["all"]["precision_10"] >= 0.52
    assert card.metrics["indie"]["ndcg_10"] >= 0.46
    assert card.metrics["indie_played"]["ndcg_10"] >= 0.42


def test_one_of_its_players_is_answered_through_steam_with_exact_reasons(
    home: Path, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LoopbackSteam(key="0123456789ABCDEF").running_in_thread() as steam:
        steam.add_player(PLAYER, dict(library.minutes))
        monkeypatch.setenv("INDIEAN_STEAM_API_URL", steam.url)
        monkeypatch.setenv("INDIEAN_STEAM_API_KEY", steam.key)
        capsys.readouterr()
        assert run(["recommend", PLAYER, "--json"]) == 0
    picks = json.loads(capsys.readouterr().out)["picks"]

    assert [pick["appid"] for pick in picks] == best_by_definition(served, library, 5)
    for pick in picks:
        told = {because["appid"]: because["share"] for because in pick["because"]}
        exact = reasons_by_definition(served, library, pick["appid"])
        assert told == pytest.approx({app_id: exact[app_id] for app_id in told}, rel=1e-3)
        assert max(exact, key=exact.__getitem__) in told
    with sqlite3.connect(home / "indiean.sqlite") as database:
        assert database.execute("select command, outcome, picks from requests").fetchall() == [
            ("recommend", "answered", 5)
        ]
        shown = database.execute("select app_id from impressions order by position").fetchall()
    assert [app_id for (app_id,) in shown] == [pick["appid"] for pick in picks]


def test_the_gram_in_sql_is_that_of_the_rows_and_so_are_its_picks(imported: Imported) -> None:
    """Counts exactly, weights within 1e-5; so it holds for every one of some 39 million pairs."""
    settings = TrainingSettings()
    with DuckDBWarehouse(imported[0] / "warehouse.duckdb", read_only=True) as warehouse:
        gathered = gather(warehouse, settings)
        interactions, weighting = gathered.interactions, settings.model.weighting
        players, weights = gram(interactions.weighted(Weighting())), gram(interactions.weighted(weighting))
        G, pairs = np.zeros_like(weights), 0
        with warehouse.gram(weighting, settings.min_games, opinions=True) as counted:
            for cells in counted.cells:
                at = cells["row"].to_numpy(), cells["column"].to_numpy()
                G[at] = cells["weight"].to_numpy()
                pairs += cells.num_rows

                assert np.array_equal(cells["players"].to_numpy(), players[at])
                np.testing.assert_allclose(cells["weight"].to_numpy(), weights[at], rtol=1e-5)
    assert np.array_equal(counted.items.app_ids, interactions.items.app_ids)
    assert np.array_equal(counted.items.players, interactions.items.players)
    assert (counted.players, pairs) == (42_903, int(np.count_nonzero(np.tril(players))))
    assert_same_picks(
        fit_counted(counted.items, G, settings.model, Device.CPU),
        fit_counted(counted.items, weights, settings.model, Device.CPU),
        gathered,
    )


def assert_same_picks(one: Linear, other: Linear, gathered: Gathered) -> None:
    """The same games in the same places, but where two scores are nearer than float32 tells apart."""
    shelf = Shelf(Catalog(gathered.games), one.items)
    for player in range(0, 40_000, 1000):
        owned = gathered.interactions.row(player)
        picks, expected = (picks_for(owned, model, shelf, Wish(), 10) for model in (one, other))
        scores = other.scores(owned)
        positions = [one.items.position(pick.game.app_id) for pick in picks]

        assert [scores[at] for at in positions] == pytest.approx([pick.score for pick in expected], abs=1e-4)


def best_by_definition(served: Served, library: Library, k: int) -> list[int]:
    """From P alone, in float64, one candidate at a time, and what is popular for as much as a library is small."""
    items, popular = served.scorer.items, served.popularity.prior
    lean = leaning(sum(items.position(app_id) is not None for app_id in library.minutes))
    found = {
        app_id: sum(shares_by_definition(served, library, app_id).values()) + lean * float(popular[at])
        for at, app_id in enumerate(items.app_ids.tolist())
        if app_id not in library.minutes
        and (game := served.catalog.get(app_id)) is not None
        and game.indie
        and game.for_sale
        and not game.adult
        and not is_tool(game)
    }
    return sorted(found, key=lambda app_id: -found[app_id])[:k]


def reasons_by_definition(served: Served, library: Library, app_id: int) -> dict[int, float]:
    """What each game that speaks for the pick has in all that does, those without a name and programs left out."""
    shares = shares_by_definition(served, library, app_id)
    speaking = sum(share for share in shares.values() if share > 0)
    games = {owned: served.catalog.get(owned) for owned, share in shares.items() if share > 0}
    return {owned: shares[owned] / speaking for owned, game in games.items() if game and not is_tool(game)}


def shares_by_definition(served: Served, library: Library, app_id: int) -> dict[int, float]:
    """-x_i P_ij c_j / P_jj."""
    assert isinstance(served.scorer, Linear)
    assert served.scorer.factor is not None
    heard = served.scorer.settings.heard
    items, P = served.scorer.items, served.scorer.inverse
    j = items.position(app_id)
    assert j is not None
    row = P[j].astype(float) * float(served.scorer.factor[j]) / -float(P[j, j])
    return {
        owned: (heard.owned + heard.played * (minutes > 120)) * row[i]
        for owned, minutes in library.minutes.items()
        if (i := items.position(owned)) is not None
    }
