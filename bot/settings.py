"""The one reader of the environment: every setting, its default, and all that is wrong with them at once."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import (
    AnyHttpUrl,
    AnyWebsocketUrl,
    Field,
    SecretStr,
    UrlConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from rapidfuzz import process

from bot.discord.connections import CALLBACK
from bot.hosting.log_lines import LogFormat
from bot.messages import Language
from bot.slack.paths import EVENTS, INSTALL, REDIRECT
from jobs.training import TrainingSettings
from recommender.device import Device
from recommender.interactions import Weighting
from recommender.linear import LinearSettings
from storage.bigquery.place import Place

PREFIX = "INDIEAN_"
FOR_TESTS = "INDIEAN_TEST_"

DEFAULTS = TrainingSettings()


class WarehouseKind(StrEnum):
    DUCKDB = "duckdb"
    BIGQUERY = "bigquery"


LEAST_BILLED = 10 << 20
"""Bytes; BigQuery bills no query for less, so a lower limit would refuse them all."""

Address = Annotated[AnyHttpUrl, UrlConstraints(allowed_schemes=["http", "https"])]
Pictures = Annotated[AnyHttpUrl, UrlConstraints(allowed_schemes=["https"])]
"""No chat shows a picture that is not sent encrypted."""
Gateway = Annotated[AnyWebsocketUrl, UrlConstraints(allowed_schemes=["ws", "wss"])]

SECRETS = (
    "discord_token",
    "discord_client_secret",
    "slack_bot_token",
    "slack_app_token",
    "slack_signing_secret",
    "slack_client_secret",
    "link_secret",
)
LEAST_SECRET = 32
"""Signs of a secret of our own; fewer could be guessed by trying."""
BEGINNINGS = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}
WHOLES = {
    "Steam accounts are taken from Discord": ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "PUBLIC_URL"),
    "workspaces of Slack install the bot": ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "PUBLIC_URL"),
}
"""Settings that make sense together only; the last of each may be there for another reason."""

OURSELVES = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Hosts that a browser on this machine reaches without a network, so that plain http will do."""


