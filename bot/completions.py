"""What completes a value that is being typed: tags, titles, time zones and choices, for every chat alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.commands import titles
from bot.commands.command import Option
from bot.commands.zones import zone_shown, zones_completing
from bot.messages import Language
from bot.tag_names import completing, english, localized
from bot.wording import Wording
from recommender.catalog import Catalog, Game, joined
from recommender.engine import Engine

MOST = 25
"""Completions offered at once."""
LONGEST = 100
"""Characters of a completion."""

LISTS = frozenset({"tags", "titles"})
"""The kinds whose values are lists with commas."""


@dataclass(frozen=True, slots=True)
class Completion:
    """`label` is read, `value` is meant: they differ in other languages than English, and for long titles."""

    label: str
    value: str


async def completions(
    option: Option, typed: str, language: Language, engine: Engine, *, adult_ok: bool
) -> list[Completion]:
    """At most MOST whole values, none longer than LONGEST; of a list the last piece is completed, the others stay."""
    kept, part = titles.parted(typed) if option.autocomplete in LISTS else ("", typed)
    found = await pieces(option, part, language, engine, adult_ok=adult_ok)
    if option.autocomplete in LISTS:
        listed = {joined(english(piece)) for piece in titles.split(kept)}
        found = [_quoted(one) for one in found if joined(one.value) not in listed]
    before = f"{kept.strip()} " if kept else ""
    after = [Completion(before + one.label, before + one.value) for one in found]
    if part and kept:  # no list yet, perhaps, but a title with a comma
        whole = await pieces(option, typed, language, engine, adult_ok=adult_ok)
        after = [_quoted(one) for one in whole if "," in one.label] + after
    return [Completion(_cut(one.label, before), one.value) for one in after if len(one.value) <= LONGEST][:MOST]


async def pieces(option: Option, typed: str, language: Language, engine: Engine, *, adult_ok: bool) -> list[Completion]:
    """What one value, or one piece of a list, may become, in full length."""
    typed = typed.strip(' "“”')
    match option.autocomplete:
        case "tag" | "tags":
            return await _tags(typed, language, engine)
        case "title" | "titles":
            games = await engine.complete_titles(typed, MOST, adult_ok=adult_ok)
            return [_title(game, engine.served.catalog) for game in games]
        case "zone":
            zones = await asyncio.to_thread(zones_completing, typed)  # the first time, zones are read from disk
            return [Completion(zone_shown(zone, language), zone) for zone in zones[:MOST]]
        case None:
            return _choices(option, typed, Wording(language))


async def _tags(typed: str, language: Language, engine: Engine) -> list[Completion]:
    """By their names in either language."""
    found = await engine.complete_tags(typed, MOST)
    tags = dict.fromkeys([*found, *completing(typed, engine.served.catalog.tags)])
    return [Completion(localized(tag, language), tag) for tag in tags][:MOST]


def _title(game: Game, catalog: Catalog) -> Completion:
    """By its app id where its title would not do: another game is meant by that, or it is too long."""
    if catalog.named(game.title) != game:
        year = f" ({game.year})" if game.year else ""
        return Completion(f"{game.title}{year}", str(game.app_id))
    return Completion(game.title, game.title if len(game.title) <= LONGEST else str(game.app_id))


def _choices(option: Option, typed: str, words: Wording) -> list[Completion]:
    known = [Completion(words.say(f"value.{choice}"), choice) for choice in option.choices]
    part = typed.casefold()
    return [one for one in known if one.value.startswith(part) or one.label.casefold().startswith(part)]


def _quoted(one: Completion) -> Completion:
    return Completion(one.label, titles.joined([one.value]))


def _cut(label: str, before: str) -> str:
    """To its beginning, or after what it shares with the labels beside it to its end."""
    if len(label) <= LONGEST:
        return label
    return f"…{label[1 - LONGEST :]}" if before else f"{label[: LONGEST - 1]}…"
