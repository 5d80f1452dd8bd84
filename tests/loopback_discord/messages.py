"""Messages as they stand, and how a body that was sent becomes one or changes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.loopback_discord.components import BUTTON, FILE, GALLERY, LINK, SELECTS, TEXT, THUMBNAIL, walk
from tests.loopback_discord.refusals import Flaw, Path, Payload, empty_message, insist, mapping, too_large
from tests.loopback_discord.validate import EPHEMERAL, LAYOUT, LOADING, SENDABLE, is_empty, message_flaws

MOST_BYTES, MOST_FILES = 10 * 1024 * 1024, 10
MENTION = re.compile(r"<@!?\d+>|<@&\d+>|@everyone|@here")


@dataclass(frozen=True)
class Attached:
    id: str
    name: str
    content: bytes = field(repr=False)
    description: str | None = None

    @property
    def payload(self) -> Payload:
        url = f"https://cdn.discordapp.com/attachments/0/{self.id}/{self.name}"
        described = {} if self.description is None else {"description": self.description}
        return {
            "id": self.id,
            "filename": self.name,
            "size": len(self.content),
            "url": url,
            "proxy_url": url,
        } | described


@dataclass(frozen=True)
class Body:
    """What a message says at one moment; it is replaced, never changed."""

    content: str = ""
    embeds: Sequence[Payload] = ()
    components: Sequence[Payload] = ()
    attachments: tuple[Attached, ...] = ()
    flags: int = 0
    allowed_mentions: Mapping[str, Any] | None = None

    @property
    def rings(self) -> list[str]:
        """Every mention that makes somebody's device ring: none of an ephemeral message does."""
        if self.flags & EPHEMERAL:
            return []
        texts = [self.content, *(one["content"] for _, one in walk(self.components) if one.get("type") == TEXT)]
        return [sign for text in texts for sign in MENTION.findall(text) if self._rings(sign)]

    def _rings(self, sign: str) -> bool:
        allowed = self.allowed_mentions
        if allowed is None:
            return True
        kind = "everyone" if sign[0] == "@" else "roles" if sign.startswith("<@&") else "users"
        return kind in allowed.get("parse", ()) or sign.strip("<@!&>") in map(str, allowed.get(kind, ()))


@dataclass(frozen=True)
class Button:
    """`name` is what a person reads on it: the emoji, if there is one, and the label."""

    name: str
    label: str
    custom_id: str | None
    url: str | None
    disabled: bool


