"""Two models compared from the command line: begun, shown, told in a sentence, ended; and what is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.cli.compare import sentence
from recommender.experiment import By
from recommender.online import Compared, Measured, Wins
from recommender.rates import Rate
from recommender.registry import Registry
from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.logs import Click, Impression, Logs
from tests import worlds
from tests.test_logs import asked

NOW = datetime.now(UTC)


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def registry(home: Path) -> Registry:
    return Registry(home / "models")


@pytest.fixture
def pair(registry: Registry) -> tuple[str, str]:
    """The older, and the one in service."""
    older, newer = (
        registry.publish(
            worlds.model(),
            worlds.GAMES,
            created=NOW - timedelta(days=days),
            metrics={},
            fingerprint=f"{days}",
            synthetic=False,
            players=100,
        ).version
        for days in (9, 8)
    )
    return older, newer


def live(home: Path, shown: list[tuple[str, list[int], list[int]]], teams: str = "") -> None:
    """Answers of an hour ago: each of a version, the places opened, the places liked."""

    async def happen() -> None:
        database = Database(f"sqlite:///{home / 'indiean.sqlite'}")
        await database.migrate()
        logs, feedback = Logs(database), Feedback(database)
        for number, (version, opened, liked) in enumerate(shown):
            at = NOW - timedelta(hours=1)
            row = replace(asked(number), at=at, model_version=version, person=f"p{number}")
            games = [Impression(place, place * 10, 0.5, teams or None) for place in (1, 2, 3)]
            await logs.record(row, games)
            for place in opened:
                await logs.click(Click(row.id, place, place * 10, at))
            for place in liked:
                await feedback.toggle("discord", f"p{number}", place * 10, Opinion.LIKE, at, row.id)
        await database.close()

    asyncio.run(happen())


def test_an_experiment_is_begun_shown_and_ended(
    registry: Registry, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = pair
    begun = run(["models", "experiment", older, newer, "--by", "interleaving"])
    said = capsys.readouterr().out
    running = registry.experiments.running()
    assert run(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert run(["models", "list", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    again = run(["models", "experiment", newer, older])
    refused = capsys.readouterr().err
    stopped = [run(["models", "experiment", "--stop"]) for _ in range(2)]
    ended = capsys.readouterr().out

    assert (begun, again, stopped) == (0, 1, [0, 0])
    assert running is not None
    assert (running.a, running.b, running.by) == (older, newer, By.INTERLEAVING)
    assert "each list has picks of both" in said
    assert f"  {older} A" in listed
    assert f"* {newer} B" in listed
    assert "Comparing" in listed
    assert [(card["version"], card["current"], card["experiment"]) for card in cards] == [
        (newer, True, "b"),
        (older, False, "a"),
    ]
    assert "--stop" in refused
    assert ended.splitlines() == ["The experiment is ended.", "No experiment is running."]
    assert registry.experiments.running() is None


def test_halves_are_what_is_meant_where_nothing_is_said(registry: Registry, pair: tuple[str, str]) -> None:
    assert run(["models", "experiment", *pair]) == 0
    running = registry.experiments.running()

    assert running is not None
    assert running.by is By.HALVES


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["A"], 2, "two versions"),
        ([], 2, "two versions"),
        (["--stop", "A", "B"], 2, "takes no versions"),
        (["A", "A"], 1, "against itself"),
        (["A", "nowhere"], 1, "models list"),
        (["A", "B", "--by", "dice"], 2, "dice"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_do(
    pair: tuple[str, str],
    registry: Registry,
    arguments: list[str],
    status: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = dict(zip("AB", pair, strict=True))

    assert run(["models", "experiment", *(names.get(one, one) for one in arguments)]) == status
    assert word in capsys.readouterr().err
    assert registry.experiments.running() is None


def test_a_damaged_version_is_refused_before_it_could_answer_anybody(
    pair: tuple[str, str], registry: Registry, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "models" / pair[0] / "model.safetensors").write_bytes(b"x")

    assert run(["models", "experiment", *pair]) == 1
    assert registry.experiments.running() is None


def test_what_was_made_of_two_models_is_a_table_a_sentence_and_json(
    pair: tuple[str, str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = pair
    live(home, [(older, [1], []), (older, [], [])] * 10 + [(newer, [1, 2], [1, 2, 3])] * 20)
    assert run(["models", "compare", older, newer]) == 0
    said = capsys.readouterr().out
    assert run(["models", "compare", older, newer, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert f"B ({newer}) is liked more often: 100.0 % against 0.0 %, p = under 0.001." in said
    assert "16.7 % (" in said
    assert (found["a"]["clicks"]["hits"], found["b"]["clicks"]["hits"]) == (10, 40)
    assert found["verdict"]["winner"] == newer
    assert found["b"]["positions"]["3"]["likes"] == 20


def test_without_names_it_is_the_experiment_or_the_two_that_answered_last_catalogues_counted_as_their_model(
    registry: Registry, pair: tuple[str, str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = pair
    games = [*worlds.GAMES[:-1], replace(worlds.GAMES[-1], year=2020)]
    card = registry.publish_catalog(games, created=NOW - timedelta(days=7))
    assert card is not None
    live(home, [(older, [], []), (newer, [1], []), (card.version, [1], [])])
    assert run(["models", "compare", "--json"]) == 0
    last = json.loads(capsys.readouterr().out)
    assert run(["models", "experiment", newer, older, "--by", "interleaving"]) == 0
    capsys.readouterr()
    assert run(["models", "compare", "--json"]) == 0
    running = json.loads(capsys.readouterr().out)

    assert {(last[side]["version"], last[side]["answers"]) for side in "ab"} == {(older, 1), (newer, 2)}
    assert running["experiment"]["a"] == newer
    assert running["a"]["answers"] == 0  # what was shown before it began is not of it
    assert running["wins"]["answers"] == 0


@pytest.mark.parametrize("arguments", [["x"], ["x", "x"], []])
def test_a_comparison_of_fewer_than_two_is_refused(
    pair: tuple[str, str], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "compare", *arguments]) in {1, 2}
    assert "two" in capsys.readouterr().err


NONE = Rate(0, 400, 400.0)
A = Measured("v1", 100, 90, 2.0, NONE, Rate(13, 400, 400.0), NONE, {}, {})
B = replace(A, version="v2", likes=Rate(17, 400, 400.0))
LIKED = replace(B, likes=Rate(40, 400, 400.0))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Compared(A, LIKED, NOW, NOW),
            "B (v2) is liked more often: 10.0 % against 3.2 %",
        ),
        (
            Compared(LIKED, A, NOW, NOW),
            "A (v2) is liked more often: 10.0 % against 3.2 %",
        ),
        (Compared(A, B, NOW, NOW), "No difference can be told yet: about "),
        (Compared(A, B, NOW, NOW, Wins(90, 10, 40)), "B (v2) wins more lists: 80.0 % against 20.0 %, p = under 0.001."),
        (Compared(A, B, NOW, NOW, Wins(90, 40, 10)), "A (v1) wins more lists: 80.0 % against 20.0 %, p = under 0.001."),
        (Compared(A, B, NOW, NOW, Wins(90, 0, 0)), "nothing that both would show has been liked or opened so far"),
    ],
)
def test_the_verdict_is_a_sentence(found: Compared, said: str) -> None:
    assert said in sentence(found)
