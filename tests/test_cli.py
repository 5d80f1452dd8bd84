"""The command line as a person meets it: what it prints, what it leaves behind, and its exit status."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from storage.datasets.sample import sample_games, sample_interactions
from tests.loopback_steam import LoopbackSteam

ROOT = Path(__file__).parents[1]
PLAYER = "76561197960287930"
ROGUELIKES = {1145360: 3720, 588650: 1080, 646570: 0}  # Hades, Dead Cells, Slay the Spire


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_DEVICE", "cpu")
    monkeypatch.setenv("INDIEAN_MIN_GAMES", "5")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sample world as a person would hold it: in the original UCSD layout."""
    folder = tmp_path_factory.mktemp("ucsd")
    libraries: dict[str, list[dict[str, Any]]] = {}
    for batch in sample_interactions(players=400):
        for row in batch.to_pylist():
            item = {"item_id": str(row["app_id"]), "item_name": "", "playtime_forever": row["minutes"]}
            libraries.setdefault(row["player"], []).append(item | {"playtime_2weeks": 0})
    items = folder / "australian_users_items.json.gz"
    with gzip.open(items, "wt", encoding="utf-8") as file:
        for player, owned in libraries.items():
            line = {"user_id": player, "items_count": len(owned), "steam_id": player, "user_url": "", "items": owned}
            file.write(f"{line!r}\n")
    games = folder / "steam_games.json.gz"
    with gzip.open(games, "wt", encoding="utf-8") as file:
        for game in sample_games():
            facts: dict[str, object] = {"id": str(game.app_id), "app_name": game.title, "price": game.price}
            facts |= {
                "title": game.title,
                "tags": list(game.tags),
                "genres": list(game.genres),
                "release_date": str(game.year),
            }
            file.write(f"{facts!r}\n")
    return [str(items), str(games)]


