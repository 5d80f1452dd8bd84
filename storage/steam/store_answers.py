"""What Steam's store says of games: decoded JSON in, rows of the warehouse out; a poisoned item is left out alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.datasets.fields import GameRow, is_adult, read_name
from storage.errors import SteamUnavailable

FOUND, GAME = 1, 0
"""`success` of an item that the store shows, `type` of one that is a game (EStoreAppType)."""
SEXUAL = frozenset({1, 3, 4})
"""Content descriptors: some nudity or sexual content, adult only, frequent (EContentDescriptorID)."""
STORE_TIME = ZoneInfo("America/Los_Angeles")
"""Where it is the day that the store calls the release date."""
LARGEST = 2**31 - 1
TELLING = 10
"""So many games that are all wrong are no poisoned games but another answer than Steam gave so far."""


class _Answer(BaseModel):
    """What is not named here is ignored; what Steam leaves out has its protobuf default."""

    model_config = ConfigDict(extra="ignore", frozen=True)


AppId = Annotated[int, Field(gt=0, le=LARGEST)]
Moment = Annotated[int, Field(ge=0, le=2**32 - 1)]


class _App(_Answer):
    appid: AppId
    last_modified: Moment = 0


class _Tag(_Answer):
    tagid: int
    weight: int = 0


class _Creator(_Answer):
    name: str = ""


class _Basics(_Answer):
    developers: list[_Creator] = []
    publishers: list[_Creator] = []


class _Release(_Answer):
    steam_release_date: Moment = 0
    original_release_date: Moment = 0
    is_coming_soon: bool = False
    is_early_access: bool = False


class _Summary(_Answer):
    review_count: int = Field(default=0, ge=0, le=LARGEST)
    percent_positive: int = Field(default=0, ge=0, le=100)


class _Reviews(_Answer):
    summary_filtered: _Summary | None = None


class _Offer(_Answer):
    """Cents are 64 bits wide, so JSON has them as text."""

    final_price_in_cents: int | None = Field(default=None, ge=0, le=LARGEST)
    original_price_in_cents: int | None = Field(default=None, ge=0, le=LARGEST)


class _Item(_Answer):
    """StoreItem; of what the store does not show only `id` is given, and `appid` is 0."""

    id: AppId
    success: int = 0
    visible: bool = False
    type: int = GAME
    name: str = Field(default="", max_length=500)
    is_free: bool = False
    is_early_access: bool = False
    is_coming_soon: bool = False
    content_descriptorids: list[int] = []
    tags: list[_Tag] = []
    basic_info: _Basics = _Basics()
    release: _Release = _Release()
    reviews: _Reviews = _Reviews()
    best_purchase_option: _Offer | None = None


class StoreRow(GameRow):
    """One row of the schema STORE_GAMES but for the moment it was seen."""

    delisted: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of games, in the order of their ids; `last` is where the next begins, None after the end."""

    app_ids: Sequence[int]
    last: int | None
    rejected: int


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the games asked about: `rows`, and why others were left out, by app id."""

    rows: Sequence[StoreRow]
    rejected: Mapping[int, str]


def page_from_answer(body: object, after: int) -> Page:
    """The apps of a GetAppList answer to `last_appid=after`.

    Raises:
        SteamUnavailable: not what Steam documents, or no step further in the list.
    """
    inner = _inner(body)
    apps = inner.get("apps", [])
    if not isinstance(apps, list):
        raise SteamUnavailable("Steam's answer holds no list of apps")
    found = sorted({app.appid for app in map(_app, apps) if app is not None})
    last = inner.get("last_appid") if inner.get("have_more_results") is True else None
    if last is not None and (not isinstance(last, int) or last <= after):
        raise SteamUnavailable("Steam's list of apps does not go on")
    return Page(found, last, len(apps) - len(found))


def _app(said: object) -> _App | None:
    try:
        return _App.model_validate(said)
    except ValidationError:
        return None


def tags_from_answer(body: object) -> dict[int, str]:
    """English names by tag id, from a GetTagList answer.

    Raises:
        SteamUnavailable: not what Steam documents, or no tag at all, without which every game would lose its themes.
    """
    tags = _inner(body).get("tags")
    if not isinstance(tags, list):
        raise SteamUnavailable("Steam's answer holds no list of tags")
    named = {
        tag["tagid"]: name
        for tag in tags
        if isinstance(tag, dict) and isinstance(tag.get("tagid"), int) and (name := read_name(tag.get("name")))
    }
    if not named:
        raise SteamUnavailable("Steam's list of tags is empty")
    return named


def items_from_answer(body: object, asked: Sequence[int], tag_names: Mapping[int, str]) -> Told:
    """What a GetItems answer says of the games that it was `asked` about.

    Raises:
        SteamUnavailable: not what Steam documents, as a whole or in every one of at least TELLING games.
    """
    items = _inner(body).get("store_items", [])
    if not isinstance(items, list):
        raise SteamUnavailable("Steam's answer holds no list of games")
    rows: dict[int, StoreRow] = {}
    rejected = dict.fromkeys(asked, "the store did not answer")
    for said in items:
        app_id = said.get("id") if isinstance(said, dict) else None
        if app_id not in rejected or app_id in rows:
            continue
        try:
            rows[app_id] = _row(_Item.model_validate(said), tag_names)
        except ValidationError as poisoned:
            rejected[app_id] = f"{_place(poisoned)} is not what Steam documents"
        except (OverflowError, OSError):
            rejected[app_id] = "the release date is out of range"
    if not rows and len(asked) >= TELLING:
        raise SteamUnavailable(f"Steam's answer holds none of {len(asked)} games as Steam documents them")
    return Told(list(rows.values()), {app_id: why for app_id, why in rejected.items() if app_id not in rows})


def _place(poisoned: ValidationError) -> str:
    return ".".join(map(str, poisoned.errors(include_input=False, include_url=False)[0]["loc"]))


def _row(item: _Item, tag_names: Mapping[int, str]) -> StoreRow:
    shown = item.success == FOUND and item.visible and item.type == GAME
    coming = item.is_coming_soon or item.release.is_coming_soon
    tags = [tag_names[tag.tagid] for tag in sorted(item.tags, key=lambda tag: -tag.weight) if tag.tagid in tag_names]
    released = None if coming else _day(item.release)
    positive, negative = _votes(item.reviews.summary_filtered)
    return StoreRow(
        app_id=item.id,
        title=read_name(item.name),
        tags=list(dict.fromkeys(tags)) or None,
        genres=None,
        developer=_names(item.basic_info.developers),
        publisher=_names(item.basic_info.publishers),
        price=_price(item) if shown and not coming else None,
        released=released,
        year=released.year if released else None,
        positive=positive,
        negative=negative,
        early_access=item.is_early_access or item.release.is_early_access if shown else None,
        adult=not SEXUAL.isdisjoint(item.content_descriptorids) or is_adult(tags) if shown else None,
        delisted=not shown,
    )


def _price(item: _Item) -> float | None:
    """What it costs without a discount, whose end no list of changes would tell; None where nobody can buy it."""
    if item.is_free:
        return 0.0
    offer = item.best_purchase_option
    if offer is None:
        return None
    cents = offer.original_price_in_cents or offer.final_price_in_cents
    return None if cents is None else cents / 100


def _day(release: _Release) -> date | None:
    """The day on which it came out, also where that was not on Steam."""
    seconds = release.original_release_date or release.steam_release_date
    return datetime.fromtimestamp(seconds, UTC).astimezone(STORE_TIME).date() if seconds else None


def _votes(summary: _Summary | None) -> tuple[int | None, int | None]:
    if summary is None:
        return None, None
    positive = round(summary.review_count * summary.percent_positive / 100)
    return positive, summary.review_count - positive


def _names(creators: Sequence[_Creator]) -> str | None:
    return ", ".join(name for creator in creators if (name := read_name(creator.name))) or None


def _inner(body: object) -> Mapping[str, object]:
    inner = body.get("response") if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        raise SteamUnavailable("Steam's answer holds no response")
    return inner
