"""What is known of one player to learn from, as a warehouse merges it, without a warehouse.

The rules are those of `Warehouse`: tests/test_facts.py holds the two to the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

import pyarrow as pa

from storage.lake.events import Kind

Held: TypeAlias = tuple[datetime, str | None]
"""Since when an opinion is held, and which: None where it was taken back at that moment."""


WANTED = frozenset({"like", "own"})
ORDER = (None, "hide", "like", "own")
"""Of two opinions of one moment the first counts."""


@dataclass(frozen=True)
class Facts:
    """`minutes` by app id of the games owned, `opinions` by app id."""

    minutes: Mapping[int, int] = field(default_factory=dict)
    opinions: Mapping[int, Held] = field(default_factory=dict)

    def with_rows(self, owned: Iterable[tuple[int, int]], held: Iterable[tuple[int, Held]]) -> Facts:
        """More rows, in any order: the larger playtime counts, and the later opinion."""
        minutes, opinions = dict(self.minutes), dict(self.opinions)
        for app_id, played in owned:
            minutes[app_id] = max(played, minutes.get(app_id, 0))
        for app_id, said in held:
            opinions[app_id] = max(said, opinions.get(app_id, said), key=_later)
        return Facts(minutes, opinions)

    def without(self, kinds: Iterable[Kind]) -> Facts:
        """After events of these kinds were erased."""
        gone: dict[str, Mapping[int, object]] = {}
        if Kind.LIBRARY in kinds:
            gone["minutes"] = {}
        if Kind.REACTION in kinds:
            gone["opinions"] = {}
        return replace(self, **gone)  # type: ignore[arg-type]  # empty ones of either kind are alike

    def counted(self, *, opinions: bool) -> dict[int, int]:
        """The interactions that this is: minutes by app id. See `Warehouse` for `opinions`."""
        if not opinions:
            return dict(self.minutes)
        hidden = {app_id for app_id, (_, opinion) in self.opinions.items() if opinion == "hide"}
        wanted = [app_id for app_id, (_, opinion) in self.opinions.items() if opinion in WANTED]
        owned = {app_id: minutes for app_id, minutes in self.minutes.items() if app_id not in hidden}
        return dict.fromkeys((app_id for app_id in wanted if app_id not in self.minutes), 0) | owned


NOTHING_KNOWN = Facts()


def facts_of(interactions: pa.Table, feedback: pa.Table, before: Mapping[str, Facts] | None = None) -> dict[str, Facts]:
    """By player, of rows as INTERACTIONS and FEEDBACK, on top of what was known `before`."""
    owned: dict[str, list[tuple[int, int]]] = {}
    for player, app_id, minutes in _lines(interactions):
        owned.setdefault(player, []).append((app_id, minutes))
    held: dict[str, list[tuple[int, Held]]] = {}
    for player, app_id, opinion, since in _lines(feedback):
        held.setdefault(player, []).append((app_id, (since, opinion)))
    known = before or {}
    return dict(known) | {
        player: known.get(player, NOTHING_KNOWN).with_rows(owned.get(player, ()), held.get(player, ()))
        for player in owned.keys() | held.keys()
    }


def _later(held: Held) -> tuple[datetime, int]:
    since, opinion = held
    return since, -ORDER.index(opinion)


def _lines(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Some thousand at a time as objects."""
    for batch in table.to_batches(max_chunksize=1 << 14):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