@pytest.fixture(scope="module")
def trained_home(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Imported and trained once; each test works on a copy."""
    made = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INDIEAN_HOME", str(made))
        patch.setenv("INDIEAN_DEVICE", "cpu")
        patch.setenv("INDIEAN_MIN_GAMES", "5")
        assert run(["data", "import", *files]) == 0
        assert run(["train"]) == 0
    return made


@pytest.fixture
def trained(trained_home: Path, home: Path) -> None:
    shutil.copytree(trained_home, home)


@pytest.fixture
def steam(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSteam]:
    with LoopbackSteam(key="0123456789ABCDEF").running_in_thread() as server:
        server.add_player(PLAYER, ROGUELIKES, vanity="roguefan")
        monkeypatch.setenv("INDIEAN_STEAM_API_URL", server.url)
        monkeypatch.setenv("INDIEAN_STEAM_API_KEY", server.key)
        yield server


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "indiean.sqlite") as connection:
        return connection.execute(query).fetchall()


def test_the_catalogue_is_refreshed_from_the_store_and_the_model_answers_with_it(
    trained: None, steam: LoopbackSteam, capsys: pytest.CaptureFixture[str]
) -> None:
    steam.store.put(5, "등불 동굴", tags=("Roguelike", "Indie"), reviews=(90, 95))
    steam.store.put(7, "Later")
    assert run(["data", "refresh", "--limit", "1", "--json"]) == 0
    report = printed(capsys)
    assert run(["models", "list", "--json"]) == 0
    latest, model = printed(capsys)

    assert {name: report[name] for name in ("listed", "new", "changed", "delisted", "rejected", "calls", "end")} == {
        "listed": 2,
        "new": 1,
        "changed": 0,
        "delisted": 0,
        "rejected": 0,
        "calls": 3,
        "end": False,
    }
    assert latest["version"] == report["version"]
    assert (latest["matrix_of"], latest["current"]) == (model["version"], True)
    assert model["matrix_of"] is None


def test_a_refresh_for_people_says_what_it_came_to(
    trained: None, steam: LoopbackSteam, capsys: pytest.CaptureFixture[str]
) -> None:
    steam.store.put(5, "Cave")
    steam.store.put(7, "Later")
    assert run(["data", "refresh", "--limit", "1"]) == 0
    said = capsys.readouterr().out

    assert re.search(r"new +1\b", said)
    assert "3 questions to Steam" in said
    assert "is in service: the same, with this catalogue" in said
    assert "the next `indiean data refresh` goes on from here" in said


def test_a_refresh_without_a_key_says_in_one_sentence_where_to_get_it(
    trained: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "refresh"]) == 1
    said = capsys.readouterr().err

    assert said.count("\n") == 1
    assert "https://steamcommunity.com/dev/apikey" in said
    assert "INDIEAN_STEAM_API_KEY" in said


def test_a_refresh_with_a_refused_key_says_so_without_showing_it(
    trained: None, steam: LoopbackSteam, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_STEAM_API_KEY", "FEDCBA9876543210")
    assert run(["data", "refresh"]) == 1
    said = capsys.readouterr()

    assert "refuses the key" in said.err
    assert "FEDCBA" not in said.err + said.out


def test_a_refresh_that_steam_stops_reports_and_has_status_1(
    trained: None, steam: LoopbackSteam, capsys: pytest.CaptureFixture[str]
) -> None:
    steam.fail_next(429, {"Retry-After": "3600"})
    assert run(["data", "refresh", "--json"]) == 1
    said = capsys.readouterr()

    assert json.loads(said.out)["stopped"].startswith("Steam asks for a pause of 60 minutes")
    assert "the next run goes on from there" in said.err


def test_a_steam_player_is_answered_with_reasons_and_leaves_rows(
    trained: None, steam: LoopbackSteam, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", f"https://steamcommunity.com/profiles/{PLAYER}/", "--json"]) == 0
    reply = printed(capsys)

    assert len(reply["picks"]) == 5
    assert not {pick["appid"] for pick in reply["picks"]} & ROGUELIKES.keys()
    for pick in reply["picks"]:
        assert {b["appid"] for b in pick["because"]} <= ROGUELIKES.keys()
        assert [b["minutes"] for b in pick["because"]] == [ROGUELIKES[b["appid"]] for b in pick["because"]]
    assert rows(home, "select command, outcome, picks, model_version from requests") == [
        ("recommend", "answered", 5, reply["model"])
    ]
    shown = rows(home, "select position, app_id from impressions order by position")
    assert shown == [(at, pick["appid"]) for at, pick in enumerate(reply["picks"], 1)]
    assert PLAYER not in (home / "indiean.sqlite").read_bytes().decode("latin-1")


def test_the_terminal_says_the_hours_that_speak_for_a_pick(
    trained: None, steam: LoopbackSteam, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", "roguefan", "--tag", "roguelike", "--max-price", "20"]) == 0
    said = capsys.readouterr().out

    assert "62 h in Hades" in said
    assert "https://store.steampowered.com/app/" in said


@pytest.mark.parametrize(
    ("break_steam", "sentence"),
    [
        (lambda s: s.add_player(PLAYER, {}, visibility=1), "My profile"),
        (lambda s: s.add_player(PLAYER, {}, games_private=True), "Game details"),
        (lambda s: s.add_player(PLAYER, {}), "library is empty"),
        (lambda s: s.fail_next(403, body="<html>Forbidden</html>"), "key"),
        (lambda s: s.fail_next(429, headers={"Retry-After": "600"}), "10 min"),
        (lambda s: s.fail_next(500, times=9), "Steam"),
        (lambda s: s.fail_next(200, body="<html>", times=9), "Steam"),
    ],
    ids=["private profile", "private games", "empty", "bad key", "too many", "down", "malformed"],
)
def test_what_steam_refuses_is_one_sentence_and_a_logged_request(
    trained: None,
    steam: LoopbackSteam,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    break_steam: Any,
    sentence: str,
) -> None:
    break_steam(steam)
    status = run(["recommend", PLAYER])
    said = capsys.readouterr()

    assert status == 1
    assert sentence.casefold() in said.out.casefold()
    assert "Traceback" not in said.out + said.err
    assert steam.key not in said.out + said.err
    assert len(rows(home, "select 1 from requests where outcome in ('refused', 'unavailable')")) == 1


@pytest.mark.parametrize("said", ["[g:1:4]", "not an id!", "7656119796028793", "76561197960265727", "nobody-has-this"])
def test_a_bad_id_is_refused_with_status_1(
    trained: None, steam: LoopbackSteam, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    assert run(["recommend", said]) == 1
    assert capsys.readouterr().out.count("\n\n") <= 2


def test_pruning_deletes_what_is_older_than_the_setting_and_zero_keeps_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    assert run(["data", "prune", "--json"]) == 0
    assert printed(capsys)["requests"] == 0
    with sqlite3.connect(home / "indiean.sqlite") as connection:
        row = "('old', '2001-01-01 00:00:00.000000', 'discord', 'ada', 'help', '{}', 'answered', 1, NULL, 0)"
        columns = "id, at, platform, person, command, options, outcome, latency_ms, model_version, picks"
        connection.execute(f"INSERT INTO requests ({columns}) VALUES {row}")  # noqa: S608  (our own)
    monkeypatch.setenv("INDIEAN_RETENTION_DAYS", "0")
    kept = run(["data", "prune"]), capsys.readouterr().out, rows(home, "SELECT count(*) FROM requests")
    monkeypatch.setenv("INDIEAN_RETENTION_DAYS", "9000")
    deleted = run(["data", "prune"]), capsys.readouterr().out, rows(home, "SELECT count(*) FROM requests")

    assert (kept[0], kept[2]) == (0, [(1,)])
    assert "nothing was deleted" in kept[1]
    assert (deleted[0], deleted[2]) == (0, [(0,)])
    assert "1 requests" in deleted[1]


def test_a_database_that_is_away_does_not_keep_the_answer(
    trained: None, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INDIEAN_DATABASE_URL", f"sqlite:///{tmp_path}/file/no-folder.sqlite")
    library = tmp_path / "library.json"
    library.write_text(
        json.dumps({"response": {"game_count": 1, "games": [{"appid": 1145360, "playtime_forever": 9}]}})
    )
    status = run(["recommend", "--library", str(library)])

    assert status == 0
    assert "because" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "GetOwnedGames"),
        ("[1, 2]", "GetOwnedGames"),
        ('{"response": {"games": 3}}', "GetOwnedGames"),
        ('{"response": {}}', "privacy setting"),
    ],
)
def test_a_saved_library_that_is_none_is_refused(
    trained: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    (tmp_path / "library.json").write_text(content)

    assert run(["recommend", "--library", str(tmp_path / "library.json")]) == 1
    assert sentence in capsys.readouterr().err


def test_beyond_the_dense_limit_training_says_so_and_the_model_answers(
    trained: None, steam: LoopbackSteam, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_DENSE_LIMIT", "10")
    assert run(["train"]) == 0
    said = capsys.readouterr().out
    assert run(["recommend", "roguefan", "--json"]) == 0

    assert "games are more than a dense matrix holds here" in said
    assert "INDIEAN_DENSE_LIMIT" in said
    answer = printed(capsys)
    assert len(answer["picks"]) == 5
    assert all(pick["because"] for pick in answer["picks"])


def test_a_batch_and_its_refusal(trained: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "players.jsonl", tmp_path / "picks.jsonl"
    games = [{"appid": a, "playtime_forever": m} for a, m in ROGUELIKES.items()]
    source.write_text(json.dumps({"player": "a", "games": games}) + "\n")

    assert run(["recommend", "--batch", str(source), "--output", str(target), "--k", "3", "--all-games", "--json"]) == 0
    assert printed(capsys) == {"players": 1, "unknown": 0}
    assert len(json.loads(target.read_text())["picks"]) == 3
    source.write_text("nonsense\n")
    assert run(["recommend", "--batch", str(source), "--output", str(target)]) == 1
    assert f"{source}:1:" in capsys.readouterr().err


def test_every_report_is_json_too(files: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "import", *files, "--json"]) == 0
    assert {file["added"] > 0 for file in printed(capsys)["files"]} == {True}
    assert run(["data", "import", *files, "--json"]) == 0
    assert [(file["added"], file["changed"]) for file in printed(capsys)["files"]] == [(0, 0), (0, 0)]
    assert run(["data", "describe", "--json"]) == 0
    described = printed(capsys)
    assert described["everything"]["players"] == 400
    assert all(Path(chart).read_bytes().startswith(b"\x89PNG") for chart in described["charts"])
    assert run(["evaluate", "--l2", "20", "--json"]) == 0
    assert 0 < printed(capsys)["model"]["indie_played"]["ndcg_10"] < 1
    assert run(["train", "--json"]) == 0
    version = printed(capsys)["version"]
    assert run(["models", "list", "--json"]) == 0
    assert [(card["version"], card["current"]) for card in printed(capsys)] == [(version, True)]


def test_models_are_promoted_and_rolled_back(trained: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--skip-evaluation", "--l2", "9"]) == 0
    assert run(["models", "list", "--json"]) == 0
    out = capsys.readouterr().out
    newest, first = json.loads(out[out.index("[") :])

    assert newest["current"]
    assert run(["models", "rollback"]) == 0
    assert run(["models", "rollback"]) == 1
    assert run(["models", "promote", newest["version"]]) == 0
    assert run(["models", "promote", "nothing"]) == 1
    assert first["version"] in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["evaluate"], ["data", "describe"], ["models", "list"], ["recommend", PLAYER], ["chat"], ["serve"]],
    ids=" ".join,
)
def test_before_anything_was_imported_the_next_step_is_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    assert "indiean" in capsys.readouterr().err


def test_without_a_token_serve_says_which_setting_it_needs(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "bot", "serve"]
    away = os.environ | {"PYTHONPATH": str(ROOT)}  # from anybody's .env
    done = subprocess.run(serve, capture_output=True, text=True, check=False, cwd=tmp_path, env=away)  # noqa: S603 - our own program

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in ("INDIEAN_DISCORD_TOKEN", "indiean doctor", "indiean chat"))
    assert done.stdout == ""


def test_with_a_token_serve_needs_a_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", "A1.B2")

    assert run(["serve"]) == 1
    assert "indiean train" in capsys.readouterr().err


def test_a_foreign_file_is_refused_and_changes_nothing(
    files: list[str], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "photo.json.gz"
    foreign.write_bytes(gzip.compress(b"\x00\x01 no data set\n"))

    assert run(["data", "import", files[1], str(foreign)]) == 1
    assert "photo.json.gz" in capsys.readouterr().err
    assert run(["data", "import", files[1], "--json"]) == 0
    assert printed(capsys)["files"][0]["added"] > 0  # nothing of it had been loaded before the refusal


def test_all_wrong_settings_are_told_and_status_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_L2", "-3")
    monkeypatch.setenv("INDIEAN_DEVICE", "quantum")

    assert run(["train"]) == 1
    said = capsys.readouterr().err
    assert "INDIEAN_L2" in said
    assert "INDIEAN_DEVICE" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend"],
        ["recommend", PLAYER, "--library", "x"],
        ["recommend", "--batch", "x"],
        ["recommend", "--batch", "x", "--output", "y", "--tag", "z"],
        ["dance"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_the_demo_prints_the_transcript_of_the_readme(tmp_path: Path) -> None:
    demo = [sys.executable, "-m", "bot", "demo"]
    done = subprocess.run(demo, capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)  # noqa: S603 - our own program
    said = "\n".join(line.rstrip() for line in done.stdout.splitlines())

    assert done.returncode == 0, done.stderr
    assert "synthetic" in said
    assert said.strip() in (ROOT / "README.md").read_text("utf-8")


def test_lines_from_a_pipe_are_answered_one_by_one(trained: None, tmp_path: Path) -> None:
    lines = "/curate roguelik\n1\n\n/dance\nHades, Celeste\n"
    chat = [sys.executable, "-m", "bot", "chat"]
    done = subprocess.run(chat, input=lines, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own program

    assert done.returncode == 0, done.stderr
    assert "Did you mean" in done.stdout
    assert "The best of Roguelike" in done.stdout
    assert "Because of Hades, Celeste" in done.stdout
