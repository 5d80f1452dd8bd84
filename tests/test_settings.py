"""Every setting is documented, all problems are told at once, and no secret is ever among the words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import PREFIX, Settings, SettingsRefused, read_settings
from recommender.device import Device

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # away from anybody's .env


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
    shown = repr(read_settings()) + str(read_settings())

    assert "A1B2C3" not in shown
    assert "hunter2" not in shown


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDIEAN_DEVICE", "")

    assert read_settings().device is Device.AUTO
