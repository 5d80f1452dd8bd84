"""Dates, prices, ids, counts and names as people have written them, read into values or into None."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterable
from datetime import date
from typing import TypedDict

from storage.datasets.reading import Tally

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<year>[0-9]{4})[-/](?P<number>[0-9]{1,2})[-/](?P<day>[0-9]{1,2})(?:[T ].*)?",
        rf"{MONTH} {DAY},? (?P<year>[0-9]{{4}})",
        rf"{DAY} {MONTH},? (?P<year>[0-9]{{4}})",
    )
)
YEAR = re.compile(r"(?<![0-9])(?:19[789]|20[0-9])[0-9](?![0-9])")

FREE = re.compile(r"\bfree\b", re.IGNORECASE)
DIGITS = r"[0-9]+(?:\.[0-9]+)?|[0-9]+,[0-9]{2}|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{2}"
AMOUNT = re.compile(rf"(?:US)?[$€£]? ?(?P<amount>{DIGITS}) ?(?:[$€£]|USD|EUR)?", re.IGNORECASE)
CENTS_AFTER_COMMA = re.compile(r"[0-9.]+,[0-9]{2}")

ADULT = frozenset({"sexual content", "nudity", "hentai", "nsfw"})
LARGEST = 2**31 - 1


class GameRow(TypedDict):
    """One row of the schema GAMES."""

    app_id: int
    title: str | None
    tags: list[str] | None
    genres: list[str] | None
    developer: str | None
    publisher: str | None
    price: float | None
    released: date | None
    year: int | None
    positive: int | None
    negative: int | None
    early_access: bool | None
    adult: bool | None


def game_row(
    app_id: int,
    tally: Tally,
    *,
    title: object = None,
    tags: object = None,
    genres: object = None,
    developer: object = None,
    publisher: object = None,
    price: object = None,
    released: object = None,
    positive: object = None,
    negative: object = None,
    early_access: bool | None = None,
) -> GameRow:
    """A row out of values as a file has them; one without a date or without a price is tallied."""
    day, year = read_date(released)
    dollars = read_price(price)
    tally.undated += year is None
    tally.unpriced += dollars is None
    themes, kinds = read_names(tags), read_names(genres)
    return GameRow(
        app_id=app_id,
        title=read_name(title),
        tags=themes,
        genres=kinds,
        developer=read_name(developer),
        publisher=read_name(publisher),
        price=dollars,
        released=day,
        year=year,
        positive=read_count(positive),
        negative=read_count(negative),
        early_access=early_access,
        adult=is_adult((*(themes or ()), *(kinds or ()))) or None,  # another source may know of more tags: not False
    )


def read_app_id(said: object) -> int | None:
    """A Steam app id, written as a whole number or as its digits."""
    if isinstance(said, str) and said.strip().isascii() and said.strip().isdigit():
        said = int(said) if len(said.strip()) <= 10 else None  # noqa: PLR2004  digits of the largest id
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 < said <= LARGEST else None


def read_date(said: object) -> tuple[date | None, int | None]:
    """The day and the year, as far as they are said: "Feb 24, 2017", "Aug 2014" (no day), "Soon" (neither)."""
    if isinstance(said, date):
        return said, said.year
    if not isinstance(said, str):
        return None, None
    text = " ".join(said.split())
    for form in DATES:
        if (found := form.fullmatch(text)) is not None and (day := _day(**found.groupdict())) is not None:
            return day, day.year
    years = set(YEAR.findall(text))
    return None, int(years.pop()) if len(years) == 1 else None


def _day(year: str, day: str, month: str | None = None, number: str | None = None) -> date | None:
    at = int(number) if number is not None else MONTHS.index((month or "")[:3].lower()) + 1
    try:
        return date(int(year), at, int(day))
    except ValueError:
        return None


def read_price(said: object) -> float | None:
    """An amount as it stands, whatever its currency; 0.0 where the word "free" is said; else None."""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return float(said) if 0 <= said < LARGEST else None
    if not isinstance(said, str):
        return None
    if FREE.search(said):
        return 0.0
    found = AMOUNT.fullmatch(said.strip())
    return _amount(found["amount"]) if found is not None else None


def _amount(digits: str) -> float:
    if CENTS_AFTER_COMMA.fullmatch(digits):
        return float(digits.replace(".", "").replace(",", "."))
    return float(digits.replace(",", ""))


def read_count(said: object) -> int | None:
    if isinstance(said, str):
        digits = said.strip().replace(",", "").removesuffix(".0")
        said = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None  # noqa: PLR2004
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= LARGEST else None


def read_name(said: object) -> str | None:
    return html.unescape(said).strip() or None if isinstance(said, str) else None


def read_names(said: object) -> list[str] | None:
    """Distinct names in their order, out of a list or out of text; None where there are none.

    Text is "Indie,Action", "Indie;Action" or "Indie|Action", or a Python list, or a dict of names to votes.
    """
    values = _split(said) if isinstance(said, str) else said
    if not isinstance(values, Iterable):
        return None
    names = (read_name(value) for value in values)
    return list(dict.fromkeys(name for name in names if name)) or None


def _split(text: str) -> Iterable[object]:
    if text.strip()[:1] in ("[", "{"):
        try:
            value: object = ast.literal_eval(text.strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return ()
        if isinstance(value, dict):
            votes: dict[object, object] = value
            return sorted(votes, key=lambda name: -(read_count(votes[name]) or 0))
        return value if isinstance(value, list) else ()
    sign = next((sign for sign in ";|" if sign in text), ",")
    return text.split(sign)


def is_adult(names: Iterable[str]) -> bool:
    return any(name.casefold() in ADULT for name in names)
