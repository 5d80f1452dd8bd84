"""The commands use the warehouse that is set, and ask before one of them costs money."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.cli.output import phases
from bot.settings import read_settings
from bot.warehouse import open_warehouse
from recommender.catalog import Game
from storage.bigquery import jobs
from storage.bigquery.costs import Estimate
from storage.duckdb.warehouse import DuckDBWarehouse
from tests.loopback_bigquery import LoopbackBigQuery
from tests.warehouses import Owned, catalogue, own


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


LARGE = Estimate(12_300_000_000)


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_MIN_GAMES", "2")


@pytest.fixture
def bigquery(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackBigQuery]:
    with LoopbackBigQuery() as server:
        monkeypatch.setenv("INDIEAN_WAREHOUSE", "bigquery")
        monkeypatch.setenv("INDIEAN_BIGQUERY_PROJECT", server.project)
        monkeypatch.setenv("INDIEAN_BIGQUERY_DATASET", "games")
        monkeypatch.setenv("INDIEAN_BIGQUERY_API_URL", server.url)
        with open_warehouse(read_settings()) as warehouse:
            own(warehouse, *(Owned(f"p{n}", game, 60) for n in range(9) for game in range(10, 14)))
            catalogue(warehouse, *(Game(game, f"Game {game}") for game in range(10, 14)))
        yield server


def test_without_a_word_it_is_a_file_in_the_home_folder(tmp_path: Path) -> None:
    with open_warehouse(read_settings()) as opened:
        assert isinstance(opened, DuckDBWarehouse)
    assert (tmp_path / "home" / "warehouse.duckdb").is_file()


def test_a_model_learns_from_bigquery(bigquery: LoopbackBigQuery, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["train", "--skip-evaluation"])

    assert status == 0
    assert "9 players, 4 games" in capsys.readouterr().out


def test_nothing_dear_is_read_where_nobody_can_be_asked(
    bigquery: LoopbackBigQuery, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "ASK_BEYOND", 0)
    refused = run(["train", "--skip-evaluation"])
    said = capsys.readouterr().err
    agreed = run(["train", "--skip-evaluation", "--yes"])

    assert (refused, agreed) == (1, 0)
    assert "say --yes to agree" in said
    assert "nothing was read" in said


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_who_sits_at_the_terminal_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, agreed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with phases(quiet=True) as heard:
        answer = heard.agreeing(yes=False)(LARGE)

    assert answer is agreed
    assert "12.3 GB (about $0.07)" in "".join(capsys.readouterr())
