"""What the events of a lake mean to a warehouse: rows, players to forget, and events that mean nothing to anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from storage.delta import Delta, Rejected
from storage.lake.chunks import NoChunk, chunk_rows
from storage.lake.events import Event, Kind, player_of
from storage.lake.lake import Stored
from storage.warehouse_rows import FEEDBACK, GAMES, INTERACTIONS, REVIEWS, table_of

LARGEST = 2**31 - 1
"""App ids and minutes are 32-bit numbers in the warehouse."""
OPINIONS: Mapping[str, str | None] = {
    "like": "like",
    "own": "own",
    "hide": "hide",
    "unlike": None,
    "disown": None,
    "unhide": None,
}
"""What a reaction leaves behind; None where it takes an opinion back."""
FORGETS = {Kind.LIBRARY: "interactions", Kind.REACTION: "feedback"}
"""The rows that events of a kind become, which have to go with them."""


class _Poisoned(ValueError):
    """An event does not say what its kind says; `str` repeats nothing of it."""


@dataclass
class _Told:
    """Rows so far, in the order of the events; those of players of the bot apart, as they may have to go again."""

    library: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    feedback: dict[str, list[tuple[int, str | None, datetime]]] = field(default_factory=dict)
    imported: dict[str, list[pa.Table]] = field(default_factory=dict)
    forgotten: dict[str, dict[str, None]] = field(default_factory=dict)
    rejects: list[Rejected] = field(default_factory=list)


def delta_of(events: Sequence[Stored]) -> Delta:
    """Of events in the order of the lake. One that is poisoned is rejected alone."""
    told = _Told()
    for stored in events:
        try:
            _TELL[stored.event.kind](stored.event, told)
        except (_Poisoned, NoChunk) as reason:
            told.rejects.append(Rejected(stored.seq, stored.event.kind, str(reason)))
    return Delta(
        events=len(events),
        interactions=pa.concat_tables([_interactions(told), *told.imported.get("interactions", ())]),
        catalogue=pa.concat_tables([GAMES.empty_table(), *told.imported.get("games", ())]),
        reviews=pa.concat_tables([REVIEWS.empty_table(), *told.imported.get("reviews", ())]),
        feedback=_feedback(told),
        forgotten={kind: list(players) for kind, players in told.forgotten.items()},
        rejects=told.rejects,
    )


def _library(event: Event, told: _Told) -> None:
    games = event.payload.get("games")
    if not isinstance(games, list):
        raise _Poisoned("it names no games")
    owned = [_owned(game) for game in games]
    told.library.setdefault(_player(event), []).extend(owned)


def _owned(game: object) -> tuple[int, int]:
    if not (isinstance(game, list) and len(game) == 2 and all(type(part) is int for part in game)):  # noqa: PLR2004
        raise _Poisoned("a game is no app id with minutes")
    app_id, minutes = game
    if not (0 < app_id <= LARGEST and minutes >= 0):
        raise _Poisoned("an app id or its minutes are out of range")
    return app_id, min(minutes, LARGEST)


def _reaction(event: Event, told: _Told) -> None:
    app_id, said = event.payload.get("app_id"), event.payload.get("opinion")
    if type(app_id) is not int or not 0 < app_id <= LARGEST:
        raise _Poisoned("it names no app id")
    if not isinstance(said, str) or said not in OPINIONS:
        raise _Poisoned("its opinion is none that is known")
    told.feedback.setdefault(_player(event), []).append((app_id, OPINIONS[said], event.at))


def _rows(event: Event, told: _Told) -> None:
    table, rows = chunk_rows(event)
    told.imported.setdefault(table, []).append(rows)


def _erased(event: Event, told: _Told) -> None:
    """What the player did before goes, and what they do from now on counts again."""
    player, kinds = event.payload.get("player"), event.payload.get("kinds")
    if not isinstance(player, str) or not isinstance(kinds, list):
        raise _Poisoned("it does not say who has to be forgotten")
    for kind, rows in FORGETS.items():
        if kind in kinds:
            (told.library if kind is Kind.LIBRARY else told.feedback).pop(player, None)
            told.forgotten.setdefault(rows, {})[player] = None


def _nothing(event: Event, told: _Told) -> None:
    """Requests and clicks stay in the lake: what the model learns from does not hold them."""


_TELL: Mapping[Kind, Callable[[Event, _Told], None]] = {
    Kind.LIBRARY: _library,
    Kind.REACTION: _reaction,
    Kind.ROWS: _rows,
    Kind.ERASED: _erased,
    Kind.REQUEST: _nothing,
    Kind.CLICK: _nothing,
}


def _player(event: Event) -> str:
    if event.platform is None or event.person is None:
        raise _Poisoned("it is about nobody")
    return player_of(event.platform, event.person)


def _interactions(told: _Told) -> pa.Table:
    rows = [(player, app_id, minutes) for player, games in told.library.items() for app_id, minutes in games]
    return table_of(rows, INTERACTIONS)


def _feedback(told: _Told) -> pa.Table:
    rows = [(player, *opinion) for player, opinions in told.feedback.items() for opinion in opinions]
    return table_of(rows, FEEDBACK)