class SettingsRefused(Exception):
    """`problems` holds one sentence for each wrong setting; no sentence repeats a secret's value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _OurLines(DotEnvSettingsSource):
    """Of `.env` what begins with our prefix: Docker Compose reads the same file, and has names of its own in it."""

    def __call__(self) -> dict[str, object]:
        fields = self.settings_cls.model_fields
        lines = super().__call__().items()
        return {name: value for name, value in lines if name in fields or name.upper().startswith(PREFIX)}


class Settings(BaseSettings):
    """Each field is read from the variable of its name with INDIEAN_ before it, or from `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
    )

    home: Path = Field(default=Path("~/.indiean"), description="where data, models and the SQLite file live")
    database_url: SecretStr | None = Field(
        default=None, description="sqlite:///... or postgresql://...; SQLite in the home folder when empty"
    )
    database_patience: float = Field(
        default=5.0, gt=0, description="seconds to wait for a lock or a connection; a statement may take twice that"
    )
    database_connections: int = Field(default=10, ge=1, description="how many Postgres sees of this bot at most")
    retention_days: int = Field(
        default=365, ge=0, le=36_500, description="requests and what they showed are kept that long; 0 is for ever"
    )
    language: Language = Field(default=Language.EN, description="the terminal's and the status channel's: en or ko")

    warehouse: WarehouseKind = Field(
        default=WarehouseKind.DUCKDB, description="what holds the data to learn from: duckdb or bigquery"
    )
    bigquery_project: str | None = Field(default=None, description="the id of the Google Cloud project that pays")
    bigquery_dataset: str | None = Field(default=None, description="a dataset of it; made where there is none")
    bigquery_location: str = Field(default="US", description="where the dataset is: US, EU, europe-west3, …")
    bigquery_credentials: Path | None = Field(
        default=None, description="a service-account file; the machine's own credentials when empty"
    )
    bigquery_max_bytes_billed: int | None = Field(
        default=None, ge=LEAST_BILLED, description="bytes that one query may be billed for, at most"
    )
    bigquery_api_url: Address | None = Field(default=None, description="another address for BigQuery")

    steam_api_key: SecretStr | None = Field(
        default=None, description="from https://steamcommunity.com/dev/apikey; without it people pick by title"
    )
    steam_api_url: Address = Field(default=AnyHttpUrl("https://api.steampowered.com"), description="Steam's Web API")
    steam_store_url: Address = Field(
        default=AnyHttpUrl("https://store.steampowered.com"), description="where the links of picks lead"
    )

    steam_assets_url: Pictures = Field(
        default=AnyHttpUrl("https://shared.akamai.steamstatic.com/store_item_assets"),
        description="where the covers of games are",
    )

    discord_token: SecretStr | None = Field(
        default=None, description="the bot's token, from https://discord.com/developers/applications, page Bot"
    )
    discord_api_url: Address = Field(default=AnyHttpUrl("https://discord.com/api/v10"), description="Discord's API")
    discord_gateway_url: Gateway = Field(
        default=AnyWebsocketUrl("wss://gateway.discord.gg/"), description="Discord's gateway"
    )
    discord_client_id: str | None = Field(
        default=None, description="from page OAuth2; to take linked Steam accounts from Discord"
    )
    discord_client_secret: SecretStr | None = Field(default=None, description="from page OAuth2, as the client id")
    public_url: Address | None = Field(default=None, description="how the internet reaches the bot's web server")

    link_secret: SecretStr | None = Field(
        default=None, description="what links to games are signed with; a file in the home folder when empty"
    )

    slack_bot_token: SecretStr | None = Field(
        default=None, description="xoxb-…, from https://api.slack.com/apps, page OAuth & Permissions; for one workspace"
    )
    slack_app_token: SecretStr | None = Field(
        default=None, description="xapp-…, page Basic Information, scope connections:write; Slack by a socket"
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="page Basic Information; Slack by the bot's web server instead"
    )
    slack_client_id: str | None = Field(
        default=None, description="page Basic Information; for any workspace that installs the bot"
    )
    slack_client_secret: SecretStr | None = Field(default=None, description="page Basic Information, as the client id")
    slack_status_channel: str | None = Field(
        default=None, description="the id of the channel that hears how training and CI went, C…"
    )
    slack_api_url: Address = Field(default=AnyHttpUrl("https://slack.com/api"), description="Slack's Web API")

    jobs: bool = Field(
        default=True, description="whether `indiean serve` keeps the timetable too, or `indiean jobs` does elsewhere"
    )
    log_format: LogFormat = Field(
        default=LogFormat.TEXT, description="how `indiean serve` writes its log: text for people, json for machines"
    )

    web_host: str = Field(default="127.0.0.1", description="what the bot's web server listens on")
    web_port: int = Field(default=8080, ge=0, le=65535, description="its port; 0 is no web server")

    member_per_minute: int = Field(default=20, ge=1, description="requests a person may make in a minute")
    server_per_minute: int = Field(default=300, ge=1, description="requests that may come from a server in a minute")

    device: Device = Field(default=Device.AUTO, description="what fits the model: auto, cpu or cuda")
    l2: float = Field(default=DEFAULTS.model.l2, gt=0, description="the ridge penalty of the fit")
    dropout: float = Field(default=DEFAULTS.model.dropout, ge=0, lt=1, description="EDLAE's dropout: 0 is plain EASE")
    weight_owned: float = Field(default=DEFAULTS.model.weighting.owned, gt=0, description="what an owned game counts")
    weight_played: float = Field(
        default=DEFAULTS.model.weighting.played, ge=0, description="what two hours of play add to it"
    )
    weight_log_hours: float = Field(
        default=DEFAULTS.model.weighting.log_hours, ge=0, description="what ln(1 + hours) adds to it, per unit"
    )
    folded_played: float = Field(
        default=DEFAULTS.model.heard.played, ge=0, description="what two hours of play add to a game of who asks"
    )
    l2_power: float = Field(
        default=DEFAULTS.model.l2_power, ge=0, le=1, description="how the penalty grows with a game"
    )
    played_power: float = Field(
        default=DEFAULTS.model.played_power, ge=0, le=1, description="how far a pick is a game that its owners play"
    )
    rare_power: float = Field(
        default=DEFAULTS.model.rare_power, ge=-1, le=1, description="how far a pick is a game that few own"
    )
    min_games: int = Field(
        default=DEFAULTS.min_games, ge=2, description="players with fewer games are not learned from"
    )
    keep_models: int = Field(default=7, ge=2, description="models that are kept to roll back to; the newest ones")
    min_players: int = Field(default=DEFAULTS.min_players, ge=1, description="games with fewer players are not learned")
    dense_limit: int | None = Field(
        default=None, ge=0, description="more games than that are approximated; as many as memory holds when empty"
    )
    learn_opinions: bool = Field(
        default=DEFAULTS.opinions, description="whether likes, owned and hidden games count in training"
    )
    learn_every: float = Field(
        default=120.0, ge=0, le=86_400, description="seconds between two looks for what to learn in place; 0 is never"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours stands in its place
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _OurLines(settings_cls), file_secret_settings

    @field_validator("home", "bigquery_credentials")
    @classmethod
    def _expand(cls, place: Path | None) -> Path | None:
        return None if place is None else place.expanduser().absolute()

    @field_validator("bigquery_project")
    @classmethod
    def _be_the_id_of_a_project(cls, project: str | None) -> str | None:
        if project is not None and not re.fullmatch(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", project):
            raise ValueError("give the project's id, as my-project-123456, not its name or number")
        return project

    @field_validator("bigquery_dataset")
    @classmethod
    def _be_the_id_of_a_dataset(cls, dataset: str | None) -> str | None:
        if dataset is not None and not re.fullmatch("[A-Za-z0-9_]{1,1024}", dataset):
            raise ValueError("a dataset's id has letters, digits and _ only, without the project before it")
        return dataset

    @field_validator("bigquery_location")
    @classmethod
    def _be_a_location(cls, location: str) -> str:
        if not re.fullmatch("[A-Za-z]+(-[A-Za-z0-9]+)*", location):
            raise ValueError("give a location of BigQuery's, as US, EU or europe-west3")
        return location

    @field_validator("steam_api_key")
    @classmethod
    def _look_like_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not (key.get_secret_value().isascii() and key.get_secret_value().isalnum()):
            raise ValueError("a Steam Web API key is 32 letters and digits, without spaces or quotes")
        return key

    @field_validator(*SECRETS)
    @classmethod
    def _look_like_a_token(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        said = "" if token is None else token.get_secret_value()
        if said.casefold().startswith(("bot ", "bearer ")):
            raise ValueError(f"give the token alone, without “{said.split()[0]} ” before it")
        if not said.isascii() or any(sign.isspace() or sign in "\"'`<>" for sign in said):
            where = str(info.field_name).partition("_")[0].capitalize()
            shown = "" if info.field_name == "link_secret" else f" as {where} shows it,"
            raise ValueError(f"paste it{shown} without spaces or quotes")
        return token

    @field_validator("link_secret")
    @classmethod
    def _be_hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"give at least {LEAST_SECRET} signs: `openssl rand -hex 32` makes some")
        return secret

    @field_validator(*BEGINNINGS)
    @classmethod
    def _be_the_right_one_of_slack_s_tokens(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        beginning = BEGINNINGS[str(info.field_name)]
        if token is not None and not token.get_secret_value().startswith(beginning):
            raise ValueError(f"this is another token of Slack's: the one wanted here begins with {beginning}")
        return token

    @field_validator("slack_status_channel")
    @classmethod
    def _be_the_id_of_a_channel(cls, channel: str | None) -> str | None:
        if channel is not None and not re.fullmatch("[CG][A-Z0-9]{7,}", channel):
            raise ValueError("give the channel's id, as C0123456789, which stands at the end of its details in Slack")
        return channel

    @field_validator("discord_client_id")
    @classmethod
    def _say_what_a_client_id_is(cls, client_id: str | None) -> str | None:
        if client_id is not None and not (client_id.isascii() and client_id.isdecimal()):
            raise ValueError("the client id is a number, found on the page OAuth2 of the application")
        return client_id

    @field_validator("slack_client_id")
    @classmethod
    def _say_what_slack_calls_a_client_id(cls, client_id: str | None) -> str | None:
        if client_id is not None and not re.fullmatch(r"[0-9]+\.[0-9]+", client_id):
            raise ValueError("the client id is two numbers with a point between, found on the page Basic Information")
        return client_id

    @field_validator("public_url")
    @classmethod
    def _be_safe_in_public(cls, url: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if url is None:
            return None
        if url.scheme != "https" and url.host not in OURSELVES:
            raise ValueError("it has to begin with https://, as what people's browsers bring there is secret")
        if url.query or url.fragment:
            raise ValueError("give the address without anything after ? or #")
        return url

    @model_validator(mode="after")
    def _be_whole(self) -> Self:
        """What takes several settings has them all; each sentence names those that are missing."""
        for what, names in WHOLES.items():
            self._require_all(what, names)
        self._require_the_warehouse()
        by_web = {
            "PUBLIC_URL": self.public_url is not None,
            "SLACK_SIGNING_SECRET": self.slack_signing_secret is not None and self.slack_app_token is None,
        }
        wanting = [PREFIX + name for name, given in by_web.items() if given]
        if wanting and not self.web_port:
            raise ValueError(f"{wanting[0]} needs a web server: set {PREFIX}WEB_PORT to its port")
        hears = self.slack_app_token or self.slack_signing_secret
        if hears and not (self.slack_bot_token or self.slack_client_id):
            raise ValueError(
                f"Slack can be heard but not answered: set {PREFIX}SLACK_BOT_TOKEN for one workspace, or "
                f"{PREFIX}SLACK_CLIENT_ID and {PREFIX}SLACK_CLIENT_SECRET for any"
            )
        return self

    def _require_the_warehouse(self) -> None:
        wanted = ("BIGQUERY_PROJECT", "BIGQUERY_DATASET")
        missing = [PREFIX + name for name in wanted if getattr(self, name.lower()) is None]
        if self.warehouse is WarehouseKind.BIGQUERY and missing:
            raise ValueError(f"{PREFIX}WAREHOUSE=bigquery needs {' and '.join(missing)} as well: see docs/warehouse.md")

    def _require_all(self, what: str, names: Sequence[str]) -> None:
        missing = [PREFIX + name for name in names if getattr(self, name.lower()) is None]
        given = [PREFIX + name for name in names[:2] if PREFIX + name not in missing]
        if given and missing:
            raise ValueError(
                f"{' and '.join(given)} alone will not do: {what} only with {' and '.join(missing)} as well; "
                "set all of them or none"
            )

    @property
    def discord_callback(self) -> str | None:
        """Where Discord sends people back to who let us see their connections; None where that is not set up."""
        return None if self.discord_client_id is None else self._public(CALLBACK)

    @property
    def on_slack(self) -> bool:
        """Whether there is a way to hear Slack; then there is one to answer, too."""
        return self.slack_app_token is not None or self.slack_signing_secret is not None

    @property
    def slack_events_url(self) -> str | None:
        """Where Slack delivers to over the web; None where it has no way there."""
        return self._public(EVENTS)

    @property
    def slack_redirect_url(self) -> str | None:
        """Where people come back to who have installed the bot in a workspace; None where nobody does."""
        return None if self.slack_client_id is None else self._public(REDIRECT)

    @property
    def slack_install_url(self) -> str | None:
        """Where any workspace may install the bot; None where only one has it."""
        return None if self.slack_client_id is None else self._public(INSTALL)

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def warehouse_file(self) -> Path:
        """Of DuckDB; the demo's is always one."""
        return self.home / "warehouse.duckdb"

    @property
    def bigquery_place(self) -> Place:
        """Where `warehouse` is bigquery, there is one."""
        assert self.bigquery_project is not None
        assert self.bigquery_dataset is not None
        url = None if self.bigquery_api_url is None else str(self.bigquery_api_url).rstrip("/")
        credentials = self.bigquery_credentials
        return Place(self.bigquery_project, self.bigquery_dataset, self.bigquery_location, credentials, url)

    @property
    def database(self) -> str:
        """The URL with its password, for `storage.database` alone."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{quote(str(self.home / 'indiean.sqlite'))}"

    def _public(self, path: str) -> str | None:
        return None if self.public_url is None else f"{str(self.public_url).rstrip('/')}{path}"

    def secrets(self) -> list[str]:
        """What must not be in a log."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def training(self) -> TrainingSettings:
        weighting = Weighting(self.weight_owned, self.weight_played, self.weight_log_hours)
        powers = self.l2_power, self.played_power, self.rare_power
        model = LinearSettings(self.l2, self.dropout, weighting, self.folded_played, *powers)
        return TrainingSettings(
            model=model,
            min_games=self.min_games,
            min_players=self.min_players,
            device=self.device,
            opinions=self.learn_opinions,
            dense_limit=self.dense_limit,
        )


def read_settings(**overrides: object) -> Settings:
    """From the environment, `.env`, and what the caller sets over both.

    Raises:
        SettingsRefused: with every problem found, not only the first.
    """
    problems = _misspelt()
    try:
        settings = Settings()
        settings = Settings.model_validate(settings.model_dump() | overrides)
    except ValidationError as error:
        problems += [_sentence(found["loc"], found["msg"]) for found in error.errors(include_input=False)]
        raise SettingsRefused(problems) from None
    if problems:
        raise SettingsRefused(problems)
    return settings


def _sentence(place: tuple[int | str, ...], why: str) -> str:
    if not place:  # it is about several
        return why.removeprefix("Value error, ")
    name = str(place[0])
    variable = name.upper() if name.upper().startswith(PREFIX) else PREFIX + name.upper()
    if variable not in _variables():
        return _unknown(variable)
    return f"{variable}: {why.removeprefix('Value error, ')}"


def _misspelt() -> list[str]:
    """A variable with our prefix that nobody reads is a typing error, and silence would hide it."""
    ours = (name.upper() for name in os.environ if name.upper().startswith(PREFIX))
    return [_unknown(name) for name in sorted(ours) if name not in _variables() and not name.startswith(FOR_TESTS)]


def _unknown(variable: str) -> str:
    near, _, _ = process.extractOne(variable, _variables())
    return f"{variable}: there is no such setting; did you mean {near}?"


def _variables() -> list[str]:
    return [PREFIX + name.upper() for name in Settings.model_fields]
