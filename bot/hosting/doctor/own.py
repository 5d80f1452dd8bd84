"""What is said of the bot's own things: folder, model, database, Steam key, web server. Nothing here looks itself."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.wording import Wording
from recommender.errors import DamagedModel, RecommenderError
from storage.errors import (
    DatabaseError,
    SteamError,
    SteamKeyMissing,
    SteamKeyRefused,
    SteamPlayerUnknown,
    SteamRateLimited,
    WarehouseError,
)
from storage.standing import Standing

METRICS = b"# HELP indiean_"
"""What no other server would say."""


@dataclass(frozen=True, slots=True)
class Model:
    version: str
    games: int
    synthetic: bool


def of_home(home: Path, obstacle: Path | None, words: Wording) -> Finding:
    if obstacle is None:
        return Finding(Check.HOME, State.OK, words.say("doctor.home_ok", path=home))
    return Finding(Check.HOME, State.BROKEN, words.say("doctor.home_broken", path=home, why=obstacle))


def of_warehouse(place: object, found: bool | WarehouseError, words: Wording) -> Finding:
    """Serving does without, so nothing here keeps the bot from it."""
    if isinstance(found, WarehouseError):
        return Finding(Check.WAREHOUSE, State.WARNING, words.say("doctor.warehouse_trouble", why=found))
    if not found:
        return Finding(Check.WAREHOUSE, State.OFF, words.say("doctor.warehouse_none", place=place))
    return Finding(Check.WAREHOUSE, State.OK, words.say("doctor.warehouse_ok", place=place))


def of_model(found: Model | RecommenderError, words: Wording) -> Finding:
    if isinstance(found, DamagedModel):
        return Finding(Check.MODEL, State.BROKEN, words.say("doctor.model_damaged", why=found))
    if isinstance(found, RecommenderError):
        return Finding(Check.MODEL, State.MISSING, words.say("doctor.model_missing"))
    key = "doctor.model_synthetic" if found.synthetic else "doctor.model_ok"
    state = State.WARNING if found.synthetic else State.OK
    return Finding(Check.MODEL, state, words.say(key, version=found.version, games=found.games))


def of_database(found: Standing | DatabaseError, words: Wording) -> Finding:
    if isinstance(found, DatabaseError):
        return Finding(Check.DATABASE, State.BROKEN, words.say("doctor.database_broken", why=found))
    if found is Standing.NEWER:
        return Finding(Check.DATABASE, State.BROKEN, words.say("doctor.database_newer"))
    key = "doctor.database_ok" if found is Standing.CURRENT else "doctor.database_older"
    return Finding(Check.DATABASE, State.OK, words.say(key))


def of_steam(trouble: SteamError | None, words: Wording) -> Finding:
    """`trouble` is what came of asking for some player; that there is no such player is none."""
    if trouble is None or isinstance(trouble, SteamPlayerUnknown):
        return Finding(Check.STEAM, State.OK, words.say("doctor.steam_ok"))
    if isinstance(trouble, SteamKeyMissing):
        return Finding(Check.STEAM, State.WARNING, words.say("doctor.steam_missing"))
    if isinstance(trouble, SteamKeyRefused):
        return Finding(Check.STEAM, State.BROKEN, words.say("doctor.steam_refused"))
    if isinstance(trouble, SteamRateLimited):
        return Finding(Check.STEAM, State.WARNING, words.say("doctor.steam_busy"))
    return Finding(Check.STEAM, State.WARNING, words.say("doctor.steam_away", why=trouble))


def of_public(url: str, answer: Answer, metrics: Answer, words: Wording) -> Finding:
    """A bot that does not run cannot answer there, so it is only a warning; `metrics` is what there is at /metrics."""
    if METRICS in metrics.content:
        return Finding(Check.PUBLIC, State.WARNING, words.say("doctor.public_metrics", url=url))
    if answer.status == HTTPStatus.OK:
        return Finding(Check.PUBLIC, State.OK, words.say("doctor.public_ok", url=url))
    why = answer.why or f"HTTP {answer.status}"
    return Finding(Check.PUBLIC, State.WARNING, words.say("doctor.public_away", url=url, why=why))
