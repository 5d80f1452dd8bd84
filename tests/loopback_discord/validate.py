"""What Discord demands of a message: pure functions from a body to its flaws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.loopback_discord.components import component_flaws, url_flaws
from tests.loopback_discord.refusals import (
    Flaw,
    Path,
    choice_flaws,
    count_flaws,
    mapping,
    range_flaws,
    text_flaws,
)

EPHEMERAL, LOADING, LAYOUT, SUPPRESS_EMBEDS, SILENT = 1 << 6, 1 << 7, 1 << 15, 1 << 2, 1 << 12
SENDABLE = EPHEMERAL | LAYOUT | SUPPRESS_EMBEDS | SILENT
MOST_CONTENT, MOST_EMBEDS, MOST_IN_EMBEDS = 2000, 10, 6000
LEGACY = ("content", "embeds", "poll", "stickers", "sticker_ids")


def message_flaws(body: Mapping[str, Any], files: frozenset[str] = frozenset()) -> Iterator[Flaw]:
    """Flaws of a whole message as it would stand: content, embeds, components, flags, allowed mentions.

    `files` are the names of the files that it has.
    """
    layout = bool(_flags(body) & LAYOUT)
    yield from _flag_flaws(body)
    if body.get("content") is not None:
        yield from text_flaws(("content",), body["content"], MOST_CONTENT, 0)
    if layout:
        for name in LEGACY:
            if body.get(name):
                message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
                yield Flaw((name,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)
    for one in embed_flaws(body.get("embeds") or [], files):
        yield Flaw(("embeds", *one.path), one.code, one.message)
    components = body.get("components") or []
    wrong = list(count_flaws(("components",), components, 40))
    yield from wrong
    if not wrong:
        for one in component_flaws(components, layout=layout, files=files):
            yield Flaw(("components", *one.path), one.code, one.message)
    yield from mention_flaws(body.get("allowed_mentions"))


def is_empty(body: Mapping[str, Any], files: frozenset[str] = frozenset()) -> bool:
    """Whether there is nothing to see: buttons alone do count, as they do for Discord."""
    said = body.get("content")
    words = said.strip() if isinstance(said, str) else said
    return not (words or body.get("embeds") or body.get("components") or body.get("poll") or files)


def _flags(body: Mapping[str, Any]) -> int:
    flags = body.get("flags")
    return flags if isinstance(flags, int) else 0


def _flag_flaws(body: Mapping[str, Any]) -> Iterator[Flaw]:
    flags = body.get("flags")
    if flags is not None and (not isinstance(flags, int) or flags & ~SENDABLE):
        yield Flaw(("flags",), "BASE_TYPE_INVALID", f"These message flags cannot be set: {flags}")


def embed_flaws(embeds: object, files: frozenset[str]) -> Iterator[Flaw]:
    yield from count_flaws((), embeds, MOST_EMBEDS)
    found = [mapping(embed) for embed in embeds] if isinstance(embeds, list) else []
    for place, embed in enumerate(found):
        yield from _embed((place,), embed, files)
    if sum(map(_length, found)) > MOST_IN_EMBEDS:
        yield Flaw((), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MOST_IN_EMBEDS}")


def _embed(at: Path, embed: Mapping[str, Any], files: frozenset[str]) -> Iterator[Flaw]:
    for path, value, most in _texts(embed):
        yield from text_flaws((*at, *path), value, most, 0)
    fields = embed.get("fields", [])
    yield from count_flaws((*at, "fields"), fields, 25)
    for place, field in enumerate(fields):
        yield from text_flaws((*at, "fields", place, "name"), field.get("name"), 256)
        yield from text_flaws((*at, "fields", place, "value"), field.get("value"), 1024)
    for name, key in (("image", "url"), ("thumbnail", "url"), ("author", "icon_url"), ("footer", "icon_url")):
        url = mapping(embed.get(name)).get(key)
        if url is not None:
            yield from url_flaws((*at, name, key), url, files)
    for path, url in ((("url",), embed.get("url")), (("author", "url"), mapping(embed.get("author")).get("url"))):
        if url is not None:
            yield from url_flaws((*at, *path), url, frozenset())
    if embed.get("color") is not None:
        yield from range_flaws((*at, "color"), embed["color"], 0, 0xFFFFFF)
    if embed.get("timestamp") is not None and not _is_moment(embed["timestamp"]):
        yield Flaw((*at, "timestamp"), "DATE_TIME_TYPE_PARSE", f"Could not parse {embed['timestamp']}.")


def _texts(embed: Mapping[str, Any]) -> Iterator[tuple[Path, object, int]]:
    """The texts of an embed but for its fields, with the most characters each may have."""
    author, footer = mapping(embed.get("author")), mapping(embed.get("footer"))
    for path, value, most in (
        (("title",), embed.get("title"), 256),
        (("description",), embed.get("description"), 4096),
        (("author", "name"), author.get("name"), 256),
        (("footer", "text"), footer.get("text"), 2048),
    ):
        if value is not None:
            yield path, value, most


def _length(embed: Mapping[str, Any]) -> int:
    fields = [str(field.get(key, "")) for field in embed.get("fields", []) for key in ("name", "value")]
    return sum(len(text.strip()) for text in (*(str(value) for _, value, _ in _texts(embed)), *fields))


def _is_moment(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def mention_flaws(allowed: object) -> Iterator[Flaw]:
    if allowed is None:
        return
    said, at = mapping(allowed), ("allowed_mentions",)
    parse = said.get("parse", [])
    for place, kind in enumerate(parse):
        yield from choice_flaws((*at, "parse", place), kind, ("roles", "users", "everyone"))
    for kind in ("users", "roles"):
        yield from count_flaws((*at, kind), said.get(kind, []), 100)
        if kind in parse and said.get(kind):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            yield Flaw(at, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