@dataclass
class Message:
    id: str
    channel_id: str
    guild_id: str | None
    author: Payload
    body: Body
    metadata: Payload | None = None
    deleted: bool = False
    edited: datetime | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    nonce: str | int | None = None

    @property
    def ephemeral(self) -> bool:
        return bool(self.body.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        return bool(self.body.flags & LOADING)

    @property
    def buttons(self) -> list[Button]:
        """In the order in which they stand."""
        return [_button(one) for _, one in walk(self.body.components) if one.get("type") == BUTTON]

    @property
    def selects(self) -> list[Payload]:
        return [dict(one) for _, one in walk(self.body.components) if one.get("type") in SELECTS]

    @property
    def payload(self) -> Payload:
        known: Payload = {
            "id": self.id,
            "type": 20 if mapping(self.metadata).get("type") == 2 else 0,
            "channel_id": self.channel_id,
            "author": self.author,
            "content": self.body.content,
            "timestamp": self.created.isoformat(),
            "edited_timestamp": None if self.edited is None else self.edited.isoformat(),
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [one.payload for one in self.body.attachments],
            "embeds": list(self.body.embeds),
            "components": list(self.body.components),
            "pinned": False,
            "flags": self.body.flags,
            "application_id": self.author["id"],
            "webhook_id": self.author["id"],
        }
        known |= {} if self.nonce is None else {"nonce": self.nonce}
        return known | ({} if self.metadata is None else {"interaction_metadata": self.metadata})


def drafted(said: Payload, uploads: Sequence[Attached], under: Path = ()) -> Body:
    """The body of a new message. Raises Refusal; `under` is where the message stands in what was sent."""
    described = _descriptions(said)
    files = tuple(_described(file, described.get(str(place))) for place, file in enumerate(uploads))
    return _checked(said, files, int(said.get("flags") or 0), under)


def redrafted(old: Body, said: Payload, uploads: Sequence[Attached], under: Path = ()) -> Body:
    """What a message says once it is edited: what is not spoken of stays. Raises Refusal.

    Nobody changes with an edit who sees the message, and a layout never becomes a plain text again.
    """
    known = {"content": old.content, "embeds": old.embeds, "components": old.components}
    merged = known | {key: said[key] for key in known if key in said}
    merged["allowed_mentions"] = said.get("allowed_mentions", old.allowed_mentions)
    flags = (old.flags & (EPHEMERAL | LAYOUT)) | (int(said.get("flags") or 0) & ~EPHEMERAL)
    return _checked(merged, _kept(old, said, uploads), flags, under)


def _checked(said: Mapping[str, Any], files: tuple[Attached, ...], flags: int, under: Path) -> Body:
    if sum(len(file.content) for file in files) > MOST_BYTES:
        raise too_large()
    names = frozenset(file.name for file in files)
    whole = {**said, "flags": flags}
    insist(_too_many(files), under)
    insist(message_flaws(whole, names), under)
    if is_empty(whole, names) or (flags & LAYOUT and not said.get("components")):
        raise empty_message()
    return Body(
        said.get("content") or "",
        list(said.get("embeds") or ()),
        _finished(said.get("components") or (), files),
        files,
        flags & SENDABLE,
        said.get("allowed_mentions"),
    )


def _too_many(files: Sequence[Attached]) -> Iterator[Flaw]:
    if len(files) > MOST_FILES:
        yield Flaw(("attachments",), "BASE_TYPE_MAX_LENGTH", f"Must be {MOST_FILES} or fewer in length.")


def _descriptions(said: Mapping[str, Any]) -> dict[str, str | None]:
    return {str(one.get("id")): one.get("description") for one in said.get("attachments") or ()}


def _described(file: Attached, description: str | None) -> Attached:
    return Attached(file.id, file.name, file.content, description)


def _kept(old: Body, said: Mapping[str, Any], uploads: Sequence[Attached]) -> tuple[Attached, ...]:
    if "attachments" not in said:
        return (*old.attachments, *uploads)
    described = _descriptions(said)
    kept = [file for file in old.attachments if file.id in described]
    return (*kept, *(_described(file, described.get(str(place))) for place, file in enumerate(uploads)))


def _finished(components: Iterable[Payload], files: Sequence[Attached]) -> list[Payload]:
    """Components as Discord gives them back: every one numbered, every picture with its address."""
    numbers = count(1)
    return [_finish(component, numbers, {file.name: file for file in files}) for component in components]


def _finish(component: Payload, numbers: Iterator[int], files: Mapping[str, Attached]) -> Payload:
    done = {**component, "id": component.get("id") or next(numbers)}
    if isinstance(done.get("components"), list):
        done["components"] = [_finish(one, numbers, files) for one in done["components"]]
    if "accessory" in done:
        done["accessory"] = _finish(done["accessory"], numbers, files)
    if done["type"] == GALLERY:
        done["items"] = [{**item, "media": _media(item["media"], files)} for item in done["items"]]
    if done["type"] in (THUMBNAIL, FILE):
        name = "media" if done["type"] == THUMBNAIL else "file"
        done[name] = _media(done[name], files)
    return done


def _media(media: Mapping[str, Any], files: Mapping[str, Attached]) -> Payload:
    file = files.get(media["url"].removeprefix("attachment://"))
    url = media["url"] if file is None else file.payload["url"]
    found = {"url": url, "proxy_url": url, "width": 460, "height": 215, "loading_state": 2}
    return found | ({} if file is None else {"attachment_id": file.id})


def _button(component: Mapping[str, Any]) -> Button:
    label = component.get("label") or ""
    emoji = mapping(component.get("emoji")).get("name") or ""
    return Button(
        f"{emoji} {label}".strip(),
        label,
        component.get("custom_id"),
        component.get("url") if component.get("style") == LINK else None,
        bool(component.get("disabled")),
    )
