"""UCSD `australian_users_items.json.gz`: one player a line, with the games owned.

"Steam Video Game and Bundle Data", https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from storage.datasets.fields import LARGEST, read_app_id
from storage.datasets.literals import evaluate
from storage.datasets.reading import ROWS, Advance, Tally, lines, quiet
from storage.errors import DatasetRefused
from storage.warehouse import INTERACTIONS

# The fast path knows a subset of Python's grammar: strings without a backslash and without their own quote, possessive
# quantifiers, so that there is one way to match. What it matches in full means the same to `ast.literal_eval`, and is
# read 14 times as fast; every other line takes the slow path.
TEXT = r"""u?(?:'[^'\\\r\n\x00]*+'|"[^"\\\r\n\x00]*+")"""
COUNT = r"(?:0|[1-9][0-9]{0,8}+)"
APP_ID = r"[1-9][0-9]{0,8}+"


def _item(app_id: str, minutes: str) -> str:
    last = f"'playtime_2weeks': {COUNT}"
    return rf"\{{'item_id': {app_id}, 'item_name': {TEXT}, 'playtime_forever': {minutes}, {last}\}}"


ITEM = _item(rf"u?'{APP_ID}'", COUNT)
OWNED = re.compile(_item(rf"u?'({APP_ID})'", f"({COUNT})"))
LINE = re.compile(
    rf"\{{'user_id': (?P<player>{TEXT}), 'items_count': {COUNT}, 'steam_id': {TEXT}, 'user_url': {TEXT}, "
    rf"'items': \[(?P<items>(?:{ITEM}(?:, {ITEM})*+)?+)\]\}}\s*"
)


@dataclass(slots=True)
class _Columns:
    players: list[str] = field(default_factory=list)
    app_ids: list[int] = field(default_factory=list)
    minutes: list[int] = field(default_factory=list)

    def add(self, player: str, owned: list[tuple[int, int]]) -> None:
        self.players += [player] * len(owned)
        self.app_ids += [app_id for app_id, _ in owned]
        self.minutes += [minutes for _, minutes in owned]

    def batch(self) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self.players, pa.string()),
                pa.array(self.app_ids, pa.int32()),
                pa.array(self.minutes, pa.int32()),
            ],
            schema=INTERACTIONS,
        )


def read_ucsd_items(path: Path, tally: Tally, advance: Advance = quiet) -> Iterator[pa.RecordBatch]:
    """Batches of INTERACTIONS; players who own nothing leave no row.

    Raises:
        DatasetRefused: the file breaks off, or a line is not a player with the games owned.
    """
    columns = _Columns()
    for number, line in lines(path, advance):
        if line.isspace():
            continue
        player, owned = _fast(line) or _slow(path, number, line, tally)
        columns.add(player, owned)
        if len(columns.players) >= ROWS:
            yield columns.batch()
            columns = _Columns()
    yield columns.batch()


def _fast(line: str) -> tuple[str, list[tuple[int, int]]] | None:
    found = LINE.fullmatch(line)
    if found is None or not (player := found["player"].removeprefix("u")[1:-1]):
        return None
    return player, [(int(app_id), int(minutes)) for app_id, minutes in OWNED.findall(found["items"])]


def _slow(path: Path, number: int, line: str, tally: Tally) -> tuple[str, list[tuple[int, int]]]:
    said = evaluate(path, number, line)
    items = said.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DatasetRefused(path, number, "the line has no list of items: is this the users' items file of UCSD?")
    player = said.get("user_id")
    if not isinstance(player, str) or not player:
        tally.missing_ids += len(items)
        return "", []
    owned = [(read_app_id(item.get("item_id")), _minutes(path, number, item)) for item in items]
    known = [(app_id, minutes) for app_id, minutes in owned if app_id is not None]
    tally.missing_ids += len(owned) - len(known)
    return player, known


def _minutes(path: Path, number: int, item: dict[str, object]) -> int:
    minutes = item.get("playtime_forever", 0)
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 <= minutes <= LARGEST:
        raise DatasetRefused(path, number, f"a playtime is {minutes!r}, minutes are expected: download the file again")
    return minutes
