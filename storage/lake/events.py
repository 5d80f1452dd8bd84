"""What the lake takes in: each kind of event, what makes two of them the same one, and who a person is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from json import dumps

from recommender.library import Library
from storage.logs import Asked, Click, Impression, OptionValue, Reaction, RequestLog


class Kind(StrEnum):
    """`request` carries its impressions, `rows` a chunk of an imported set; `erased` says who has to be forgotten."""

    REQUEST = "request"
    REACTION = "reaction"
    LIBRARY = "library"
    CLICK = "click"
    ROWS = "rows"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it was said and never changed afterwards.

    `key` makes it that event: delivered again, under the same key and of the same moment, it is no second one. `at` is
    aware, `payload` is JSON, `schema` counts the versions of what a kind's payload looks like. `platform` and `person`
    say whom it is about, if anybody. `body` is what is no JSON: of `rows` the rows, as compressed Arrow IPC.
    """

    key: str
    kind: Kind
    at: datetime
    schema: int
    payload: Mapping[str, object] = field(repr=False)
    platform: str | None = None
    person: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def day(self) -> date:
        """In UTC."""
        return self.at.astimezone(UTC).date()

    def about(self, platform: str, person: str) -> bool:
        return (self.platform, self.person) == (platform, person)


ALL = frozenset(Kind)
OURS = "bot-"
"""What the pseudonyms of the bot's own people begin with, and those of imported players do not."""


def player_of(platform: str, person: str) -> str:
    """Who somebody is in the warehouse: anybody who knows the id can compute it, at any time and in any process.

    A pseudonym, no anonymity: ids of users can be tried one after the other. A secret key would hinder that, and would
    have to be the same for every process and for ever: once it is lost, nobody can say any more whom to forget.
    """
    return f"{OURS}{sha256(dumps(['indiean', platform, person]).encode()).hexdigest()[:32]}"


def asked(request: RequestLog, options: Mapping[str, OptionValue], shown: Sequence[Impression]) -> Event:
    """`options` name nobody: neither a Steam profile nor other people of the platform."""
    payload = {
        "id": request.id,
        "command": request.command,
        "options": dict(options),
        "outcome": request.outcome,
        "latency_ms": request.latency_ms,
        "model": request.model_version,
        "server": request.server,
        "channel": request.channel,
        "root": request.root,
        "page": request.page,
        "shown": [asdict(impression) for impression in shown],
    }
    key = f"request:{request.id}"
    return Event(key, Kind.REQUEST, request.at, 1, payload, request.platform, request.person)


def reacted(reaction: Reaction) -> Event:
    payload = {"app_id": reaction.app_id, "opinion": reaction.kind, "request": reaction.request_id}
    return Event(f"reaction:{reaction.id}", Kind.REACTION, reaction.at, 1, payload, reaction.platform, reaction.person)


def clicked(click: Click, asked: Asked) -> Event:
    """About who asked for the answer, with whom it has to go; who opened the link nobody knows."""
    payload = {
        "request": click.request_id,
        "position": click.position,
        "app_id": click.app_id,
        "server": asked.server,
    }
    key = f"click:{click.request_id}:{click.position}:{click.at.astimezone(UTC).isoformat()}"
    return Event(key, Kind.CLICK, click.at, 1, payload, asked.platform, asked.person)


def library_read(platform: str, person: str, library: Library, at: datetime) -> Event:
    """What Steam said of the account that this person linked; the same twice on one day (UTC) is one event.

    The Steam ID is not in it: who somebody is on Steam stands with the linked accounts alone.
    """
    games = [[app_id, minutes] for app_id, minutes in sorted(library.minutes.items())]
    said = sha256(dumps([platform, person, at.astimezone(UTC).date().isoformat(), games]).encode()).hexdigest()
    return Event(f"library:{said}", Kind.LIBRARY, at, 1, {"games": games}, platform, person)


def erased(platform: str, person: str, kinds: frozenset[Kind], at: datetime) -> Event:
    """About nobody by name: who copied events of these kinds from before it drops those of this player."""
    player = player_of(platform, person)
    payload = {"player": player, "kinds": sorted(kinds)}
    return Event(f"erased:{player}:{at.astimezone(UTC).isoformat()}:{len(kinds)}", Kind.ERASED, at, 1, payload)
