"""`/mydata`: everything that is kept of whoever asks, as a file that people and programs can read."""

from __future__ import annotations

import gzip
import json
import logging

from bot.commands.command import Desk
from bot.commands.kept import COPIED, LAKE, counted, meaning
from bot.messages import Attachment, Person, Reply, Request
from bot.wording import Wording
from storage.errors import WarehouseError
from storage.personal_data import Value, plain_row, row_of

log = logging.getLogger(__name__)

LARGEST = 8_000_000
"""Bytes of a file that every platform takes; a larger one is packed."""


async def mydata(request: Request, desk: Desk) -> Reply:
    words, person = Wording(request.language), request.person
    written = await desk.logs.flush(desk.patience)
    await desk.lake.flush(desk.patience)
    kept = await _with_what_waits(await desk.personal.of(person.platform, person.id), person, desk)
    copies = await _copies(person, desk)
    missing = [] if written else [words.say("mydata.behind")]
    missing += [] if copies is not None else [words.say("mydata.no_copies")]
    kept |= copies or {}
    note = "\n".join(missing) or None
    if not kept:
        return Reply(words.say("mydata.nothing"), note=note)
    what = counted({table: len(rows) for table, rows in kept.items()}, words)
    tables: dict[str, Value] = {
        table: {"meaning": meaning(table, words), "rows": list(rows)} for table, rows in kept.items()
    }
    document: dict[str, Value] = {
        "about": words.say("mydata.about"),
        "platform": person.platform,
        "person": person.id,
        "at": request.at.isoformat(),
        "tables": tables,
    }
    file = packed(Attachment(f"indiean-{request.at:%Y-%m-%d}.json", _written(document)))
    return Reply(words.say("mydata.all", what=what), note=note, attachment=file)


async def _with_what_waits(
    kept: dict[str, list[dict[str, Value]]], person: Person, desk: Desk
) -> dict[str, list[dict[str, Value]]]:
    """Also the events that are on the disk alone, because the lake could not take them yet or never will."""
    there = kept.get(LAKE, [])
    keys = {row["key"] for row in there}
    waiting = [row_of(event) for event in await desk.lake.of(person.platform, person.id) if event.key not in keys]
    return kept | {LAKE: [*there, *waiting]} if waiting else kept


async def _copies(person: Person, desk: Desk) -> dict[str, list[dict[str, Value]]] | None:
    """What is learned from; None where it cannot be looked at now."""
    if desk.copies is None:
        return {}
    try:
        found = await desk.copies.of(person.platform, person.id)
    except WarehouseError as away:
        log.warning("the warehouse cannot be looked at for /mydata: %s", away)
        return None
    return {COPIED[kind]: [plain_row(row) for row in rows] for kind, rows in found.items()}


def packed(file: Attachment, largest: int = LARGEST) -> Attachment:
    if len(file.content) <= largest:
        return file
    return Attachment(f"{file.name}.gz", gzip.compress(file.content, mtime=0))


def _written(document: Value) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
