"""`indiean doctor`: each thing that can be wrong is found and told with the way to mend it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from bot.canonical import Answered
from bot.discord.payloads import command_payloads
from bot.hosting.doctor.discord import OAuth, of_application, of_commands, of_oauth
from bot.hosting.doctor.examination import examine
from bot.hosting.doctor.finding import Answer, Check, Finding, State, ready
from bot.hosting.doctor.own import Model, of_model
from bot.hosting.metrics import Metrics
from bot.messages import Language
from bot.settings import read_settings
from bot.warehouse import open_warehouse
from bot.wording import Wording
from recommender.errors import DamagedModel, NoModel
from recommender.registry import Registry
from storage.database import Database
from tests import worlds
from tests.fakes import NOON
from tests.little_discord import APPLICATION, TOKEN, LittleDiscord
from tests.loopback_bigquery import LoopbackBigQuery
from tests.loopback_steam import LoopbackSteam

EN = Wording(Language.EN)
OK, OFF, WARNING, MISSING, BROKEN = State


UNASKED = {Check.PUBLIC, Check.SLACK_WAY, Check.SLACK_SCOPES, Check.SLACK_MANIFEST, Check.SLACK_STATUS}
"""What is not looked at where Discord is all that is set up."""


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_STEAM_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("INDIEAN_DISCORD_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("INDIEAN_SLACK_API_URL", "http://127.0.0.1:9")


@pytest.fixture
def discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleDiscord]:
    with LittleDiscord().running_in_thread() as server:
        server.commands = [command | {"id": "1", "version": "2"} for command in command_payloads()]
        monkeypatch.setenv("INDIEAN_DISCORD_API_URL", server.url)
        monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", TOKEN)
        yield server


@pytest.fixture
def steam(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSteam]:
    with LoopbackSteam().running_in_thread() as server:
        monkeypatch.setenv("INDIEAN_STEAM_API_URL", server.url)
        monkeypatch.setenv("INDIEAN_STEAM_API_KEY", server.key)
        yield server


def published(home: Path, *, synthetic: bool = False) -> None:
    Registry(home / "models").publish(
        worlds.model(), worlds.catalog(), created=NOON, metrics={}, fingerprint="f", synthetic=synthetic, players=9
    )


async def found(check: Check) -> Finding | None:
    """What the doctor says of one thing, looking at the settings of the environment."""
    findings = await examine(read_settings(), EN, patience=5.0)
    return next((finding for finding in findings if finding.check is check), None)


def test_where_all_is_well_every_line_is_ok_and_the_status_is_0(
    discord: LittleDiscord, steam: LoopbackSteam, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published(tmp_path / "home")
    status = run(["doctor"])
    said = capsys.readouterr().out

    assert status == 0
    assert "✗" not in said
    assert "! " not in said
    assert "indiean serve" in said


def test_on_a_fresh_machine_what_is_missing_is_said_with_where_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["doctor"])
    said = capsys.readouterr().out

    assert status == 1
    assert said.count("✗") == 3  # the model, the token, and the sentence about both
    assert "indiean train" in said
    assert "https://discord.com/developers/applications" in said
    assert "https://steamcommunity.com/dev/apikey" in said


def test_looking_changes_nothing(tmp_path: Path) -> None:
    run(["doctor"])

    assert list(tmp_path.iterdir()) == []


def test_json_has_every_finding(discord: LittleDiscord, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)

    assert said["ready"] is False
    assert {"check": "model", "state": "missing", "sentence": EN.say("doctor.model_missing")} in said["findings"]
    assert [finding["check"] for finding in said["findings"]] == [check for check in Check if check not in UNASKED]


def test_wrong_settings_are_all_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_L2", "-1")
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", "Bot A1.B2")

    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "INDIEAN_L2" in said
    assert "INDIEAN_DISCORD_TOKEN" in said
    assert "A1.B2" not in said


def test_it_speaks_korean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("INDIEAN_LANGUAGE", "ko")
    run(["doctor"])

    assert "데이터베이스" in capsys.readouterr().out


def test_no_secret_is_said(
    discord: LittleDiscord, steam: LoopbackSteam, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/indiean")
    discord.status = 500
    run(["doctor"])
    said = "".join(capsys.readouterr())

    assert "hunter2" not in said
    assert TOKEN not in said
    assert steam.key not in said


async def test_nobody_is_waited_for_long_and_all_are_asked_at_once(
    discord: LittleDiscord, steam: LoopbackSteam, monkeypatch: pytest.MonkeyPatch
) -> None:
    discord.hangs = True
    steam.hang_next(times=9)
    async with asyncio.timeout(10):
        findings = await examine(read_settings(), EN, patience=0.2)

    assert {finding.check: finding.state for finding in findings if finding.state not in {OK, OFF}} == {
        Check.MODEL: MISSING,
        Check.STEAM: WARNING,
        Check.DISCORD: BROKEN,
    }


async def test_a_home_that_cannot_be_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INDIEAN_HOME", str(tmp_path / "file" / "home"))
    home = await found(Check.HOME)

    assert home is not None
    assert home.state is BROKEN
    assert str(tmp_path / "file") in home.sentence


async def test_a_model_of_invented_players_is_a_warning(tmp_path: Path) -> None:
    published(tmp_path / "home", synthetic=True)
    model = await found(Check.MODEL)

    assert model is not None
    assert model.state is WARNING
    assert "indiean data import" in model.sentence


async def test_a_damaged_model_is_broken(tmp_path: Path) -> None:
    published(tmp_path / "home")
    for file in (tmp_path / "home" / "models").glob("*/*.safetensors"):
        file.write_bytes(b"")
    model = await found(Check.MODEL)

    assert model is not None
    assert model.state is BROKEN
    assert "rollback" in model.sentence


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Model("v1", 9, synthetic=False), OK),
        (Model("v1", 9, synthetic=True), WARNING),
        (NoModel("none"), MISSING),
        (DamagedModel("cut short"), BROKEN),
    ],
)
def test_a_model_is_there_or_not(outcome: Model | NoModel | DamagedModel, state: State) -> None:
    assert of_model(outcome, EN).state is state


async def _made(file: Path, revision: str | None = None) -> None:
    database = Database(f"sqlite:///{file}")
    await database.migrate()
    if revision is not None:
        async with database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    await database.close()


@pytest.mark.parametrize(
    ("revision", "state", "word"),
    [(None, OK, "up to date."), ("0001", OK, "when the bot starts"), ("9999", BROKEN, "newer IndieAn")],
)
async def test_the_tables_of_the_database_are_looked_at(
    tmp_path: Path, revision: str | None, state: State, word: str
) -> None:
    (tmp_path / "home").mkdir()
    await _made(tmp_path / "home" / "indiean.sqlite", revision)
    database = await found(Check.DATABASE)

    assert database is not None
    assert database.state is state
    assert word in database.sentence


@pytest.mark.parametrize("url", ["postgresql://me@127.0.0.1:9/x", "mysql://x", "sqlite:////dev/null/x.sqlite"])
async def test_a_database_that_cannot_be_used_is_broken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("INDIEAN_DATABASE_URL", url)
    database = await found(Check.DATABASE)

    assert database is not None
    assert database.state is BROKEN
    assert "INDIEAN_DATABASE_URL" in database.sentence


@pytest.mark.parametrize(
    ("status", "state", "word"),
    [(403, BROKEN, "refuses"), (429, WARNING, "pause"), (500, WARNING, "HTTP 500")],
)
async def test_the_steam_key_is_tried(steam: LoopbackSteam, status: int, state: State, word: str) -> None:
    steam.fail_next(status)
    key = await found(Check.STEAM)

    assert key is not None
    assert key.state is state
    assert word in key.sentence


@pytest.mark.parametrize(
    ("status", "word"), [(401, "Reset Token"), (503, "HTTP 503"), (200, "INDIEAN_DISCORD_API_URL")]
)
async def test_the_token_is_tried(discord: LittleDiscord, status: int, word: str) -> None:
    discord.status = status
    token = await found(Check.DISCORD)

    assert token is not None
    assert token.state is BROKEN
    assert word in token.sentence


async def test_a_discord_that_cannot_be_reached_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", TOKEN)
    token = await found(Check.DISCORD)

    assert token is not None
    assert (token.state, "ConnectError" in token.sentence) == (BROKEN, True)


async def test_few_starts_are_a_warning(discord: LittleDiscord) -> None:
    discord.starts_left = 7
    starts = await found(Check.STARTS)

    assert starts is not None
    assert starts.state is WARNING
    assert "7 of 1,000" in starts.sentence


async def test_commands_that_go_elsewhere_are_broken(discord: LittleDiscord) -> None:
    discord.about["interactions_endpoint_url"] = "https://old.example/interactions"
    interactions = await found(Check.INTERACTIONS)

    assert interactions is not None
    assert interactions.state is BROKEN
    assert "https://old.example/interactions" in interactions.sentence


@pytest.mark.parametrize(
    ("offered", "word"),
    [
        (None, "Installation Contexts"),
        ({"0": {}}, "Installation Contexts"),
        ({"0": {}, "1": {}}, "Default Install Settings"),
        (
            {
                "0": {"oauth2_install_params": {"scopes": ["applications.commands"], "permissions": "0"}},
                "1": {"oauth2_install_params": {"scopes": ["applications.commands"], "permissions": "0"}},
            },
            "Default Install Settings",
        ),
    ],
    ids=["unknown", "servers only", "no links", "no bot"],
)
async def test_how_the_bot_can_be_added_is_looked_at(discord: LittleDiscord, offered: Any, word: str) -> None:
    discord.about["integration_types_config"] = offered
    install = await found(Check.INSTALL)

    assert install is not None
    assert install.state is WARNING
    assert word in install.sentence


def test_the_invite_asks_for_what_a_digest_takes_and_nothing_more() -> None:
    about = Answer(200, json.dumps({"id": "81384788765712384"}).encode())
    links = {finding.check: finding.sentence for finding in of_application(about, EN)}

    assert links[Check.INVITE] == (
        "https://discord.com/oauth2/authorize?client_id=81384788765712384&integration_type=0"
        "&scope=applications.commands+bot&permissions=52224"
    )
    assert links[Check.INSTALL_LINK] == (
        "https://discord.com/oauth2/authorize?client_id=81384788765712384&integration_type=1"
        "&scope=applications.commands"
    )


def registered(**changes: Any) -> Answer:
    """Our commands as Discord tells of them, the first one changed."""
    first, *others = [command | {"id": "1", "version": "2", "nsfw": False} for command in command_payloads()]
    entry_point = {"id": "3", "type": 4, "name": "launch", "description": ""}
    return Answer(200, json.dumps([entry_point, *reversed(others), first | changes]).encode())


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (registered(), OK, "as they are"),
        (registered(description="as it was"), WARNING, "indiean discord sync"),
        (registered(options=[]), WARNING, "indiean discord sync"),
        (Answer(200, b"[]"), MISSING, "indiean discord sync"),
        (Answer(500, b"{}"), WARNING, "HTTP 500"),
        (Answer(None, why="ReadTimeout"), WARNING, "ReadTimeout"),
    ],
)
def test_commands_that_discord_has_are_compared_with_ours(answer: Answer, state: State, word: str) -> None:
    commands = of_commands(answer, command_payloads(), EN)

    assert commands.state is state
    assert word in commands.sentence


OAUTH = OAuth("81384788765712384", "https://bot.example/discord/callback")


def told(**about: Any) -> Answer:
    return Answer(200, json.dumps({"id": OAUTH.client_id, **about}).encode())


@pytest.mark.parametrize(
    ("oauth", "about", "state", "word"),
    [
        (None, told(), OFF, "INDIEAN_DISCORD_CLIENT_ID"),
        (OAUTH, None, OK, OAUTH.callback),
        (OAUTH, told(), OK, "exactly: https://bot.example/discord/callback"),
        (OAUTH, told(redirect_uris=[OAUTH.callback]), OK, "back to https://bot.example/discord/callback"),
        (OAUTH, told(redirect_uris=["https://bot.example/"]), BROKEN, "add exactly: " + OAUTH.callback),
        (replace(OAUTH, client_id="1"), told(), WARNING, "another application"),
    ],
)
def test_the_way_back_from_discord_is_named_exactly(
    oauth: OAuth | None, about: Answer | None, state: State, word: str
) -> None:
    linked = of_oauth(oauth, about, EN)

    assert linked.state is state
    assert word in linked.sentence


@pytest.mark.parametrize("runs", [True, False])
async def test_a_public_address_that_leads_nowhere_is_only_a_warning(
    discord: LittleDiscord, monkeypatch: pytest.MonkeyPatch, *, runs: bool
) -> None:
    monkeypatch.setenv("INDIEAN_DISCORD_CLIENT_ID", str(APPLICATION))
    monkeypatch.setenv("INDIEAN_DISCORD_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("INDIEAN_PUBLIC_URL", discord.root if runs else "http://127.0.0.1:9")
    public = await found(Check.PUBLIC)

    assert public is not None
    assert public.state is (OK if runs else WARNING)


async def test_a_proxy_that_shows_everybody_how_the_bot_is_doing_is_a_warning(
    discord: LittleDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    metrics.answered(Answered("help", "discord", "answered", 0.001, "1"))
    discord.metrics = (await metrics.text()).decode()
    monkeypatch.setenv("INDIEAN_PUBLIC_URL", discord.root)
    public = await found(Check.PUBLIC)

    assert public is not None
    assert public.state is WARNING
    assert "/metrics" in public.sentence


def test_a_warning_does_not_keep_the_bot_from_serving() -> None:
    assert ready([Finding(Check.STEAM, WARNING, ""), Finding(Check.HOME, OK, "")])
    assert not ready([Finding(Check.DISCORD, MISSING, "")])
    assert not ready([Finding(Check.HOME, BROKEN, "")])


@pytest.fixture
def bigquery(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackBigQuery]:
    with LoopbackBigQuery() as server:
        monkeypatch.setenv("INDIEAN_WAREHOUSE", "bigquery")
        monkeypatch.setenv("INDIEAN_BIGQUERY_PROJECT", server.project)
        monkeypatch.setenv("INDIEAN_BIGQUERY_DATASET", "games")
        monkeypatch.setenv("INDIEAN_BIGQUERY_API_URL", server.url)
        yield server


async def test_a_warehouse_without_anything_in_it_is_told_as_such(tmp_path: Path) -> None:
    before = await found(Check.WAREHOUSE)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "warehouse.duckdb").touch()
    after = await found(Check.WAREHOUSE)

    assert before is not None
    assert after is not None
    assert (before.state, after.state) == (OFF, OK)
    assert "indiean data import" in before.sentence


async def test_the_warehouse_in_bigquery_is_looked_for_and_not_made(bigquery: LoopbackBigQuery) -> None:
    before = await found(Check.WAREHOUSE)
    asked = list(bigquery.asked)
    await asyncio.to_thread(open_warehouse(read_settings()).close)
    after = await found(Check.WAREHOUSE)

    assert asked == ["tables.get"]
    assert (before, after) == (
        Finding(Check.WAREHOUSE, OFF, EN.say("doctor.warehouse_none", place="a-project.games")),
        Finding(Check.WAREHOUSE, OK, EN.say("doctor.warehouse_ok", place="a-project.games")),
    )


async def test_trouble_with_the_warehouse_keeps_nobody_from_serving(bigquery: LoopbackBigQuery) -> None:
    bigquery.denied.add("tables.get")
    told = await found(Check.WAREHOUSE)

    assert told is not None
    assert told.state is WARNING
    assert "docs/warehouse.md" in told.sentence
