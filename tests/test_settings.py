"""Every setting is documented, all problems are told at once, and no secret is ever among the words."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from bot.settings import PREFIX, Settings, SettingsRefused, read_settings
from recommender.device import Device
from storage.bigquery.place import Place

ROOT = Path(__file__).parents[1]


pytestmark = pytest.mark.usefixtures("bare_environment")


def test_everything_has_a_default() -> None:
    settings = read_settings()

    assert settings.database == f"sqlite:///{settings.home}/indiean.sqlite"
    assert settings.steam_api_key is None


def test_the_example_file_names_each_setting_with_its_default() -> None:
    written = dict(re.findall(r"^#(INDIEAN_\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    defaults = {PREFIX + name.upper(): field.default for name, field in Settings.model_fields.items()}

    assert written.keys() == defaults.keys()
    assert (
        Settings.model_validate({k.removeprefix(PREFIX).lower(): v for k, v in written.items() if v}) == read_settings()
    )


def test_the_environment_wins_over_the_file_and_the_caller_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("INDIEAN_L2=7\nINDIEAN_DROPOUT=0.5\nINDIEAN_MIN_GAMES=4\n")
    monkeypatch.setenv("INDIEAN_DROPOUT", "0.25")
    settings = read_settings(min_games=9)

    assert (settings.l2, settings.dropout, settings.min_games) == (7, 0.25, 9)
    assert settings.training().model.dropout == 0.25


def test_names_in_the_file_that_are_not_ours_are_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=hunter2\nBOT_IMAGE=indiean:cpu\nINDIEAN_L2=7\n")

    assert read_settings().l2 == 7


def test_all_problems_are_told_at_once_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INDIEAN_DROPUOT=0.1\n")
    monkeypatch.setenv("INDIEAN_L2", "minus one")
    monkeypatch.setenv("INDIEAN_DEVISE", "cpu")
    monkeypatch.setenv("INDIEAN_STEAM_API_KEY", "top secret!")
    monkeypatch.setenv("INDIEAN_STEAM_API_URL", "ftp://steam")

    with pytest.raises(SettingsRefused) as refused:
        read_settings()
    told = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 5
    assert all(word in told for word in ("INDIEAN_L2", "INDIEAN_DEVICE", "INDIEAN_DROPOUT", "API_KEY", "API_URL"))
    assert "top secret" not in told + repr(refused.value)


def test_a_secret_is_not_in_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_STEAM_API_KEY", "A1B2C3")
    monkeypatch.setenv("INDIEAN_DATABASE_URL", "postgresql://me:hunter2@db/indiean")
    monkeypatch.setenv("INDIEAN_DISCORD_TOKEN", "D4E5.F6")
    shown = repr(read_settings()) + str(read_settings())

    assert "A1B2C3" not in shown
    assert "D4E5" not in shown
    assert "hunter2" not in shown


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_DEVICE", "")

    assert read_settings().device is Device.AUTO


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DISCORD_TOKEN", "Bot A1B2.C3", "without “Bot ”"),
        ("DISCORD_TOKEN", "'A1B2.C3'", "without spaces or quotes"),
        ("DISCORD_TOKEN", "A1B2. C3", "without spaces or quotes"),
        ("DISCORD_TOKEN", "A1B2.C3\u200b", "without spaces or quotes"),
        ("DISCORD_CLIENT_SECRET", '"A1B2C3"', "without spaces or quotes"),
        ("DISCORD_CLIENT_ID", "IndieAn", "is a number"),
        ("DISCORD_API_URL", "discord.com/api", "URL"),
        ("DISCORD_GATEWAY_URL", "https://gateway.discord.gg", "ws"),
        ("STEAM_ASSETS_URL", "http://covers.example", "https"),
        ("PUBLIC_URL", "http://bot.example", "https://"),
        ("PUBLIC_URL", "https://bot.example/?a=b", "after ?"),
        ("SLACK_BOT_TOKEN", "Bearer xoxb-A1B2", "without “Bearer ”"),
        ("SLACK_BOT_TOKEN", "xapp-A1B2", "begins with xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-A1B2", "begins with xapp-"),
        ("SLACK_SIGNING_SECRET", "A1B2 ", "as Slack shows it"),
        ("SLACK_CLIENT_SECRET", "A1 B2", "as Slack shows it"),
        ("SLACK_CLIENT_ID", "A0123", "two numbers"),
        ("SLACK_STATUS_CHANNEL", "#builds", "id"),
        ("SLACK_API_URL", "slack.com/api", "URL"),
        ("WEB_PORT", "80800", "65535"),
        ("WAREHOUSE", "snowflake", "duckdb"),
        ("BIGQUERY_PROJECT", "My Project", "not its name"),
        ("BIGQUERY_DATASET", "my-project.games", "without the project"),
        ("BIGQUERY_LOCATION", "the moon", "europe-west3"),
        ("BIGQUERY_MAX_BYTES_BILLED", "1000", "10485760"),
        ("BIGQUERY_API_URL", "bigquery.example", "URL"),
        ("MEMBER_PER_MINUTE", "0", "1"),
        ("DATABASE_PATIENCE", "0", "greater than 0"),
        ("DATABASE_CONNECTIONS", "0", "1"),
        ("RETENTION_DAYS", "-1", "0"),
        ("RETENTION_DAYS", "for ever", "integer"),
        ("SERVER_PER_MINUTE", "-1", "1"),
    ],
)
def test_what_a_setting_wants_is_said(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(PREFIX + variable, value)

    with pytest.raises(SettingsRefused) as refused:
        read_settings()
    assert [problem.split(":")[0] for problem in refused.value.problems] == [PREFIX + variable]
    assert sentence in refused.value.problems[0]
    assert "A1B2" not in str(refused.value)


PUBLIC = {"INDIEAN_PUBLIC_URL": "https://bot.example/indiean/"}
OAUTH = {"INDIEAN_DISCORD_CLIENT_ID": "81384788765712384", "INDIEAN_DISCORD_CLIENT_SECRET": "A1B2C3", **PUBLIC}
SLACK_OAUTH = {"INDIEAN_SLACK_CLIENT_ID": "111.222", "INDIEAN_SLACK_CLIENT_SECRET": "A1B2C3", **PUBLIC}


def test_with_all_three_for_oauth_people_come_back_to_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OAUTH.items():
        monkeypatch.setenv(name, value)

    assert read_settings().discord_callback == "https://bot.example/indiean/discord/callback"


def test_a_public_address_alone_links_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_PUBLIC_URL", PUBLIC["INDIEAN_PUBLIC_URL"])

    assert read_settings().discord_callback is None


@pytest.mark.parametrize(
    ("whole", "given"),
    [
        *((OAUTH, given) for given in combinations(OAUTH, 2)),
        *((OAUTH, (given,)) for given in list(OAUTH)[:2]),
        *((SLACK_OAUTH, given) for given in combinations(SLACK_OAUTH, 2)),
        *((SLACK_OAUTH, (given,)) for given in list(SLACK_OAUTH)[:2]),
    ],
)
def test_oauth_by_halves_is_one_sentence_that_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, whole: dict[str, str], given: tuple[str, ...]
) -> None:
    for name in given:
        monkeypatch.setenv(name, whole[name])

    with pytest.raises(SettingsRefused) as refused:
        read_settings()
    assert len(refused.value.problems) == 1
    assert all(name in refused.value.problems[0] for name in whole if name not in given)
    assert "A1B2" not in refused.value.problems[0]


@pytest.mark.parametrize("way", [{"INDIEAN_SLACK_APP_TOKEN": "xapp-A1B2"}, {"INDIEAN_SLACK_SIGNING_SECRET": "A1B2"}])
def test_a_way_to_hear_slack_wants_one_to_answer_it(monkeypatch: pytest.MonkeyPatch, way: dict[str, str]) -> None:
    for name, value in way.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsRefused, match="INDIEAN_SLACK_BOT_TOKEN"):
        read_settings()
    monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", "xoxb-A1B2")
    assert read_settings().on_slack


def test_a_bot_s_token_alone_is_for_who_only_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", "xoxb-A1B2")

    assert not read_settings().on_slack


def test_slack_over_the_web_wants_a_web_server(monkeypatch: pytest.MonkeyPatch) -> None:
    over_the_web = {"SLACK_BOT_TOKEN": "xoxb-A1B2", "SLACK_SIGNING_SECRET": "A1B2", "WEB_PORT": "0"}
    for name, value in over_the_web.items():
        monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingsRefused, match="INDIEAN_WEB_PORT"):
        read_settings()
    monkeypatch.setenv("INDIEAN_SLACK_APP_TOKEN", "xapp-A1B2")
    assert read_settings().on_slack


def test_oauth_without_a_web_server_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**OAUTH, "INDIEAN_WEB_PORT": "0"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsRefused, match="INDIEAN_WEB_PORT"):
        read_settings()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_on_this_machine_plain_http_will_do(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    for name, value in {**OAUTH, "INDIEAN_PUBLIC_URL": f"http://{host}:8080"}.items():
        monkeypatch.setenv(name, value)

    assert read_settings().discord_callback == f"http://{host}:8080/discord/callback"


def test_discord_is_the_real_one_unless_said_otherwise() -> None:
    settings = read_settings()

    assert str(settings.discord_api_url) == "https://discord.com/api/v10"
    assert str(settings.discord_gateway_url) == "wss://gateway.discord.gg/"
    assert settings.discord_callback is None


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "INDIEAN_BIGQUERY_PROJECT and INDIEAN_BIGQUERY_DATASET"),
        ({"BIGQUERY_PROJECT": "my-project"}, "INDIEAN_BIGQUERY_DATASET"),
        ({"BIGQUERY_DATASET": "games"}, "INDIEAN_BIGQUERY_PROJECT"),
    ],
)
def test_bigquery_wants_a_project_and_a_dataset(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: str
) -> None:
    for name, value in ({"WAREHOUSE": "bigquery"} | given).items():
        monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingsRefused, match=f"needs {missing} as well"):
        read_settings()


def test_the_place_in_bigquery_is_what_the_settings_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = read_settings(
        warehouse="bigquery",
        bigquery_project="my-project",
        bigquery_dataset="games",
        bigquery_location="EU",
        bigquery_credentials="~/key.json",
        bigquery_api_url="http://127.0.0.1:9050/",
    )

    assert settings.bigquery_place == Place("my-project", "games", "EU", tmp_path / "key.json", "http://127.0.0.1:9050")
